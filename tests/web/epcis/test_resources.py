"""The top-level resources: what events name, page by page, and the events below each."""

from urllib.parse import quote

import pytest

from tests.web.epcis.conftest import EPCIS, GTIN, GTIN_URN, HERE, HERE_URN, Partner, events_of, expect_problem, ids_of
from trace.domain.epcis import cbv
from trace.services import event_resources

PRIVATE = "https://partner.example.com/steps/blending"
THERE = "https://id.gs1.org/414/0614141000012"


def members_of(shop: Partner, path: str) -> list[str]:
    """All members of a list, over its pages."""
    found, at = [], path
    while True:
        answer = shop.get(at)
        assert answer.status_code == 200, answer.text
        assert answer.json["type"] == "Collection"
        found += answer.json["member"]
        if "Link" not in answer.headers:
            return found
        assert answer.headers["GS1-Next-Page-Token-Expires"]
        at = answer.headers["Link"].partition(EPCIS)[2].partition(">")[0]


def test_event_types_are_the_five_of_the_standard(shop: Partner) -> None:
    assert members_of(shop, "/eventTypes") == [
        "AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent", "TransformationEvent"
    ]  # fmt: skip
    assert members_of(shop, "/eventTypes?perPage=2") == members_of(shop, "/eventTypes")


def test_an_event_type_has_events_below_it(shop: Partner) -> None:
    sent = shop.captured()
    assert shop.get("/eventTypes/ObjectEvent").json["member"] == ["events"]
    told = shop.get("/eventTypes/ObjectEvent/events", query_string={"MATCH_epc": sent["epcList"][0]})
    assert ids_of(told) == [sent["eventID"]]
    other = shop.get("/eventTypes/TransactionEvent/events", query_string={"MATCH_epc": sent["epcList"][0]})
    assert events_of(other) == []


def test_epcs_are_listed_page_by_page_each_once(shop: Partner) -> None:
    sent = [shop.captured()["epcList"][0] for _ in range(5)]
    listed = members_of(shop, "/epcs?perPage=3")
    assert len(listed) == len(set(listed))
    assert set(sent) <= set(listed)
    assert listed == members_of(shop, "/epcs?perPage=1000")


def test_lots_stand_among_the_epcs_page_by_page(shop: Partner) -> None:
    sent = []
    for n in range(4):
        kind = {"epcList": None, "quantityList": [{"epcClass": f"{GTIN}/10/AMONG{n}"}]} if n % 2 else {}
        made = shop.captured(**kind)
        sent.append(made["epcList"][0] if made.get("epcList") else made["quantityList"][0]["epcClass"])
    for size in (1, 2, 1000):
        listed = members_of(shop, f"/epcs?perPage={size}")
        assert [uri for uri in listed if uri in sent] == sent
        assert len(listed) == len(set(listed))
    assert shop.get(f"/epcs/{quote(sent[1], safe='')}").json["member"] == ["events"]


@pytest.mark.parametrize(
    "form", [f"{GTIN}/21/BELOW", f"{GTIN_URN}.BELOW", "https://shop.example.com/01/10614141073464/21/BELOW"]
)
def test_an_epc_has_events_below_it_whichever_way_it_is_written(shop: Partner, form: str) -> None:
    sent = shop.captured(epcList=[f"{GTIN}/21/BELOW"])
    assert shop.get(f"/epcs/{quote(form, safe='')}").json["member"] == ["events"]
    assert sent["eventID"] in ids_of(shop.get(f"/epcs/{quote(form, safe='')}/events"))


def test_a_class_has_the_events_that_name_it_below_it(shop: Partner) -> None:
    sent = shop.captured(epcList=None, quantityList=[{"epcClass": f"{GTIN}/10/CLASS", "quantity": 3}])
    assert ids_of(shop.get(f"/epcs/{quote(f'{GTIN}/10/CLASS', safe='')}/events")) == [sent["eventID"]]


def test_a_private_identifier_that_does_not_say_what_it_names_has_its_events_below_it(shop: Partner) -> None:
    strange = "https://partner.example.com/things/7"
    as_class = shop.captured(epcList=None, quantityList=[{"epcClass": strange, "quantity": 3}])
    as_thing = shop.captured(epcList=[strange])
    told = ids_of(shop.get(f"/epcs/{quote(strange, safe='')}/events"))
    assert set(told) == {as_class["eventID"], as_thing["eventID"]}
    assert ids_of(shop.get(f"/epcs/{quote(strange, safe='')}/events?EQ_action=ADD")) == []


@pytest.mark.parametrize(
    ("resource", "kind"), [("bizSteps", cbv.Kind.BIZ_STEP), ("dispositions", cbv.Kind.DISPOSITION)]
)
def test_words_of_the_standard_are_listed_bare_and_then_private_ones(
    shop: Partner, resource: str, kind: cbv.Kind
) -> None:
    shop.captured(bizStep=PRIVATE, disposition=PRIVATE)
    listed = members_of(shop, f"/{resource}?perPage=7")
    words = sorted(cbv.words(kind))
    assert listed[: len(words)] == words
    assert listed[len(words) :] == [PRIVATE]


@pytest.mark.parametrize(
    "form",
    ["picking", "cbv:BizStep-picking", "https://ref.gs1.org/cbv/BizStep-picking", "urn:epcglobal:cbv:bizstep:picking"],
)
def test_a_business_step_is_found_as_bare_word_curie_or_uri(shop: Partner, form: str) -> None:
    sent = shop.captured(bizStep="picking")
    assert shop.get(f"/bizSteps/{quote(form, safe='')}").json["member"] == ["events"]
    assert sent["eventID"] in ids_of(shop.get(f"/bizSteps/{quote(form, safe='')}/events?perPage=1000"))


def test_a_private_business_step_and_a_disposition_have_events_below_them(shop: Partner) -> None:
    sent = shop.captured(bizStep=PRIVATE, disposition="damaged")
    assert sent["eventID"] in ids_of(shop.get(f"/bizSteps/{quote(PRIVATE, safe='')}/events"))
    assert sent["eventID"] in ids_of(shop.get("/dispositions/damaged/events"))
    assert shop.get("/dispositions/expired").json["member"] == ["events"]
    assert events_of(shop.get("/dispositions/expired/events")) == []


@pytest.mark.parametrize(("resource", "field"), [("bizLocations", "bizLocation"), ("readPoints", "readPoint")])
def test_places_are_listed_and_have_events_below_them(shop: Partner, resource: str, field: str) -> None:
    sent = shop.captured(**{field: {"id": THERE}})
    assert {HERE, THERE} <= set(members_of(shop, f"/{resource}?perPage=1"))
    assert sent["eventID"] in ids_of(shop.get(f"/{resource}/{quote(THERE, safe='')}/events"))
    assert sent["eventID"] not in ids_of(shop.get(f"/{resource}/{quote(HERE_URN, safe='')}/events?perPage=1000"))
    assert shop.get(f"/{resource}/{quote(HERE_URN, safe='')}").json["member"] == ["events"]


def test_the_query_in_the_address_narrows_the_events_of_a_resource(shop: Partner) -> None:
    sent = [shop.captured(bizStep="sampling", disposition=d) for d in ("active", "expired")]
    told = ids_of(shop.get("/bizSteps/sampling/events?EQ_disposition=expired"))
    assert told == [sent[1]["eventID"]]
    assert ids_of(shop.get("/bizSteps/sampling/events?EQ_bizStep=picking")) == []
    expect_problem(shop.get("/bizSteps/sampling/events?EQ_nothing=1"), 400, "ValidationException")


@pytest.mark.parametrize(
    "path",
    [
        "/eventTypes/NoSuchEvent",
        "/epcs/urn:uuid:00000000-0000-4000-8000-00000000000f",
        f"/epcs/{quote(GTIN, safe='')}%2F21%2Fnobody",
        "/bizSteps/shiping",
        "/bizLocations/shipping",
        "/readPoints/x",
        "/dispositions/..%2F..",
        "/dispositions/%ff",
    ],
)
def test_what_no_event_names_is_404_and_so_are_its_events(shop: Partner, path: str) -> None:
    for tail in ("", "/events"):
        expect_problem(shop.get(path + tail), 404, "NoSuchResourceException")


def test_an_epc_whose_parts_do_not_fit_is_400(shop: Partner) -> None:
    expect_problem(shop.get("/epcs/urn:epc:id:sgtin:1.2.3"), 400, "ValidationException")


@pytest.mark.parametrize("path", ["/epcs", "/bizSteps", "/eventTypes", "/epcs/x", "/eventTypes/ObjectEvent"])
def test_a_list_has_no_other_parameters_than_those_of_its_pages(shop: Partner, path: str) -> None:
    expect_problem(shop.get(f"{path}?EQ_bizStep=shipping"), 400, "ValidationException", "EQ_bizStep")


def test_resources_are_told_as_xml_too(shop: Partner) -> None:
    shop.captured()
    for path in ("/epcs", "/bizSteps", "/eventTypes", "/eventTypes/ObjectEvent", "/readPoints"):
        answer = shop.get(path, headers={"Accept": "application/xml"})
        assert answer.mimetype == "application/xml"
        assert b"<member>" in answer.data


def test_an_inspectors_looks_are_written_down(shop: Partner, inspector: Partner) -> None:
    epc = quote(shop.captured()["epcList"][0], safe="")
    for path, looks in (
        ("/epcs", 1),
        (f"/epcs/{epc}", 1),
        (f"/epcs/{epc}/events", 2),
        ("/epcs/urn:uuid:nothing", 1),
        ("/bizSteps", 1),
        ("/eventTypes", 0),
    ):
        before = inspector.demo.counts()["lookup_log"]
        assert inspector.get(path).status_code in (200, 404)
        assert inspector.demo.counts()["lookup_log"] == before + looks, path


def test_an_inspector_is_told_what_the_events_of_the_region_name_each_once(
    shop: Partner, pharmacy: Partner, inspector: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    epc = f"{GTIN}/21/REGION"
    for partner in (shop, pharmacy):
        partner.captured(epcList=[epc])
    monkeypatch.setattr(event_resources, "TOGETHER", 2)
    listed = members_of(inspector, "/epcs?perPage=50")
    assert listed.count(epc) == 1
    assert len(listed) == len(set(listed))
    assert set(members_of(shop, "/epcs?perPage=1000")) <= set(listed)
