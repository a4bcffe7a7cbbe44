"""Bring in a table (XLSX, CSV): looked at first and told row by row, then stored whole or not at all.

Looking tries every row through the services of the desk inside a savepoint and takes it back; storing runs the same
ones in one transaction. A small table is looked at and stored within the request; a larger one is the worker's
(`trace.import_work`): looking goes delivery by delivery, each in a short transaction, so that others write in between
and the page shows how far it is; storing is one transaction, because nothing may be half stored, and shows no
progress, because on SQLite nobody else can write a number while it runs.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row as StoredRow
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from schemas.sheets import Doubt, Limits, read_sheet
from storage import jobs
from storage.objects import ObjectStore
from storage.tables import bulk_import
from trace.domain.failures import N_, Conflict, Failure, Invalid, NotFound
from trace.domain.import_columns import Headings, TableKind, find_headings
from trace.domain.permissions import Actor
from trace.services.commands import Command, run_once
from trace.services.import_rows import (
    deliveries,
    fault,
    read_rows,
    store_delivery,
    store_product,
    try_delivery,
    try_product,
)
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on
from trace.services.scans import keep_object

JOB = "import"  # kind of its jobs
CHECKING, CHECKED, STORING, STORED, REFUSED = "checking", "checked", "storing", "stored", "refused"
_NOT_AS_CHECKED = N_("Something changed since the table was looked at, so nothing was stored. Bring it in again.")


def bring_in(session: Session, command: Command, *, objects: ObjectStore, name: str, data: bytes) -> dict[str, Any]:
    """Keep an uploaded table and look at it: its report, as `get_import` tells it. Nothing of its rows is stored.

    A file that cannot be read ends in a report that says why, too; so does one that was stored before. Raises
    `TooLarge` for more bytes than are read. The client's key makes a repeated upload one.
    """
    limits = Limits(**rules_on(session, command.day, command.actor.organisation).value("import.limits"))
    sha256 = hashlib.sha256(data).hexdigest()

    def act() -> dict[str, Any]:
        report, state = _read(session, command.actor, data, limits, sha256)
        kept = _media_type(data)
        keep_object(session, actor=command.actor, objects=objects, data=data, media_type=kept, now=command.now)
        row = {
            "public_id": new_public_id(),
            "organisation": command.actor.organisation,
            "name": name[-120:] or "-",
            "object": sha256,
            "state": state,
            "rows": len(report["rows"]),
            "done": 0,
            "report": report,
            "person": command.actor.person,
            "api_key": command.actor.api_key,
            "created_at": command.now,
        }
        number = session.execute(insert(bulk_import).values(row).returning(bulk_import.c.id)).scalar_one()
        if state == CHECKING:
            _look_now_or_later(session, command, number, report)
        return {"id": row["public_id"]}

    return run_once(session, command, "bring_in", act)


def _media_type(data: bytes) -> str:
    """What an uploaded table is kept as; it is only ever handed out as a download."""
    return "application/zip" if data.startswith(b"PK") else "text/csv"


def _read(session: Session, actor: Actor, data: bytes, limits: Limits, sha256: str) -> tuple[dict[str, Any], str]:
    """(report, state) of a file before any row is tried: `checking` where there are rows to try."""
    report: dict[str, Any] = {"kind": "", "file": [], "notes": [], "titles": {}, "rows": []}
    before = select(func.max(bulk_import.c.finished_at)).where(
        bulk_import.c.organisation == actor.organisation, bulk_import.c.object == sha256, bulk_import.c.state == STORED
    )
    stored_at = session.scalar(before)
    if stored_at is not None:
        text = N_("This very file was stored on {day} already; nothing is stored twice.")
        report["file"].append(fault("", "", text, {"day": stored_at.isoformat()}))
        return report, REFUSED
    try:
        sheet = read_sheet(data, limits)
        headings = _headings(find_headings([(r.number, _texts(r.cells)) for r in sheet.rows[:30]]))
    except Invalid as failure:
        report["file"].append(fault("", "", failure.message, failure.values))
        return report, REFUSED
    report |= {"kind": headings.kind.value, "titles": dict(headings.titles), "rows": read_rows(sheet, headings)}
    report["notes"] = [fault("", "", note.message, note.values) for note in sheet.notes]
    if headings.unknown:
        text = N_("Columns that are not known here were not read: {names}.")
        report["notes"].append(fault("", "", text, {"names": " · ".join(headings.unknown)[:300]}))
    if not report["rows"]:
        report["file"].append(fault("", "", N_("There are no rows below the headings.")))
        return report, REFUSED
    return report, CHECKING


def _texts(cells: Mapping[int, Any]) -> dict[int, str]:
    return {position: str(cell) for position, cell in cells.items() if not isinstance(cell, Doubt)}


def _headings(found: Headings | None) -> Headings:
    """The headings; raises `Invalid` where there are none, or not all that are needed, or one stands twice."""
    if found is None:
        raise Invalid(N_("No row of headings is known here. Take the template, or the headings that stand in it."))
    if found.missing:
        raise Invalid(N_("Columns are missing: {names}."), names=" · ".join(found.missing))
    if found.doubled:
        raise Invalid(N_("Columns stand twice: {names}."), names=" · ".join(found.doubled))
    return found


def _look_now_or_later(session: Session, command: Command, number: int, report: dict[str, Any]) -> None:
    """Try the rows of a small table at once; a larger one waits for the worker."""
    most = int(rules_on(session, command.day, command.actor.organisation).value("import.at_once"))
    if len(report["rows"]) > most:
        _wait_for_worker(session, command, number)
        return
    for part in parts_of(report):
        try_part(session, command, report, part)
    end_checking(session, number, report)


def _wait_for_worker(session: Session, command: Command, number: int) -> None:
    now, organisation = command.now, command.actor.organisation
    jobs.put(session, kind=JOB, subject=number, due_at=now, now=now, organisation=organisation)


def parts_of(report: Mapping[str, Any]) -> list[Any]:
    """What is tried at once: the deliveries of a table (of rows without a fault so far), or single products."""
    sound = [row for row in report["rows"] if not row["faults"]]
    return sound if report["kind"] == TableKind.PRODUCTS else deliveries(sound)


def try_part(session: Session, command: Command, report: Mapping[str, Any], part: Any) -> None:
    """Try one part; its faults and findings stand in the report's rows, and nothing stays in the store.

    Again is harmless: a part has no fault but those of its trial (`parts_of`).
    """
    for row in [part] if isinstance(part, dict) else part.rows:
        row["faults"].clear()
    if report["kind"] == TableKind.PRODUCTS:
        try_product(session, command, part)
    else:
        try_delivery(session, command, part)


def end_checking(session: Session, number: int, report: dict[str, Any]) -> None:
    """Write the report: it may be stored if no row has a fault."""
    done = {"state": CHECKED, "report": report, "done": len(report["rows"])}
    session.execute(update(bulk_import).where(bulk_import.c.id == number).values(done))


def store_import(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """Store a table that was looked at and has no fault, whole: at once, or, a larger one, by the worker.

    Raises `NotFound`, and `Conflict` for one that is not ready. Two at once: the guarded update of its row decides;
    two uploads of one file: the client key made of its hash (`client_request`), so its rows are stored once.
    Where the store has changed since the look, nothing is stored, and the state is `refused` with the reason.
    """
    row = _get_row(session, command.actor, public_id)
    if any(one["faults"] for one in row.report["rows"]):
        raise Conflict(N_("The table has faults: mend it and bring it in again."), field="id")
    ready = (
        update(bulk_import)
        .where(bulk_import.c.id == row.id, bulk_import.c.state == CHECKED)
        .values(state=STORING, done=0)
        .returning(bulk_import.c.id)
    )
    if session.execute(ready).one_or_none() is None:
        raise Conflict(N_("This table is not ready to be stored ({state})."), field="id", state=row.state)
    most = int(rules_on(session, command.day, command.actor.organisation).value("import.at_once"))
    if row.rows > most:
        _wait_for_worker(session, command, row.id)
    else:
        store_all(session, command, row)
    return {"id": public_id}


def store_all(session: Session, command: Command, row: StoredRow[Any]) -> None:
    """Store the rows of a table and note it, in one savepoint: all or none, and the reason if none."""
    report: dict[str, Any] = row.report | {"file": list(row.report["file"])}  # it may be tried again with the same row
    nested = session.begin_nested()
    try:
        keyed = Command(command.actor, command.now, f"import:{row.object}", request={"sha256": row.object})
        done = run_once(session, keyed, "store_import", lambda: _store_rows(session, command, report, row.public_id))
        nested.commit()
    except Failure as failure:
        nested.rollback()
        report["file"] += [
            fault("", "", _NOT_AS_CHECKED),
            fault(failure.field or "", "", failure.message, failure.values),
        ]
        _end(session, row.id, REFUSED, report, command.now)
        return
    if done["import"] != row.public_id:
        report["file"].append(fault("", "", N_("The same file was stored by another upload; nothing is stored twice.")))
        _end(session, row.id, REFUSED, report, command.now)
        return
    _end(session, row.id, STORED, report, command.now)


def _store_rows(session: Session, command: Command, report: dict[str, Any], public_id: str) -> dict[str, Any]:
    if report["kind"] == TableKind.PRODUCTS:
        for row in report["rows"]:
            row["result"] = store_product(session, command, row)
    else:
        filed: dict[tuple[str, ...], str] = {}
        for delivery in deliveries(report["rows"]):
            receipt = store_delivery(session, command, delivery, filed)
            for row in delivery.rows:
                row["result"] = receipt
    return {"import": public_id}


def _end(session: Session, number: int, state: str, report: dict[str, Any], now: datetime) -> None:
    done = len(report["rows"]) if state == STORED else 0
    values = {"state": state, "report": report, "finished_at": now, "done": done}
    session.execute(update(bulk_import).where(bulk_import.c.id == number).values(values))


def refuse(session: Session, number: int, report: dict[str, Any], failure: Failure, now: datetime) -> None:
    """End an import that cannot go on, with the reason."""
    report["file"].append(fault("", "", failure.message, failure.values))
    _end(session, number, REFUSED, report, now)


def get_import(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """One of the organisation's own imports with its report; raises `NotFound`."""
    row = _get_row(session, actor, public_id)
    return (
        as_card(row)
        | {name: row.report[name] for name in ("kind", "file", "notes", "titles")}
        | {
            "report": row.report["rows"],
        }
    )


def list_imports(session: Session, *, actor: Actor, limit: int = 50) -> list[dict[str, Any]]:
    """The organisation's own imports, the latest first."""
    query = select(bulk_import).where(bulk_import.c.organisation == actor.organisation)
    return [as_card(row) for row in session.execute(query.order_by(bulk_import.c.id.desc()).limit(limit))]


def as_card(row: StoredRow[Any]) -> dict[str, Any]:
    """An import as lists show it; `ready`: it may be stored now."""
    faulty = sum(1 for one in row.report["rows"] if one["faults"])
    return {
        "id": row.public_id,
        "name": row.name,
        "kind": row.report["kind"],
        "state": row.state,
        "rows": row.rows,
        "done": row.done,
        "faulty": faulty,
        "ready": row.state == CHECKED and not faulty,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
    }


def _get_row(session: Session, actor: Actor, public_id: str) -> StoredRow[Any]:
    mine = bulk_import.c.organisation == actor.organisation
    row = session.execute(select(bulk_import).where(bulk_import.c.public_id == public_id, mine)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no import {id}."), id=public_id)
    return row
