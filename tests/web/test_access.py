"""Who may ask what: every route and every role, and others' records, which look like none."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from storage.tables import (
    api_key,
    certificate,
    event,
    event_document,
    ident,
    lot,
    object_owner,
    organisation,
    person,
    place,
    product,
    receipt,
    scan,
)
from tests.scanners.drawing import corner_marked, file_of
from tests.web.conftest import API, Demo
from trace.domain.digital_links import QUALIFIERS
from trace.domain.epcis.document import load_document
from trace.domain.permissions import GRANTS, Role

CLERK, PHARMACIST, ADMINISTRATOR = "clerk", "pharmacist", "organisation_administrator"
INSPECTOR, AUDITOR, PLATFORM = "inspector", "auditor", "platform_administrator"
SHOP = frozenset({CLERK, PHARMACIST, ADMINISTRATOR})
WATCHERS = frozenset({INSPECTOR, AUDITOR})
ALL = SHOP | WATCHERS | {PLATFORM}
BUSINESS = ALL - {PLATFORM}
MANAGERS = frozenset({ADMINISTRATOR, PLATFORM})
PUBLIC = ALL | {None}
EPCIS = "/epcis/v2"
# Who may, route by route, written out: a route that is not here fails the test, whatever its mark says.
MAY: dict[tuple[str, str], frozenset[str | None]] = {
    ("GET", f"{API}/me"): ALL,
    ("GET", f"{API}/organisations"): ALL,
    ("POST", f"{API}/organisations"): frozenset({PLATFORM}),
    ("GET", f"{API}/organisations/<string:public_id>"): ALL,
    ("GET", f"{API}/organisations/<string:public_id>/history"): BUSINESS,
    ("POST", f"{API}/licences"): MANAGERS,
    ("GET", f"{API}/places"): ALL,
    ("POST", f"{API}/places"): MANAGERS,
    ("GET", f"{API}/people"): MANAGERS,
    ("POST", f"{API}/people"): MANAGERS,
    ("DELETE", f"{API}/people/<string:public_id>"): MANAGERS,
    ("GET", f"{API}/keys"): MANAGERS,
    ("POST", f"{API}/keys"): MANAGERS,
    ("DELETE", f"{API}/keys/<string:prefix>"): MANAGERS,
    ("GET", f"{API}/products"): BUSINESS,
    ("POST", f"{API}/products"): SHOP,
    ("PUT", f"{API}/products/<string:public_id>/discontinued"): SHOP,
    **{
        ("POST", f"{API}/hops/{hop}"): SHOP
        for hop in (
            "commission", "process", "pack", "unpack", "ship", "return", "sell", "take-back", "hold", "release",
            "destroy", "sample",
        )
    },
    ("GET", f"{API}/expected"): BUSINESS,
    ("POST", f"{API}/deliveries/propose"): SHOP,
    ("POST", f"{API}/deliveries/look"): SHOP,
    ("POST", f"{API}/receipts"): SHOP,
    ("GET", f"{API}/receipts"): BUSINESS,
    ("GET", f"{API}/receipts/<string:public_id>"): BUSINESS,
    ("GET", f"{API}/stock"): BUSINESS,
    ("GET", f"{API}/disposals"): BUSINESS,
    ("GET", f"{API}/lots/label.svg"): SHOP,
    ("GET", f"{API}/lots/label.png"): SHOP,
    ("POST", f"{API}/commitment-certificates"): SHOP,
    ("POST", f"{API}/commitment-certificates/<string:public_id>/revocation"): SHOP,
    ("GET", f"{API}/commitment-certificates/<string:public_id>/label.pdf"): SHOP,
    ("GET", f"{API}/commitment-certificates/<string:public_id>/a4.pdf"): SHOP,
    ("POST", f"{API}/certificates"): SHOP,
    ("GET", f"{API}/certificates"): BUSINESS,
    ("GET", f"{API}/certificates/<string:public_id>"): BUSINESS,
    ("PATCH", f"{API}/certificates/<string:public_id>"): SHOP,
    ("POST", f"{API}/certificates/<string:public_id>/lots"): SHOP,
    ("GET", f"{API}/certificates/due"): BUSINESS,
    ("GET", "/papers"): BUSINESS,
    ("POST", "/papers"): SHOP,
    ("GET", "/papers/<string:public_id>"): BUSINESS,
    ("POST", "/papers/<string:public_id>"): SHOP,
    ("POST", "/papers/<string:public_id>/lots"): SHOP,
    ("POST", f"{API}/scans"): SHOP | {INSPECTOR},
    ("GET", f"{API}/scans/<string:public_id>"): SHOP | {INSPECTOR},
    ("GET", f"{API}/scans/<string:public_id>/picture"): SHOP | {INSPECTOR},
    ("GET", f"{API}/codes"): BUSINESS,
    ("POST", f"{API}/objects"): SHOP | {INSPECTOR},
    ("GET", f"{API}/objects/<string:sha256>"): BUSINESS,
    ("POST", f"{API}/dispensings"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("POST", f"{API}/dispensings/returns"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("GET", f"{API}/alerts"): BUSINESS,
    ("GET", f"{API}/recalls"): BUSINESS,
    ("GET", f"{API}/recalls/reach"): BUSINESS,
    ("GET", f"{API}/recalls/<string:public_id>"): BUSINESS,
    **{
        ("POST", f"{API}/recalls{tail}"): SHOP | {INSPECTOR}
        for tail in (
            "",
            *(f"/<string:public_id>/{act}" for act in ("lifting", "closing", "search")),
        )
    },
    **{
        ("POST", f"{API}/recalls/<string:public_id>/{act}"): SHOP for act in ("acknowledgement", "return-to-sale")
    },
    ("POST", f"{API}/rapid-tests"): SHOP,
    ("GET", f"{API}/rapid-tests"): BUSINESS,
    ("POST", f"{API}/rapid-tests/<string:public_id>/retest"): SHOP,
    ("GET", "/recalls"): BUSINESS,
    ("GET", "/recalls/new"): SHOP | {INSPECTOR},
    ("POST", "/recalls/new"): SHOP | {INSPECTOR},
    ("GET", "/recalls/<string:public_id>"): BUSINESS,
    ("POST", "/recalls/<string:public_id>"): SHOP | {INSPECTOR},
    ("GET", "/recalls/<string:public_id>/notice.pdf"): BUSINESS,
    ("GET", "/tests"): BUSINESS,
    ("POST", "/tests"): SHOP,
    ("POST", "/tests/<string:public_id>/retest"): SHOP,
    ("GET", f"{API}/trace"): BUSINESS,
    ("GET", f"{API}/search"): BUSINESS,
    ("GET", f"{API}/events/<path:event_id>"): BUSINESS,
    ("GET", f"{API}/imports"): SHOP,
    ("POST", f"{API}/imports"): SHOP,
    ("GET", f"{API}/imports/<string:public_id>"): SHOP,
    ("POST", f"{API}/imports/<string:public_id>/store"): SHOP,
    ("GET", "/imports"): SHOP,
    ("POST", "/imports"): SHOP,
    ("GET", "/imports/templates/<string:kind>.xlsx"): SHOP,
    ("GET", "/imports/<string:public_id>"): SHOP,
    ("GET", "/imports/<string:public_id>/report.csv"): SHOP,
    ("POST", "/imports/<string:public_id>/store"): SHOP,
    ("GET", f"{API}/suppliers"): BUSINESS,
    ("POST", f"{API}/suppliers"): SHOP,
    ("GET", f"{API}/suppliers/<string:public_id>"): BUSINESS,
    **{("POST", f"{API}/suppliers/<string:public_id>/{part}"): SHOP for part in ("changes", "licences", "check")},
    ("GET", f"{API}/blocks"): BUSINESS,
    ("POST", f"{API}/blocks"): frozenset({INSPECTOR}),
    ("POST", f"{API}/blocks/<string:public_id>/lift"): frozenset({INSPECTOR}),
    ("GET", "/suppliers"): BUSINESS,
    ("GET", "/suppliers/new"): SHOP,
    ("POST", "/suppliers/new"): SHOP,
    ("GET", "/suppliers/<string:public_id>"): BUSINESS,
    ("POST", "/suppliers/<string:public_id>"): SHOP,
    ("POST", "/suppliers/<string:public_id>/licences"): SHOP,
    ("POST", "/suppliers/<string:public_id>/check"): SHOP,
    ("GET", "/inspector/blocks"): frozenset({INSPECTOR}),
    ("POST", "/inspector/blocks"): frozenset({INSPECTOR}),
    ("POST", "/inspector/blocks/<string:public_id>/lift"): frozenset({INSPECTOR}),
    ("GET", f"{API}/look-ups"): frozenset({AUDITOR}),
    ("GET", f"{API}/public/trace"): PUBLIC,
    ("GET", f"{API}/openapi.json"): PUBLIC,
    ("GET", f"{API}/epcis-event.schema.json"): PUBLIC,
    ("GET", f"{API}/docs"): PUBLIC,
    ("GET", "/"): PUBLIC,
    ("GET", "/t/<path:text>"): PUBLIC,
    ("GET", "/c/<string:public_id>"): PUBLIC,
    ("GET", "/c/<string:public_id>/signature"): PUBLIC,
    ("GET", "/board/<string:public_id>"): PUBLIC,
    ("GET", "/board/<string:public_id>/<string:dish>.jpg"): PUBLIC,
    ("GET", "/canteen"): SHOP,
    ("POST", "/canteen"): SHOP,
    ("GET", "/certificates/issue"): SHOP,
    ("POST", "/certificates/issue"): SHOP,
    ("GET", "/certificates/issued"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>"): SHOP,
    ("POST", "/certificates/issued/<string:public_id>"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>/label"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>/label.pdf"): SHOP,
    ("GET", "/certificates/issued/<string:public_id>/a4.pdf"): SHOP,
    **{("GET", f"/{key}/<path:rest>"): PUBLIC for key in QUALIFIERS},
    ("GET", "/.well-known/gs1resolver"): PUBLIC,
    **{
        ("GET", f"{EPCIS}/{resource}{tail}"): BUSINESS
        for resource in ("eventTypes", "epcs", "bizSteps", "bizLocations", "readPoints", "dispositions")
        for tail in ("", "/<path:value>", "/<path:value>/events")
    },
    ("GET", f"{EPCIS}/"): BUSINESS,
    ("GET", f"{EPCIS}/capture"): SHOP,
    ("POST", f"{EPCIS}/capture"): SHOP,
    ("GET", f"{EPCIS}/capture/<string:capture_id>"): SHOP,
    ("GET", f"{EPCIS}/events"): BUSINESS,
    ("POST", f"{EPCIS}/events"): SHOP,
    ("GET", f"{EPCIS}/events/<path:event_id>"): BUSINESS,
    ("DELETE", f"{EPCIS}/nextPageToken/<path:token>"): BUSINESS,
    ("GET", f"{EPCIS}/queries"): BUSINESS,
    ("POST", f"{EPCIS}/queries"): SHOP,
    ("GET", f"{EPCIS}/queries/<string:name>"): BUSINESS,
    ("DELETE", f"{EPCIS}/queries/<string:name>"): SHOP,
    ("GET", f"{EPCIS}/queries/<string:name>/events"): BUSINESS,
    ("GET", f"{EPCIS}/queries/<string:name>/subscriptions"): SHOP,
    ("POST", f"{EPCIS}/queries/<string:name>/subscriptions"): SHOP,
    ("GET", f"{EPCIS}/queries/<string:name>/subscriptions/<string:subscription_id>"): SHOP,
    ("DELETE", f"{EPCIS}/queries/<string:name>/subscriptions/<string:subscription_id>"): SHOP,
    ("GET", "/language/<string:chosen>"): PUBLIC,
    ("GET", "/health"): PUBLIC,
    ("GET", "/sign-in"): PUBLIC,
    ("GET", "/account"): ALL,
    ("GET", "/more"): ALL,
    ("GET", "/checks"): SHOP,
    ("GET", "/checks/<string:kind>/<string:day>"): BUSINESS,
    ("POST", "/checks/<string:kind>/<string:day>"): SHOP,
    ("GET", "/checks/<string:kind>/<string:day>/print.pdf"): BUSINESS,
    ("GET", f"{API}/checks"): SHOP,
    ("GET", f"{API}/checks/<string:kind>/<string:day>"): SHOP,
    ("POST", f"{API}/checks/<string:kind>/<string:day>/signature"): SHOP,
    **{("GET", f"{start}/rules{tail}"): ALL for start in ("", API) for tail in ("", "/<string:name>")},
    **{("POST", f"{start}/rules"): MANAGERS for start in ("", API)},
    ("GET", "/rules/new"): MANAGERS,
    ("GET", "/evidence"): SHOP,
    ("GET", f"{API}/lots/evidence.zip"): SHOP,
    **{("GET", f"/records{tail}"): BUSINESS for tail in ("", "/table.csv", "/table.xlsx", "/print.pdf")},
    ("GET", "/records/<string:public_id>/print.pdf"): BUSINESS,
    **{("GET", f"{API}/records{tail}"): BUSINESS for tail in ("", ".csv", ".xlsx")},
    ("GET", "/counter"): SHOP,
    ("POST", "/counter"): SHOP,
    ("GET", "/counter/repack"): SHOP,
    ("POST", "/counter/repack"): SHOP,
    ("POST", f"{API}/sales"): SHOP,
    ("POST", f"{API}/repacking"): SHOP,
    ("GET", "/scan"): SHOP | {INSPECTOR},
    ("POST", "/scan"): SHOP | {INSPECTOR},
    ("GET", "/scan/<string:public_id>"): SHOP | {INSPECTOR},
    ("GET", "/scan/<string:public_id>/picture"): SHOP | {INSPECTOR},
    ("GET", "/station"): SHOP,
    ("POST", "/station/scan"): SHOP | {INSPECTOR},
    ("GET", "/station/receive"): SHOP,
    ("POST", "/station/receive"): SHOP,
    ("GET", "/station/receipts/<string:public_id>"): BUSINESS,
    ("GET", "/station/photos/<string:sha256>"): BUSINESS,
    ("GET", "/station/stock"): SHOP,
    **{(method, f"/station/stock/{page}"): SHOP for method in ("GET", "POST") for page in ("return", "destroy")},
    ("GET", "/station/stock/disposals"): BUSINESS,
    ("POST", "/station/stock/undo"): SHOP,
    ("POST", "/station/receipts/<string:public_id>/undo"): SHOP,
    **{(method, "/station/receipts/<string:public_id>/lines/<int:line>/correct"): SHOP for method in ("GET", "POST")},
    ("POST", f"{API}/receipts/<string:public_id>/undo"): SHOP,
    ("POST", f"{API}/receipts/<string:public_id>/lines/<int:line>/correction"): SHOP,
    ("GET", "/station/label"): SHOP,
    ("POST", "/station/stock"): SHOP,
    ("GET", "/pharmacy"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("POST", "/pharmacy"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("GET", "/inspector"): BUSINESS,
    ("POST", "/inspector/scan"): SHOP | {INSPECTOR},
    ("GET", "/inspector/organisations/<string:public_id>"): BUSINESS,
    ("GET", "/inspector/trace"): BUSINESS,
    ("GET", "/inspector/log"): frozenset({AUDITOR}),
}  # fmt: skip
# Public, but only with the token of our own form: `test_signing_in_and_out_needs_the_token_of_our_form`.
WITH_TOKEN = {("POST", "/sign-in"), ("POST", "/sign-out")}


def routes(demo: Demo) -> Iterator[tuple[str, str, Any]]:
    """(method, rule, mark) of every route but the static files."""
    for rule in demo.app.url_map.iter_rules():
        if rule.endpoint != "static":
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield method, rule.rule, demo.app.view_functions[rule.endpoint].access  # type: ignore[attr-defined]


def filled(rule: str, value: str = "nothing") -> str:
    """The rule as an address: its argument is the value."""
    return re.sub(r"<[^>]+>", value, re.sub(r"<int:[^>]+>", "0", rule))


def test_the_table_has_every_route_and_agrees_with_the_marks(standing: Demo) -> None:
    marked = {
        (method, rule): PUBLIC if mark is None else frozenset(r.value for r in Role if mark in GRANTS[r])
        for method, rule, mark in routes(standing)
        if (method, rule) not in WITH_TOKEN
    }
    assert marked == MAY


def kept(demo: Demo) -> dict[str, int]:
    """How many rows every table has, but for the log of watchers' looks: looks in vain are written down, too."""
    return {name: rows for name, rows in demo.counts().items() if name != "lookup_log"}


@pytest.mark.parametrize("role", [*Role, None])
def test_every_route_lets_in_exactly_whom_the_table_names(standing: Demo, role: str | None) -> None:
    before, wrong = kept(standing), []
    for (method, rule), allowed in MAY.items():
        headers = standing.headers(role) if role else {}
        answer = standing.app.test_client().open(filled(rule), method=method, headers=headers)
        if role in allowed:
            good = answer.status_code not in (401, 403)
        elif role is not None:
            good = answer.status_code == 403
        elif method == "GET" and not rule.startswith(("/api", "/epcis")):
            good = answer.status_code == 302 and answer.location.startswith("/sign-in?next=")
        else:
            good = answer.status_code == 401
        if not good:
            wrong.append(f"{method} {rule}: {answer.status_code}")
    assert wrong == []
    assert kept(standing) == before


def test_a_refused_role_is_told_which_permission_it_lacks(standing: Demo) -> None:
    english = {"Accept-Language": "en"}
    answer = standing.post("/dispensings", {"codes": ["81502310064000000004"]}, "clerk", headers=english)
    assert answer.status_code == 403
    assert "code:dispense" in answer.json["detail"]
    assert "Clerk" in answer.json["detail"]


def test_access_is_decided_before_the_body_is_read(standing: Demo) -> None:
    for role, status in ((None, 401), ("inspector", 403)):
        answer = standing.call("POST", "/receipts", role, data=b"[" * 100_000, content_type="application/json")
        assert answer.status_code == status


# ---- the platform administrator ------------------------------------------------------------------------------------


def business_texts(demo: Demo) -> set[str]:
    """What business data looks like: numbers and URIs of lots, names of products, ids of receipts, scans and papers."""
    columns = (lot.c.number, product.c.name, receipt.c.public_id, receipt.c.delivery_note, scan.c.public_id,
               certificate.c.public_id, certificate.c.number, object_owner.c.object)  # fmt: skip
    with demo.store.reading() as session:
        found = {value for column in columns for value in session.scalars(select(column))}
        found |= set(session.scalars(select(ident.c.uri).join(lot, lot.c.item == ident.c.id)))
    return {value for value in found if len(value) > 3}


def real_ids(demo: Demo) -> list[str]:
    """One of every record that exists, and codes."""
    columns = (receipt.c.public_id, certificate.c.public_id, object_owner.c.object, person.c.public_id)
    with demo.store.reading() as session:
        found = [session.scalars(select(column).limit(1)).first() for column in columns]
        found += [session.scalars(select(ident.c.uri).join(lot, lot.c.item == ident.c.id).limit(1)).one()]
        found += [event_id_at(demo, "惠邻超市鼓楼店")]
    return [value for value in found if value] + ["81502310064000000004"]


def event_id_at(demo: Demo, name: str) -> str:
    """The id of an event that an organisation captured."""
    query = (
        select(event_document.c.document)
        .join(event, event.c.id == event_document.c.event)
        .join(organisation, organisation.c.id == event.c.captured_by)
        .where(organisation.c.name == name)
        .limit(1)
    )
    with demo.store.reading() as session:
        document = session.scalars(query).one()
    return str(load_document(document)["eventID"])


def photo() -> tuple[BytesIO, str]:
    """A small photo to upload."""
    return BytesIO(file_of(corner_marked())), "photo.jpg"


def test_the_platform_administrator_sees_no_business_data(demo: Demo) -> None:
    assert demo.call("POST", "/scans", data={"photo": photo()}).status_code == 201
    secrets, ids = business_texts(demo), real_ids(demo)
    headers, told, asked = demo.headers(PLATFORM), [], 0
    for method, rule, mark in routes(demo):
        if method != "GET" or mark is None:
            continue
        for value in ids if "<" in rule else [""]:
            query = (
                {"code": ids[-1], "text": ids[-2], "reason": "x"} if rule.endswith(("trace", "search", "codes")) else {}
            )
            answer = demo.client.get(filled(rule, quote(value, safe="/:")), headers=headers, query_string=query)
            asked += 1
            shown = answer.text.replace(value, "") if value else answer.text
            told += [f"{rule}: {word}" for word in secrets if word in shown]
    assert told == []
    assert asked > 40


def test_the_platform_administrator_sees_of_the_public_pages_what_everybody_sees(standing: Demo) -> None:
    asked = f"{API}/public/trace?code=81502310064000000004"
    assert standing.client.get(asked, headers=standing.headers(PLATFORM)).json == standing.client.get(asked).json


# ---- others' records -----------------------------------------------------------------------------------------------


def told(answer: TestResponse, *ids: str) -> tuple[int, str]:
    """The answer without what may differ: the request's number and the id that was asked."""
    body = re.sub(r"urn:uuid:[0-9a-f-]{36}", "", answer.text.replace(answer.headers["X-Request-ID"], ""))
    for asked in sorted({form for i in ids for form in (i, quote(i, safe=""), quote(i))}, key=len, reverse=True):
        body = body.replace(asked, "ID")
    return answer.status_code, re.sub(r'value="[^"]*"', "", body)


def one(demo: Demo, column: Any, owner: Any, name: str) -> str:
    """A value of a column of a record that belongs to the organisation with this name."""
    query = select(column).join(organisation, organisation.c.id == owner).where(organisation.c.name == name).limit(1)
    with demo.store.reading() as session:
        return str(session.scalars(query).one())


SHOP_NAME, PHARMACY_NAME, GROWER = "惠邻超市鼓楼店", "沙枣花大药房文昌店", "沙坡头区绿畦蔬菜专业合作社"
NO_ID = "0" * 26


def test_anothers_record_looks_exactly_like_one_that_does_not_exist(demo: Demo) -> None:
    nothing = "urn:uuid:00000000-0000-4000-8000-000000000000"
    uploaded = demo.call("POST", "/scans", data={"photo": photo()}).json["scans"][0]
    receipts = {
        name: one(demo, receipt.c.public_id, receipt.c.organisation, name) for name in (SHOP_NAME, PHARMACY_NAME)
    }
    paper = one(demo, certificate.c.public_id, certificate.c.organisation, GROWER)
    colleague = one(demo, person.c.public_id, person.c.organisation, PHARMACY_NAME)
    key = one(demo, api_key.c.prefix, api_key.c.organisation, PHARMACY_NAME)
    prefix = demo.shown.keys["clerk"].split("_")[1]
    asked = [
        # (as whom, method, address, what stands in it for a real one of somebody else, for one that is not there)
        ("pharmacist", "GET", f"{API}/receipts/%s", receipts[SHOP_NAME], NO_ID),
        ("clerk", "GET", f"{API}/receipts/%s", receipts[PHARMACY_NAME], NO_ID),
        ("pharmacist", "GET", f"{API}/objects/%s", uploaded["sha256"], "0" * 64),
        ("inspector", "GET", f"{API}/objects/%s", uploaded["sha256"], "0" * 64),
        ("pharmacist", "GET", f"{API}/certificates/%s", paper, NO_ID),
        ("pharmacist", "GET", f"{API}/events/%s", event_id_at(demo, SHOP_NAME), nothing),
        ("clerk", "GET", f"{API}/events/%s", event_id_at(demo, PHARMACY_NAME), nothing),
        ("organisation_administrator", "DELETE", f"{API}/people/%s", colleague, NO_ID),
        ("organisation_administrator", "DELETE", f"{API}/keys/%s", key, "0" * 10),
        ("platform_administrator", "DELETE", f"{API}/keys/%s", prefix, "0" * 10),
        ("pharmacist", "GET", "/station/receipts/%s", receipts[SHOP_NAME], NO_ID),
        ("pharmacist", "GET", "/station/photos/%s", uploaded["sha256"], "0" * 64),
        ("pharmacist", "GET", "/station/receive?scan=%s", uploaded["id"], NO_ID),
        ("pharmacist", "GET", f"{API}/scans/%s", uploaded["id"], NO_ID),
        ("inspector", "GET", f"{API}/scans/%s/picture", uploaded["id"], NO_ID),
        ("pharmacist", "GET", "/scan/%s", uploaded["id"], NO_ID),
        ("inspector", "GET", "/scan/%s/picture", uploaded["id"], NO_ID),
    ]
    before = kept(demo)
    for role, method, address, there, nowhere in asked:
        answers = [
            told(demo.client.open(address % value, method=method, headers=demo.headers(role)), value)
            for value in (there, nowhere)
        ]
        assert answers[0] == answers[1], address
        assert answers[0][0] == 404, address
    assert kept(demo) == before


def test_anothers_record_named_in_a_body_looks_like_one_that_does_not_exist(demo: Demo) -> None:
    uploaded = demo.call("POST", "/scans", data={"photo": photo()}).json["scans"][0]
    paper = one(demo, certificate.c.public_id, certificate.c.organisation, GROWER)
    where = one(demo, place.c.uri, place.c.organisation, SHOP_NAME)
    own = demo.get("/stock", "pharmacist").json["stock"][0]["lot"]
    drug = demo.get("/products?text=板蓝根", "pharmacist").json["products"][0]["id"]
    line = {"product": drug, "lot_number": "B-1", "amount": 1, "decision": "hold", "reason": "x"}
    line |= {"expires_on": "2030-01-01", "produced_on": "2026-01-01"}
    supplier = {"name": "某某公司", "address": "某某街", "contact": "0955-0000000"}
    commit = {
        "lots": [own],
        "product_name": "x",
        "quantity": "1",
        "origin": "x",
        "basis": ["self_test"],
        "statement_accepted": True,
    }
    asked = [
        ("/receipts", {"supplier": supplier, "scans": ["%s"], "lines": [line]}, uploaded["id"], NO_ID),
        ("/receipts", {"supplier": supplier, "lines": [{**line, "certificates": ["%s"]}]}, paper, NO_ID),
        ("/hops/sell", {"goods": [{"code": own, "amount": 1}], "place": "%s"}, where, where[:-26] + NO_ID),
        (
            "/certificates",
            {"kind": "licence", "issuer": "x", "issued_on": "2026-01-01", "sha256": "%s"},
            uploaded["sha256"],
            "0" * 64,
        ),
        ("/commitment-certificates", {**commit, "replaces": "%s"}, paper, NO_ID),
    ]
    before = demo.counts()
    for path, body, there, nowhere in asked:
        answers = [told(demo.post(path, put_in(body, value), "pharmacist"), value) for value in (there, nowhere)]
        assert answers[0] == answers[1], path
        assert answers[0][0] in (404, 422), (path, answers[0])
    assert demo.counts() == before


def put_in(body: Any, value: str) -> Any:
    """The body with the value where `%s` stands."""
    if isinstance(body, dict):
        return {key: put_in(part, value) for key, part in body.items()}
    if isinstance(body, list):
        return [put_in(part, value) for part in body]
    return value if body == "%s" else body
