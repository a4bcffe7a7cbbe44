"""Labels for one's own lots: what stands on them for people, and the barcode that every desk here recognises."""

from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from scanners.symbols import Symbol, Symbology, draw_symbol, text_inside
from storage.tables import ident, lot, product, stock
from trace.domain.checks import is_check_digit_right
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.uris import GS1
from trace.services.lots import parse_item

FINEST = 0.396  # mm a module: the least that scanners of shops are built for (GS1 General Specifications, table 1)


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


def label_of_lot(
    session: Session, *, actor: Actor, text: str, site: str, resolution: int = 300, room: float | None = None
) -> Label:
    """The label of a lot that the actor's organisation recorded, or has or had in stock.

    `text` names the lot (its URI, or its scanned label); `site` is where our public pages are (`https://host/`).
    A lot of a GTIN gets a GS1 DataMatrix with GTIN, dates and lot; one that it cannot say (a lot number in Chinese, or
    of more than 20 characters) a QR code with its GS1 Digital Link; a lot without GTIN a QR code with its public page.
    `room` is the height in millimetres that there is: the modules are made finer where that is needed.

    Raises `Invalid` for a text that names no lot and for a barcode that does not fit, `NotFound` for another's lot as
    for none.
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
    symbology, content, lines = _content(uri, row.number, row.produced_on, row.expires_on, site)
    symbol = draw_symbol(content, symbology, resolution=resolution)
    if room is not None and symbol.height > room:
        symbol = draw_symbol(content, symbology, resolution=resolution, module=FINEST)
    if room is not None and symbol.height > room:
        raise Invalid(
            N_(
                "The barcode of lot {lot} is {came} mm high, and there is room for {room} mm. Give it a shorter number."
            ),
            field="lot",
            lot=row.number,
            came=f"{symbol.height:.0f}",
            room=f"{room:.0f}",
        )
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


def _content(
    uri: str, number: str, produced: date | None, expires: date | None, site: str
) -> tuple[Symbology, str, tuple[str, ...]]:
    """What a lot's barcode is, what it holds, and how that is written under it (nothing under a link)."""
    gtin = uri.removeprefix(f"{GS1}/01/").partition("/")[0] if uri.startswith(f"{GS1}/01/") else None
    if gtin is None or not is_check_digit_right(gtin):  # other resolvers refuse what ours finds (R20)
        # Whole, not in the short form of our own pages: a link with `/lot/` in its path may be a partner's identifier.
        return Symbology.QR, f"{site}t/{quote(uri, safe='')}", ()
    dates = {ai: f"{day:%y%m%d}" for ai, day in (("11", produced), ("17", expires)) if day}
    # What has a fixed length comes first: no separator is needed then (GS1 General Specifications 7.8.6).
    lines = tuple(f"({ai}){value}" for ai, value in ({"01": gtin} | dates | {"10": number}).items())
    try:
        text_inside("".join(lines))
    except Invalid:
        query = "&".join(f"{ai}={value}" for ai, value in dates.items())
        return Symbology.QR, f"{site}{uri.removeprefix(f'{GS1}/')}" + (f"?{query}" if query else ""), ()
    return Symbology.GS1_DATAMATRIX, "".join(lines), lines
