"""Look up any code: what it is, its history, and the whole trace, back to the field and forward to every shelf.

One trace serves everybody (`trace.domain.trace_search`); what differs is how much of each event a reader sees
(`trace.services.story`). Every look-up by an inspector or auditor is written down (R18).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from storage.events import find_idents
from storage.one_of import ask_for, is_asked_for
from storage.tables import MICRO, organisation, stock
from storage.tenancy import across
from trace.domain.codes import Code, parse_code
from trace.domain.containment import LAST, Position
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import utc_milliseconds
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.genealogy import Direction, EdgeKind, Trace
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role, View, region_prefix
from trace.domain.trace_search import ROWS
from trace.domain.uris import UriKind, uri_kind
from trace.services.certificates import as_card, papers_of, visible_among
from trace.services.choosing import Choice, without_pharmacies
from trace.services.drugs_sold import drugs_among
from trace.services.flow import flow_of
from trace.services.look_up_log import note_look_up
from trace.services.lots import names_of
from trace.services.pack_check import check_pack_anywhere
from trace.services.story import Story, day_of, load_story
from trace.services.trace_parts import Part, first_part, get_pause, keep_pause, next_part, pause_after

EVENT_LIMIT = 2_000
PUBLIC_LIMIT = 300
PUBLIC_ROWS = 20_000  # read for one question of somebody who is not signed in
TRACEABLE = (UriKind.LOT, UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE)


@across(because="a trace leads through other hands; each sees of it what is theirs to see")
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
    after: str | None = None,
) -> dict[str, Any]:
    """Everything the reader may know of the thing a text names.

    `actor` None is the public: backward only, in the poorer view. `at` asks how it stood then. At most `limit` events
    are told (`trace.services.choosing`); `left_out` says how many further events the reader could have read in full,
    `truncated` that not the whole way is told. For those signed in, `next` is then what to send as `after` for the part
    that follows (with `direction` and `at` of the first): events that no part before told, and how they connect.
    `after` None asks for the first part alone, "" for the first of several. Raises `NotFound` for a thing without any
    record, `Invalid` for a text that is no code and for an `after` that is none.

    What pharmacies did with a single pack of a drug is told the public by `sold` (`pack_check.check_pack_anywhere`)
    and by nothing else, as on their windows: whoever has many codes would count what they sell.
    """
    code = parse_code(text)
    uri = _thing(code)
    item = find_idents(session, [uri]).get(uri)
    if item is None:
        raise NotFound(N_("Nothing is recorded of {code}."), code=code.text[:80])
    if actor is not None:
        note_look_up(session, actor=actor, what="trace", subject=uri, reason=reason, now=now)
    most = min(limit, EVENT_LIMIT if actor else PUBLIC_LIMIT)
    if actor is not None and after:
        part = next_part(session, get_pause(session, after, actor=actor, item=item, now=now), most=most, rows=ROWS)
    else:
        moment = (utc_milliseconds(at), 2**62) if at else LAST
        rows = ROWS if actor else PUBLIC_ROWS
        part = first_part(session, item, _directions(actor, direction), at=moment, rows=rows, most=most)
        if not any(found.events or found.truncated for found in part.traces.values()):
            raise NotFound(N_("Nothing is recorded of {code}."), code=code.text[:80])
    if actor is not None:
        found = _tell(session, actor, code, item, part)
        kept = None if after is None else keep_pause(session, pause_after(part, item), actor=actor, now=now)
        return found if after is None else found | {"next": kept}
    if uri_kind(uri) is not UriKind.INSTANCE or not drugs_among(session, {uri: item}):
        return _tell(session, None, code, item, part)
    found = _tell(session, None, code, item, replace(part, choice=without_pharmacies(session, part.choice)))
    sold = check_pack_anywhere(session, item=item, now=now)
    return found | {"sold": sold, "timeline": [*found["timeline"], *_as_entry(sold)]}


def _as_entry(sold: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sale of a pack as an event of its history, if there was one: a day, and neither place nor shop."""
    if sold["day"] is None:
        return []
    entry = {"view": View.PUBLIC.value, "day": date.fromisoformat(sold["day"]), "type": "ObjectEvent"}
    entry |= {"step": BizStep.DISPENSING.value, "disposition": Disposition.DISPENSED.value}
    return [
        entry | {"by": "", "by_kind": OrganisationKind.PHARMACY.value, "region": "", "things": [], "relation": "own"}
    ]


def _thing(code: Code) -> str:
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


def _tell(session: Session, actor: Actor | None, code: Code, item: int, part: Part) -> dict[str, Any]:
    traces, choice = part.traces, part.choice
    names = names_of(session, {i for found in traces.values() for i in found.items} | {item})
    story = load_story(
        session,
        choice.told,
        actor,
        names=names,
        handovers=choice.handovers,
        whole=part.is_first and not part.is_cut,
    )
    known = story.open_things()
    if actor is not None:
        known.add(names[item][0])
    backward = traces.get(Direction.BACKWARD)
    of_lots = [i for i, (_, lot) in names.items() if lot is not None and (backward is None or i in backward.items)]
    return {
        "code": {"kind": code.kind.value, "text": code.text, "uri": names[item][0]},
        "view": "public" if actor is None else "organisation" if not actor.watches else "inspector",
        "thing": _thing_card(names[item], names, backward),
        "timeline": _timeline(story, part, item),
        "left_out": _left_out(session, actor, traces.values(), choice),
        "truncated": part.is_cut or not choice.only_sales,
        "certificates": _certificates(session, actor, story, of_lots),
        "traces": {way.value: _graph(found, names, item, known) for way, found in traces.items()},
        "flow": flow_of(story, traces.values(), names, item),
        "holders": _holders(session, actor, traces.get(Direction.FORWARD), names),
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


def _timeline(story: Story, part: Part, item: int) -> list[dict[str, Any]]:
    """All events, oldest first, each said to be of the thing itself, from before it or from after it.

    Events that the poorer view tells alike are told once: how many there were is a quantity.
    """
    entries = []
    alike = set()
    for number in sorted(story.documents, key=lambda n: _position(story, n)):
        entry = story.tell(number) | {"relation": part.relation(number, item)}
        if "time" not in entry:
            told = repr(entry)
            if told in alike:
                continue
            alike.add(told)
        entries.append(entry)
    if alike:
        entries.sort(key=day_of)
    return entries


def _position(story: Story, number: int) -> Position:
    document = story.documents[number]
    return (utc_milliseconds(datetime.fromisoformat(document["eventTime"])), number)


def _left_out(session: Session, actor: Actor | None, traces: Iterable[Trace], choice: Choice) -> int:
    """How many events the reader could read in full and are not told: others' sales are no business of theirs.

    What the reader of the store left to a count (`Trace.left_out`) is counted for inspectors only, and once where both
    directions passed by the same events.
    """
    if actor is None:
        return 0
    unread = max((found.left_out for found in traces), default=0) if actor.watches else 0
    return unread + (len(load_story(session, choice.left_out, actor, whole=False).open) if choice.left_out else 0)


def _graph(found: Trace, names: Mapping[int, tuple[str, Any]], start: int, known: set[str]) -> dict[str, Any]:
    """The picture's nodes and edges: instances of one lot drawn as one node.

    Only things in `known` are named and counted: of others a node says which goods they are. A trade item's number
    would name a commercial partner, and fifty packs are a quantity.
    """
    group = _groups(found)
    nodes: dict[int, dict[str, Any]] = {}
    for item, depth in sorted(found.items.items(), key=lambda pair: names[pair[0]][0] not in known):
        node = nodes.setdefault(group[item], _node(names[item], depth, named=names[item][0] in known))
        node["count"] += 1 if names[item][0] in known or not node["count"] else 0
        node["start"] = node["start"] or item == start
    edges: dict[tuple[int, int, str], int] = {}
    for edge in found.edges:
        key = (group[edge.source], group[edge.target], edge.kind.value)
        if key[0] != key[1]:
            both = names[edge.source][0] in known and names[edge.target][0] in known
            edges[key] = edges.get(key, 0) + 1 if both else max(edges.get(key, 0), 1)
    return {
        "truncated": found.truncated,
        "nodes": [{"id": number, **node} for number, node in nodes.items()],
        "edges": [{"source": s, "target": t, "kind": kind, "count": n} for (s, t, kind), n in edges.items()],
    }


def _groups(found: Trace) -> dict[int, int]:
    """{item: the item it is drawn as}: fifty boxes of one case are one node."""
    group = {item: item for item in found.items}
    first: dict[int, int] = {}
    for edge in found.edges:
        if edge.kind is EdgeKind.SERIALISED and edge.target in group:
            group[edge.target] = first.setdefault(edge.source, edge.target)
    return group


def _node(named_by: tuple[str, Any], depth: int, *, named: bool) -> dict[str, Any]:
    uri, lot = named_by
    return {
        "uri": uri if named else "",
        "kind": uri_kind(uri).name.lower(),
        "product": lot.product_name if lot else "",
        "lot_number": lot.number if lot and named else "",
        "category": lot.category if lot else "",
        "depth": depth,
        "count": 0,
        "start": False,
    }


def _certificates(session: Session, actor: Actor | None, story: Story, items: Iterable[int]) -> list[dict[str, Any]]:
    """The papers of the lots on the way here, whole for those who may see them.

    To all others kind, day and statement, no numbers and contacts; and of the commitment certificate, which is shown at
    the counter, who issued it, where the poorer view names them.
    """
    rows = {row.id: row for papers in papers_of(session, items).values() for row in papers}
    open_to = visible_among(session, actor, rows) if actor is not None else set()
    named = {story.party_name(party) for party in story.named}
    cards = []
    for number, row in rows.items():
        card = as_card(row)
        card["statement"] = row.fields.get("statement", "") if isinstance(row.fields, dict) else ""
        if number not in open_to:
            card = {key: card[key] for key in ("kind", "form", "issuer", "issued_on", "revoked", "statement")}
            if row.kind != CertificateKind.COMMITMENT or row.issuer not in named:
                card["issuer"] = ""
        cards.append(card)
    return cards


def _holders(
    session: Session, actor: Actor | None, forward: Trace | None, names: Mapping[int, tuple[str, Any]]
) -> list[dict[str, Any]]:
    """For inspectors: who in their region holds the thing now, or what became of it, packs of one lot together."""
    if actor is None or not actor.watches or forward is None:
        return []
    rows = ask_for(session, _held, forward.items, prefix=region_prefix(actor.region))
    return [
        {
            "name": name,
            "kind": kind,
            "product": lot.product_name if lot else "",
            "lot_number": lot.number if lot else "",
            "unit": unit,
            "on_hand": Decimal(int(on_hand)) / MICRO,
            "held": Decimal(int(held)) / MICRO,
        }
        for name, kind, item, unit, on_hand, held in sorted(tuple(row) for row in rows)
        if on_hand or held
        for _, lot in [names.get(item, ("", None))]
    ]


@cache
def _held(postgres: bool) -> Select[Any]:
    """What organisations of a region, by its `prefix`, have of things: (name, kind, lot or thing, unit, sums)."""
    thing = func.coalesce(stock.c.lot, stock.c.item)
    return (
        select(
            organisation.c.name,
            organisation.c.kind,
            thing,
            stock.c.unit,
            func.sum(stock.c.on_hand),
            func.sum(stock.c.held),
        )
        .join(organisation, organisation.c.id == stock.c.organisation)
        .where(organisation.c.region.startswith(bindparam("prefix")), is_asked_for(stock.c.item, postgres=postgres))
        .group_by(organisation.c.name, organisation.c.kind, thing, stock.c.unit)
    )
