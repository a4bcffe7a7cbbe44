"""Labels for one's own lots: what stands on them for people, and the barcode that every desk here recognises."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from scanners.symbols import Symbol, Symbology, draw_symbol
from storage.tables import ident, lot, product, stock
from trace.domain.checks import is_check_digit_right
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.uris import GS1, PRIVATE
from trace.services.lots import parse_item


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed for one lot; `lines` is the human readable interpretation of the barcode, one element a line."""

    lot: str
    lot_number: str
    product: str
    specification: str
    producer: str
    produced_on: date | None
    expires_on: date | None
    symbol: Symbol
    lines: tuple[str, ...]


def label_of_lot(session: Session, *, actor: Actor, text: str, site: str, resolution: int = 300) -> Label:
    """The label of a lot that the actor's organisation recorded, or has or had in stock.

    `text` names the lot (its URI, or its scanned label); `site` is where our public pages are (`https://host/`).
    A lot of a GTIN gets a GS1 DataMatrix with GTIN, dates and lot; one that it cannot say (a lot number in Chinese, or
    of more than 20 characters) a QR code with its GS1 Digital Link; a lot without GTIN a QR code with its public page.

    Raises `Invalid` for a text that names no lot, `NotFound` for another's lot as for none.
    """
    uri = parse_item(text, field="lot").lot_uri
    mine = or_(
        lot.c.created_by == actor.organisation,
        exists().where(stock.c.lot == lot.c.item, stock.c.organisation == actor.organisation),
    )
    query = (
        select(lot, product.c.name, product.c.specification, product.c.producer)
        .join(ident, ident.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(ident.c.uri == uri, mine)
    )
    row = session.execute(query).one_or_none() if uri else None
    if row is None or uri is None:
        raise NotFound(N_("There is no lot {lot} of yours."), field="lot", lot=text[:120])
    symbol, lines = _symbol(uri, row.number, row.produced_on, row.expires_on, site, resolution)
    return Label(
        lot=uri,
        lot_number=row.number,
        product=row.name,
        specification=row.specification or "",
        producer=row.producer or "",
        produced_on=row.produced_on,
        expires_on=row.expires_on,
        symbol=symbol,
        lines=lines,
    )


def _symbol(
    uri: str, number: str, produced: date | None, expires: date | None, site: str, resolution: int
) -> tuple[Symbol, tuple[str, ...]]:
    gtin = uri.removeprefix(f"{GS1}/01/").partition("/")[0] if uri.startswith(f"{GS1}/01/") else None
    if gtin is None or not is_check_digit_right(gtin):  # another's resolver refuses what ours finds (R20)
        path = quote(uri.removeprefix(f"{GS1}/").removeprefix(f"{PRIVATE}/"), safe="/-._~")
        return draw_symbol(f"{site}t/{path}", Symbology.QR, resolution=resolution), ()
    dates = {ai: f"{day:%y%m%d}" for ai, day in (("11", produced), ("17", expires)) if day}
    # What has a fixed length comes first: no separator is needed then (GS1 General Specifications 7.8.6).
    elements = {"01": gtin, **dates, "10": number}
    lines = tuple(f"({ai}){value}" for ai, value in elements.items())
    try:
        return draw_symbol("".join(lines), Symbology.GS1_DATAMATRIX, resolution=resolution), lines
    except Invalid:
        query = "&".join(f"{ai}={value}" for ai, value in dates.items())
        link = f"{site}{uri.removeprefix(f'{GS1}/')}" + (f"?{query}" if query else "")
        return draw_symbol(link, Symbology.QR, resolution=resolution), ()
