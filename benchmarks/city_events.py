"""The events that a city is made of, one shape each: what farms, markets, kitchens, shops and pharmacies record."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from benchmarks.city_shapes import Shape
from trace.domain.dispensing import RETURN_EXTENSION
from trace.domain.events import (
    Action,
    AggregationEvent,
    BizTransaction,
    Endpoint,
    Event,
    ObjectEvent,
    Quantity,
    TransformationEvent,
)
from trace.domain.links import LOT_EXTENSION
from trace.domain.uris import UriKind

KILOGRAM = "KGM"
_PLACE, _PARTY, _NOTE = UriKind.PLACE, UriKind.PARTY, UriKind.TRANSACTION
_LOT, _PACK, _CASE, _CRATE = UriKind.LOT, UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE
Things: TypeAlias = Sequence[str]
Amounts: TypeAlias = Sequence[Decimal]
Common: TypeAlias = dict[str, Any]


def _at(common: Common, place: str, step: str, disposition: str | None = None) -> Common:
    return common | {"biz_step": step, "disposition": disposition, "read_point": place, "biz_location": place}


def _between(common: Common, source: str, destination: str, note: str) -> Common:
    """Goods that change hands, under a delivery note."""
    return common | {
        "sources": (Endpoint("owning_party", source),),
        "destinations": (Endpoint("owning_party", destination),),
        "biz_transactions": (BizTransaction(note, "desadv"),),
    }


def _some(lot: str, amount: Decimal) -> tuple[Quantity, ...]:
    return (Quantity(lot, amount, KILOGRAM),)


def _harvest(common: Common, t: Things, a: Amounts) -> Event:
    what = _at(common, t[0], "commissioning", "active")
    ilmd = {"cbvmda:countryOfOrigin": "CN"}
    return ObjectEvent(**what, action=Action.ADD, quantities=_some(t[1], a[0]), ilmd=ilmd)


def _fill_crate(common: Common, t: Things, a: Amounts) -> Event:
    what = _at(common, t[0], "packing", "in_progress")
    return AggregationEvent(**what, action=Action.ADD, parent=t[1], child_quantities=_some(t[2], a[0]))


def _empty(common: Common, t: Things, a: Amounts) -> Event:
    return AggregationEvent(**_at(common, t[0], "unpacking", "in_progress"), action=Action.DELETE, parent=t[1])


def _send_closed(common: Common, t: Things, a: Amounts) -> Event:
    """A crate, case or pallet goes: nobody says what is in it."""
    what = _between(_at(common, t[0], "shipping", "in_transit"), t[1], t[2], t[3])
    return ObjectEvent(**what, action=Action.OBSERVE, epcs=(t[4],))


def _receive_closed(common: Common, t: Things, a: Amounts) -> Event:
    what = _between(_at(common, t[0], "receiving", "in_progress"), t[1], t[2], t[3])
    return ObjectEvent(**what, action=Action.OBSERVE, epcs=(t[4],))


def _send(common: Common, t: Things, a: Amounts) -> Event:
    what = _between(_at(common, t[0], "shipping", "in_transit"), t[1], t[2], t[3])
    return ObjectEvent(**what, action=Action.OBSERVE, quantities=_some(t[4], a[0]))


def _send_back(common: Common, t: Things, a: Amounts) -> Event:
    what = _between(_at(common, t[0], "shipping", "returned"), t[1], t[2], t[3])
    return ObjectEvent(**what, action=Action.OBSERVE, quantities=_some(t[4], a[0]))


def _receive(common: Common, t: Things, a: Amounts) -> Event:
    what = _between(_at(common, t[0], "receiving", "in_progress"), t[1], t[2], t[3])
    return ObjectEvent(**what, action=Action.OBSERVE, quantities=_some(t[4], a[0]))


def _store(common: Common, t: Things, a: Amounts) -> Event:
    what = _at(common, t[0], "storing", "sellable_accessible")
    return ObjectEvent(**what, action=Action.OBSERVE, quantities=_some(t[1], a[0]))


def _sell(common: Common, t: Things, a: Amounts) -> Event:
    what = _at(common, t[0], "retail_selling", "retail_sold")
    return ObjectEvent(**what, action=Action.OBSERVE, quantities=_some(t[1], a[0]))


def _destroy(common: Common, t: Things, a: Amounts) -> Event:
    what = _at(common, t[0], "destroying", "destroyed")
    return ObjectEvent(**what, action=Action.DELETE, quantities=_some(t[1], a[0]))


def _mix(inputs: int) -> Shape:
    """Lots are mixed (one input: repacked or cooked) into one or two lots."""
    outputs = 1 if inputs > 1 else 2

    def build(common: Common, t: Things, a: Amounts) -> Event:
        every = [Quantity(lot, amount, KILOGRAM) for lot, amount in zip(t[1:], a, strict=True)]
        what = _at(common, t[0], "commissioning", "active")
        return TransformationEvent(
            **what, input_quantities=tuple(every[:inputs]), output_quantities=tuple(every[inputs:])
        )

    return Shape(build, (_PLACE, *[_LOT] * (inputs + outputs)), inputs + outputs)


def _make_packs(packs: int) -> Shape:
    def build(common: Common, t: Things, a: Amounts) -> Event:
        what = _at(common, t[0], "commissioning", "active")
        return ObjectEvent(**what, action=Action.ADD, epcs=tuple(t[2:]), extensions={LOT_EXTENSION: t[1]})

    return Shape(build, (_PLACE, _LOT, *[_PACK] * packs))


def _put_in(children: int, kind: UriKind) -> Shape:
    def build(common: Common, t: Things, a: Amounts) -> Event:
        what = _at(common, t[0], "packing", "container_closed")
        return AggregationEvent(**what, action=Action.ADD, parent=t[1], child_epcs=tuple(t[2:]))

    return Shape(build, (_PLACE, _CASE, *[kind] * children))


def _take_out(children: int, kind: UriKind) -> Shape:
    def build(common: Common, t: Things, a: Amounts) -> Event:
        what = _at(common, t[0], "unpacking", "in_progress")
        return AggregationEvent(**what, action=Action.DELETE, parent=t[1], child_epcs=tuple(t[2:]))

    return Shape(build, (_PLACE, _CASE, *[kind] * children))


def _receive_packs(packs: int) -> Shape:
    """A case is opened on arrival and its packs are read, as the law asks of a pharmacy."""

    def build(common: Common, t: Things, a: Amounts) -> Event:
        what = _between(_at(common, t[0], "receiving", "in_progress"), t[1], t[2], t[3])
        return ObjectEvent(**what, action=Action.OBSERVE, epcs=tuple(t[5:]), extensions={LOT_EXTENSION: t[4]})

    return Shape(build, (_PLACE, _PARTY, _PARTY, _NOTE, _LOT, *[_PACK] * packs))


def _dispense(common: Common, t: Things, a: Amounts) -> Event:
    return ObjectEvent(**_at(common, t[0], "dispensing", "dispensed"), action=Action.OBSERVE, epcs=(t[1],))


def _take_back(common: Common, t: Things, a: Amounts) -> Event:
    what = _at(common, t[0], "receiving", "returned") | {"extensions": {RETURN_EXTENSION: True}}
    return ObjectEvent(**what, action=Action.OBSERVE, epcs=(t[1],))


_ENDS = (_PLACE, _PARTY, _PARTY, _NOTE)
HARVEST = Shape(_harvest, (_PLACE, _LOT), 1)
FILL_CRATE = Shape(_fill_crate, (_PLACE, _CRATE, _LOT), 1)
EMPTY_CRATE = Shape(_empty, (_PLACE, _CRATE))
SEND_CRATE, RECEIVE_CRATE = Shape(_send_closed, (*_ENDS, _CRATE)), Shape(_receive_closed, (*_ENDS, _CRATE))
SEND_CASE, RECEIVE_CASE = Shape(_send_closed, (*_ENDS, _CASE)), Shape(_receive_closed, (*_ENDS, _CASE))
SEND, SEND_BACK = Shape(_send, (*_ENDS, _LOT), 1), Shape(_send_back, (*_ENDS, _LOT), 1)
RECEIVE = Shape(_receive, (*_ENDS, _LOT), 1)
STORE, SELL, DESTROY = (Shape(build, (_PLACE, _LOT), 1) for build in (_store, _sell, _destroy))
DISPENSE, TAKE_BACK = Shape(_dispense, (_PLACE, _PACK)), Shape(_take_back, (_PLACE, _PACK))


@lru_cache
def mix(inputs: int) -> Shape:
    """place, inputs, outputs (two of one input, one of more); amounts of all of them."""
    return _mix(inputs)


@lru_cache
def make_packs(packs: int) -> Shape:
    """place, lot, packs."""
    return _make_packs(packs)


@lru_cache
def fill_case(packs: int) -> Shape:
    """place, case, packs."""
    return _put_in(packs, _PACK)


@lru_cache
def empty_case(packs: int) -> Shape:
    """place, case, packs."""
    return _take_out(packs, _PACK)


@lru_cache
def load_pallet(cases: int) -> Shape:
    """place, pallet, cases."""
    return _put_in(cases, _CASE)


@lru_cache
def unload_pallet(cases: int) -> Shape:
    """place, pallet, cases."""
    return _take_out(cases, _CASE)


@lru_cache
def receive_packs(packs: int) -> Shape:
    """place, source, destination, delivery note, lot, packs."""
    return _receive_packs(packs)
