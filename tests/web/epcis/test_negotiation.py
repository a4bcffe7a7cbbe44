"""JSON or XML, which version, which form of identifiers and words: what is asked for is given or refused with 406."""

import pytest
from lxml import etree

from tests.web.epcis.conftest import GTIN, GTIN_URN, HERE, HERE_URN, Partner, bare, event, events_of, expect_problem

JSON, LD, XML, TEXT_XML = "application/json", "application/ld+json", "application/xml", "text/xml"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (LD, LD),
        (XML, XML),
        (TEXT_XML, TEXT_XML),
        (f"{JSON};q=0.5, {XML}", XML),
        (f"{XML};q=0.5, {JSON}", JSON),
        (f"text/html, {XML};q=0.1", XML),
        (BROWSER, XML),
    ],
)
def test_events_are_answered_in_the_media_type_that_is_liked_best(
    shop: Partner, accept: str | None, media_type: str
) -> None:
    answer = shop.get("/events?perPage=1", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.mimetype) == (200, media_type)
    if media_type in (XML, TEXT_XML):
        root = etree.fromstring(answer.data)
        assert root.tag == "{urn:epcglobal:epcis-query:xsd:2}EPCISQueryDocument"
    else:
        assert answer.json["type"] == "EPCISQueryDocument"


@pytest.mark.parametrize("path", ["/", "/events", "/capture", "/epcs", "/queries", "/eventTypes/ObjectEvent"])
@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "nonsense"])
def test_an_answer_of_another_media_type_is_406(shop: Partner, path: str, accept: str) -> None:
    problem = expect_problem(shop.get(path, headers={"Accept": accept}), 406, "NotAcceptableException")
    assert JSON in problem["detail"]
    assert XML in problem["detail"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", "", "json"])
@pytest.mark.parametrize("path", ["/capture", "/events", "/queries"])
def test_a_body_of_another_media_type_is_415(shop: Partner, path: str, media_type: str) -> None:
    answer = shop.call("POST", path, data=b"{}", headers={"Content-Type": media_type} if media_type else {})
    expect_problem(answer, 415, "UnsupportedMediaTypeException", JSON)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "gzip"},
        {"Content-Type": "application/json; charset=gbk"},
        {"Content-Type": "application/xml; charset=utf-16"},
    ],
)
def test_a_compressed_body_or_one_in_another_character_set_is_415(shop: Partner, headers: dict[str, str]) -> None:
    headers = {"Content-Type": JSON} | headers
    answer = shop.call("POST", "/capture", data=b"\x1f\x8b", headers=headers)
    expect_problem(answer, 415, "UnsupportedMediaTypeException")


def test_json_ld_is_captured_like_json(shop: Partner) -> None:
    answer = shop.post("/events", bare(event()), content_type="application/ld+json; charset=UTF-8")
    assert answer.status_code == 201


# ---- versions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2.0.0", "2.0", "2", "2.0.1"])
def test_version_2_0_is_written(shop: Partner, version: str) -> None:
    answer = shop.get("/events?perPage=1", headers={"GS1-EPCIS-Version": version})
    assert answer.status_code == 200
    assert answer.headers["GS1-EPCIS-Version"] == "2.0.0"
    assert answer.headers["GS1-CBV-Version"] == "2.0.0"


@pytest.mark.parametrize(
    "headers",
    [
        {"GS1-EPCIS-Version": "1.2", "Accept": XML},
        {"GS1-EPCIS-Version": "1.2.0"},
        {"GS1-EPCIS-Max": "1.2.0", "Accept": TEXT_XML},
        {"GS1-EPCIS-Min": "1.0.0", "GS1-EPCIS-Max": "1.3.0", "Accept": BROWSER},
        {"GS1-CBV-Max": "1.2.2"},
    ],
)
def test_version_1_2_is_written_as_xml_on_request(shop: Partner, headers: dict[str, str]) -> None:
    shop.captured()
    answer = shop.get("/events?perPage=1&EQ_bizStep=shipping", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["GS1-EPCIS-Version"] == "1.2.0"
    root = etree.fromstring(answer.data)
    assert root.tag == "{urn:epcglobal:epcis-query:xsd:1}EPCISQueryDocument"
    assert root.get("schemaVersion") == "1.2"


@pytest.mark.parametrize(
    "headers",
    [
        {"GS1-EPCIS-Version": "3.0.0"},
        {"GS1-EPCIS-Version": "1.1"},
        {"GS1-EPCIS-Version": "two"},
        {"GS1-EPCIS-Version": "1.2", "Accept": JSON},
        {"GS1-EPCIS-Version": "9" * 400},
        {"GS1-EPCIS-Min": "2.1.0"},
        {"GS1-EPCIS-Max": "1.1.0"},
        {"GS1-EPCIS-Max": "1.2.0", "Accept": JSON},
        {"GS1-CBV-Min": "3.0"},
        {"GS1-CBV-Max": "1.0"},
        {"GS1-EPC-Format": "Sometimes"},
        {"GS1-CBV-XML-Format": "always_urn"},
    ],
)
def test_an_answer_of_another_version_or_form_is_406(shop: Partner, headers: dict[str, str]) -> None:
    expect_problem(shop.get("/events", headers=headers), 406, "NotAcceptableException")


@pytest.mark.parametrize("name", ["GS1-EPCIS-Version", "GS1-CBV-Version"])
def test_a_body_announced_in_a_version_that_is_not_read_is_406_and_nothing_is_stored(shop: Partner, name: str) -> None:
    before = shop.demo.counts()
    answer = shop.capture(event(), headers={name: "3.0.0"})
    expect_problem(answer, 406, "NotAcceptableException", "3.0.0")
    assert shop.demo.counts() == before
    assert shop.capture(event(), headers={name: "2.0.0"}).status_code == 202


# ---- the form of identifiers and words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "form"),
    [
        (None, "sent"),
        ("No_Preference", "sent"),
        ("Never_Translates", "sent"),
        ("Always_GS1_Digital_Link", "link"),
        ("Always_EPC_URN", "urn"),
    ],
)
def test_gs1_epc_format_translates_identifiers(shop: Partner, wanted: str | None, form: str) -> None:
    as_link = shop.captured(epcList=[f"{GTIN}/21/F1"], quantityList=[{"epcClass": f"{GTIN}/10/L"}])
    as_urn = shop.captured(epcList=[f"{GTIN_URN}.F2"], readPoint={"id": HERE_URN})
    for sent, (link, urn) in (
        (as_link, (f"{GTIN}/21/F1", f"{GTIN_URN}.F1")),
        (as_urn, (f"{GTIN}/21/F2", f"{GTIN_URN}.F2")),
    ):
        headers = {"GS1-EPC-Format": wanted} if wanted else {}
        [told] = events_of(shop.get(f"/events/{sent['eventID']}", headers=headers))
        assert told["epcList"] == [{"sent": sent["epcList"][0], "link": link, "urn": urn}[form]]
        assert told["readPoint"]["id"] == {"sent": sent["readPoint"]["id"], "link": HERE, "urn": HERE_URN}[form]
        if sent is as_link and form == "urn":
            assert told["quantityList"] == [{"epcClass": "urn:epc:class:lgtin:0614141.107346.L"}]


def test_gs1_epc_format_translates_lists_of_resources(shop: Partner) -> None:
    shop.captured(epcList=[f"{GTIN_URN}.R1"])
    for wanted, member in (("Always_GS1_Digital_Link", f"{GTIN}/21/R1"), ("Always_EPC_URN", f"{GTIN_URN}.R1")):
        answer = shop.get("/epcs?perPage=1000", headers={"GS1-EPC-Format": wanted})
        assert member in answer.json["member"]


@pytest.mark.parametrize(
    ("wanted", "word"),
    [
        (None, "urn:epcglobal:cbv:bizstep:shipping"),
        ("No_Preference", "urn:epcglobal:cbv:bizstep:shipping"),
        ("Always_URN", "urn:epcglobal:cbv:bizstep:shipping"),
        ("Always_Web_URI", "https://ref.gs1.org/cbv/BizStep-shipping"),
    ],
)
def test_gs1_cbv_xml_format_translates_words_in_xml(shop: Partner, wanted: str | None, word: str) -> None:
    sent = shop.captured()
    headers = {"Accept": XML} | ({"GS1-CBV-XML-Format": wanted} if wanted else {})
    answer = shop.get(f"/events/{sent['eventID']}", headers=headers)
    assert [found.text for found in etree.fromstring(answer.data).iter("bizStep")] == [word]


def test_words_are_bare_in_json_whatever_form_they_came_in(shop: Partner) -> None:
    sent = shop.captured(bizStep="https://ref.gs1.org/cbv/BizStep-shipping")
    headers = {"GS1-CBV-XML-Format": "Always_Web_URI"}
    assert events_of(shop.get(f"/events/{sent['eventID']}", headers=headers))[0]["bizStep"] == "shipping"


@pytest.mark.parametrize(
    ("wanted", "word"),
    [("Always_URN", "urn:epcglobal:cbv:disp:active"), ("Always_Web_URI", "https://ref.gs1.org/cbv/Disp-active")],
)
def test_gs1_cbv_xml_format_translates_lists_of_words_in_xml(shop: Partner, wanted: str, word: str) -> None:
    answer = shop.get("/dispositions?perPage=1", headers={"Accept": XML, "GS1-CBV-XML-Format": wanted})
    assert [member.text for member in etree.fromstring(answer.data).iter("member")] == [word]
    assert shop.get("/dispositions?perPage=1", headers={"GS1-CBV-XML-Format": wanted}).json["member"] == ["active"]
