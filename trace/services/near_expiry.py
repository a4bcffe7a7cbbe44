"""What expires: past its day, in red, near (近效期); by the rule book of the day (GSP; 药品管理法 Art. 98)."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import drug_sale, drug_sale_line, ident
from trace.domain.permissions import Actor
from trace.services.balance import as_amount
from trace.services.rulebook import rules_on
from trace.services.stock_list import Shelf, StockQuery, stock_page

LISTED = 500  # lots of a shelf
PACE_DAYS = 30  # of which what was sold is told: will the rest be sold in time?


def expiring(session: Session, *, actor: Actor, now: datetime, category: str | None = None) -> dict[str, Any]:
    """{expired, red, near: lots in stock, what expires first on top; more: whether there are more than are listed}.

    Each lot is a row of `trace.services.stock_list` with `left` (days, below 0: over), and for drugs `sold` in the last
    30 days. Red is what the rule book's `expiry_red.<category>` says; without one nothing is red.
    """
    on = now.date()
    rules = rules_on(session, on, actor.organisation)
    expired, more = _rows(session, actor, Shelf.EXPIRED, category, on)
    near, more_near = _rows(session, actor, Shelf.NEAR, category, on)
    pace = _sold(session, actor, [row["lot"] for row in near], now)
    for row in near:
        red = rules.entry(f"expiry_red.{row['category']}")
        row["red"] = red is not None and row["left"] <= red.value
        row["sold"] = pace.get(row["lot"], as_amount(0))
    return {
        "expired": expired,
        "red": [row for row in near if row["red"]],
        "near": [row for row in near if not row["red"]],
        "more": more or more_near,
    }


def _rows(
    session: Session, actor: Actor, shelf: Shelf, category: str | None, on: date
) -> tuple[list[dict[str, Any]], bool]:
    query = StockQuery(shelf=shelf, category=category, limit=LISTED)
    page = stock_page(session, actor=actor, query=query, on=on)
    return [{**row, "left": (row["expires_on"] - on).days} for row in page["stock"]], page["next"] is not None


def _sold(session: Session, actor: Actor, lots: list[str], now: datetime) -> dict[str, Any]:
    """{lot: how much of it was sold at the counter in the last days and not brought back}."""
    query = (
        select(ident.c.uri, func.sum(drug_sale_line.c.amount))
        .join(drug_sale, drug_sale.c.id == drug_sale_line.c.sale)
        .join(ident, ident.c.id == drug_sale_line.c.lot)
        .where(
            drug_sale.c.organisation == actor.organisation,
            drug_sale.c.sold_at >= now - timedelta(days=PACE_DAYS),
            drug_sale_line.c.returned_event.is_(None),
        )
        .group_by(ident.c.uri)
    )
    return {
        uri: as_amount(amount)
        for part in chunks(lots)
        for uri, amount in session.execute(query.where(ident.c.uri.in_(part))).tuples()
    }
