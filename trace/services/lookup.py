"""Look up any code: what it is, its history, and the whole trace, back to the field and forward to every shelf.

One trace serves everybody (`trace.domain.trace_search`); what differs is how much of each event a reader sees
(`trace.services.story`). Every look-up by an inspector or auditor is written down (R18).
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.events import find_idents
from storage.tables import MICRO, organisation, stock
from storage.trace_reader import TraceReader
from trace.domain.codes import Code, parse_code
from trace.domain.containment import LAST, Position
from trace.domain.events import utc_milliseconds
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.genealogy import Direction, Trace
from trace.domain.permissions import Actor, Role, in_region
from trace.domain.trace_search import trace
from trace.domain.uris import UriKind, uri_kind
from trace.services.certificates import as_card, papers_of
from trace.services.look_up_log import note_look_up
from trace.services.flow import flow_of
from trace.services.story import Story, day_of, load_story, names_of

EVENT_LIMIT = 2_000
PUBLIC_LIMIT = 300
TRACEABLE = (UriKind.LOT, UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE)


def look_up(
    session: Session,
    *,
    actor: Actor | None,
    text: str,
    now: datetime,
    reason: str = "",
    direction: Direction | None = None,
    limit: int = EVENT_LIMIT,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Everything the reader may know of the thing a text names.

    `actor` None is the public: backward only, in the poorer view. `at` asks how it stood then. Raises `NotFound` for
    a thing without any record, `Invalid` for a text that is no code.
    """
    code = parse_code(text)
    uri = _thing(session, code)
    item = find_idents(session, [uri]).get(uri)
    if item is None:
        raise NotFound(N_("Nothing is recorded of {code}."), code=code.text[:80])
    if actor is not None and actor.watches:
        note_look_up(session, actor=actor, what="trace", subject=uri, reason=reason, now=now)
    wanted = _directions(actor, direction)
    moment = (utc_milliseconds(at), 2**62) if at else LAST
    bound = min(limit, EVENT_LIMIT if actor else PUBLIC_LIMIT)
    traces = {way: trace(TraceReader(session), item, way, at=moment, limit=bound) for way in wanted}
    if not any(found.events for found in traces.values()):
        raise NotFound(N_("Nothing is recorded of {code}."), code=code.text[:80])
    return _tell(session, actor, code, uri, item, traces)


def _thing(session: Session, code: Code) -> str:
    """The traceable thing a code names: itself, its lot, or what a certificate number belongs to."""
    for uri in (code.uri, code.lot_uri):
        if uri is not None and uri_kind(uri) in TRACEABLE:
            return uri
    raise Invalid(
        N_("{code} names no single lot or pack that could be traced: scan the label with the lot or trace code."),
        field="code",
        code=code.text[:80],
    )


def _directions(actor: Actor | None, direction: Direction | None) -> tuple[Direction, ...]:
    if actor is None:
        return (Direction.BACKWARD,)
    if actor.role is Role.PLATFORM_ADMINISTRATOR:
        return ()
    return (direction,) if direction else (Direction.BACKWARD, Direction.FORWARD)


def _tell(
    session: Session, actor: Actor | None, code: Code, uri: str, item: int, traces: dict[Direction, Trace]
) -> dict[str, Any]:
    story = load_story(session, {number for found in traces.values() for number in found.events})
    items = {i for found in traces.values() for i in found.items} | {item}
    names = names_of(session, items)
    backward = traces.get(Direction.BACKWARD)
    of_lots = [i for i, (_, lot) in names.items() if lot is not None and (backward is None or i in backward.items)]
    return {
        "code": {"kind": code.kind.value, "text": code.text, "uri": uri},
        "view": "public" if actor is None else "organisation" if not actor.watches else "inspector",
        "thing": _thing_card(names[item], names, backward),
        "timeline": _timeline(story, actor, traces, item),
        "certificates": _certificates(session, actor, of_lots),
        "traces": {way.value: _graph(found, names, item, poorer=actor is None) for way, found in traces.items()},
        "flow": flow_of(story, actor, traces.values(), names, item),
        "holders": _holders(session, actor, item) if actor is not None and actor.watches else [],
    }


def _thing_card(named: tuple[str, Any], names: dict[int, tuple[str, Any]], backward: Trace | None) -> dict[str, Any]:
    """What the thing is; a single pack is described by its lot."""
    uri, lot = named
    if lot is None and backward is not None and uri_kind(uri) is UriKind.INSTANCE:
        lots = [names[i][1] for i in backward.items if names[i][1] is not None]
        lot = lots[0] if lots else None
    card: dict[str, Any] = {"uri": uri, "kind": uri_kind(uri).name.lower()}
    if lot is not None:
        card |= {
            "product": lot.product_name,
            "category": lot.category,
            "specification": lot.specification,
            "producer": lot.producer,
            "lot": lot.uri,
            "lot_number": lot.number,
            "produced_on": lot.produced_on,
            "expires_on": lot.expires_on,
            "origin": lot.origin,
        }
    return card


def _timeline(story: Story, actor: Actor | None, traces: dict[Direction, Trace], item: int) -> list[dict[str, Any]]:
    """All events, oldest first, each said to be of the thing itself, from before it or from after it."""
    entries = []
    for number in sorted({n for found in traces.values() for n in found.events}, key=lambda n: _position(story, n)):
        entry = story.tell(number, actor)
        entry["relation"] = _relation(traces, number, item)
        entries.append(entry)
    if any("time" not in entry for entry in entries):
        entries.sort(key=day_of)
    return entries


def _position(story: Story, number: int) -> Position:
    document = story.documents[number]
    return (utc_milliseconds(datetime.fromisoformat(document["eventTime"])), number)


def _relation(traces: dict[Direction, Trace], number: int, item: int) -> str:
    for found in traces.values():
        if any(row.item == item for row in found.events.get(number, ())):
            return "own"
    backward = traces.get(Direction.BACKWARD)
    return "before" if backward is not None and number in backward.events else "after"


def _graph(found: Trace, names: dict[int, tuple[str, Any]], start: int, *, poorer: bool) -> dict[str, Any]:
    """The picture's nodes and edges: instances of one lot drawn as one node.

    In the poorer view a node says only which goods it is: a trade item's number would name a commercial partner.
    """
    group = _groups(found)
    nodes: dict[int, dict[str, Any]] = {}
    for item, depth in found.items.items():
        node = nodes.setdefault(group[item], _node(names[group[item]], depth, poorer=poorer))
        node["count"] += 1
        node["start"] = node["start"] or item == start
    edges: dict[tuple[int, int, str], int] = {}
    for edge in found.edges:
        key = (group[edge.source], group[edge.target], edge.kind.value)
        if key[0] != key[1]:
            edges[key] = edges.get(key, 0) + 1
    return {
        "events": len(found.events),
        "truncated": found.truncated,
        "rows_read": found.rows_read,
        "statements": found.statements,
        "nodes": [{"id": number, **node} for number, node in nodes.items()],
        "edges": [{"source": s, "target": t, "kind": kind, "count": n} for (s, t, kind), n in edges.items()],
    }


def _groups(found: Trace) -> dict[int, int]:
    """{item: the item it is drawn as}: fifty boxes of one case are one node."""
    group = {item: item for item in found.items}
    first: dict[int, int] = {}
    for edge in found.edges:
        if edge.kind == "serialised" and edge.target in group:
            group[edge.target] = first.setdefault(edge.source, edge.target)
    return group


def _node(named: tuple[str, Any], depth: int, *, poorer: bool) -> dict[str, Any]:
    uri, lot = named
    return {
        "uri": "" if poorer else uri,
        "kind": uri_kind(uri).name.lower(),
        "product": lot.product_name if lot else "",
        "lot_number": lot.number if lot and not poorer else "",
        "category": lot.category if lot else "",
        "depth": depth,
        "count": 0,
        "start": False,
    }


def _certificates(session: Session, actor: Actor | None, items: Iterable[int]) -> list[dict[str, Any]]:
    """The papers of the lots on the way here; the public sees kind, day and statement, not numbers and contacts."""
    found = {}
    for rows in papers_of(session, items).values():
        for row in rows:
            card = as_card(row)
            card["statement"] = row.fields.get("statement", "") if isinstance(row.fields, dict) else ""
            if actor is None:
                card = {key: card[key] for key in ("kind", "form", "issuer", "issued_on", "revoked", "statement")}
                if row.kind != "commitment_certificate":
                    card.pop("issuer")
            found[row.public_id] = card
    return list(found.values())


def _holders(session: Session, actor: Actor, item: int) -> list[dict[str, Any]]:
    """Who holds the lot now (its packs counted together), in the inspector's region."""
    query = (
        select(
            organisation.c.name,
            organisation.c.kind,
            organisation.c.region,
            stock.c.unit,
            func.sum(stock.c.on_hand).label("on_hand"),
            func.sum(stock.c.held).label("held"),
        )
        .join(organisation, organisation.c.id == stock.c.organisation)
        .where((stock.c.item == item) | (stock.c.lot == item))
        .group_by(organisation.c.name, organisation.c.kind, organisation.c.region, stock.c.unit)
    )
    return [
        {
            "name": row.name,
            "kind": row.kind,
            "unit": row.unit,
            "on_hand": Decimal(int(row.on_hand)) / MICRO,
            "held": Decimal(int(row.held)) / MICRO,
        }
        for row in session.execute(query)
        if in_region(row.region, actor.region) and (row.on_hand or row.held)
    ]
