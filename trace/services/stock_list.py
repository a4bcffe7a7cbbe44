"""What an organisation has: stock by lot, what expires first on top."""

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, Integer, Select, case, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from storage.events import chunks
from storage.tables import ident, lot, product, stock
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Actor
from trace.domain.rules.book import Rules
from trace.domain.stock import FULL, Balance
from trace.services.balance import as_amount
from trace.services.rulebook import rules_on


class Shelf(StrEnum):
    """Which lots are shown."""

    OPEN = "open"  # on hand or held
    NEAR = "near_expiry"
    EXPIRED = "expired"
    HELD = "held"
    GONE = "gone"  # nothing of it is here any more


@dataclass(frozen=True, slots=True)
class StockQuery:
    """What is asked for: which lots, of which category, with which text in the product's name or the lot's number.

    `after` is the `next` of the page before.
    """

    shelf: Shelf = Shelf.OPEN
    category: str | None = None
    text: str = ""
    after: str | None = None
    limit: int = 50


_UNTIL = func.coalesce(lot.c.expires_on, literal(date.max, Date))
_PLACE = (_UNTIL, product.c.name, lot.c.item, stock.c.unit)  # what expires first, then by name, then who came first
_SUMS = {name: func.sum(stock.c[name]) for name in Balance._fields}
_HERE = _SUMS["on_hand"] + _SUMS["held"]


def list_stock(
    session: Session, *, actor: Actor, category: str | None = None, limit: int = 500
) -> list[dict[str, Any]]:
    """On hand and held by lot, what expires first on top; single packs of a lot counted together.

    Beside `on_hand` and `held` each row has what came of the lot and where the rest of it is (`Balance`).
    """
    query = _lots(actor, StockQuery(category=category)).having(_HERE > 0).limit(limit)
    return [_row(row) for row in session.execute(query).mappings()]


def stock_page(session: Session, *, actor: Actor, query: StockQuery, on: date) -> dict[str, Any]:
    """`stock`, a page of `list_stock`'s rows, and `next`, where more follow: what to ask for after this page.

    Each row has its `state` on the day (`expired`, `near`, `fresh`, by the rule book's `near_expiry`) and `earlier`:
    the lot of the same product that is on hand, good, and expires before it, as {lot_number, expires_on}, or None.
    """
    left, near = _left(session, on), _near(session, rules_on(session, on, actor.organisation))
    shown = {
        Shelf.OPEN: (_HERE > 0,),
        Shelf.NEAR: (_HERE > 0, left >= 0, left <= near),
        Shelf.EXPIRED: (_HERE > 0, left < 0),
        Shelf.HELD: (_SUMS["held"] > 0,),
        Shelf.GONE: (_HERE == 0,),
    }[query.shelf]
    asked = _lots(actor, query).add_columns(left.label("left"), near.label("near")).having(*shown)
    found = session.execute(asked.limit(query.limit + 1)).mappings().all()
    page = found[: query.limit]
    first = _first_to_expire(session, actor, {row["product_number"] for row in page}, on)
    rows = [_row(row) | {"state": _state(row), "earlier": _earlier(row, first)} for row in page]
    return {"stock": rows, "next": _cursor(page[-1]) if len(found) > len(page) else None}


def near_lots(session: Session, *, actor: Actor, on: date) -> set[int]:
    """The numbers of the lots in stock that are near their expiry on a day, or past it."""
    left, near = _left(session, on), _near(session, rules_on(session, on, actor.organisation))
    query = (
        select(lot.c.item)
        .join(stock, stock.c.lot == lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(stock.c.organisation == actor.organisation, stock.c.on_hand + stock.c.held > 0, left <= near)
    )
    return set(session.scalars(query.distinct()))


def count_shelves(
    session: Session, *, organisations: Sequence[int], rules: Rules, on: date
) -> dict[int, dict[str, int]]:
    """How many lots several organisations (their numbers) have in stock: {organisation: {open, near, expired, held}}.

    `near` by the given rules; a lot counts as `held` where some of it is.
    """
    left, near = _left(session, on), _near(session, rules)
    lots = (
        select(stock.c.organisation, left.label("left"), near.label("near"), _SUMS["held"].label("held"))
        .join(lot, lot.c.item == stock.c.lot)
        .join(product, product.c.id == lot.c.product)
        .where(stock.c.organisation.in_(organisations))
        .group_by(stock.c.organisation, lot.c.item, product.c.id)
        .having(_HERE > 0)
        .subquery()
    )
    counts = {
        "open": func.count(),
        "near": func.count().filter(lots.c.left >= 0, lots.c.left <= lots.c.near),
        "expired": func.count().filter(lots.c.left < 0),
        "held": func.count().filter(lots.c.held > 0),
    }
    query = select(lots.c.organisation, *(count.label(name) for name, count in counts.items()))
    found = {row["organisation"]: row for row in session.execute(query.group_by(lots.c.organisation)).mappings()}
    return {
        number: {name: found[number][name] if number in found else 0 for name in counts} for number in organisations
    }


def earlier_lots(session: Session, *, actor: Actor, items: Iterable[int], on: date) -> list[dict[str, Any]]:
    """Of these lots and packs (their numbers) the lots of whose product an earlier one is open.

    The answer is {lot, lot_number, expires_on} each: the lot asked for, and the one to sell first (ISO 8601).
    """
    found: list[dict[str, Any]] = []
    for part in chunks(items):
        of = select(stock.c.lot).where(stock.c.organisation == actor.organisation, stock.c.item.in_(part))
        lots = session.execute(
            select(ident.c.uri, lot.c.product.label("product_number"), lot.c.expires_on)
            .join(ident, ident.c.id == lot.c.item)
            .where(lot.c.item.in_(of))
            .order_by(lot.c.item)
        ).mappings()
        rows = lots.all()
        first = _first_to_expire(session, actor, {row["product_number"] for row in rows}, on)
        found += [
            {"lot": row["uri"], **earlier, "expires_on": earlier["expires_on"].isoformat()}
            for row in rows
            if (earlier := _earlier(row, first))
        ]
    return found


def _lots(actor: Actor, query: StockQuery) -> Select[Any]:
    """The lots that the organisation has or had, with their balances, in their order."""
    lots = (
        select(
            lot.c.item,
            ident.c.uri,
            lot.c.number,
            lot.c.produced_on,
            lot.c.expires_on,
            product.c.id.label("product_number"),
            product.c.name,
            product.c.category,
            stock.c.unit,
            *(total.label(name) for name, total in _SUMS.items()),
        )
        .join(lot, lot.c.item == stock.c.lot)
        .join(ident, ident.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(stock.c.organisation == actor.organisation)
        .group_by(lot.c.item, ident.c.uri, product.c.id, stock.c.unit)
        .order_by(*_PLACE)
    )
    if query.category:
        lots = lots.where(product.c.category == query.category)
    if query.text:
        found = [column.icontains(query.text, autoescape=True) for column in (product.c.name, lot.c.number)]
        lots = lots.where(or_(*found, ident.c.uri == query.text))
    if query.after:
        lots = lots.where(tuple_(*_PLACE) > tuple_(*_after(query.after)))
    return lots


def _days(session: Session, later: Any, earlier: Any) -> ColumnElement[int]:
    """The days between two dates, in the database's own arithmetic."""
    if session.get_bind().dialect.name == "postgresql":
        difference: ColumnElement[Any] = later - earlier
        return difference.cast(Integer)
    return (func.julianday(later) - func.julianday(earlier)).cast(Integer)


def _left(session: Session, on: date) -> ColumnElement[int]:
    """The days a lot has left; below 0: it is expired; NULL where it does not expire."""
    return _days(session, lot.c.expires_on, literal(on, Date))


def _near(session: Session, rules: Rules) -> ColumnElement[int]:
    """From how many days left a lot is near its expiry; where its shelf life is not known, the longest of them."""
    shelf_life = func.coalesce(product.c.shelf_life_days, _days(session, lot.c.expires_on, lot.c.produced_on))
    prefix = "near_expiry."
    own = [
        (product.c.category == entry.name.removeprefix(prefix), _near_by(shelf_life, entry.value))
        for entry in rules.under(prefix)
    ]
    all_others = _near_by(shelf_life, rules.value("near_expiry"))
    return case(*own, else_=all_others) if own else all_others


def _near_by(shelf_life: ColumnElement[int], rows: Sequence[dict[str, int]]) -> ColumnElement[int]:
    steps = [(shelf_life >= row["shelf_life"], row["days"]) for row in rows]
    return case(*steps, else_=max(row["days"] for row in rows))


def _first_to_expire(session: Session, actor: Actor, products: Iterable[int], on: date) -> dict[int, tuple[date, str]]:
    """{product: (expiry, lot number)} of what is on hand, good on the day, and has to be sold first."""
    query = (
        select(lot.c.product, lot.c.expires_on, lot.c.number)
        .join(stock, stock.c.lot == lot.c.item)
        .where(
            stock.c.organisation == actor.organisation,
            stock.c.on_hand > 0,
            lot.c.product.in_(set(products)),
            lot.c.expires_on >= on,
        )
        .order_by(lot.c.expires_on.desc(), lot.c.number.desc())
    )
    return {row.product: (row.expires_on, row.number) for row in session.execute(query)}


def _earlier(row: Any, first: dict[int, tuple[date, str]]) -> dict[str, Any] | None:
    until, number = first.get(row["product_number"], (date.max, ""))
    return {"lot_number": number, "expires_on": until} if until < (row["expires_on"] or date.max) else None


def _state(row: Any) -> str:
    if row["left"] is None:
        return "fresh"
    return "expired" if row["left"] < 0 else "near" if row["left"] <= row["near"] else "fresh"


def _row(row: Any) -> dict[str, Any]:
    return {
        "lot": row["uri"],
        "lot_number": row["number"],
        "product": row["name"],
        "category": row["category"],
        "produced_on": row["produced_on"],
        "expires_on": row["expires_on"],
        "unit": row["unit"],
        **{name: as_amount(row[name]) for name in Balance._fields},
    }


def _cursor(row: Any) -> str:
    place = [(row["expires_on"] or date.max).isoformat(), row["name"], row["item"], row["unit"]]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _after(cursor: str) -> Sequence[ColumnElement[Any]]:
    try:
        until, name, item, unit = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        values = (date.fromisoformat(until), str(name), int(item), str(unit))
        if not 0 <= values[2] < FULL or "\0" in values[1] + values[3]:
            raise ValueError(cursor)
    except (ValueError, TypeError) as error:
        raise Invalid(N_("This page is not known any more. Begin again with the first."), field="after") from error
    types = (Date(), product.c.name.type, lot.c.item.type, stock.c.unit.type)
    return [literal(value, type_) for value, type_ in zip(values, types, strict=True)]
