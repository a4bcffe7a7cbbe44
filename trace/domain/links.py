"""Which things an event speaks of, and in which role: what the trace is made of.

A `Link` is one (item, role) pair of an event. Roles are small numbers because they are stored for every item of
every event; never renumber them, the store remembers.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    Event,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
)
from trace.domain.uris import UriKind, canonical_uri, lot_uri_of_instance, uri_kind


class Role(IntEnum):
    """The part an item plays in an event."""

    OBSERVED = 1  # seen, moved, sold, held ... (object event OBSERVE, transaction event)
    ADDED = 2  # came to be; `peer` of an instance ADDED or OBSERVED is its lot, where the event says so
    ENDED = 3  # ceased to be (object event DELETE); `peer` likewise
    INPUT = 4  # used up by a transformation; `peer` is the transformation id, if any
    OUTPUT = 5  # made by a transformation; `peer` likewise
    PARENT = 6  # something was put into or taken out of it
    PARENT_SEEN = 7  # it was seen with children inside: it moved
    EMPTIED = 8  # everything was taken out of it (DELETE that names no child, section 7.4.3)
    PACKED = 9  # put into `peer`
    UNPACKED = 10  # taken out of `peer`
    SEEN_INSIDE = 11  # seen inside `peer`
    SERIALISED = 12  # a lot whose instances this event brings into being
    TRANSFORMATION = 13  # a transformation id that ties several events into one transformation


# Our extension on object events: the lot that the listed instances belong to (also when they are only seen).
LOT_EXTENSION = "sunshine:lot"

# A million million of any unit, more than is on earth; in millionths it still fits into 64 bits.
MOST_AMOUNT = Decimal(10**12)

# Roles in which a thing moves, is treated, or ends: what a container passes on to its contents.
MOVEMENT_ROLES = frozenset(
    {Role.OBSERVED, Role.ENDED, Role.PARENT_SEEN, Role.SEEN_INSIDE, Role.PACKED, Role.UNPACKED, Role.INPUT}
)

# Roles of an instance whose `peer` is the lot it belongs to.
NAMES_LOT = frozenset({Role.OBSERVED, Role.ADDED, Role.ENDED})


class Link(Struct, frozen=True):
    """An item's part in one event; `amount` None means "some" or, for an instance, one."""

    item: str
    role: Role
    peer: str | None = None
    amount: Decimal | None = None
    unit: str | None = None


def links_of(event: Event) -> tuple[Link, ...]:
    """Every (item, role) of the event, each pair once, amounts of equal unit added up.

    A partner's amount that nobody could have (`MOST_AMOUNT`) says no more than "some": it moves no stock here. Raises
    `Invalid` where an event names a lot that cannot be.
    """
    links = list(_raw_links(event))
    if len(links) > 1:
        links = _merged(links)
    return tuple([replace(x, amount=None) if _is_absurd(x.amount) else x for x in links])


def _is_absurd(amount: Decimal | None) -> bool:
    return amount is not None and not -MOST_AMOUNT < amount < MOST_AMOUNT


def _raw_links(event: Event) -> Iterator[Link]:
    match event:
        case ObjectEvent():
            yield from _object_links(event)
        case TransactionEvent():
            if event.parent:
                yield Link(event.parent, Role.OBSERVED)
            yield from _plain(event.epcs, event.quantities, Role.OBSERVED)
        case TransformationEvent():
            yield from _transformation_links(event)
        case AggregationEvent() | AssociationEvent():
            yield from _containment_links(event)


def _object_links(event: ObjectEvent) -> Iterator[Link]:
    role = _OF_OBJECTS[event.action]
    whole = _lot_of_all(event)
    lots: dict[str, None] = {}
    for epc in event.epcs:
        lot = whole or _lot_by_number(event, epc)
        if lot:
            lots[lot] = None
        yield Link(epc, role, peer=lot)
    for lot in lots:
        yield Link(lot, Role.SERIALISED)
    for quantity in event.quantities:
        if quantity.item not in lots:
            yield Link(quantity.item, role, amount=quantity.amount, unit=quantity.unit)


_OF_OBJECTS = {Action.ADD: Role.ADDED, Action.OBSERVE: Role.OBSERVED, Action.DELETE: Role.ENDED}
_OF_CHILDREN = {Action.ADD: Role.PACKED, Action.OBSERVE: Role.SEEN_INSIDE, Action.DELETE: Role.UNPACKED}


def _lot_of_all(event: ObjectEvent) -> str | None:
    """The lot all listed instances belong to: named by our extension, or the only lot commissioned with them."""
    named = event.extensions.get(LOT_EXTENSION)
    if event.epcs and isinstance(named, str):
        return canonical_uri(named)
    if not event.epcs or event.action is not Action.ADD:
        return None
    lots = [q.item for q in event.quantities if uri_kind(q.item) is UriKind.LOT]
    return lots[0] if len(lots) == 1 else None


def _lot_by_number(event: ObjectEvent, epc: str) -> str | None:
    """The lot of one instance by `cbvmda:lotNumber` in the ilmd of its commissioning (CBV 2.0 section 9.2)."""
    number = event.ilmd.get("cbvmda:lotNumber")
    if event.action is not Action.ADD or not isinstance(number, str):
        return None
    return lot_uri_of_instance(epc, number)


def _transformation_links(event: TransformationEvent) -> Iterator[Link]:
    knot = event.transformation_id
    yield from _plain(event.input_epcs, event.input_quantities, Role.INPUT, peer=knot)
    yield from _plain(event.output_epcs, event.output_quantities, Role.OUTPUT, peer=knot)
    if knot:
        yield Link(knot, Role.TRANSFORMATION)


def _containment_links(event: AggregationEvent | AssociationEvent) -> Iterator[Link]:
    nameless = not event.child_epcs and not event.child_quantities
    if event.parent:
        if event.action is Action.DELETE and nameless:
            yield Link(event.parent, Role.EMPTIED)
        else:
            yield Link(event.parent, Role.PARENT_SEEN if event.action is Action.OBSERVE else Role.PARENT)
    yield from _plain(event.child_epcs, event.child_quantities, _OF_CHILDREN[event.action], peer=event.parent)


def _plain(epcs: Iterable[str], quantities: Iterable[Quantity], role: Role, peer: str | None = None) -> Iterator[Link]:
    for epc in epcs:
        yield Link(epc, role, peer=peer)
    for quantity in quantities:
        yield Link(quantity.item, role, peer=peer, amount=quantity.amount, unit=quantity.unit)


def _merged(links: Iterable[Link]) -> list[Link]:
    """Each (item, role, peer, unit) once: amounts added up, "some" and two is "some"."""
    seen: dict[tuple[str, Role, str | None, str | None], Link] = {}
    for link in links:
        key = (link.item, link.role, link.peer, link.unit)
        other = seen.get(key)
        if other is None:
            seen[key] = link
        else:
            unknown = other.amount is None or link.amount is None
            seen[key] = replace(link, amount=None if unknown else other.amount + link.amount)  # type: ignore[operator]
    return list(seen.values())
