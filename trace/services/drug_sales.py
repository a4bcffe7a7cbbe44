"""Receipts of the pharmacy's counter (销售小票): every retail receipt shows the trace codes (医保发〔2025〕7号)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, func, insert, select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import (
    MICRO,
    drug_sale,
    drug_sale_line,
    ident,
    lot,
    organisation,
    person,
    prescription,
    product,
    split_pack,
)
from trace.domain.dispensing import code_text
from trace.domain.failures import N_, NotFound
from trace.domain.money import money_text
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, uri_kind
from trace.services.commands import Command
from trace.services.organisations import new_public_id
from trace.services.prices import as_yuan

_BY, _REVIEWER = person.alias("seller"), person.alias("reviewer")


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One line of a receipt as it is stored: numbers of the store, `amount` in millionths, `price` of the line in
    millionths of a yuan."""

    item: int
    lot: int
    product: int
    amount: int
    unit: str
    split_units: int | None
    price: int | None
    no_code_reason: str
    passed_by: str
    event: int


def write_sale(
    session: Session, command: Command, *, lines: Sequence[SoldLine], prescription: int | None
) -> dict[str, Any]:
    """Write a receipt: {id, number, total}. Numbers run from 1 in each organisation, without a gap; `total` is in
    yuan, as text, None where no price is known.

    Two counters of one shop: the locked row of `organisation` lines them up for the number; it is the last lock taken.
    """
    here = command.actor.organisation
    mine = select(organisation.c.id).where(organisation.c.id == here)
    session.execute(mine.with_for_update(key_share=True)).all()
    last = session.scalar(select(func.max(drug_sale.c.number)).where(drug_sale.c.organisation == here))
    values = {
        "public_id": new_public_id(),
        "organisation": here,
        "number": (last or 0) + 1,
        "sold_at": command.happened_at or command.now,
        "recorded_at": command.now,
        "person": command.actor.person,
        "api_key": command.actor.api_key,
        "prescription": prescription,
    }
    sale = session.execute(insert(drug_sale).values(values).returning(drug_sale.c.id)).scalar_one()
    rows = [{"sale": sale, "line": number, **asdict(line)} for number, line in enumerate(lines, 1)]
    session.execute(insert(drug_sale_line), rows)
    total = _text(_sum(None if line.price is None else as_yuan(line.price) for line in lines))
    return {"id": values["public_id"], "number": values["number"], "total": total}


def get_sale(session: Session, public_id: str, *, actor: Actor) -> dict[str, Any]:
    """One's own receipt with its lines; raises `NotFound`.

    {id, number, sold_at, sold_by, shop: {name, address, contact}, prescription, reviewed_by, lines, total, refund}; a
    line is {line, product, specification, producer, lot_number, expires_on, code, uri, amount, unit, split_units,
    unit_name, price, no_code_reason, passed_by, returned_at, was_wrong}; `code` is empty for packs without one. `price`
    is that of the line, in yuan; `total` what was paid (of lines that were recorded in error nothing), `refund` what
    was given back of it; None where no price is known.
    """
    row = session.execute(_sales(actor).where(drug_sale.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no receipt {id}."), id=public_id)
    return _with_lines(row, _lines(session, [row.id])[row.id])


def list_sales(
    session: Session, *, actor: Actor, now: datetime, day: date | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """One's own receipts with their lines, the latest first; of a day in the shop's time (`now` carries it), or all."""
    query = _sales(actor).order_by(drug_sale.c.number.desc()).limit(limit)
    if day is not None:
        begins = datetime.combine(day, time(), now.tzinfo)
        query = query.where(drug_sale.c.sold_at >= begins, drug_sale.c.sold_at < begins + timedelta(days=1))
    rows = session.execute(query).all()
    lines = _lines(session, [row.id for row in rows])
    return [_with_lines(row, lines[row.id]) for row in rows]


def _with_lines(row: Row[Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    sold = [line for line in lines if not line["was_wrong"]]
    back = [line["price"] for line in sold if line["returned_at"] is not None]
    return {**_as_told(row), "lines": lines, "total": _sum(line["price"] for line in sold), "refund": _sum(back)}


def _sum(prices: Iterable[Decimal | None]) -> Decimal | None:
    """What is known of them, added up; None where nothing is."""
    known = [price for price in prices if price is not None]
    return sum(known, Decimal(0)) if known else None


def paid_for(session: Session, actor: Actor, items: Collection[int | None]) -> str | None:
    """What was paid, in yuan as text, for things (by their numbers) that are sold here as a whole; None: not known."""
    query = (
        select(drug_sale_line.c.price)
        .join(drug_sale, drug_sale.c.id == drug_sale_line.c.sale)
        .where(drug_sale.c.organisation == actor.organisation)
        .where(drug_sale_line.c.returned_event.is_(None), drug_sale_line.c.split_units.is_(None))
    )
    parts = chunks([item for item in items if item is not None])
    found = [price for part in parts for price in session.scalars(query.where(drug_sale_line.c.item.in_(part)))]
    return _text(_sum(None if price is None else as_yuan(price) for price in found))


def _text(total: Decimal | None) -> str | None:
    return None if total is None else money_text(total)


def _sales(actor: Actor) -> Select[Any]:
    shop = (organisation.c.name, organisation.c.address, organisation.c.contact)
    return (
        select(
            drug_sale,
            *(column.label(f"shop_{column.name}") for column in shop),
            _BY.c.name.label("sold_by"),
            prescription.c.reference,
            _REVIEWER.c.name.label("reviewed_by"),
        )
        .join(organisation, organisation.c.id == drug_sale.c.organisation)
        .outerjoin(_BY, _BY.c.id == drug_sale.c.person)
        .outerjoin(prescription, prescription.c.id == drug_sale.c.prescription)
        .outerjoin(_REVIEWER, _REVIEWER.c.id == prescription.c.reviewed_by)
        .where(drug_sale.c.organisation == actor.organisation)
    )


def _as_told(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "number": row.number,
        "sold_at": row.sold_at,
        "sold_by": row.sold_by or "",
        "shop": {"name": row.shop_name, "address": row.shop_address, "contact": row.shop_contact},
        "prescription": row.reference,
        "reviewed_by": row.reviewed_by,
    }


def _lines(session: Session, sales: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """{sale: its lines}."""
    of_pack = (split_pack.c.item == drug_sale_line.c.item) & (split_pack.c.organisation == drug_sale.c.organisation)
    query = (
        select(
            drug_sale_line,
            ident.c.uri,
            product.c.name,
            product.c.specification,
            product.c.producer,
            lot.c.number.label("lot_number"),
            lot.c.expires_on,
            split_pack.c.unit_name,
        )
        .join(drug_sale, drug_sale.c.id == drug_sale_line.c.sale)
        .join(ident, ident.c.id == drug_sale_line.c.item)
        .join(product, product.c.id == drug_sale_line.c.product)
        .join(lot, lot.c.item == drug_sale_line.c.lot)
        .outerjoin(split_pack, of_pack)
        .order_by(drug_sale_line.c.sale, drug_sale_line.c.line)
    )
    found: dict[int, list[dict[str, Any]]] = {sale: [] for sale in sales}
    for part in chunks(sales):
        for row in session.execute(query.where(drug_sale_line.c.sale.in_(part))):
            found[row.sale].append(_line(row))
    return found


def _line(row: Row[Any]) -> dict[str, Any]:
    is_pack = uri_kind(row.uri) is UriKind.INSTANCE
    return {
        "line": row.line,
        "product": row.name,
        "specification": row.specification,
        "producer": row.producer,
        "lot_number": row.lot_number,
        "expires_on": row.expires_on,
        "code": code_text(row.uri) if is_pack else "",
        "uri": row.uri,
        "amount": Decimal(row.amount) / MICRO,
        "unit": row.unit,
        "split_units": row.split_units,
        "unit_name": row.unit_name or "",
        "price": None if row.price is None else as_yuan(row.price),
        "no_code_reason": row.no_code_reason,
        "passed_by": row.passed_by,
        "returned_at": row.returned_at,
        "was_wrong": row.returned_event == row.event,
    }
