"""The rows of an acceptance: found, locked, written. What is done with them stands in its neighbours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Update, insert, select, update
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import MICRO, acceptance, acceptance_code, acceptance_line, product
from trace.domain.acceptance import AcceptanceState, NoteLine
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.services.lots import get_product
from trace.services.stock_keeping import micro

MOST_LINES = 500
# What a line keeps that is decided at its end; `lot` is the lot's URI where an announced shipment names it.
MORE = ("certificates", "decision", "reason", "no_code_reason", "celsius", "origin", "lot", "apart")


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line of the delivery note: `product` is a public id, `amount` what the note says in the product's unit."""

    product: str
    amount: Decimal | None = None
    lot_number: str = ""
    produced_on: date | None = None
    expires_on: date | None = None
    price: Decimal | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def open_row(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    """The organisation's own acceptance, open and locked; raises `NotFound`, `Conflict` for one that ended."""
    row = find_row(session, actor, public_id, lock=True)
    if row.state != AcceptanceState.OPEN:
        raise Conflict(N_("This acceptance has ended; its record does not change any more."), field="acceptance")
    return row


def find_row(session: Session, actor: Actor, public_id: str, *, lock: bool = False) -> Row[Any]:
    """The organisation's own acceptance; raises `NotFound`."""
    query = select(acceptance).where(
        acceptance.c.public_id == public_id, acceptance.c.organisation == actor.organisation
    )
    row = session.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no acceptance {id}."), field="acceptance", id=public_id)
    return row


def lines_of(session: Session, number: int) -> list[Row[Any]]:
    """The lines of an acceptance, in order, each with its product's file."""
    columns = [column for column in product.c if column.name not in ("id", "public_id", "unit", "created_at")]
    query = (
        select(acceptance_line, product.c.public_id, *columns)
        .join(product, product.c.id == acceptance_line.c.product)
        .where(acceptance_line.c.acceptance == number)
        .order_by(acceptance_line.c.line)
    )
    return list(session.execute(query))


def note_lines(rows: Iterable[Row[Any]]) -> list[NoteLine]:
    """The lines as the rules of acceptance see them."""
    return [
        NoteLine(
            row.line,
            row.public_id,
            row.lot_number,
            row.expires_on,
            None if row.amount is None else Decimal(row.amount) / MICRO,
            bool(row.more.get("apart")),
        )
        for row in rows
    ]


def write_lines(session: Session, number: int, lines: Sequence[NewLine], *, first: int) -> None:
    """Add lines to an acceptance, numbered from `first`; raises `Invalid` for too many, `NotFound` for no product."""
    if first + len(lines) > MOST_LINES:
        raise Invalid(N_("A delivery has at most {most} lines."), field="lines", most=MOST_LINES)
    rows = []
    for position, line in enumerate(lines):
        made_of = get_product(session, line.product, field=f"lines.{position}.product")
        rows.append(
            {
                "acceptance": number,
                "line": first + position,
                "product": made_of.id,
                "lot_number": line.lot_number,
                "produced_on": line.produced_on,
                "expires_on": line.expires_on,
                "amount": None if line.amount is None else micro(line.amount),
                "unit": made_of.unit,
                "price": None if line.price is None else micro(line.price),
                "more": {name: value for name, value in line.more.items() if name in MORE},
            }
        )
    if rows:
        session.execute(insert(acceptance_line), rows)


def next_line(session: Session, number: int) -> int:
    """The number of the next line."""
    lines = session.scalars(select(acceptance_line.c.line).where(acceptance_line.c.acceptance == number))
    return max(lines, default=-1) + 1


def line_update(number: int, line: int) -> Update:
    """The statement that changes one line."""
    return update(acceptance_line).where(acceptance_line.c.acceptance == number, acceptance_line.c.line == line)


def placed_before(session: Session, number: int, uris: Iterable[str]) -> dict[str, int | None]:
    """{code: its line} of those of these codes that are in the acceptance already."""
    found: dict[str, int | None] = {}
    for part in chunks(uris):
        query = select(acceptance_code.c.uri, acceptance_code.c.line).where(
            acceptance_code.c.acceptance == number, acceptance_code.c.uri.in_(part)
        )
        found |= dict(session.execute(query).tuples().all())
    return found


def move_codes(session: Session, number: int, placed: Mapping[str, int]) -> None:
    """Put codes that are in the acceptance on lines, {code: line}."""
    by_line: dict[int, list[str]] = {}
    for uri, line in placed.items():
        by_line.setdefault(line, []).append(uri)
    for line, uris in by_line.items():
        for part in chunks(uris):
            mine = (acceptance_code.c.acceptance == number) & acceptance_code.c.uri.in_(part)
            session.execute(update(acceptance_code).where(mine).values(line=line))


def end(session: Session, number: int, state: AcceptanceState, **values: Any) -> None:
    """Write how an acceptance ended."""
    session.execute(update(acceptance).where(acceptance.c.id == number).values(state=state.value, **values))
