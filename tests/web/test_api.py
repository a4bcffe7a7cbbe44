"""The API alone is enough: receiving, dispensing and looking up as a shop's program does; its document."""

import re
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from sqlalchemy import select

from storage.tables import event, organisation
from tests.scanners.drawing import file_of, on_paper, symbol
from tests.web.conftest import API, Demo
from trace.domain.permissions import Permission, Role
from trace.services.keys import issue_key

CLERK_SEES = {
    "lot", "lot_number", "product", "category", "produced_on", "expires_on", "unit", "state", "earlier",
    "came", "on_hand", "held", "sold", "sent", "returned", "destroyed", "used", "missing",
}  # fmt: skip
PUBLIC_ENTRY = {
    "view", "day", "type", "step", "disposition", "by", "by_kind", "region", "things", "relation",
}  # fmt: skip


def lot_of(demo: Demo, product: str) -> dict[str, Any]:
    """What is expected at the clerk's shop of a product."""
    (entry,) = (e for e in demo.get("/expected").json["expected"] if e["product"]["name"] == product)
    return dict(entry)


# ---- receive goods -------------------------------------------------------------------------------------------------


def test_a_delivery_is_photographed_proposed_looked_at_and_received(demo: Demo) -> None:
    entry = lot_of(demo, "冷鲜猪后腿肉")
    gtin = entry["product"]["class"].rpartition("/")[2]
    label = on_paper(symbol(f"(01){gtin}(10){entry['lot_number']}", "DataMatrix", scale=6, gs1=True))
    scanned = demo.call("POST", "/scans", data={"photo": (BytesIO(file_of(label)), "label.jpg")})
    assert scanned.status_code == 201
    (scan,) = scanned.json["scans"]
    (reading,) = scan["readings"]
    assert reading["code"]["lot_uri"] == entry["lot"]
    assert len(reading["corners"]) == 4

    proposed = demo.post("/deliveries/propose", {"codes": [reading["text"], "https://example.com/", "???"]})
    assert proposed.status_code == 200
    (line,) = proposed.json["lines"]
    assert (line["lot"], line["amount"], line["unit"]) == (entry["lot"], entry["amount"], "KGM")
    assert proposed.json["sender"] == entry["sender"]["id"]
    assert len(proposed.json["others"]) == 2

    delivery = {
        "supplier": {"id": proposed.json["sender"]},
        "scans": [scan["id"]],
        "delivery_note": "PF-2051",
        "lines": [{"code": line["lot"], "amount": 40}],
    }
    before = demo.counts()
    (card,) = demo.post("/deliveries/look", delivery).json["lines"]
    assert {paper["satisfied_by"] for paper in card["papers"]} == {
        "quarantine_certificate", "meat_inspection_certificate", "asf_report",
    }  # fmt: skip
    assert card["findings"] == []
    assert demo.counts() == before

    stock = {row["lot"]: row["on_hand"] for row in demo.get("/stock").json["stock"]}
    received = demo.post("/receipts", delivery)
    assert received.status_code == 201
    assert received.json["supplier"]["name"] == entry["sender"]["name"]
    (kept,) = received.json["lines"]
    assert (kept["lot"], kept["amount"], kept["decision"]) == (entry["lot"], 40, "accept")
    assert {paper["kind"] for paper in kept["papers"] if paper["valid"]} == {
        "quarantine_certificate", "meat_inspection_certificate", "asf_report",
    }  # fmt: skip
    assert demo.get(f"/receipts/{received.json['id']}").json == received.json
    assert demo.get("/receipts?limit=1").json["receipts"][0]["id"] == received.json["id"]
    after = {row["lot"]: row["on_hand"] for row in demo.get("/stock").json["stock"]}
    assert after[entry["lot"]] == stock[entry["lot"]] + 40
    assert entry["lot"] not in {e["lot"] for e in demo.get("/expected").json["expected"]}

    again = demo.post("/receipts", delivery)
    assert (again.status_code, again.json["status"]) == (409, 409)


def test_goods_without_their_papers_are_not_accepted(demo: Demo) -> None:
    product = demo.post("/products", {"name": "散装鸡蛋", "category": "egg", "unit": "KGM"}).json["id"]
    line = {"product": product, "lot_number": "A-1", "amount": 12.5, "produced_on": "2026-01-01"}
    supplier = {"name": "王家鸡场（演示）", "address": "沙坡头区", "contact": "0955-7000123"}
    before = demo.counts()
    refused = demo.post("/receipts", {"supplier": supplier, "lines": [line]}, headers={"Accept-Language": "en"})
    assert refused.status_code in (409, 422)
    assert "paper is missing" in refused.json["detail"]
    assert refused.json["field"].startswith("lines.0")
    assert demo.counts() == before


# ---- the pharmacy --------------------------------------------------------------------------------------------------


def key_of(demo: Demo, name: str) -> dict[str, str]:
    """A key for a clerk of an organisation that the demonstration gave none, as headers."""
    with demo.store.writing() as session:
        number = session.scalars(select(organisation.c.id).where(organisation.c.name == name)).one()
        key = issue_key(session, role=Role.CLERK, organisation_id=number, now=datetime.now(UTC))
    return {"Authorization": f"Bearer {key}"}


def test_a_drug_batch_is_logged_with_its_papers_and_each_code_dispensed_once(demo: Demo) -> None:
    case, boxes = "81502320064000000003", [f"8150231{64_000_000_000 + n:013d}" for n in range(150, 153)]
    pharmacy = demo.get("/organisations?text=沙枣花大药房文昌店", "pharmacist").json["organisations"][0]["id"]
    shipment = {"receiver": pharmacy, "containers": [case], "delivery_note": "KD-2001"}
    sent = demo.post("/hops/ship", shipment, None, headers=key_of(demo, "中卫市康达通医药有限公司"))
    assert sent.status_code == 201

    proposed = demo.post("/deliveries/propose", {"codes": [case]}, "pharmacist").json
    (line,) = proposed["lines"]
    assert (line["inside"], line["lot_number"], line["product"]["category"]) == (50, "B260901", "drug")
    delivery = {"supplier": {"id": proposed["sender"]}, "lines": [{"container": line["container"], "price": 18.5}]}
    (card,) = demo.post("/deliveries/look", delivery, "pharmacist").json["lines"]
    assert {paper["satisfied_by"] for paper in card["papers"]} == {"drug_test_report", "delivery_note"}
    logged = demo.post("/receipts", delivery, "pharmacist")
    assert logged.status_code == 201
    (kept,) = logged.json["lines"]
    assert (kept["amount"], kept["price"], kept["lot_number"], kept["decision"]) == (50, 18.5, "B260901", "accept")
    assert kept["expires_on"] > kept["produced_on"]
    assert demo.post("/hops/unpack", {"container": case}, "pharmacist").status_code == 201

    sold = demo.post("/dispensings", {"codes": boxes[:2]}, "pharmacist")
    assert (sold.status_code, len(sold.json["codes"]), sold.json["alerts"]) == (201, 2, [])
    twice = demo.post("/dispensings", {"codes": [boxes[2], boxes[0]]}, "pharmacist")
    assert (twice.status_code, twice.json["field"]) == (409, "codes.1")
    assert boxes[0] in twice.json["detail"]
    assert demo.post("/dispensings/returns", {"codes": boxes[:1]}, "pharmacist").status_code == 201
    held = demo.get("/stock", "pharmacist").json["stock"]
    (row,) = [one for one in held if one["lot_number"] == "B260901"]
    assert (row["on_hand"], row["held"]) == (96 + 48, 1)
    traced = demo.get(f"/trace?code={boxes[1]}", "pharmacist").json
    assert traced["timeline"][-1]["step"] == "dispensing"
    assert traced["thing"]["producer"] == "宁夏六盘清源制药有限公司"


def test_the_photo_of_a_paper_is_kept_and_read_back(demo: Demo) -> None:
    report = BytesIO(b"%PDF-1.4 report")
    upload = demo.call("POST", "/objects", "pharmacist", data={"file": (report, "r.pdf")})
    assert (upload.status_code, upload.json["media_type"]) == (201, "application/pdf")
    paper = {"kind": "drug_test_report", "issuer": "某药厂（演示）", "issued_on": "2026-10-01", "number": "JY-1"}
    filed = demo.post("/certificates", paper | {"sha256": upload.json["sha256"]}, "pharmacist")
    assert filed.status_code == 201
    kept = demo.get(f"/certificates/{filed.json['id']}", "pharmacist").json
    assert (kept["number"], kept["sha256"], kept["issuer"]) == ("JY-1", upload.json["sha256"], "某药厂（演示）")
    assert demo.get("/certificates?limit=1", "pharmacist").json["certificates"][0]["id"] == filed.json["id"]
    back = demo.get(f"/objects/{upload.json['sha256']}", "pharmacist")
    assert (back.data, back.mimetype) == (b"%PDF-1.4 report", "application/pdf")
    assert back.headers["Content-Disposition"] == "attachment"


def test_a_code_sold_in_another_shop_is_sold_with_an_alert_that_both_shops_see(standing: Demo) -> None:
    alerts = standing.get("/alerts", "pharmacist").json["alerts"]
    alert, *_ = [alert for alert in alerts if alert["kind"] == "second_sale"]
    assert len(alert["sales"]) == 2
    assert standing.get("/alerts", "inspector").json["alerts"] != []
    assert standing.get("/alerts", "clerk").json["alerts"] == []


# ---- look up -------------------------------------------------------------------------------------------------------


def test_an_inspector_traces_to_the_farms_and_to_every_shelf_and_it_is_written_down(demo: Demo) -> None:
    code = lot_of(demo, "冷鲜猪后腿肉")["lot"]
    found = demo.get("/trace", "inspector", query_string={"code": code, "reason": "投诉 12345"})
    assert found.status_code == 200
    assert found.json.keys() == {
        "code", "view", "thing", "timeline", "left_out", "truncated",
        "certificates", "traces", "flow", "holders", "next",
    }  # fmt: skip
    told = found.json["timeline"]
    assert {e["by"] for e in told if e["by_kind"] == "farm"} == {"沙坡头区沙柳湾生猪养殖场", "海原县白崖山黑猪养殖场"}
    assert {h["name"] for h in found.json["holders"]} >= {"惠邻超市鼓楼店", "沙都生活超市应理店"}
    assert found.json["traces"].keys() == {"backward", "forward"}
    assert "胡萝卜" not in found.text
    noted = demo.get("/look-ups?limit=1", "auditor").json["look_ups"]
    assert [(n["what"], n["subject"], n["reason"]) for n in noted] == [("trace", code, "投诉 12345")]
    own = next(e["event"] for e in told if e.get("event"))
    event_found = demo.get(f"/events/{own}", "inspector").json
    assert event_found["eventID"] == own
    assert event_found["@context"][0].startswith("https://ref.gs1.org/standards/epcis/")


def test_the_public_sees_a_poorer_view(standing: Demo) -> None:
    code = lot_of(standing, "冷鲜猪后腿肉")["lot"]
    found = standing.get("/public/trace", None, query_string={"code": code})
    assert found.status_code == 200
    assert found.json["view"] == "public"
    assert all(entry.keys() <= PUBLIC_ENTRY for entry in found.json["timeline"])
    assert found.json["holders"] == []
    assert found.json["traces"].keys() == {"backward"}
    assert not re.search(r"price|KGM|\d\d:\d\d|PF-20|SH-09", found.text)
    for direction in ("direction=forward", "reason=x", "at=2026-01-01T00:00:00Z"):
        assert standing.get(f"/public/trace?code={code}&{direction}", None).status_code == 422


def test_a_trace_may_be_asked_for_one_direction_and_as_it_stood(standing: Demo) -> None:
    code = lot_of(standing, "冷鲜猪后腿肉")["lot"]
    for direction in ("backward", "forward"):
        found = standing.get("/trace", query_string={"code": code, "direction": direction})
        assert found.json["traces"].keys() == {direction}
    then = standing.get("/trace", query_string={"code": code, "at": "2020-01-01T00:00:00+08:00"})
    assert then.status_code == 404


def test_what_a_person_typed_is_found(standing: Demo) -> None:
    entry = lot_of(standing, "冷鲜猪后腿肉")
    by_number = standing.get("/search", query_string={"text": entry["lot_number"]}).json
    assert [row["lot"] for row in by_number["lots"]] == [entry["lot"]]
    by_name = standing.get("/search", "inspector", query_string={"text": "鼓楼店"}).json
    assert [row["name"] for row in by_name["organisations"]] == ["惠邻超市鼓楼店"]


# ---- once ----------------------------------------------------------------------------------------------------------


def test_a_command_sent_twice_with_its_key_in_the_header_or_the_body_acts_once(demo: Demo) -> None:
    body = {"goods": [{"code": lot_of(demo, "冷鲜猪后腿肉")["lot"], "amount": 1}]}
    first = demo.post("/hops/sell", body, headers={"Idempotency-Key": "till-1-0001"})
    events = demo.counts()[event.name]
    assert first.status_code == 201
    for again in (
        demo.post("/hops/sell", body, headers={"Idempotency-Key": "till-1-0001"}),
        demo.post("/hops/sell", body | {"client_key": "till-1-0001"}),
        demo.post("/hops/sell", body | {"client_key": "till-1-0001"}, headers={"Idempotency-Key": "till-1-0001"}),
    ):
        assert (again.status_code, again.json) == (201, first.json)
    assert demo.counts()[event.name] == events
    other = demo.post("/hops/sell", {"goods": [body["goods"][0] | {"amount": 2}], "client_key": "till-1-0001"})
    assert (other.status_code, other.json["field"]) == (422, "client_key")
    assert "till-1-0001" in other.json["detail"]
    assert demo.counts()[event.name] == events


def test_two_different_keys_in_one_request_are_refused(standing: Demo) -> None:
    body = {"goods": [{"code": lot_of(standing, "冷鲜猪后腿肉")["lot"], "amount": 1}], "client_key": "a"}
    before = standing.counts()
    refused = standing.post("/hops/sell", body, headers={"Idempotency-Key": "b"})
    assert (refused.status_code, refused.json["field"]) == (422, "client_key")
    assert standing.counts() == before


@pytest.mark.parametrize("key", ["", " ", "x" * 121, "a\tb"])
def test_a_key_that_cannot_be_kept_is_refused(standing: Demo, key: str) -> None:
    body = {"goods": [{"code": lot_of(standing, "冷鲜猪后腿肉")["lot"], "amount": 1}]}
    before = standing.counts()
    refused = standing.post("/hops/sell", body, headers={"Idempotency-Key": key})
    assert (refused.status_code, refused.json["field"]) == (422, "Idempotency-Key")
    assert standing.counts() == before


def test_a_refused_command_uses_up_no_key(demo: Demo) -> None:
    lot = lot_of(demo, "冷鲜猪后腿肉")["lot"]
    for amount, status in ((100_000, 409), (1, 201)):
        body = {"goods": [{"code": lot, "amount": amount}], "client_key": "till-9"}
        assert demo.post("/hops/sell", body).status_code == status


# ---- the description -----------------------------------------------------------------------------------------------


@pytest.fixture
def document(standing: Demo) -> Any:
    """The OpenAPI document."""
    return standing.get("/openapi.json", None).json


def references(part: Any) -> list[str]:
    """Every `$ref` in a part of the document."""
    if isinstance(part, dict):
        here = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return here + [ref for value in part.values() for ref in references(value)]
    return [ref for value in part for ref in references(value)] if isinstance(part, list) else []


def resolve(document: Any, reference: str) -> Any:
    """What a reference leads to; KeyError if nowhere."""
    assert reference.startswith("#/")
    for name in reference[2:].split("/"):
        document = document[name]
    return document


def operations(document: Any) -> list[tuple[str, str, Any]]:
    """(method, path, operation) of every operation."""
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    ]


def test_the_description_is_valid_openapi_31(document: Any) -> None:
    assert document["openapi"].startswith("3.1.")
    assert [fault.message for fault in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    assert [ref for ref in references(document) if not resolve(document, ref)] == []


def test_every_route_of_the_api_is_described(standing: Demo, document: Any) -> None:
    itself = {"/api/v1/openapi.json", "/api/v1/docs", "/api/v1/epcis-event.schema.json"}
    routes = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in standing.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(API) and rule.rule not in itself
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes


def test_every_operation_says_in_both_languages_what_it_does(document: Any) -> None:
    for _, path, operation in operations(document):
        assert re.match(r"[一-鿿、，（） A-Z]+ / [A-Z]", operation["summary"]), path


def test_every_refusal_is_described_as_the_problem_document_it_is(document: Any) -> None:
    for method, path, operation in operations(document):
        refusals = {code: r for code, r in operation["responses"].items() if code not in ("200", "201", "204")}
        assert {"400", "401", "503", "default"} <= refusals.keys(), path
        if method == "post":
            assert {"404", "409", "413", "415", "422"} <= refusals.keys(), path
        for response in refusals.values():
            content = resolve(document, response["$ref"])["content"]
            assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert "Error" not in document["components"]["schemas"]


def test_only_public_operations_need_no_key(standing: Demo, document: Any) -> None:
    assert document["security"] == [{"key": []}]
    views = standing.app.view_functions
    for rule in standing.app.url_map.iter_rules():
        item = document["paths"].get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
        for method in item.keys() & {m.lower() for m in rule.methods or ()}:
            access = views[rule.endpoint].access  # type: ignore[attr-defined]
            assert (item[method].get("security") == []) == (access is None), rule.rule
            assert ("403" in item[method]["responses"]) == isinstance(access, Permission), rule.rule


def test_problems_are_as_described(standing: Demo, document: Any) -> None:
    shape = document["components"]["schemas"]["Problem"]
    asked = [
        standing.get("/me", None),
        standing.get("/look-ups", "clerk"),
        standing.get("/receipts/nothing"),
        standing.call("PUT", "/me"),
        standing.call("POST", "/receipts", data=b"{", content_type="application/json"),
        standing.call("POST", "/receipts", data=b"{}", content_type="text/plain"),
        standing.post("/receipts", {}),
        standing.post("/hops/sell", {"goods": [{"code": lot_of(standing, "冷鲜猪后腿肉")["lot"], "amount": 10_000}]}),
    ]
    assert [answer.status_code for answer in asked] == [401, 403, 404, 405, 400, 415, 422, 409]
    for answer in asked:
        assert answer.mimetype == "application/problem+json"
        assert set(shape["required"]) <= answer.json.keys()
        assert answer.json["status"] == answer.status_code
        assert answer.json["detail"].endswith(("。", ".", "）", ")", "？")), answer.json["detail"]
        assert answer.json["instance"] == f"urn:uuid:{answer.headers['X-Request-ID']}"
    assert asked[6].json["errors"].keys() == {"supplier", "lines"}


def test_a_complaint_is_in_the_readers_language_and_its_words_are_those_to_send(standing: Demo) -> None:
    body = {"name": "x", "category": "y", "unit": "KGM"}
    chinese = standing.post("/products", body, headers={"Accept-Language": "zh"}).json
    english = standing.post("/products", body, headers={"Accept-Language": "en"}).json
    assert chinese["detail"].startswith("category: 须为以下之一：pork, ")
    assert english["detail"].startswith("category: Must be one of: pork, ")
    assert chinese["errors"] == english["errors"]


def test_commands_are_described_with_their_key_in_body_and_header(document: Any) -> None:
    operation = document["paths"]["/api/v1/receipts"]["post"]
    assert [p["name"] for p in operation["parameters"] if p["in"] == "header"] == ["Idempotency-Key"]
    assert "client_key" in document["components"]["schemas"]["ReceiptRequest"]["properties"]
    assert "parameters" not in document["paths"]["/api/v1/deliveries/propose"]["post"]


def test_the_page_of_the_api_lists_every_operation_and_shape(standing: Demo, document: Any) -> None:
    page = standing.client.get(f"{API}/docs")
    assert page.mimetype == "text/html"
    for method, path, _ in operations(document):
        assert re.search(rf">{method.upper()}</span> <code>{re.escape(path)}</code>", page.text), (method, path)
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page.text


def test_everybody_is_told_who_they_are(standing: Demo) -> None:
    for role in Role:
        me = standing.get("/me", role).json
        assert me.keys() == {"name", "organisation", "kind", "role", "region", "permissions"}
        assert me["role"] == role.value
        assert me["permissions"] == sorted(me["permissions"])
    assert standing.get("/stock").json["stock"][0].keys() == CLERK_SEES
