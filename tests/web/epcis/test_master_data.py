"""Master data in the header of a document comes back with the events that name what it describes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.web.epcis.conftest import HERE, HERE_URN, Partner, document, event, expect_problem

PLACE: dict[str, Any] = {
    "id": HERE_URN,
    "attributes": [
        {"id": "urn:epcglobal:cbv:mda#name", "attribute": "一号大棚"},
        {"id": "https://ns.example.com/epcis/size", "attribute": {"example:square": {"example:metres": 120}}},
    ],
    "children": ["urn:epc:id:sgln:0614141.00000.7"],
}
KIND = "urn:epcglobal:epcis:vtype:BusinessLocation"
HEADER = {"epcisMasterData": {"vocabularyList": [{"type": KIND, "vocabularyElementList": [PLACE]}]}}


def described(partner: Partner, event_id: str, **more: Any) -> Any:
    answer = partner.get("/events", query_string={"EQ_eventID": event_id}, **more)
    assert answer.status_code == 200, answer.text
    return answer


def results(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer["epcisBody"]["queryResults"]["resultsBody"]
    return found


def test_master_data_comes_back_with_the_events_that_name_it_and_to_nobody_else(
    shop: Partner, pharmacy: Partner
) -> None:
    made = event()
    assert shop.post("/capture", document(made, epcisHeader=HEADER)).status_code == 202
    answer = described(shop, made["eventID"]).json
    assert results(answer)["vocabularyList"] == [{"type": KIND, "vocabularyElementList": [PLACE]}]
    assert {"example": "https://ns.example.com/epcis/"} in answer["@context"]
    other = pharmacy.captured()
    assert "vocabularyList" not in results(described(pharmacy, other["eventID"]).json)


def test_master_data_comes_back_in_xml(shop: Partner) -> None:
    made = event()
    assert shop.post("/capture", document(made, epcisHeader=HEADER)).status_code == 202
    told = described(shop, made["eventID"], headers={"Accept": "application/xml"}).text
    assert "一号大棚" in told
    assert 'xmlns:example="https://ns.example.com/epcis/"' in told


@pytest.mark.parametrize("odd", ["\x00", "\x01", "\ufffe"])
@pytest.mark.parametrize("where", ["type", "id", "attribute", "child"])
def test_a_name_in_master_data_that_xml_cannot_carry_is_refused(shop: Partner, where: str, odd: str) -> None:
    """Kept, it would have spoilt every answer in XML whose events name the place."""
    name = f"urn:example:{odd}"
    named = {"id": "urn:example:name", "attribute": odd}
    place = {"id": HERE_URN, "attributes": [named], "children": ["urn:example:a"]}
    place |= {
        "type": {},
        "id": {"id": name},
        "attribute": {"attributes": [{"id": name, "attribute": "x"}]},
        "child": {"children": [name]},
    }[where]
    listed = [{"type": name if where == "type" else KIND, "vocabularyElementList": [place]}]
    before = shop.demo.counts()
    sent = document(event(), epcisHeader={"epcisMasterData": {"vocabularyList": listed}})
    expect_problem(shop.post("/capture", sent), 400, "ValidationException", "vocabulary")
    assert shop.demo.counts() == before


@pytest.mark.parametrize("value", ["1e400", "-1e400", "1e-300", "9" * 50])
def test_a_number_in_master_data_that_is_none_is_refused(shop: Partner, value: str) -> None:
    before = shop.demo.counts()
    place = {"id": HERE_URN, "attributes": [{"id": "urn:example:a", "attribute": {"example:b": ["NUMBER"]}}]}
    listed = [{"type": KIND, "vocabularyElementList": [place]}]
    sent = document(event(), epcisHeader={"epcisMasterData": {"vocabularyList": listed}})
    body = json.dumps(sent).replace('"NUMBER"', value)
    answer = shop.call("POST", "/capture", data=body, content_type="application/json")
    expect_problem(answer, 400, "ValidationException", "number")
    assert shop.demo.counts() == before


def test_master_data_is_told_by_the_names_that_the_events_have(shop: Partner) -> None:
    made = event(readPoint={"id": HERE_URN}, bizLocation=None)
    assert shop.post("/capture", document(made, epcisHeader=HEADER)).status_code == 202
    for wish, place, child in (
        ("Always_GS1_Digital_Link", HERE, "https://id.gs1.org/414/0614141000005/254/7"),
        ("Always_EPC_URN", HERE_URN, "urn:epc:id:sgln:0614141.00000.7"),
        ("Never_Translates", HERE_URN, "urn:epc:id:sgln:0614141.00000.7"),
    ):
        answer = described(shop, made["eventID"], headers={"GS1-EPC-Format": wish}).json
        (vocabulary,) = results(answer)["vocabularyList"]
        (element,) = vocabulary["vocabularyElementList"]
        assert (element["id"], element["children"]) == (place, [child])
        assert results(answer)["eventList"][0]["readPoint"]["id"] == place
        xml = described(shop, made["eventID"], headers={"GS1-EPC-Format": wish, "Accept": "application/xml"}).text
        assert f'<VocabularyElement id="{place}">' in xml


def test_all_fields_of_gs1s_example_of_master_data_are_taken(shop: Partner, shared: Path) -> None:
    path = shared / "epcis/examples/xml/WithFullCombinationOfFields/masterdata_all_possible_fields.xml"
    answer = shop.call("POST", "/capture", data=path.read_bytes(), content_type="application/xml")
    assert answer.status_code == 202, answer.text
    job = shop.get(answer.headers["Location"].removeprefix("/epcis/v2"))
    assert job.json["success"], job.text
