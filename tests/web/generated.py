"""Generated requests over the whole OpenAPI document, and what is wrong with an answer.

Two files use them, each for half of the operations: so the two workers share what takes longest. To draw a request
takes as long as to answer it, so each is sent to both databases.

Bodies are generated from the document, right and wrong ones; half of the right ones are seasoned: what the names of
their fields ask for is taken from records that exist, because a request that names nothing real never gets past the
first look.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from random import Random
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask_smorest.spec.plugins import FlaskPlugin
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from storage.tables import (
    alert,
    certificate,
    event_document,
    ident,
    lot,
    organisation,
    person,
    product,
    receipt,
    stock,
    supplier,
)
from tests.web.conftest import API, Demo
from tests.web.generated_seldom import SELDOM
from trace.domain.epcis.document import load_document
from trace.domain.permissions import GRANTS, Actor, Role
from trace.domain.rules.book import shipped
from trace.services.alerts import BY_HAND, is_seen_by
from trace.services.keys import find_actor_by_key

EXAMPLES = {GenerationMode.POSITIVE: 16, GenerationMode.NEGATIVE: 6}
ROUNDS = 40
DONE = {200, 201, 204}
ROLES = (*(role.value for role in Role), None)
ADMINISTRATOR = Role.ORGANISATION_ADMINISTRATOR.value
# What may stand in a field or parameter of this name.
KINDS = {
    "code": "code",
    "codes": "pack",
    "goods": "goods",
    "inputs": "goods",
    "sold": "goods",
    "lines": "line",
    "lots": "code",
    "lot": "lot",
    "container": "container",
    "containers": "container",
    "text": "code",
    "texts": "code",
    "product": "product",
    "identifier": "identifier",
    "receiver": "organisation",
    "sender": "organisation",
    "shop": "organisation",
    "replaces": "certificate",
    "password": "password",
    "role": "role",
    "event_id": "event",
    "sha256": "object",
    "prefix": "prefix",
    "amount": "amount",
    "number": "number",
    "produced_on": "past",
    "issued_on": "past",
    "expires_on": "future",
    "valid_until": "future",
    "region": "region",
    "origin_region": "region",
    "supplier": "supplier",
    "decision": "decision",
    "method": "method",
    "uscc": "uscc",
    "seen": "item",
    "unit": "unit",
    "zone": "zone",
}
# Left out of a seasoned body: nearly every value of these is refused, and none is needed.
LEFT_OUT = {
    "parts",
    "prescription",
    "reviewed_by",
    "no_code_reason",
    "client_key",
    "happened_at",
    "place",
    "scan",
    "certificates",
    "celsius",
    "at",
    "fields",
    "form",
    "containers",
    "headquarters",
    "before",
    "organisation",
    "price",
    "prices",
    "scans",
    "photo",
    "override",
    "result_at",
    "signature",
    "level",
}
# What a seasoned body has in any case, instead of what may stand in its place: nothing at all is nothing to look at.
FILLED = {"POST /api/v1/dispensings": ("codes", "pack", "goods")}
# What an address `/receipts/{public_id}` names.
RECORDS = {
    "receipts": "receipt",
    "certificates": "certificate",
    "organisations": "organisation",
    "people": "person",
    "products": "product",
    "drugs": "drug",
    "rules": "rule",
    "shops": "organisation",
    "suppliers": "file",
    "orders": "order",
    "acceptances": "acceptance",
    "zones": "zone",
    "alerts": "alert",
}
# What a part of an address names, where its name says something else in a body.
IN_ADDRESS = {"kind": "check", "day": "past"}
Known = dict[str, list[Any]]
Choose = Callable[[list[Any]], Any]


def what_exists(demo: Demo) -> dict[str | None, Known]:
    """What exists, by what it is, for each role: codes are mostly those of the role's own stock."""
    today = datetime.now(UTC).date()
    columns = {
        "product": product.c.public_id,
        "organisation": organisation.c.public_id,
        "certificate": certificate.c.public_id,
        "receipt": receipt.c.public_id,
        "person": person.c.public_id,
    }
    with demo.store.reading() as session:
        found: Known = {
            name: list(session.scalars(select(column).order_by(column.table.c.id))) for name, column in columns.items()
        }
        drugs = select(product.c.public_id).where(product.c.category == "drug").order_by(product.c.id)
        found["drug"] = list(session.scalars(drugs))
        every = list(session.scalars(select(ident.c.uri).join(lot, lot.c.item == ident.c.id).order_by(ident.c.id)))
        documents = session.scalars(select(event_document.c.document).order_by(event_document.c.event.desc()).limit(40))
        found["event"] = [load_document(document)["eventID"] for document in documents]
        found["rule"] = sorted({entry.name for entry in shipped().written})
        shelves = {role.value: shelf_of(session, find_actor_by_key(session, demo.shown.keys[role])) for role in Role}
    found |= {
        "object": [demo.call("POST", "/objects", data={"file": (BytesIO(b"%PDF-1.4"), "a.pdf")}).json["sha256"]],
        "prefix": [demo.post("/keys", {"role": "clerk"}, ADMINISTRATOR).json["key"].split("_")[1]],
        "password": ["long-enough-1"],
        "container": [f"https://id.sunshine-trace.example/crate/obj/K-{n}" for n in range(9)] + every[:1],
        "amount": [1, 0.5, "2"],
        "unit": ["KGM"],
        "number": [f"L-{n}" for n in range(40)],
        "past": [str(today - timedelta(days=days)) for days in (1, 3)],
        "future": [str(today + timedelta(days=days)) for days in (30, 300)],
        "region": ["640502", "640521"],
        "decision": ["hold", "refuse", "accept"],
        "method": ["denatured", "buried"],
        "uscc": ["91640502MA7TE5T19M", "92640521MA7TE5T27X"],
        "check": ["daily", "weekly", "monthly"],
        "item": ["licence_seen", "name_agrees"],
        "identifier": [f"87006{n:02d}" for n in range(40)],
        "role": ["clerk", "organisation_administrator", "platform_administrator"],
        **deliveries_of(demo),
        "alert": [0],
        "zone": [demo.post("/zones", {"name": "生成库区", "kind": "room"}, "pharmacist").json["id"]],
        "supplier": [{"name": "某某行", "address": "中卫", "contact": "0955-0000199"}]
        + [{"id": public_id} for public_id in found["organisation"]],
    }
    mine = {role: shelves.get(role or "", {}) for role in ROLES}
    return {
        role: found
        | things(mine[role].get("own", []), every)
        | {kind: some for kind, some in mine[role].items() if some}
        for role in ROLES
    }


def shelf_of(session: Session, actor: Actor | None) -> Known:
    """What somebody's organisation itself has: things and lots on hand, their products, papers, supplier files, alerts
    that they settle."""
    if actor is None:
        return {}
    here = (stock.c.organisation == actor.organisation) & (stock.c.on_hand > 0)
    own = select(ident.c.uri).join(stock, stock.c.item == ident.c.id).where(here).order_by(ident.c.id).limit(20)
    lots = select(ident.c.uri).join(lot, lot.c.item == ident.c.id).join(stock, stock.c.lot == lot.c.item).where(here)
    products = select(product.c.public_id).join(lot, lot.c.product == product.c.id)
    products = products.join(stock, stock.c.lot == lot.c.item).where(here)
    papers = select(certificate.c.public_id).where(certificate.c.organisation == actor.organisation)
    files = select(supplier.c.public_id).order_by(supplier.c.id)
    files = files if actor.watches else files.where(supplier.c.organisation == actor.organisation)
    alerts = select(alert.c.id).where(is_seen_by(actor), alert.c.kind.in_(BY_HAND)).order_by(alert.c.id)
    return {
        "alert": list(session.scalars(alerts)),
        "own": list(session.scalars(own)),
        "lot": sorted(session.scalars(lots.distinct())),
        "product": list(session.scalars(products.distinct().order_by(product.c.public_id))),
        "certificate": list(session.scalars(papers.order_by(certificate.c.id))),
        "file": list(session.scalars(files)) or ["0" * 26],
    }


def deliveries_of(demo: Demo) -> Known:
    """An order and an open acceptance of the pharmacy."""
    file = demo.get("/suppliers", "pharmacist").json["suppliers"][0]["id"]
    drug = {"name": "生成药", "category": "drug", "unit": "EA", "code": "8777555"}
    line = {"product": demo.post("/products", drug, "pharmacist").json["id"], "amount": 1}
    order = demo.post("/orders", {"supplier": file, "lines": [line]}, "pharmacist").json["id"]
    body = {"supplier": {"name": "某某行", "address": "中卫", "contact": "1"}, "lines": [line]}
    return {"order": [order], "acceptance": [demo.post("/acceptances", body, "pharmacist").json["id"]]}


def things(own: list[str], every: list[str]) -> Known:
    """Codes that a role may name, mostly those in its own stock: alone, as goods with an amount, as a line."""
    packs = [code for code in own if "/drug/obj/" in code or "/21/" in code]
    lots = [code for code in own if code not in packs] or every[:9]
    goods: list[Any] = [{"code": code, "amount": 1} for code in lots] + [{"code": code} for code in packs]
    line = {"decision": "hold", "reason": "x"}
    return {
        "lot": lots,
        "code": packs + lots * 3 + every[:9],
        "pack": packs or lots,
        "goods": goods,
        "line": [line | {"code": code, "amount": amount} for code in lots for amount in (1, 2.5)],
    }


def season(value: Any, known: Known, choose: Choose, name: str = "") -> Any:
    """The same with what the fields' names ask for, short lists, plain texts, and without what is better left out."""
    if isinstance(value, list):
        return [season(part, known, choose, name) for part in value[:1]]
    if name in ("supplier", "goods", "inputs", "lines", "sold") or (name in KINDS and not isinstance(value, dict)):
        return choose(known[KINDS[name]])
    if isinstance(value, dict):
        return {key: season(part, known, choose, key) for key, part in value.items() if key not in LEFT_OUT}
    return "".join(filter(str.isprintable, value))[:20] or "x" if isinstance(value, str) else value


@cache
def grantees(app: Flask, method: str, path: str) -> list[str]:
    """The roles that may do this."""
    for rule in app.url_map.iter_rules():
        if FlaskPlugin.flaskpath2openapi(rule.rule) == path and method in (rule.methods or ()):
            access = app.view_functions[rule.endpoint].access  # type: ignore[attr-defined]
            return [role.value for role in Role if access is None or access in GRANTS[role]]
    raise AssertionError(f"{method} {path} is no route")


def attack_operations(demos: Sequence[Demo], half: int) -> None:
    """Send generated requests of every second operation, each drawn once, to all of these; fails where one breaks the
    service or never gets through.
    """
    known = {demo.backend: what_exists(demo) for demo in demos}
    schema = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", demos[0].app)
    faults: list[str] = []
    reached: dict[tuple[str, str], set[int]] = {}
    for result in list(schema.get_all_operations())[half::2]:
        operation = result.ok()
        statuses = {demo.backend: reached.setdefault((demo.backend, operation.label), set()) for demo in demos}
        for mode, examples in EXAMPLES.items():
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                attack(demos, strategy, known, faults, statuses, examples)
                for more in range(1, ROUNDS):  # what is right may need luck to get through
                    if mode is GenerationMode.NEGATIVE or operation.label in SELDOM or _through(statuses):
                        break
                    attack(demos, strategy, known, faults, statuses, examples, more)
            except schemathesis.errors.InvalidSchema as fault:
                faults.append(f"{operation.label}: {fault}")
            except Unsatisfiable:  # nothing that is wrong can be drawn for an address with one free text
                assert mode is GenerationMode.NEGATIVE, operation.label
    if faults:
        pytest.fail("\n".join(faults[:20]))
    for demo in demos:
        here = {label: statuses for (backend, label), statuses in reached.items() if backend == demo.backend}
        short = sorted(label for label, statuses in here.items() if not statuses & DONE)
        assert {401, 403, 404, 409, 422} <= set().union(*here.values())
        strange = sorted(set(short) - SELDOM)
        assert len(strange) <= 1, f"generated requests never got through on {demo.backend}: {strange}"


def _through(statuses: Mapping[str, set[int]]) -> bool:
    return all(reached & DONE for reached in statuses.values())


def attack(
    demos: Sequence[Demo],
    strategy: Any,
    known: Mapping[str, dict[str | None, Known]],
    faults: list[str],
    reached: Mapping[str, set[int]],
    examples: int,
    more: int = 0,
) -> None:
    """Send generated requests of one operation; put what is wrong with an answer into `faults`."""

    @seed(20261124 + more)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, st.sampled_from(ROLES), st.integers(0, 3), st.integers(0, 2**32))
    def send(case: Case, role: str | None, plain: int, number: int) -> None:
        seasoned = examples == EXAMPLES[GenerationMode.POSITIVE] and plain != 0
        drawn = (case.body, case.query, dict(case.headers or {}), dict(case.path_parameters or {}))
        for demo in demos:
            case.body, case.query, case.headers, case.path_parameters = drawn
            who = _season_case(case, demo, known[demo.backend], Random(number)) if seasoned else role
            case.headers = dict(case.headers) | (demo.headers(who) if who else {})
            response = demo.client.open(**case.as_transport_kwargs())
            reached[demo.backend].add(response.status_code)
            problem = wrong_with(response)
            if problem:
                faults.append(f"{demo.backend}: {problem}: {case.as_curl_command()}")

    send()


def _season_case(case: Case, demo: Demo, known: dict[str | None, Known], by: Random) -> str:
    """Put what exists into a drawn case; the role that sends it, one that may."""
    role = by.choice(grantees(demo.app, case.operation.method.upper(), case.operation.path))
    record = RECORDS.get(case.operation.path.split("/")[3], "receipt")
    case.body, case.query = (season(part, known[role], by.choice) for part in (case.body, case.query))
    kinds = KINDS | {"number": record} | IN_ADDRESS
    case.path_parameters = {
        name: by.choice(known[role][kinds.get(name, record)]) for name in case.path_parameters or {}
    }
    if case.operation.label in FILLED and isinstance(case.body, dict):
        name, kind, instead = FILLED[case.operation.label]
        case.body = {key: part for key, part in case.body.items() if key != instead} | {
            name: [by.choice(known[role][kind])]
        }
    case.headers = {name: value for name, value in case.headers.items() if name != "Idempotency-Key"}
    return role


def wrong_with(response: TestResponse) -> str | None:
    """What is wrong with an answer, or None: a crash, or a refusal that is no problem document."""
    if response.status_code >= 500:
        return f"{response.status_code} {response.text[:300]}"
    if response.status_code < 400:
        return None
    if response.mimetype != "application/problem+json":
        return f"{response.status_code} as {response.mimetype}"
    missing = {"type", "title", "status", "detail", "instance"} - json.loads(response.text).keys()
    return f"{response.status_code} without {sorted(missing)}" if missing else None
