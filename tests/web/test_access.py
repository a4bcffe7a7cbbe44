"""Who may ask what: every route and every role, others' records, sessions, keys, and what a browser is told."""

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
    ("POST", f"{API}/commitment-certificates"): SHOP,
    ("POST", f"{API}/certificates"): SHOP,
    ("GET", f"{API}/certificates"): BUSINESS,
    ("GET", f"{API}/certificates/<string:public_id>"): BUSINESS,
    ("POST", f"{API}/scans"): SHOP | {INSPECTOR},
    ("GET", f"{API}/codes"): BUSINESS,
    ("POST", f"{API}/objects"): SHOP | {INSPECTOR},
    ("GET", f"{API}/objects/<string:sha256>"): BUSINESS,
    ("POST", f"{API}/dispensings"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("POST", f"{API}/dispensings/returns"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("GET", f"{API}/alerts"): BUSINESS,
    ("GET", f"{API}/trace"): BUSINESS,
    ("GET", f"{API}/search"): BUSINESS,
    ("GET", f"{API}/events/<path:event_id>"): BUSINESS,
    ("GET", f"{API}/look-ups"): frozenset({AUDITOR}),
    ("GET", f"{API}/public/trace"): PUBLIC,
    ("GET", f"{API}/openapi.json"): PUBLIC,
    ("GET", f"{API}/docs"): PUBLIC,
    ("GET", "/"): PUBLIC,
    ("GET", "/t/<path:text>"): PUBLIC,
    ("GET", "/language/<string:chosen>"): PUBLIC,
    ("GET", "/health"): PUBLIC,
    ("GET", "/sign-in"): PUBLIC,
    ("GET", "/account"): ALL,
    ("GET", "/station"): SHOP,
    ("POST", "/station/scan"): SHOP | {INSPECTOR},
    ("GET", "/station/receive"): SHOP,
    ("POST", "/station/receive"): SHOP,
    ("GET", "/station/receipts/<string:public_id>"): BUSINESS,
    ("GET", "/station/photos/<string:sha256>"): BUSINESS,
    ("GET", "/station/stock"): SHOP,
    ("POST", "/station/stock"): SHOP,
    ("GET", "/pharmacy"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("POST", "/pharmacy"): frozenset({PHARMACIST, ADMINISTRATOR}),
    ("GET", "/inspector"): BUSINESS,
    ("POST", "/inspector/scan"): SHOP | {INSPECTOR},
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
    return re.sub(r"<[^>]+>", value, rule)


def test_the_table_has_every_route_and_agrees_with_the_marks(standing: Demo) -> None:
    marked = {
        (method, rule): PUBLIC if mark is None else frozenset(r.value for r in Role if mark in GRANTS[r])
        for method, rule, mark in routes(standing)
        if (method, rule) not in WITH_TOKEN
    }
    assert marked == MAY


@pytest.mark.parametrize("role", [*Role, None])
def test_every_route_lets_in_exactly_whom_the_table_names(standing: Demo, role: str | None) -> None:
    before, wrong = standing.counts(), []
    for (method, rule), allowed in MAY.items():
        headers = standing.headers(role) if role else {}
        answer = standing.app.test_client().open(filled(rule), method=method, headers=headers)
        if role in allowed:
            good = answer.status_code not in (401, 403)
        elif role is not None:
            good = answer.status_code == 403
        elif method == "GET" and not rule.startswith("/api"):
            good = answer.status_code == 302 and answer.location.startswith("/sign-in?next=")
        else:
            good = answer.status_code == 401
        if not good:
            wrong.append(f"{method} {rule}: {answer.status_code}")
    assert wrong == []
    assert standing.counts() == before


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
    ]
    before = demo.counts()
    for role, method, address, there, nowhere in asked:
        answers = [
            told(demo.client.open(address % value, method=method, headers=demo.headers(role)), value)
            for value in (there, nowhere)
        ]
        assert answers[0] == answers[1], address
        assert answers[0][0] == 404, address
    assert demo.counts() == before


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


# ---- signing in, sessions, keys ------------------------------------------------------------------------------------


def test_a_page_leads_to_the_sign_in_and_back(demo: Demo) -> None:
    visitor = demo.browser()
    sent = visitor.get("/station/stock?a=1")
    assert sent.status_code == 302
    assert sent.location == "/sign-in?next=/station/stock?a%3D1"
    assert 'name="next" value="/station/stock?a=1"' in visitor.get(sent.location).text
    assert visitor.sign_in("station", "/station/stock?a=1").location == "/station/stock?a=1"
    assert visitor.get("/station/stock?a=1").status_code == 200


@pytest.mark.parametrize(
    ("who", "desk"),
    [("station", "/station"), ("pharmacist", "/pharmacy"), ("manager", "/station"), ("inspector", "/inspector"),
     ("auditor", "/inspector/log"), ("platform", "/account")],
)  # fmt: skip
def test_everybody_begins_at_their_desk(demo: Demo, who: str, desk: str) -> None:
    visitor = demo.browser()
    assert visitor.sign_in(who).location == desk
    assert visitor.get(desk).status_code == 200


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "/\r\nSet-Cookie: a=b",
    " //evil.example",
    "evil.example",
)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_nobody_is_sent_elsewhere(standing: Demo, address: str) -> None:
    language = standing.app.test_client().get("/language/en", query_string={"back": address})
    assert language.status_code == 302
    assert language.location == "/"
    page = standing.app.test_client().get("/sign-in", query_string={"next": address})
    assert 'name="next" value=""' in page.text


def test_signing_in_sends_nobody_elsewhere(demo: Demo) -> None:
    for address in ELSEWHERE:
        assert demo.browser().sign_in("station", address).location == "/station", address


def test_a_wrong_password_and_an_unknown_name_read_the_same(standing: Demo) -> None:
    visitor = standing.browser()
    pages = []
    for who in ("station", "nobody-of-this-name"):
        visitor.password = "wrong-password-1"
        answer = visitor.sign_in(who)
        assert answer.status_code == 401
        pages.append(told(answer))
    assert pages[0] == pages[1]


def test_signing_in_and_out_needs_the_token_of_our_form(standing: Demo) -> None:
    form = {"sign_in": "station", "password": standing.shown.password}
    client = standing.app.test_client()
    assert client.post("/sign-in", data=form).status_code == 403
    assert client.post("/sign-in", data=form | {"csrf_token": "made-up"}).status_code == 403
    assert client.get("/station").status_code == 302
    visitor = standing.browser("station")
    assert visitor.client.post("/sign-out").status_code == 403
    assert visitor.get("/station").status_code == 200
    assert visitor.post("/sign-out", {}).status_code == 302
    assert visitor.get("/station").status_code == 302


@pytest.mark.parametrize("token", [None, "", "made-up", "another's"])
def test_every_unsafe_request_of_a_session_needs_its_token(standing: Demo, token: str | None) -> None:
    visitor = standing.browser("manager")
    given = standing.browser("station").token if token == "another's" else token
    before, asked = standing.counts(), 0
    for method, rule, mark in routes(standing):
        if method == "GET" or mark is None or Role.ORGANISATION_ADMINISTRATOR.value not in MAY[method, rule]:
            continue
        form = {} if given is None else {"csrf_token": given}
        answer = visitor.client.open(filled(rule), method=method, data=form)
        assert answer.status_code == 403, rule
        asked += 1
    assert asked > 25
    assert standing.counts() == before


def test_a_key_needs_no_token_because_no_browser_sends_it_by_itself(demo: Demo) -> None:
    assert demo.post("/places", {"name": "后仓"}, "organisation_administrator").status_code == 201


def test_a_deactivated_person_is_out_at_once_and_stays_out(demo: Demo) -> None:
    visitor = demo.browser("station")
    assert visitor.get("/station").status_code == 200
    people = demo.get("/people", "organisation_administrator").json["people"]
    (target,) = (p["id"] for p in people if p["sign_in"] == "station")
    assert demo.call("DELETE", f"/people/{target}", "organisation_administrator").status_code == 204
    assert visitor.get("/station").status_code == 302
    assert visitor.post("/station/stock", {"action": "sell"}).status_code == 401
    assert demo.browser().sign_in("station").status_code == 401


def test_a_revoked_key_is_refused_at_once(demo: Demo) -> None:
    key = demo.post("/keys", {"role": "clerk", "label": "Waage"}, "organisation_administrator").json["key"]
    assert demo.get("/me", None, headers={"Authorization": f"Bearer {key}"}).json["role"] == "clerk"
    assert demo.get("/me", None, headers={"X-API-Key": key}).status_code == 200
    assert demo.call("DELETE", f"/keys/{key.split('_')[1]}", "organisation_administrator").status_code == 204
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        answer = demo.get("/me", None, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert key not in answer.text


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer st_",
        "Bearer st_x_y",
        "Basic c3RhdGlvbjpzdGF0aW9u",
        "Bearer " + "x" * 5_000,
        "Bearer st_%00_é",
        "Bearer \udcff",
    ],
)
def test_what_is_no_key_is_refused(standing: Demo, header: str) -> None:
    answer = standing.get("/me", None, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_a_key_with_another_keys_secret_is_refused(standing: Demo) -> None:
    one_key, other = standing.shown.keys["clerk"], standing.shown.keys["platform_administrator"]
    mixed = "_".join([*other.split("_", 2)[:2], one_key.split("_", 2)[2]])
    assert standing.get("/me", None, headers={"Authorization": f"Bearer {mixed}"}).status_code == 401


def test_a_shop_cannot_make_itself_an_inspector(standing: Demo) -> None:
    for role in ("inspector", "auditor", "platform_administrator"):
        key = standing.post("/keys", {"role": role}, "organisation_administrator")
        assert (key.status_code, key.json["field"]) == (422, "role")
        account = {"sign_in": "new-one", "name": "x", "password": "long-enough-1", "role": role}
        assert standing.post("/people", account, "organisation_administrator").status_code == 422


def test_an_administrator_cannot_put_people_into_another_organisation(demo: Demo) -> None:
    other = demo.get("/organisations?text=驼铃", "clerk").json["organisations"][0]["id"]
    account = {"sign_in": "new-one", "name": "x", "password": "long-enough-1", "role": "clerk", "organisation": other}
    demo.post("/people", account, "organisation_administrator")
    visitor = demo.browser()
    visitor.password = "long-enough-1"
    if visitor.sign_in("new-one").status_code == 302:
        assert "驼铃药店" not in visitor.get("/account").text


def test_attempts_to_sign_in_are_limited(demo: Demo) -> None:
    visitor = demo.browser()
    visitor.password = "wrong-password-1"
    visitor.token = visitor.token_at("/sign-in")
    statuses = [visitor.post("/sign-in", {"sign_in": "station", "password": "wrong"}).status_code for _ in range(21)]
    assert statuses == [401] * 20 + [429]
    last = visitor.post("/sign-in", {"sign_in": "station", "password": demo.shown.password})
    assert last.status_code == 429
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert last.mimetype == "text/html"


def test_questions_of_the_public_are_limited_on_both_faces(demo: Demo) -> None:
    for address in ("/t/81502310064000000004", f"{API}/public/trace?code=x"):
        statuses = [demo.client.get(address).status_code for _ in range(121)]
        assert 429 not in statuses[:120], address
        assert statuses[120] == 429, address
    refused = demo.client.get(address)
    assert refused.mimetype == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 60


# ---- what a browser is told ----------------------------------------------------------------------------------------

ANSWERS = (
    ("GET", "/", 200),
    ("GET", "/sign-in", 200),
    ("GET", "/station", 302),
    ("GET", "/nothing-here", 404),
    ("GET", f"{API}/me", 401),
    ("GET", f"{API}/nothing-here", 404),
    ("DELETE", "/sign-in", 405),
    ("POST", "/sign-in", 403),
    ("GET", "/static/site.css", 200),
    ("GET", "/static/nothing.css", 404),
    ("GET", f"{API}/docs", 200),
    ("GET", "/health", 200),
    ("GET", "/t/nothing", 404),
    ("OPTIONS", f"{API}/me", 401),
    ("POST", f"{API}/receipts", 401),
)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_the_security_headers(standing: Demo, method: str, path: str, status: int) -> None:
    answer = standing.app.test_client().open(path, method=method)
    if path != "/t/nothing":
        assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])
    if not path.startswith("/static") or status >= 400:
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_address_that_does_not_do_that_says_what_it_does(standing: Demo) -> None:
    answer = standing.call("PUT", "/me")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_callers_of_the_api_get_no_cookie(demo: Demo) -> None:
    for role in (None, *Role):
        for path in ("/me", "/stock", "/public/trace?code=81502310064000000004", "/nothing", "/openapi.json"):
            assert "Set-Cookie" not in demo.get(path, role).headers, path
    sold = demo.post("/hops/sell", {"goods": [{"code": "nothing"}]})
    assert "Set-Cookie" not in sold.headers


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_are_for_this_site_only_and_over_https_for_https_only(demo: Demo, scheme: str) -> None:
    visitor = demo.browser()
    form = {"sign_in": "station", "password": visitor.password, "csrf_token": visitor.token_at("/sign-in")}
    headers = {"X-Forwarded-Proto": scheme, "Referer": f"{scheme}://localhost/sign-in"}
    answer = visitor.client.post("/sign-in", data=form, headers=headers)
    assert answer.status_code == 302
    (cookie,) = (value for value in answer.headers.getlist("Set-Cookie") if value.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) == (scheme == "https")
    assert "station" not in cookie
    language = visitor.client.get("/language/en", headers=headers).headers["Set-Cookie"]
    assert "HttpOnly" in language
    assert "SameSite=Lax" in language


def test_a_session_that_somebody_made_up_is_nobody(standing: Demo) -> None:
    client = standing.app.test_client()
    client.set_cookie("session", "eyJwZXJzb24iOiJ4In0.Zx1yzw.c2lnbmF0dXJl")
    assert client.get("/station").status_code == 302


def test_the_session_before_signing_in_is_not_the_one_after(demo: Demo) -> None:
    visitor = demo.browser()
    visitor.get("/sign-in")
    before = visitor.client.get_cookie("session")
    visitor.sign_in("station")
    assert before is not None
    other = demo.app.test_client()
    other.set_cookie("session", before.value)
    assert other.get("/station").status_code == 302
