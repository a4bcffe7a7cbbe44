"""Lines of the counter's receipts as records that are told: what all readers of sales and returns of sales share."""

from typing import Any

from sqlalchemy import Row, Select, func, select

from storage.tables import api_key, drug_sale, drug_sale_line, ident, lot, person, product
from trace.domain.exports import Form, Record
from trace.domain.uris import UriKind
from trace.services.export_goods import GOODS, Window, amount_of, code_text, goods_of, listing_of
from trace.services.export_purchases import NUMBERS


def sale_lines(window: Window) -> Select[Any]:
    """All lines of the pharmacy's receipts, with what a record tells of them."""
    return (
        select(
            drug_sale.c.id, drug_sale.c.number.label("receipt_number"), drug_sale.c.sold_at, drug_sale.c.recorded_at,
            func.coalesce(person.c.name, api_key.c.label).label("operator"), drug_sale_line.c.line,
            drug_sale_line.c.amount, drug_sale_line.c.price, drug_sale_line.c.split_units,
            drug_sale_line.c.returned_event, drug_sale_line.c.returned_at, ident.c.uri, ident.c.kind, *GOODS,
            listing_of(window),
        )
        .join(drug_sale_line, drug_sale_line.c.sale == drug_sale.c.id)
        .join(ident, ident.c.id == drug_sale_line.c.item)
        .join(product, product.c.id == drug_sale_line.c.product)
        .join(lot, lot.c.item == drug_sale_line.c.lot)
        .outerjoin(person, person.c.id == drug_sale.c.person)
        .outerjoin(api_key, api_key.c.id == drug_sale.c.api_key)
        .where(drug_sale.c.organisation == window.organisation)
    )  # fmt: skip


def record_of_line(row: Row[*tuple[Any, ...]], window: Window, form: Form, subject: str) -> Record:
    """A line as it was sold, or, of the forms of returns, as it came back."""
    came_back = form in (Form.SALE_RETURN, Form.RETAIL_RETURN)
    code = code_text(row.uri) if row.kind == UriKind.INSTANCE else ""
    amount = amount_of(row.amount)
    # A line's price is for the line; the insurance asks for that of one.
    price = None if row.price is None or not amount else amount_of(row.price) / amount
    return Record(
        form=form,
        subject=subject,
        number=f"{NUMBERS.get(form, '')}{subject}",
        recorded_at=row.returned_at if came_back else row.recorded_at,
        happened_at=(row.returned_at if came_back else row.sold_at).astimezone(window.zone),
        operator=row.operator or "",
        document=str(row.receipt_number),
        amount=amount,
        price=price,
        split=row.split_units is not None,
        codes=(code,) if code else (),
        **goods_of(row),
    )
