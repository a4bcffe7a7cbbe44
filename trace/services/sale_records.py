"""Sale records of drugs (销售记录) of a period, line by line: what 药品管理法 Art. 57 and GSP ask of them, to hand out.

Of who buys nothing is known. What came back, or was recorded in error, stays in the record and says so (R16).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.tables import MICRO, api_key, drug_sale, drug_sale_line, ident, lot, person, prescription, product
from trace.domain.dispensing import code_text
from trace.domain.failures import N_, TooLarge
from trace.domain.periods import Days
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, uri_kind
from trace.services.prices import as_yuan

MOST_ROWS = 20_000  # of one table
_REVIEWER = person.alias("reviewer")
_LINES = (
    select(
        drug_sale_line, drug_sale.c.number, drug_sale.c.sold_at, prescription.c.reference, ident.c.uri,
        lot.c.number.label("lot_number"), lot.c.produced_on, lot.c.expires_on, product.c.name, product.c.dosage_form,
        product.c.specification, product.c.approval_no, product.c.mah, product.c.producer, product.c.split_unit_name,
        func.coalesce(person.c.name, api_key.c.label).label("sold_by"), _REVIEWER.c.name.label("reviewed_by"),
    )
    .join(drug_sale, drug_sale.c.id == drug_sale_line.c.sale)
    .join(ident, ident.c.id == drug_sale_line.c.item)
    .join(lot, lot.c.item == drug_sale_line.c.lot)
    .join(product, product.c.id == drug_sale_line.c.product)
    .outerjoin(person, person.c.id == drug_sale.c.person)
    .outerjoin(api_key, api_key.c.id == drug_sale.c.api_key)
    .outerjoin(prescription, prescription.c.id == drug_sale.c.prescription)
    .outerjoin(_REVIEWER, _REVIEWER.c.id == prescription.c.reviewed_by)
    .order_by(drug_sale.c.sold_at, drug_sale.c.number, drug_sale_line.c.line)
)  # fmt: skip


def sale_records(session: Session, *, actor: Actor, period: Days, most: int = MOST_ROWS) -> list[dict[str, Any]]:
    """All lines sold by one's own counter in a period, in the order of their sales.

    {number, line, sold_at, product, dosage_form, specification, approval_no, mah, producer, lot_number, produced_on,
    expires_on, code, amount, unit, split_units, unit_name, price, each, no_code_reason, prescription, reviewed_by,
    sold_by, returned_at, was_wrong}: `price` is that of the line, `each` of one, in yuan, None where no price is known.

    Raises `Invalid` for a period that ends before it begins or is longer than a year, `TooLarge` for more than `most`
    lines. One statement, from the index (organisation, sold_at).
    """
    period.check()
    begin, end = period.bounds
    mine = (drug_sale.c.organisation == actor.organisation) & (drug_sale.c.sold_at >= begin)
    found = session.execute(_LINES.where(mine, drug_sale.c.sold_at < end).limit(most + 1))
    names, rows = tuple(found.keys()), found.all()
    if len(rows) > most:
        raise TooLarge(N_("The period has more than {most} lines. Take a shorter one."), field="last", most=most)
    # As dicts: of an SQLAlchemy row each attribute is looked for, half the time of a long table.
    return [_told(dict(zip(names, row, strict=True))) for row in rows]


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    amount = Decimal(row["amount"]) / MICRO
    price = None if row["price"] is None else as_yuan(row["price"])
    return {
        "number": row["number"],
        "line": row["line"],
        "sold_at": row["sold_at"],
        "product": row["name"],
        "dosage_form": row["dosage_form"] or "",
        "specification": row["specification"],
        "approval_no": row["approval_no"] or "",
        "mah": row["mah"],
        "producer": row["producer"],
        "lot_number": row["lot_number"],
        "produced_on": row["produced_on"],
        "expires_on": row["expires_on"],
        "code": code_text(row["uri"]) if uri_kind(row["uri"]) is UriKind.INSTANCE else "",
        "amount": amount,
        "unit": row["unit"],
        "split_units": row["split_units"],
        "unit_name": row["split_unit_name"] or "",
        "price": price,
        "each": None if price is None else round(price / Decimal(row["split_units"] or amount), 4),
        "no_code_reason": row["no_code_reason"],
        "prescription": row["reference"] or "",
        "reviewed_by": row["reviewed_by"] or "",
        "sold_by": row["sold_by"] or "",
        "returned_at": row["returned_at"],
        "was_wrong": row["returned_event"] == row["event"],
    }
