"""What a stock-taking comes to: the books and the count side by side, by lot and by pack."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, exists, func, not_, select
from sqlalchemy.orm import Session

from storage.events import chunks, uris_of
from storage.tables import (
    MICRO,
    event,
    event_item,
    ident,
    lot,
    person,
    product,
    split_pack,
    stock,
    stocktake,
    stocktake_count,
)
from trace.domain.dispensing import code_text
from trace.domain.epcis.vocabulary import BizStep
from trace.domain.events import utc_milliseconds
from trace.domain.failures import N_, NotFound
from trace.domain.permissions import Actor
from trace.domain.stocktaking import Counted, Outcome
from trace.domain.uris import UriKind, uri_kind
from trace.services.balance import as_amount
from trace.services.making import Goods

LISTED = 500  # things that differ; of all others there are the sums by lot
_GONE = ("sold", "sent", "returned", "destroyed", "used", "missing")


@dataclass(frozen=True, slots=True)
class Judged:
    """One thing of a stock-taking: its number and URI, its lot, and how the count of it stands.

    `gone` says where the books have a pack that was counted and is not in stock; "" for all others.
    """

    item: int
    uri: str
    unit: str
    lot: int | None
    product_name: str
    lot_number: str
    state: Counted
    gone: str = ""

    @property
    def is_pack(self) -> bool:
        """Whether it is one pack, known by its code."""
        return uri_kind(self.uri) is UriKind.INSTANCE

    @property
    def name(self) -> str:
        """What people call it."""
        return " ".join(text for text in (self.product_name, self.lot_number) if text) or self.uri


class Agreed(NamedTuple):
    """The packs of a lot that the books have and that were read, all of them together; amount in millionths."""

    lot: int | None
    unit: str
    product_name: str
    lot_number: str
    packs: int
    amount: int


class Compared(NamedTuple):
    """The books and the count: packs that are where they should be by lot, everything else one by one."""

    agreed: Sequence[Agreed]
    things: Sequence[Judged]


def found_again(one: Judged) -> bool:
    """Whether its surplus is booked: goods without codes, and packs that an earlier stock-taking missed."""
    return one.state.outcome is Outcome.SURPLUS and (not one.is_pack or one.gone == "missing")


def as_goods(one: Judged) -> Goods:
    """The difference as goods of an event."""
    return Goods(one.uri) if one.is_pack else Goods(one.uri, as_amount(abs(one.state.difference)), one.unit)


def judge(session: Session, row: Row[Any]) -> Compared:
    """Everything that was counted, and everything in the books that should have been, in order of its number.

    Packs that the books have and somebody read are summed up by the database: of 50,000 they are nearly all, and
    nothing is to be said of them one by one.
    """
    counts = {(c.item, c.unit): c for c in session.execute(_other_counts(row))}
    expected = {(s.item, s.unit): s for s in session.execute(_unread(row))}
    others = {item for item, unit in counts if (item, unit) not in expected}
    known = {(s.item, s.unit): s for s in _stock_rows(session, row.organisation, others)}
    uris = {c.item: c.uri for c in (*counts.values(), *expected.values())}
    packs = {item for item, uri in uris.items() if uri_kind(uri) is UriKind.INSTANCE}
    unseen = {item: row.started_at for item, unit in expected if (item, unit) not in counts}
    moved = _moved_since(session, row, unseen)
    loose = {item: c.counted_at for (item, _), c in counts.items() if item not in packs}
    booked = _moved_since(session, row, loose, BizStep.STOCK_TAKING)
    open_packs = _open_packs(session, row.organisation, others)
    found = []
    for item, unit in sorted(expected.keys() | counts.keys()):
        count, there = counts.get((item, unit)), expected.get((item, unit)) or known.get((item, unit))
        is_pack = item in packs
        if count is None or (is_pack and not count.amount):
            if (item, unit) not in expected:
                continue  # taken out again, and nothing of it is here
            state = Counted(None, int(expected[item, unit].here), moved=item in moved)
        else:
            here = is_pack and ((item, unit) in expected or item in open_packs)
            state = Counted(
                int(count.amount),
                # What was counted before its delivery was written down came all the same.
                int(count.amount) if here else int(count.book),
                # What another stock-taking booked since is not booked again.
                moved=bool(count.moved) or (not is_pack and item in booked),
                known=there is not None,
            )
        gone = _gone(there) if is_pack and there is not None and state.outcome is Outcome.SURPLUS else ""
        name, number = (there.name or "", there.number or "") if there is not None else ("", "")
        lot_ = there.lot if there is not None else None
        found.append(Judged(item, uris[item], unit, lot_, name, number, state, gone))
    return Compared([Agreed(*sums) for sums in session.execute(_agreed(row)).tuples()], found)


_HERE = stock.c.on_hand + stock.c.held
_STOCK = (
    select(
        stock.c.item,
        stock.c.unit,
        stock.c.lot,
        _HERE.label("here"),
        *(stock.c[name] for name in _GONE),
        product.c.name,
        lot.c.number,
        ident.c.uri,
    )
    .join(ident, ident.c.id == stock.c.item)
    .join(lot, lot.c.item == stock.c.lot, isouter=True)
    .join(product, product.c.id == lot.c.product, isouter=True)
)


def _expected(row: Row[Any]) -> Any:
    """What the books say is here, of what is counted; goods that nobody described are in no scope."""
    return _STOCK.where(_in_scope(row), _HERE > 0)


# A pack that is in the books and was read agrees, whatever moved: it is there.
_IS_PACK = ident.c.kind == int(UriKind.INSTANCE)
_OF_STOCK = (stocktake_count.c.item == stock.c.item) & (stocktake_count.c.unit == stock.c.unit)


def _agreed(row: Row[Any]) -> Any:
    """Packs of the books that were read, by lot: the columns of `Agreed`."""
    read = _OF_STOCK & (stocktake_count.c.stocktake == row.id) & (stocktake_count.c.amount > 0)
    lot_ = (stock.c.lot, stock.c.unit, product.c.name, lot.c.number)
    sums = (func.count(), func.sum(stocktake_count.c.amount))
    return _expected(row).join(stocktake_count, read).where(_IS_PACK).with_only_columns(*lot_, *sums).group_by(*lot_)


def _unread(row: Row[Any]) -> Any:
    """The rest of what the books say is here: packs that nobody read, and what is counted by quantity."""
    mine = (stocktake_count.c.stocktake == row.id) & (stocktake_count.c.amount > 0)
    read = exists().where(_OF_STOCK, mine).correlate(stock)
    return _expected(row).where(not_(_IS_PACK & read))


def _other_counts(row: Row[Any]) -> Any:
    """The rest of what was counted: packs that the books do not have here, and what is counted by quantity."""
    here = _expected(row).with_only_columns(stock.c.item).where(_OF_STOCK, _IS_PACK).correlate(stocktake_count)
    query = select(stocktake_count, ident.c.uri.label("uri")).join(ident, ident.c.id == stocktake_count.c.item)
    return query.where(stocktake_count.c.stocktake == row.id, not_((stocktake_count.c.amount > 0) & here.exists()))


def _in_scope(row: Row[Any]) -> ColumnElement[bool]:
    scope = [stock.c.organisation == row.organisation, product.c.id.is_not(None)]
    if row.product is not None:
        scope.append(product.c.id == row.product)
    elif row.category:
        scope.append(product.c.category == row.category)
    return and_(*scope)


def _stock_rows(session: Session, organisation_id: int, items: Iterable[int]) -> list[Any]:
    here = stock.c.organisation == organisation_id
    return [row for part in chunks(items) for row in session.execute(_STOCK.where(here, stock.c.item.in_(part)))]


def _open_packs(session: Session, organisation_id: int, items: Iterable[int]) -> set[int]:
    """Packs that are open on the counter and not empty: they are here, whatever of them is sold (拆零)."""
    mine = (split_pack.c.organisation == organisation_id) & (split_pack.c.sold < split_pack.c.units)
    query = select(split_pack.c.item).where(mine)
    return {item for part in chunks(items) for item in session.scalars(query.where(split_pack.c.item.in_(part)))}


def _moved_since(session: Session, row: Row[Any], since: Mapping[int, datetime], step: str | None = None) -> set[int]:
    """Those of these things of which the shop recorded an event since a moment of each; of a step, where one is named.

    What others record of the same lot moves nothing here.
    """
    query = (
        select(event_item.c.item, func.max(event.c.record_time))
        .join(event, event.c.id == event_item.c.event)
        .where(event.c.captured_by == row.organisation, event.c.record_time >= utc_milliseconds(row.started_at))
        .group_by(event_item.c.item)
    )
    if step is not None:
        query = query.join(ident, ident.c.id == event.c.step).where(ident.c.uri == step)
    latest = {
        item: moment
        for part in chunks(since)
        for item, moment in session.execute(query.where(event_item.c.item.in_(part))).tuples()
    }
    return {item for item, moment in latest.items() if moment > utc_milliseconds(since[item])}


def _gone(row: Row[Any]) -> str:
    return next((name for name in _GONE if getattr(row, name) > 0), "")


# ---- told -----------------------------------------------------------------------------------------------------------


def result_of(session: Session, compared: Compared) -> dict[str, Any]:
    """{totals: how many things stand how, lots: sums by lot, things: those that differ, more: how many are not listed}.

    Amounts are texts, exact: the result is kept as JSON. What differs stands first.
    """
    totals = {outcome.value: 0 for outcome in Outcome}
    totals[Outcome.AGREED.value] = sum(lot_.packs for lot_ in compared.agreed)
    for one in compared.things:
        totals[one.state.outcome.value] += 1
    differing = [one for one in compared.things if one.state.outcome is not Outcome.AGREED]
    order = list(Outcome)
    differing.sort(key=lambda one: (-order.index(one.state.outcome), one.name, one.item))
    return {
        "totals": totals,
        "lots": _by_lot(session, compared),
        "things": [_thing(one) for one in differing[:LISTED]],
        "more": max(len(differing) - LISTED, 0),
    }


def _thing(one: Judged) -> dict[str, Any]:
    return {
        "outcome": one.state.outcome.value,
        "uri": one.uri,
        "code": code_text(one.uri) if one.is_pack else "",
        "product": one.product_name,
        "lot_number": one.lot_number,
        "unit": one.unit,
        "difference": _text(one.state.difference),
        "gone": one.gone,
    }


def _by_lot(session: Session, compared: Compared) -> list[dict[str, Any]]:
    sums: dict[tuple[int | None, str], dict[str, Any]] = {}
    agreed = ((*of[:4], of.amount, of.amount) for of in compared.agreed)
    others = (
        (one.lot, one.unit, one.product_name, one.lot_number, one.state.book, one.state.counted or 0)
        for one in compared.things
    )
    for lot_, unit, name, number, book, counted in (*agreed, *others):
        if lot_ is None:
            continue
        nothing = {"product": name, "lot_number": number, "unit": unit, "book": 0, "counted": 0}
        row = sums.setdefault((lot_, unit), nothing)
        row["book"] += int(book)
        row["counted"] += int(counted)
    uris = uris_of(session, {lot_ for lot_, _ in sums if lot_ is not None})
    rows = [
        {**row, "lot": uris[lot_ or 0], "book": _text(row["book"]), "counted": _text(row["counted"])}
        for (lot_, _), row in sums.items()
    ]
    return sorted(rows, key=lambda row: (row["book"] == row["counted"], row["product"], row["lot_number"]))


def _text(amount: int) -> str:
    return f"{(Decimal(amount) / MICRO).normalize():f}"


def get_stocktake(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """A stock-taking with its result: as it stands now, or, closed, as it was then; raises `NotFound` for another's."""
    row = _row(session, actor, public_id)
    result = row.result if row.closed_at is not None else result_of(session, judge(session, row))
    return {**_card(row), "result": result}


def standing(session: Session, *, actor: Actor, public_id: str, last: int = 10) -> dict[str, Any]:
    """A stock-taking while it is counted, at little cost: its card, `counted` and `expected` things, who counted how
    many, and the last that were counted."""
    row = _row(session, actor, public_id)
    there = stocktake_count.c.amount > 0
    mine = stocktake_count.c.stocktake == row.id
    by = (
        select(person.c.name, func.count())
        .select_from(stocktake_count)
        .join(person, person.c.id == stocktake_count.c.person, isouter=True)
        .where(mine, there)
        .group_by(person.c.name)
        .order_by(func.count().desc())
    )
    people = [{"name": name or "", "counted": number} for name, number in session.execute(by).tuples()]
    expected = select(func.count()).select_from(_expected(row).subquery())
    newest = select(stocktake_count).where(mine, there).order_by(stocktake_count.c.counted_at.desc()).limit(last)
    recent = session.execute(newest).all()
    known = {(s.item, s.unit): s for s in _stock_rows(session, row.organisation, [one.item for one in recent])}
    uris = uris_of(session, [one.item for one in recent])
    return {
        **_card(row),
        "counted": sum(one["counted"] for one in people),
        "expected": session.execute(expected).scalar_one(),
        "people": people,
        "recent": [_recent(one, known.get((one.item, one.unit)), uris[one.item]) for one in recent],
    }


def _recent(count: Row[Any], there: Row[Any] | None, uri: str) -> Mapping[str, Any]:
    return {
        "uri": uri,
        "code": code_text(uri) if uri_kind(uri) is UriKind.INSTANCE else "",
        "product": (there.name or "") if there is not None else "",
        "lot_number": (there.number or "") if there is not None else "",
        "amount": as_amount(count.amount),
        "unit": count.unit,
        "known": there is not None,
    }


def list_stocktakes(session: Session, *, actor: Actor, limit: int = 20) -> list[dict[str, Any]]:
    """The organisation's stock-takings, open ones and then the newest first, each with its totals once it is closed."""
    query = (
        _with_names()
        .where(stocktake.c.organisation == actor.organisation)
        .order_by(stocktake.c.closed_at.is_not(None), stocktake.c.id.desc())
        .limit(limit)
    )
    return [{**_card(row), "totals": row.result["totals"] if row.result else None} for row in session.execute(query)]


def _with_names() -> Any:
    first, second = person.alias("first"), person.alias("second")
    return (
        select(
            stocktake,
            product.c.name.label("product_name"),
            first.c.name.label("closer"),
            second.c.name.label("agreed_by"),
        )
        .join(product, product.c.id == stocktake.c.product, isouter=True)
        .join(first, first.c.id == stocktake.c.closed_by, isouter=True)
        .join(second, second.c.id == stocktake.c.second_person, isouter=True)
    )


def _row(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    mine = (stocktake.c.public_id == public_id) & (stocktake.c.organisation == actor.organisation)
    row: Row[Any] | None = session.execute(_with_names().where(mine)).one_or_none()
    if row is None:
        raise no_stocktake(public_id)
    return row


def no_stocktake(public_id: str) -> NotFound:
    """There is none, or it is another's: the two look alike."""
    return NotFound(N_("There is no stock-taking {id}."), field="stocktake", id=public_id)


def _card(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "note": row.note,
        "category": row.category or "",
        "product": row.product_name or "",
        "started_at": row.started_at,
        "closed_at": row.closed_at,
        "closed_by": row.closer or "",
        "agreed_by": row.agreed_by or "",
        "reason": row.reason,
    }
