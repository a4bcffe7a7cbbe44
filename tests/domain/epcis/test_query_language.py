"""The query language of EPCIS 2.0: every parameter finds what it asks for and nothing else."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from tests.domain.epcis.questions import (
    EVENT,
    EX,
    FAMILIES,
    FIXED,
    LGTIN,
    NAMESPACES,
    NOON,
    ORDER,
    PLACE,
    SGTIN,
    SGTIN_LINK,
    SYNONYMS,
    THERE,
    Atlas,
    finds,
)
from trace.domain.epcis.query_language import Index, Query, parse_query, parse_query_string
from trace.domain.failures import Invalid
from trace.domain.uris import canonical_uri


def in_url(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return ["|".join(str(one).lower() if isinstance(one, bool) else str(one) for one in values)]


def refused(parameters: dict[str, Any]) -> str:
    """The field and the sentence with which a query is refused."""
    with pytest.raises(Invalid) as fault:
        parse_query(parameters)
    assert fault.value.field in parameters
    return str(fault.value)


# ---- every parameter -----------------------------------------------------------------------------------------------


def test_there_are_61_parameters_with_fixed_names_and_108_families() -> None:
    assert len({*FIXED, *THERE, *ORDER, "@context"}) == 61
    assert len(FAMILIES) == 108


@pytest.mark.parametrize("name", [*FIXED, *SYNONYMS, *FAMILIES])
def test_parameter_finds_the_event_it_describes(name: str) -> None:
    value, _ = (FIXED | SYNONYMS | FAMILIES)[name]
    assert finds({name: value})
    assert parse_query_string({name: in_url(value)}, namespaces=NAMESPACES).matches(EVENT, Atlas())


@pytest.mark.parametrize("name", [*FIXED, *SYNONYMS, *FAMILIES])
def test_parameter_passes_over_an_event_that_differs(name: str) -> None:
    _, value = (FIXED | SYNONYMS | FAMILIES)[name]
    if name.startswith("EXISTS_"):
        name, value = f"{name.rpartition('_')[0]}_{value}", True
    assert not finds({name: value})
    assert not parse_query_string({name: in_url(value)}, namespaces=NAMESPACES).matches(EVENT, Atlas())


@pytest.mark.parametrize("name", [*FIXED, *SYNONYMS, *FAMILIES])
def test_parameter_passes_over_an_event_without_the_field(name: str) -> None:
    value, _ = (FIXED | SYNONYMS | FAMILIES)[name]
    assert not finds({name: value}, {"eventTimeZoneOffset": "+00:00"})


@pytest.mark.parametrize("name", THERE)
def test_existence_is_asked_for_by_true_null_or_1(name: str) -> None:
    without = {key: value for key, value in EVENT.items() if key != THERE[name]}
    for value in (True, None, 1):
        assert finds({name: value})
        assert not finds({name: value}, without)
    assert finds({name: False}, without), "false asks for nothing"
    assert parse_query_string({name: [""]}).matches(EVENT)
    assert not parse_query_string({name: ["true"]}).matches(without)


def test_all_parameters_must_hold() -> None:
    assert finds({"EQ_bizStep": ["shipping"], "EQ_action": ["OBSERVE"]})
    assert not finds({"EQ_bizStep": ["shipping"], "EQ_action": ["ADD"]})
    assert finds({})


def test_repeated_list_parameter_in_a_url_means_any_of_its_values() -> None:
    assert parse_query_string({"EQ_bizStep": ["receiving", "packing|shipping"]}).matches(EVENT)


def test_paging_is_no_part_of_a_query() -> None:
    query = parse_query_string({"perPage": ["10"], "nextPageToken": ["x"], "EQ_action": ["ADD"]})
    assert query.digest == parse_query({"EQ_action": ["ADD"]}).digest
    assert query.digest != parse_query({"EQ_action": ["OBSERVE"]}).digest


def test_further_parameters_narrow_and_never_replace() -> None:
    query = parse_query({"EQ_bizStep": ["shipping", "receiving"]}).also({"EQ_bizStep": ["receiving"]})
    assert not query.matches(EVENT)
    assert [hint.index for hint in query.hints] == [Index.BIZ_STEP, Index.BIZ_STEP]
    assert query.digest != parse_query({"EQ_bizStep": ["receiving"]}).digest


# ---- the same element ----------------------------------------------------------------------------------------------


def test_transaction_type_and_value_must_stand_in_the_same_element() -> None:
    assert finds({"EQ_bizTransaction_inv": ["urn:epc:id:gdti:0614141.00002.1618034"]})
    assert not finds({"EQ_bizTransaction_inv": ["urn:epc:id:gdti:0614141.00001.1618034"]})
    assert finds({"EQ_bizTransaction_urn:epcglobal:cbv:btt:po": ["urn:epc:id:gdti:0614141.00001.1618034"]})


def test_source_and_destination_are_kept_apart() -> None:
    event = {"sourceList": [{"type": "owning_party", "source": PLACE}]}
    assert finds({"EQ_source_owning_party": [PLACE]}, event)
    assert not finds({"EQ_source_location": [PLACE]}, event)
    assert not finds({"EQ_destination_owning_party": [PLACE]}, event)


def test_value_and_unit_must_stand_in_the_same_sensor_report() -> None:
    event = {"sensorElementList": [{"sensorReport": [{"value": 10, "uom": "CEL"}, {"value": 90, "uom": "P1"}]}]}
    assert not finds({"GE_value_CEL": 20}, event)
    assert finds({"GE_value_P1": 20}, event)


def test_parameters_are_independent_of_one_another() -> None:
    """Section 8.2.7.1 says of each parameter alone what an event must have: another report may meet another one."""
    event = {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 10, "uom": "CEL"}]},
                                   {"sensorReport": [{"type": "Speed", "value": 90, "uom": "KMH"}]}]}  # fmt: skip
    assert finds({"EQ_type": ["Temperature"], "GE_value_KMH": 50}, event)


# ---- identifiers and patterns --------------------------------------------------------------------------------------


@pytest.mark.parametrize("epc", [SGTIN, SGTIN_LINK, "https://example.com/path/01/10614141073464/21/2018?x=1"])
@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("urn:epc:idpat:sgtin:0614141.107346.*", True),
        ("urn:epc:idpat:sgtin:0614141.*.*", True),
        ("urn:epc:idpat:sgtin:*.*.*", True),
        ("urn:epc:idpat:sgtin:0614141.107346.2018", True),
        ("urn:epc:idpat:sgtin:0614141.107346.2", False),
        ("urn:epc:idpat:sgtin:0614141.107347.*", False),
        ("urn:epc:idpat:sgtin:061414.*.*", True),
        ("urn:epc:idpat:sgtin:0614142.*.*", False),
        ("urn:epc:idpat:sscc:*.*", False),
        ("urn:epc:idpat:upui:*.*.*", False),
    ],
)
def test_pattern_fits_urn_and_digital_link_alike(epc: str, pattern: str, fits: bool) -> None:
    assert finds({"MATCH_epc": [pattern]}, {"epcList": [epc]}) is fits
    assert finds({"MATCH_anyEPC": ["urn:epc:id:sscc:0614141.1234567890", pattern]}, {"parentID": epc}) is fits


@pytest.mark.parametrize(
    ("epc", "pattern"),
    [
        ("urn:epc:id:sscc:0614141.1234567890", "urn:epc:idpat:sscc:0614141.*"),
        ("urn:epc:id:sgln:0614141.12345.400", "urn:epc:idpat:sgln:0614141.12345.*"),
        ("urn:epc:id:sgln:0614141.12345.0", "urn:epc:idpat:sgln:0614141.*.*"),
        ("urn:epc:id:grai:0614141.12345.400", "urn:epc:idpat:grai:0614141.12345.*"),
        ("urn:epc:id:giai:0614141.12345400", "urn:epc:idpat:giai:0614141.*"),
        ("urn:epc:id:gsrn:0614141.1234567890", "urn:epc:idpat:gsrn:0614141.*"),
        ("urn:epc:id:gsrnp:0614141.1234567890", "urn:epc:idpat:gsrnp:*.*"),
        ("urn:epc:id:gdti:0614141.12345.400", "urn:epc:idpat:gdti:0614141.12345.*"),
        ("urn:epc:id:sgcn:4012345.67890.04711", "urn:epc:idpat:sgcn:4012345.67890.*"),
        ("urn:epc:id:cpi:0614141.5PQ7.1234", "urn:epc:idpat:cpi:0614141.5PQ7.*"),
        ("urn:epc:id:pgln:0614141.12345", "urn:epc:idpat:pgln:0614141.*"),
        ("urn:epc:id:upui:1234567.089456.51qIgY", "urn:epc:idpat:upui:1234567.089456.*"),
        ("urn:epc:id:gid:31415.271828.1414", "urn:epc:idpat:gid:31415.271828.*"),
        ("urn:epc:id:itip:4012345.012345.01.02.987", "urn:epc:idpat:itip:4012345.012345.01.02.*"),
    ],
)
def test_pattern_of_every_scheme_fits_its_identifiers(epc: str, pattern: str) -> None:
    for form in (epc, canonical_uri(epc)):
        if form.startswith("urn:") or ":itip:" not in epc:
            assert finds({"MATCH_epc": [pattern]}, {"epcList": [form]})
    assert not finds({"MATCH_epc": [pattern]}, {"epcList": ["urn:epc:id:sgtin:0614141.107346.1"]})


def test_pattern_for_classes_fits_classes_and_no_instances() -> None:
    item = {"quantityList": [{"epcClass": "urn:epc:idpat:sgtin:0614141.107346.*"}]}
    link = {"quantityList": [{"epcClass": "https://id.gs1.org/01/10614141073464"}]}
    for pattern in ("urn:epc:idpat:sgtin:0614141.107346.*", "urn:epc:idpat:sgtin:0614141.*.*"):
        assert finds({"MATCH_epcClass": [pattern]}, item)
        assert finds({"MATCH_anyEPCClass": [pattern]}, link)
        assert not finds({"MATCH_epcClass": [pattern]}, {"epcList": [SGTIN]})
        assert not finds({"MATCH_epc": [pattern]}, item)
    assert finds({"MATCH_epcClass": ["urn:epc:idpat:lgtin:4012345.012345.*"]})
    assert not finds({"MATCH_epcClass": ["urn:epc:idpat:lgtin:4012345.012346.*"]})


def test_epc_parameters_look_only_at_their_own_fields() -> None:
    for key, names in {
        "epcList": {"epc", "anyEPC"},
        "childEPCs": {"epc", "anyEPC"},
        "parentID": {"parentID", "anyEPC"},
        "inputEPCList": {"inputEPC", "anyEPC"},
        "outputEPCList": {"outputEPC", "anyEPC"},
    }.items():
        event = {key: SGTIN if key == "parentID" else [SGTIN]}
        every = ("epc", "parentID", "inputEPC", "outputEPC", "anyEPC", "anyEPCClass")
        assert {name for name in every if finds({f"MATCH_{name}": [SGTIN]}, event)} == names


def test_class_parameters_look_only_at_their_own_fields() -> None:
    for key, names in {
        "quantityList": {"epcClass", "anyEPCClass"},
        "childQuantityList": {"epcClass", "anyEPCClass"},
        "inputQuantityList": {"inputEPCClass", "anyEPCClass"},
        "outputQuantityList": {"outputEPCClass", "anyEPCClass"},
    }.items():
        event = {key: [{"epcClass": LGTIN}]}
        every = ("epcClass", "inputEPCClass", "outputEPCClass", "anyEPCClass", "anyEPC")
        assert {name for name in every if finds({f"MATCH_{name}": [LGTIN]}, event)} == names


@pytest.mark.parametrize(
    "value", ["urn:epc:idpat:sgtin:0614141.*.12", "urn:epc:idpat:sgtin:0614141.10*.*", "urn:epc:idpat:"]
)
def test_pattern_with_stars_elsewhere_is_refused(value: str) -> None:
    assert value in refused({"MATCH_epc": [value]})


def test_place_and_its_descendants_by_master_data() -> None:
    assert finds({"WD_bizLocation": ["urn:epc:id:sgln:0614141.00001.0"]})
    assert not finds({"EQ_bizLocation": ["urn:epc:id:sgln:0614141.00001.0"]})
    assert parse_query({"WD_readPoint": [PLACE]}).needs_master_data


# ---- hints ---------------------------------------------------------------------------------------------------------


def test_hints_say_what_an_index_can_serve() -> None:
    def hints(parameters: dict[str, Any]) -> dict[Index, frozenset[Any]]:
        return {hint.index: hint.values for hint in parse_query(parameters).hints}

    assert hints({"MATCH_epc": [SGTIN]}) == {Index.ITEM: {SGTIN_LINK}}
    assert hints({"MATCH_epc": [SGTIN, "urn:epc:idpat:sgtin:*.*.*"]}) == {}
    assert hints({"MATCH_epcClass": ["urn:epc:idpat:sgtin:0614141.107346.*"]}) == {
        Index.ITEM: {"https://id.gs1.org/01/10614141073464"}
    }
    assert hints({"EQ_bizTransaction_po": ["urn:x:1"], "EQ_value_CEL": [1]}) == {Index.TRANSACTION: {"urn:x:1"}}
    assert hints({"EXISTS_errorDeclaration": True}) == {Index.DECLARES_ERROR: {True}}
    assert hints({"EXISTS_errorDeclaration": False}) == {}


def test_order_defaults_to_the_latest_first() -> None:
    query = parse_query({"orderBy": "eventTime"})
    assert (query.order_by, query.descending) == ("eventTime", True)
    assert not parse_query({"orderBy": "recordTime", "orderDirection": "ASC"}).descending


def test_order_by_a_field_of_ones_own_puts_what_lacks_it_last() -> None:
    events: list[dict[str, Any]] = [
        {"ex:n": value, "@context": {"ex": EX}} for value in (2, Decimal("1.5"), "10", "9", NOON)
    ]
    for direction, wanted in (
        ("ASC", [Decimal("1.5"), 2, NOON, "10", "9"]),
        ("DESC", ["9", "10", NOON, 2, Decimal("1.5")]),
    ):
        query = parse_query({"orderBy": f"{EX}n", "orderDirection": direction})
        found = sorted([{}, *events], key=query.sort_key, reverse=query.descending)
        assert [event.get("ex:n") for event in found] == [*wanted, None]


# ---- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["bizStep", "eq_bizStep", "EQ_bizstep", "EQ_", "GE_bizStep", "LE_eventTime", "MATCH_childEPC", "EQ_value",
     "EQ_value_celsius", "EQ_myField", "EXISTS_INNER_x", "EQ_bizTransaction", "HASATTR_", "limit", "", "EQ_ex:",
     "EQ_:x", "GE_value_C", "'; --"],
)  # fmt: skip
def test_unknown_parameter_is_refused_by_name(name: str) -> None:
    assert f"parameter {name}" in refused({name: ["1"]})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eventType", ["QuantityEvent"]), ("EQ_action", ["observe"]), ("EQ_bizStep", ["shiping"]),
        ("EQ_disposition", ["shipping"]), ("EQ_type", ["temperature"]), ("EQ_errorReason", ["wrong"]),
        ("GE_eventTime", "2026-04-03T12:00:00"), ("GE_eventTime", "yesterday"), ("LT_recordTime", 5),
        ("GE_eventTime", "2026-13-03T12:00:00Z"), ("GE_eventTime", [NOON, NOON]), ("EQ_readPoint", ["gate 3"]),
        ("MATCH_epc", ["0614141"]), ("MATCH_epc", ["urn:epc:id:sgtin:1.2.3"]), ("EQ_quantity", ["ten"]),
        ("EQ_quantity", [True]), ("GT_quantity", [1, 2]), ("EQ_booleanValue", "yes"), ("EXISTS_errorDeclaration", 2),
        ("GT_ex:count", "many"), ("LE_ex:count", ["1", "2"]), ("EQ_value_CEL", ["1e9999"]),
        ("EQ_stringValue", ["a\0b"]), ("EQ_stringValue", ["\ud800"]), ("EQ_stringValue", [{}]), ("EQ_action", []),
        ("EQ_action", [""]),
        ("EQ_ATTR_bizLocation_my_city", ["x"]), ("HASATTR_colour", ["x"]), ("EQ_bizTransaction_order", ["urn:x:1"]),
        ("orderBy", "quantity"), ("orderBy", "bizStep"), ("orderDirection", "UP"), ("maxEventCount", 0),
        ("eventCountLimit", -1), ("maxEventCount", "many"), ("maxEventCount", Decimal("1.5")),
        ("eventCountLimit", ["1", "2"]), ("@context", 5), ("EQ_action", ["ADD"] * 1001),
    ],
)  # fmt: skip
def test_wrong_value_is_refused_by_name(name: str, value: Any) -> None:
    assert refused({name: value})


def test_limits_that_exclude_each_other_are_refused() -> None:
    assert "exclude" in refused({"orderBy": "eventTime", "eventCountLimit": 5, "maxEventCount": 5})
    with pytest.raises(Invalid, match="needs orderBy"):
        parse_query({"eventCountLimit": 5})


def test_single_parameter_repeated_in_a_url_is_refused() -> None:
    with pytest.raises(Invalid, match="exactly one value; 2 came"):
        parse_query_string({"GE_eventTime": [NOON, NOON]})


def test_plus_that_was_not_escaped_is_understood() -> None:
    assert parse_query_string({"GE_eventTime": ["2026-04-03T20:00:00 08:00"]}).matches(EVENT)


def test_query_of_thousands_of_parameters_is_refused() -> None:
    with pytest.raises(Invalid, match="at most 200 parameters"):
        parse_query({f"EQ_ex:f{number}": ["1"] for number in range(201)})


def test_event_is_never_changed_by_a_query() -> None:
    before = copy.deepcopy(EVENT)
    for name, (value, _) in (FIXED | FAMILIES).items():
        finds({name: value})
    assert before == EVENT


def test_empty_query_finds_everything() -> None:
    assert Query().matches({})
