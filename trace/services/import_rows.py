"""Rows of a table as what the desk's own services take: read cell by cell, then tried out or stored, one way in.

A row is kept as JSON in `bulk_import.report`: its number, its cells as texts by column, what is wrong with it (each
fault with the column, what came and what is wanted), what the rules find, what was stored of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.imports import DeliveryCells
from schemas.requests import UNITS, CertificateRequest, LineRequest, ProductRequest
from schemas.sheets import Cell, Doubt, Sheet, SheetRow
from schemas.workbooks import day_of
from storage.tables import organisation, product, receipt, receipt_line, supplier
from trace.domain.checks import IdentifierWarning
from trace.domain.codes import parse_code
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.import_columns import (
    EXAMPLE,
    MOST_PAPERS,
    Headings,
    TableKind,
    choices_of,
    columns_of,
    parse_amount,
    parse_day,
    reads_of,
    unit_of,
    word_of,
)
from trace.domain.papers import Finding
from trace.domain.permissions import Actor
from trace.services.arrivals import Decision, Line, Supplier
from trace.services.certificates import file_certificate
from trace.services.commands import Command
from trace.services.products import find_product, register_product
from trace.services.receiving import receive

Row = dict[str, Any]
_EMPTY = N_("The cell is empty.")
_AMOUNT = N_("A number is wanted, without its unit.")
_DAY = N_("A day is wanted, the year first: 2026-11-25.")
_WORD = N_("Not known here; one of: {choices}")
_UNIT = N_("{came} is no unit of this product, which is counted in {wanted}.")
_NO_PRODUCT = N_("This product is not in the product file. Bring in the product list first.")
_SAME_NAME = N_("{count} products have this name: give the code that is printed on the goods.")
_FUTURE = N_("This day has not come yet.")
_LINE_FIELDS = ("lot_number", "amount", "produced_on", "expires_on", "origin", "celsius", "price", "decision", "reason",
                "no_code_reason")  # fmt: skip
_PAPER_FIELDS = ("kind", "number", "issuer", "issued_on", "valid_until")
_LINE = re.compile(r"lines\.(\d+)(?:\.(\w+))?")
_GRAMS = {("GRM", "KGM"): Decimal("0.001"), ("KGM", "GRM"): Decimal(1000)}


@dataclass(slots=True)
class Delivery:
    """Rows of one supplier, delivery note and day: what `receive` takes at once."""

    supplier: str
    note: str
    day: date
    rows: list[Row] = field(default_factory=list)


# ---- reading: no store is asked ------------------------------------------------------------------------------------


def read_rows(sheet: Sheet, headings: Headings) -> list[Row]:
    """The rows below the headings, each cell read as its column wants it."""
    below = (row for row in sheet.rows if row.number > headings.row and not _is_example(row))
    return [_read_row(row, headings, sheet.epoch) for row in below]


def _is_example(row: SheetRow) -> bool:
    """Whether a row is the template's own example."""
    return any(isinstance(cell, str) and cell.startswith(EXAMPLE) for cell in row.cells.values())


def _read_row(row: SheetRow, headings: Headings, epoch: date | None) -> Row:
    values: dict[str, str] = {}
    faults: list[dict[str, Any]] = []
    for position, name in headings.columns.items():
        cell = row.cells.get(position)
        if cell is None:
            continue
        read = _read_cell(cell, reads_of(headings.kind, name), epoch)
        if isinstance(read, Doubt):
            faults.append(fault(headings.titles[name], read.came or _shown(cell), read.message, read.values))
        else:
            values[name] = read
    required = [column.name for column in columns_of(headings.kind) if column.required]
    told = {one["column"] for one in faults}
    for name in required:
        title = headings.titles.get(name, name)
        if name not in values and title not in told:
            faults.append(fault(title, "", _EMPTY))
    found: Row = {"row": row.number, "cells": values, "faults": faults, "findings": [], "result": ""}
    if not faults:
        found["faults"] += _check_shapes(found, headings)
    return found


def _read_cell(cell: Cell, reads: str, epoch: date | None) -> str | Doubt:
    """A cell as the text its schema takes."""
    if isinstance(cell, Doubt):
        return cell
    if reads == "amount":
        number = cell if isinstance(cell, Decimal) else parse_amount(cell) if isinstance(cell, str) else None
        return Doubt(_AMOUNT) if number is None else f"{number:f}"
    if reads == "day":
        if isinstance(cell, Decimal):
            cell = (day_of(cell, epoch) if epoch is not None else None) or f"{cell:f}"
        day = cell if isinstance(cell, date) else parse_day(cell)
        return Doubt(_DAY) if day is None else day.isoformat()
    text = _shown(cell)
    if reads == "text":
        return text
    if reads == "unit":
        return text if unit_of(text) else Doubt(_WORD, {"choices": ", ".join(UNITS)})
    return word_of(reads, text) or Doubt(_WORD, {"choices": ", ".join(choices_of(reads))})


def _shown(cell: Cell) -> str:
    if isinstance(cell, Doubt):
        return cell.came
    if isinstance(cell, date):
        return cell.isoformat()
    return f"{cell:f}" if isinstance(cell, Decimal) else cell


def fault(column: str, came: str, message: str, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is wrong with a cell, as it is kept (JSON): findings and doubts in it with their own words."""
    return {"column": column, "came": came[:80], "message": message, "values": _plain(values or {})}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: {"message": value.message, "values": _plain(value.values)}
        if isinstance(value, Finding | IdentifierWarning)
        else str(value)
        for key, value in values.items()
    }


def _check_shapes(row: Row, headings: Headings) -> list[dict[str, Any]]:
    """The row by the schemas of the API: lengths, ranges, what belongs together."""
    if headings.kind is TableKind.PRODUCTS:
        return _complaints(ProductRequest(), product_body(row), row, headings)
    whole = {name: row["cells"][name] for name in DeliveryCells().fields if name in row["cells"]}
    found = _complaints(DeliveryCells(), whole, row, headings)
    found += _complaints(LineRequest(), line_body(row), row, headings)
    for place, body in _papers(row):
        found += _complaints(CertificateRequest(), body, row, headings, f"paper_%s{place}")
    return found


def _complaints(
    schema: Schema, body: Mapping[str, Any], row: Row, headings: Headings, names: str = "%s"
) -> list[dict[str, Any]]:
    try:
        schema.load(body)
    except ValidationError as error:
        messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        found = []
        for key, said in messages.items():
            name = names % key
            title = headings.titles.get(name) or _template_heading(headings.kind, name)
            text = said[0] if isinstance(said, list) else str(said)
            found.append(fault(title, row["cells"].get(name, ""), str(text)) | {"schema": True})
        return found
    return []


def _template_heading(kind: TableKind, name: str) -> str:
    bare, place = re.fullmatch(r"(.*?)(?:_([23]))?", name).groups()  # type: ignore[union-attr]
    heading = next((column.heading for column in columns_of(kind) if column.name == bare), bare)
    return f"{heading}{place or ''}"


def product_body(row: Row) -> dict[str, Any]:
    """What `ProductRequest` loads of a row of a product list."""
    body = dict(row["cells"])
    body["unit"] = _our_unit(body["unit"])
    return body


def line_body(row: Row) -> dict[str, Any]:
    """What `LineRequest` loads of a row of deliveries, without product and papers."""
    return {name: row["cells"][name] for name in _LINE_FIELDS if name in row["cells"]}


def _our_unit(text: str) -> str:
    found = unit_of(text)
    return found[0] if found else text


def _papers(row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """(suffix of its columns, what `CertificateRequest` loads) of each paper that a row names."""
    for place in ("", *(f"_{n}" for n in range(2, MOST_PAPERS + 1))):
        body = {name: row["cells"].get(f"paper_{name}{place}") for name in _PAPER_FIELDS}
        if any(body.values()):
            yield place, {name: value for name, value in body.items() if value}


def deliveries(rows: Sequence[Row]) -> list[Delivery]:
    """Rows of one supplier, delivery note and day together, in the order in which the first of each stands."""
    found: dict[tuple[str, str, str], Delivery] = {}
    for row in rows:
        cells = row["cells"]
        key = (cells["supplier"], cells.get("delivery_note", ""), cells["received_on"])
        found.setdefault(key, Delivery(key[0], key[1], date.fromisoformat(key[2]))).rows.append(row)
    return list(found.values())


# ---- trying out and storing ----------------------------------------------------------------------------------------


def try_product(session: Session, command: Command, row: Row) -> None:
    """Put a product into the file and take it back: its faults stand in the row then."""
    nested = session.begin_nested()
    try:
        row["result"] = store_product(session, command, row)
    except Failure as failure:
        row["faults"].append(_told(failure, row))
    finally:
        nested.rollback()


def store_product(session: Session, command: Command, row: Row) -> str:
    """Register the product of a row: "new" or "known". One without code is known by name, kind, unit, specification."""
    asked = ProductRequest().load(product_body(row))
    actor = command.actor
    if asked.get("code"):
        known = find_product(session, actor=actor, code=parse_code(asked["code"])) is not None
    else:
        same = {name: asked.get(name, "") for name in ("name", "unit", "specification")}
        query = select(product.c.id).where(
            product.c.registered_by == actor.organisation,
            product.c.category == asked["category"].value,
            *(product.c[name] == value for name, value in same.items()),
        )
        if session.execute(query.limit(1)).one_or_none() is not None:
            return "known"
        known = False
    register_product(session, actor=actor, now=command.now, **asked)
    return "known" if known else "new"


def try_delivery(session: Session, command: Command, delivery: Delivery) -> None:
    """Receive a delivery and take it back; where it is refused, each of its rows alone, so that all faults are told.

    What the rules find stands in the rows afterwards. Nothing stays in the store.
    """
    refused = _try(session, command, delivery)
    if refused is None:
        return
    if len(delivery.rows) > 1:
        for row in delivery.rows:
            alone = Delivery(delivery.supplier, delivery.note, delivery.day, [row])
            failure = _try(session, command, alone)
            if failure is not None:
                _blame(failure, alone)
    if not any(row["faults"] for row in delivery.rows):
        _blame(refused, delivery)


def _try(session: Session, command: Command, delivery: Delivery) -> Failure | None:
    """Receive it and take it back: what it was refused with, else None and the findings in its rows."""
    nested = session.begin_nested()
    try:
        done = store_delivery(session, command, delivery, {})
        found = (
            select(receipt_line.c.findings)
            .join(receipt, receipt.c.id == receipt_line.c.receipt)
            .where(receipt.c.public_id == done)
            .order_by(receipt_line.c.line)
        )
        for row, findings in zip(delivery.rows, session.scalars(found), strict=True):
            row["findings"] = findings
    except Failure as failure:
        return failure
    finally:
        nested.rollback()
    return None


def _blame(failure: Failure, delivery: Delivery) -> None:
    """Put a refusal into the row it speaks of, the first one where it speaks of the delivery."""
    named = _LINE.match(failure.field or "")
    row = delivery.rows[int(named[1])] if named and int(named[1]) < len(delivery.rows) else delivery.rows[0]
    row["faults"].append(_told(failure, row))


def _told(failure: Failure, row: Row) -> dict[str, Any]:
    named = _LINE.match(failure.field or "")
    name = (named[2] if named else (failure.field or "").replace(".", "_")) or ""
    kind = TableKind.DELIVERIES if "supplier" in row["cells"] else TableKind.PRODUCTS
    came = row["cells"].get(name, "")
    return fault(_template_heading(kind, name) if name else "", came, failure.message, failure.values)


def store_delivery(session: Session, command: Command, delivery: Delivery, filed: dict[tuple[str, ...], str]) -> str:
    """Receive the rows of one delivery: the public id of its record. `filed` are the papers filed before, by text.

    Raises what `receive` raises, with the field `lines.<n>...` of the row at fault.
    """
    if delivery.day > command.day:
        raise Invalid(_FUTURE, field="lines.0.received_on")
    zone = command.now.tzinfo
    noon = datetime.combine(delivery.day, time(12), zone)
    earlier = Command(
        command.actor, command.now, happened_at=None if delivery.day == command.day else noon, place=command.place
    )
    lines = [_line(session, earlier, row, filed, f"lines.{number}") for number, row in enumerate(delivery.rows)]
    sender = _supplier(session, command.actor, delivery)
    return str(receive(session, earlier, supplier=sender, lines=lines, delivery_note=delivery.note)["id"])


def _supplier(session: Session, actor: Actor, delivery: Delivery) -> Supplier:
    """Who delivered: an organisation on this system by its name, else as the shop's own file or the row says."""
    name = delivery.supplier
    known = session.scalar(select(organisation.c.public_id).where(organisation.c.name == name))
    if known is not None:
        return Supplier(public_id=known)
    mine = select(supplier).where(supplier.c.organisation == actor.organisation, supplier.c.name == name)
    file, cells = session.execute(mine).one_or_none(), delivery.rows[0]["cells"]
    address, contact = cells.get("supplier_address", ""), cells.get("supplier_contact", "")
    if file is not None:
        address, contact = address or file.address, contact or file.contact
    return Supplier(name=name, address=address, contact=contact)


def _line(session: Session, command: Command, row: Row, filed: dict[tuple[str, ...], str], where: str) -> Line:
    asked = LineRequest().load(line_body(row))
    made_of = _product(session, command.actor, row, where)
    amount, unit = asked["amount"], row["cells"].get("unit")
    if unit is not None:
        ours, times = unit_of(unit) or (unit, Decimal(1))
        times *= Decimal(1) if ours == made_of["unit"] else _GRAMS.get((ours, made_of["unit"]), Decimal(0))
        if not times:
            raise Invalid(_UNIT, field=f"{where}.unit", came=unit, wanted=made_of["unit"])
        amount = (amount * times).normalize() + 0
    values = {name: asked[name] for name in _LINE_FIELDS if name in asked}
    code = row["cells"].get("code")
    named = parse_code(code) if code else None
    papers = tuple(_file(session, command, body, filed) for _, body in _papers(row))
    return Line(
        **values | {"amount": amount, "decision": Decision(asked["decision"])},
        product=made_of["id"],
        code=code if named is not None and named.lot_uri else None,
        certificates=papers,
    )


def _product(session: Session, actor: Actor, row: Row, where: str) -> Mapping[str, Any]:
    """The product a row names, by its code, else by its exact name; raises `Invalid` for none or several."""
    code, name = row["cells"].get("code"), row["cells"].get("product")
    if code:
        found = find_product(session, actor=actor, code=parse_code(code))
        if found is None:
            raise Invalid(_NO_PRODUCT, field=f"{where}.code")
        return found
    query = select(product.c.public_id, product.c.unit, product.c.registered_by).where(product.c.name == name)
    rows = session.execute(query.limit(20)).all()
    own = [one for one in rows if one.registered_by == actor.organisation]
    rows = own if len(own) == 1 else rows
    if len(rows) != 1:
        text = _SAME_NAME if rows else _NO_PRODUCT
        raise Invalid(text, field=f"{where}.product", count=len(rows))
    return {"id": rows[0].public_id, "unit": rows[0].unit}


def _file(session: Session, command: Command, body: Mapping[str, Any], filed: dict[tuple[str, ...], str]) -> str:
    """A paper of a row, filed once however many rows name it."""
    key = tuple(str(body.get(name, "")) for name in _PAPER_FIELDS)
    if key not in filed:
        asked = CertificateRequest().load(body)
        kept = {name: asked[name] for name in _PAPER_FIELDS}
        filed[key] = str(file_certificate(session, command, lots=(), **kept)["id"])
    return filed[key]
