"""`GS1-EPC-Format`: every identifier of an event as Digital Link or as EPC URN, and nothing else touched."""

from copy import deepcopy
from typing import Any

import pytest

from trace.domain.epcis.translation import EpcFormat, translate, translate_uri

LINK, URN = "https://id.gs1.org/01/10614141073464/21/1", "urn:epc:id:sgtin:0614141.107346.1"
LOT, LOT_URN = "https://id.gs1.org/01/10614141073464/10/A", "urn:epc:class:lgtin:0614141.107346.A"
CLASS, CLASS_URN = "https://id.gs1.org/01/10614141073464", "urn:epc:idpat:sgtin:0614141.107346.*"
PLACE, PLACE_URN = "https://id.gs1.org/414/0614141000005", "urn:epc:id:sgln:0614141.00000.0"
OWN = "https://partner.example.com/obj/1"


def event(item: str, lot: str, product: str, place: str) -> dict[str, Any]:
    """An event that names things in every field that may name one."""
    return {
        "type": "ObjectEvent",
        "eventID": LINK,
        "parentID": item,
        "transformationID": item,
        "epcList": [item, OWN],
        "childEPCs": [item],
        "inputEPCList": [item],
        "outputEPCList": [item],
        "quantityList": [{"epcClass": lot, "quantity": 2}],
        "childQuantityList": [{"epcClass": product}],
        "inputQuantityList": [{"epcClass": lot}],
        "outputQuantityList": [{"epcClass": lot}],
        "readPoint": {"id": place, "example:more": LINK},
        "bizLocation": {"id": place},
        "bizStep": "shipping",
        "bizTransactionList": [{"type": "po", "bizTransaction": item}],
        "sourceList": [{"type": "location", "source": place}],
        "destinationList": [{"type": "location", "destination": place}],
        "sensorElementList": [
            {
                "sensorMetadata": {"deviceID": item, "bizRules": item, "rawData": LINK},
                "sensorReport": [{"type": "Temperature", "deviceID": item, "dataProcessingMethod": item, "value": 1}],
                "example:more": LINK,
            }
        ],
        "ilmd": {"example:link": LINK},
        "errorDeclaration": {"correctiveEventIDs": [LINK]},
        "example:link": LINK,
    }


LINKS, URNS = event(LINK, LOT, CLASS, PLACE), event(URN, LOT_URN, CLASS_URN, PLACE_URN)


def test_every_identifier_becomes_an_epc_urn_and_nothing_else_does() -> None:
    assert translate(LINKS, EpcFormat.ALWAYS_EPC_URN) == URNS
    assert translate(URNS, EpcFormat.ALWAYS_EPC_URN) == URNS


def test_every_identifier_becomes_a_digital_link_and_nothing_else_does() -> None:
    assert translate(URNS, EpcFormat.ALWAYS_GS1_DIGITAL_LINK) == LINKS
    assert translate(LINKS, EpcFormat.ALWAYS_GS1_DIGITAL_LINK) == LINKS


@pytest.mark.parametrize("wanted", [EpcFormat.NO_PREFERENCE, EpcFormat.NEVER_TRANSLATES])
def test_without_a_wish_an_event_is_told_as_it_came(wanted: EpcFormat) -> None:
    assert translate(URNS, wanted) == URNS
    assert translate(LINKS, wanted) == LINKS
    assert translate_uri(URN, wanted) == URN


def test_the_event_given_is_not_changed() -> None:
    given = deepcopy(LINKS)
    translate(given, EpcFormat.ALWAYS_EPC_URN)
    assert given == LINKS


@pytest.mark.parametrize("uri", [OWN, "urn:epc:id:sgtin:6901234.5.1", "urn:uuid:x", "urn:epc:id:gid:1.2.3", ""])
@pytest.mark.parametrize("wanted", EpcFormat)
def test_what_has_no_other_form_stays_as_it_was_sent(uri: str, wanted: EpcFormat) -> None:
    assert translate_uri(uri, wanted) == uri
    assert translate({"epcList": [uri]}, wanted) == {"epcList": [uri]}


def test_a_digital_link_on_somebodys_own_domain_is_one_already_and_has_a_urn() -> None:
    theirs = "https://shop.example.com/01/10614141073464/10/A/21/1?17=270101"
    assert translate_uri(theirs, EpcFormat.ALWAYS_GS1_DIGITAL_LINK) == theirs
    assert translate_uri(theirs, EpcFormat.ALWAYS_EPC_URN) == URN


def test_a_document_of_the_wrong_shape_is_left_to_the_validator() -> None:
    odd = {"epcList": "x", "quantityList": [1], "readPoint": "x", "sensorElementList": [None, {"sensorReport": 1}]}
    assert translate(odd, EpcFormat.ALWAYS_EPC_URN) == odd
