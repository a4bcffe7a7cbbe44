"""What is in a crate, case or pallet right now, and in the cases on the pallet."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, unpack_links, uris_of
from storage.tables import MICRO, event, event_item
from trace.domain.containment import ENDS_STAYS, LAST, Position, Row, stays_of
from trace.domain.failures import N_, Conflict
from trace.domain.links import Role
from trace.domain.trace_reading import ALONE
from trace.domain.trace_search import LEVELS
from trace.domain.uris import UriKind, uri_kind
from trace.services.lots import units_of
from trace.services.making import Goods

_TRAVELS = (Role.PARENT_SEEN, Role.OBSERVED, Role.SEEN_INSIDE)
_CONTAINERS = (UriKind.CONTAINER_UNIT, UriKind.RETURNABLE)


class Load(NamedTuple):
    """What a container holds at every depth: the goods, each with the container it is directly in, and the containers
    in between that are not empty, each with the one that it is in."""

    goods: list[Goods]
    containers: list[Goods]


def goods_inside(session: Session, container: str) -> Load:
    """The goods in a container and in the containers in it, in order of depth.

    A container is followed once, whatever ring the records make of it. Raises `Conflict` for more levels than a trace
    follows (`trace.domain.trace_search.LEVELS`): what is deeper would be left behind in silence.
    """
    goods: list[Goods] = []
    inner: dict[str, Goods] = {}
    opening, depth = [container], 0
    while opening:
        if depth == LEVELS:
            raise Conflict(
                N_("{container} holds containers more than {levels} deep. Unpack it first."),
                field="containers",
                container=container,
                levels=LEVELS,
            )
        found = [good for parent in opening for good in content_of(session, parent)]
        containers = containers_among(session, [good.item for good in found])
        goods += [good for good in found if good.item not in containers]
        fresh = containers - inner.keys() - {container}
        boxes = {good.item: good for good in found if good.item in fresh}
        inner |= boxes
        opening, depth = list(boxes), depth + 1
    return Load(goods, _filled(goods, list(inner.values())))


def containers_among(session: Session, uris: Iterable[str]) -> set[str]:
    """Those of these things that hold others: crates and pallets, and cases that something was packed into."""
    uris = set(uris)
    found = {uri for uri in uris if uri_kind(uri) in _CONTAINERS}
    ids = find_idents(session, [uri for uri in uris if uri_kind(uri) is UriKind.INSTANCE])
    names = {item: uri for uri, item in ids.items()}
    query = select(event_item.c.item).where(event_item.c.role == Role.PARENT).distinct()
    for part in chunks(sorted(names)):
        found |= {names[item] for item in session.scalars(query.where(event_item.c.item.in_(part)))}
    return found


def _filled(goods: Iterable[Goods], containers: list[Goods]) -> list[Goods]:
    """The containers (outer before inner) with goods somewhere in them: an empty case on a pallet tells nothing."""
    full = {good.container for good in goods}
    kept = []
    for box in reversed(containers):
        if box.item in full:
            full.add(box.container)
            kept.append(box)
    return kept[::-1]


def content_of(session: Session, container: str, *, elsewhere_than: int | None = None) -> list[Goods]:
    """What was packed into a container and not taken out again, with what is left of each lot.

    `elsewhere_than` (an organisation's number) keeps only leftovers: content that somebody else packed, or that has
    travelled since it was packed; what that organisation is filling just now is none.
    """
    parent = find_idents(session, [container]).get(container)
    if parent is None:
        return []
    own_rows = _rows(session, [parent])
    ends = [row for row in own_rows if row.role in ENDS_STAYS]
    emptied = max((row.at for row in ends), default=None)
    filled = [row for row in own_rows if row.role == Role.PARENT and (emptied is None or row.at > emptied)]
    children = _children(session, parent, [row.event for row in filled])
    rows: dict[int, list[Row]] = {child: [] for child in children}
    for row in _rows(session, list(children)):
        rows[row.item].append(row)
    uris = uris_of(session, children)
    inside = {
        child: stay.since
        for child in children
        for stay in stays_of(rows[child], ends, alone=uri_kind(uris[child]) in ALONE)
        if stay.parent == parent and stay.until == LAST
    }
    if elsewhere_than is not None and inside:
        inside = _leftovers(session, inside, own_rows, elsewhere_than)
    units = units_of(session, [uris[child] for child in inside])
    return [
        Goods(uris[child], _left(rows[child], parent, since), units.get(uris[child]), container)
        for child, since in inside.items()
    ]


def _rows(session: Session, items: list[int]) -> list[Row]:
    query = select(*(event_item.c[name] for name in Row._fields)).order_by(
        event_item.c.item, event_item.c.time, event_item.c.event, event_item.c.line
    )
    parts = (session.execute(query.where(event_item.c.item.in_(part))) for part in chunks(sorted(items)))
    return [Row(*row) for found in parts for row in found]


def _children(session: Session, parent: int, events: list[int]) -> set[int]:
    parts = (session.scalars(select(event.c.links).where(event.c.id.in_(part))) for part in chunks(events))
    links = [link for found in parts for packed in found for link in unpack_links(packed)]
    return {link.item for link in links if link.role == Role.PACKED and link.peer == parent}


def _leftovers(
    session: Session, inside: dict[int, Position], own_rows: list[Row], organisation: int
) -> dict[int, Position]:
    packed_by: dict[int, int] = {}
    for part in chunks({at[1] for at in inside.values()}):
        query = select(event.c.id, event.c.captured_by).where(event.c.id.in_(part))
        packed_by |= dict(session.execute(query).tuples().all())
    moved = max((row.at for row in own_rows if row.role in _TRAVELS), default=None)
    return {
        child: at
        for child, at in inside.items()
        if packed_by[at[1]] != organisation or (moved is not None and moved > at)
    }


def _left(rows: list[Row], parent: int, since: Position) -> Decimal | None:
    """What is left of a lot in the container: packed less unpacked, None for an instance or "some"."""
    changes = [row for row in rows if row.peer == parent and row.at >= since]
    amounts = [
        -row.amount if row.role == Role.UNPACKED else row.amount
        for row in changes
        if row.amount is not None and row.role in (Role.PACKED, Role.UNPACKED)
    ]
    return Decimal(sum(amounts)) / MICRO if amounts else None
