"""What must hold in a store whose server was killed: everything acknowledged once, nothing half, the stock adds up."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, exists, func, or_, select, text
from sqlalchemy.orm import Session

from benchmarks.crash_scene import CAPTURE, PHOTO, SALE, Sent, note_of
from storage.event_keys import SLICES, find_keyed
from storage.events import id_key
from storage.tables import (
    MICRO,
    client_request,
    dispensing,
    dispensing_head,
    drug_sale,
    drug_sale_line,
    event,
    event_document,
    event_item,
    event_key,
    event_party,
    ident,
    object_owner,
    organisation,
    receipt,
    receipt_line,
    scan,
    stock,
    stored_object,
)
from trace.domain.stock import Balance
from trace.domain.uris import drug_code_uri


def kept(session: Session, sent: Sent) -> list[tuple[int, int]]:
    """Of each kind of row that a request leaves: (how many are there, how many it leaves if it is kept, once)."""
    request, things = sent.request, len(sent.request.things)
    if request.kind == PHOTO:  # has no name of its own before it is answered
        ids = [one["id"] for one in sent.answer["scans"]] if sent.answered else []
        return [(_count(session, scan, scan.c.public_id.in_(ids)), len(ids))]
    if request.kind == CAPTURE:
        mine = event.c.id.in_([number for number, *_ in find_keyed(session, map(id_key, request.things))])
        told = event.join(event_document, event_document.c.event == event.c.id)
        return [(_count(session, event, mine), things), (_count(session, told, mine), things)]
    key = client_request.c.client_key == request.key
    codes = select(ident.c.id).where(ident.c.uri.in_([drug_code_uri(code) for code in request.things]))
    of_sale = (
        (dispensing, dispensing.c.item.in_(codes)),
        (drug_sale_line, drug_sale_line.c.item.in_(codes)),
        (stock, stock.c.item.in_(codes) & (stock.c.sold == MICRO) & (stock.c.on_hand == 0)),
        (dispensing_head, dispensing_head.c.item.in_(codes) & (dispensing_head.c.open_sales == 1)),
    )
    if request.kind == SALE:
        return [(_count(session, client_request, key), 1), *((_count(session, *rows), things) for rows in of_sale)]
    note = receipt.c.delivery_note == note_of(request)
    return [
        (_count(session, client_request, key), 1),
        (_count(session, receipt, note), 1),
        (_count(session, receipt.join(receipt_line), note), 1),
        (_count(session, stock, stock.c.item.in_(codes) & (stock.c.came == MICRO)), things),
    ]


def _count(session: Session, rows: FromClause, where: ColumnElement[bool]) -> int:
    return int(session.scalar(select(func.count()).select_from(rows).where(where)) or 0)


def is_whole(counts: Sequence[tuple[int, int]]) -> bool:
    """Whether all of a request is there."""
    return all(there == whole for there, whole in counts)


def check_requests(session: Session, sent: Iterable[Sent]) -> Iterator[str]:
    """What is wrong with what requests left: half, missing though acknowledged, or more than once."""
    for one in sent:
        counts = kept(session, one)
        if is_whole(counts) or (not one.answered and not any(there for there, _ in counts)):
            continue
        said = "acknowledged" if one.answered else "not acknowledged"
        told = ", ".join(f"{there} of {whole}" for there, whole in counts)
        yield f"{one.request.kind} {one.request.key} ({said}): of its rows are there {told}"


def count_events(session: Session) -> int:
    """How many events there are."""
    return int(session.scalar(select(func.count()).select_from(event)) or 0)


def check_store(session: Session, events: int | None = None) -> Iterator[str]:
    """What is wrong with the store as a whole: it holds nothing half, and so many events where that is known."""
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    if on_sqlite:
        for check in ("integrity_check", "foreign_key_check"):
            for row in session.execute(text(f"PRAGMA {check}")):
                if row[0] != "ok":
                    yield f"{check}: {tuple(row)}"
    if events is not None and count_events(session) != events:
        yield f"{count_events(session)} events are there, {events} were sent"
    for name, query in (_QUERIES | (_OF_SQLITE if on_sqlite else {})).items():
        wrong = int(session.scalar(query) or 0)
        if wrong:
            yield f"{name}: {wrong}"


def _rows(table: FromClause, where: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(table).where(where)


def _without(column: Column[Any], other: Column[Any]) -> Select[int]:
    """How many values of a column there are that another table has nothing to.

    EXCEPT reads each table once: NOT IN reads again for each row what does not fit into PostgreSQL's work_mem, and NOT
    EXISTS on SQLite what no index helps with, which took minutes each after some 50 rounds.
    """
    alone = select(column).where(column.is_not(None)).except_(select(other)).subquery()
    return select(func.count()).select_from(alone)


_OPEN = dispensing.c.returned_event.is_(None)
_SALES = _rows(dispensing, _OPEN & (dispensing.c.item == dispensing_head.c.item)).correlate(dispensing_head)
_TWICE = select(dispensing.c.item).where(_OPEN).group_by(dispensing.c.item).having(func.count() > 1)
_WHERE = [stock.c[name] for name in Balance._fields if name != "came"]
_QUERIES = {
    "events without a document": _without(event.c.id, event_document.c.event),
    "documents without an event": _without(event_document.c.event, event.c.id),
    "events about nothing": _without(event.c.id, event_item.c.event),
    "things of no event": _without(event_item.c.event, event.c.id),
    "things without a name": _without(event_item.c.item, ident.c.id),
    "events captured by nobody": _without(event.c.captured_by, organisation.c.id),
    "parties of no event": _without(event_party.c.event, event.c.id),
    "captors among the parties": _rows(
        event_party,
        exists().where(event.c.id == event_party.c.event, event.c.captured_by == event_party.c.organisation),
    ),
    "receipts without a line": _without(receipt.c.id, receipt_line.c.receipt),
    "sales without a line": _without(drug_sale.c.id, drug_sale_line.c.sale),
    "scans of an object that is nobody's": _without(scan.c.object, object_owner.c.object),
    "commands without an answer": _rows(client_request, client_request.c.answer.is_(None)),
    "stock that does not add up": _rows(stock, stock.c.came != sum(_WHERE[1:], start=_WHERE[0])),
    "stock of nothing": _without(stock.c.item, ident.c.id),
    "stock of nobody": _without(stock.c.organisation, organisation.c.id),
    "stock below nothing": _rows(stock, or_(*(column < 0 for column in _WHERE))),
    "packs whose sales are miscounted": _rows(
        dispensing_head, dispensing_head.c.open_sales != _SALES.scalar_subquery()
    ),
    "packs sold more than once": select(func.count()).select_from(_TWICE.subquery()),
}


# Of all events under a key: one that is stored twice has a key of its own each time, in another stage.
_KEYS = _rows(
    event_key,
    event_key.c.stage.in_([0, *SLICES])
    & (event_key.c.id_key == event.c.id_key)
    & (event_key.c.declarer == event.c.declarer),
).correlate(event)
_OF_SQLITE = {
    "events whose key does not stand once": _rows(event, _KEYS.scalar_subquery() != 1),
    "events without a key": _rows(event, _KEYS.where(event_key.c.event == event.c.id).scalar_subquery() == 0),
    "keys of no event": _without(event_key.c.event, event.c.id),
}


def check_objects(session: Session, folder: Path) -> Iterator[str]:
    """What is wrong with the photos: a record without its file, or a file that is not what its name says."""
    files = {f"{file.parent.name}{file.name}": file for file in folder.glob("??/*") if len(file.name) == 62}
    for sha256 in session.scalars(select(stored_object.c.sha256)):
        if sha256 not in files:
            yield f"the object {sha256} has no file"
    for sha256, file in files.items():
        if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            yield f"the file {file} is not what its name says"
