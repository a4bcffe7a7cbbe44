"""Who may ask what: every route and every role, and others' records, which look like none."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import event as sqlalchemy_event
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
from tests.services.test_lookup import statements
from tests.web.conftest import API, Demo
from tests.web.routes import MAY, PLATFORM, PUBLIC, WITH_TOKEN
from trace.domain.epcis.document import load_document
from trace.domain.permissions import GRANTS, Role


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
    answer = standing.post("/people", {"login": "somebody"}, "clerk", headers=english)
    assert answer.status_code == 403
    assert "person:manage" in answer.json["detail"]
    assert "Clerk" in answer.json["detail"]


def test_access_is_decided_before_the_body_is_read(standing: Demo) -> None:
    for role, status in ((None, 401), ("inspector", 403)):
        answer = standing.call("POST", "/receipts", role, data=b"[" * 100_000, content_type="application/json")
        assert answer.status_code == status


@pytest.mark.parametrize("path", ["/api/v1/trace?code=81502310064000000004", "/api/v1/receipts"])
def test_who_looks_is_found_out_in_the_transaction_of_the_look(demo: Demo, path: str) -> None:
    begun: list[Any] = []
    note = begun.append
    engine = demo.app.extensions["sunshine"].store.engine
    sqlalchemy_event.listen(engine, "begin", note)
    try:
        with statements(demo.app.extensions["sunshine"].store) as sent:
            assert demo.get(path.removeprefix(API), "clerk").status_code == 200
    finally:
        sqlalchemy_event.remove(engine, "begin", note)
    assert len(begun) == 1
    assert "api_key" in next(statement for statement in sent if statement != "BEGIN")


def test_no_transaction_is_open_and_nobodys_turn_is_kept_while_a_form_comes(demo: Demo) -> None:
    visitor, store, kept = demo.browser("manager"), demo.app.extensions["sunshine"].store, []

    class Coming(BytesIO):
        def readinto(self, into: Any) -> int:
            kept.append((store.engine.pool.checkedout(), store.turns and store.turns._at_it))
            return super().readinto(into)

    body = Coming(f"csrf_token={visitor.token}".encode())
    form = {"content_type": "application/x-www-form-urlencoded", "content_length": len(body.getvalue())}
    assert visitor.client.post("/suppliers/new", input_stream=body, **form).status_code == 422
    assert set(kept) == {(0, None)}


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
