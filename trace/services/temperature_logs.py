"""Temperature logs of cold deliveries: the logger's file is kept as it came, read, and judged (R11, SAMR 84 41)."""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from schemas.logger_files import LoggerFile, read_logger_file
from storage.objects import ObjectStore
from storage.tables import acceptance as acceptance_table
from storage.tables import receipt as receipt_table
from storage.tables import temperature_log
from trace.domain.climate import Bounds, Summary, as_degrees, summarise, thinned
from trace.domain.epcis.document import as_time
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.services.capture import check_time
from trace.services.commands import Command, run_once
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on
from trace.services.scans import keep_object

POINTS = 400  # of the curve that are kept; the file has them all
MOST_EXCURSIONS = 100  # that are told one by one
_TYPE = "text/csv"


def file_log(
    session: Session,
    command: Command,
    *,
    objects: ObjectStore,
    upload: bytes,
    low: int,
    high: int,
    acceptance: str | None = None,
) -> dict[str, Any]:
    """Keep a logger's CSV and say how the goods were: what `get_log` says of it.

    `low` and `high` are what the goods may have, in hundredths of a degree, both included. `acceptance` is the public
    id of the delivery it belongs to, if one is open. Raises `Invalid` with the line at fault for a file that cannot be
    read or ends in the future, `TooLarge`, and `NotFound` for an acceptance of somebody else.

    The same file sent twice for the same acceptance is one log where the client key says so (`run_once`); two at once
    without a key are two logs of one file, which say the same.
    """

    def act() -> dict[str, Any]:
        if low > high:
            raise Invalid(N_("Give both ends of the range, the colder one first."), field="low")
        belongs = None if acceptance is None else _acceptance(session, command.actor, acceptance)
        file = read_file(session, command, upload)
        check_time(file.readings[-1].at, command.now, field="file")
        rules = rules_on(session, command.day, command.actor.organisation)
        found = summarise(file.readings, Bounds(low, high), activation_energy=rules.number("climate.activation_energy"))
        keep_object(session, actor=command.actor, objects=objects, data=upload, media_type=_TYPE, now=command.now)
        row = {
            "public_id": new_public_id(),
            "organisation": command.actor.organisation,
            "acceptance": belongs,
            "object": hashlib.sha256(upload).hexdigest(),
            "person": command.actor.person,
            "filed_at": command.now,
            "low": low,
            "high": high,
            **_values(file, found),
        }
        session.execute(insert(temperature_log).values(row))
        return {"id": row["public_id"]}

    done = run_once(session, command, "file_log", act)
    return get_log(session, actor=command.actor, public_id=done["id"])


def read_file(session: Session, command: Command, upload: bytes) -> LoggerFile:
    """The readings of a logger's file within the limits of the rule book, in the shop's zone."""
    limits = rules_on(session, command.day, command.actor.organisation).value("climate.file_limits")
    zone = command.now.tzinfo
    assert zone is not None  # a command's moment is aware
    return read_logger_file(
        upload, most_bytes=int(limits["bytes"]), most_rows=int(limits["rows"]), zone=zone, now=command.now
    )


def _values(file: LoggerFile, found: Summary) -> dict[str, Any]:
    first = found.excursions[:MOST_EXCURSIONS]
    return {
        "logger": file.logger,
        "started_at": found.begin,
        "ended_at": found.end,
        "readings": found.readings,
        "missing": file.missing,
        "gap_seconds": found.gap_seconds,
        "coldest": found.coldest,
        "warmest": found.warmest,
        "kinetic": found.kinetic,
        "excursion_count": len(found.excursions),
        "excursions": [
            {
                "from": as_time(one.begin),
                "until": as_time(one.until),
                "coldest": one.coldest,
                "warmest": one.warmest,
            }
            for one in first
        ],
        "points": [list(point) for point in thinned(file.readings, POINTS)],
    }


def _acceptance(session: Session, actor: Actor, public_id: str) -> int:
    query = select(acceptance_table.c.id).where(
        acceptance_table.c.public_id == public_id, acceptance_table.c.organisation == actor.organisation
    )
    found: int | None = session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound(N_("There is no acceptance {id}."), field="acceptance", id=public_id)
    return found


def get_log(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """One log of the actor's organisation; raises `NotFound` for any other.

    {id, logger, started_at, ended_at, readings, missing (lines without a reading), gap_minutes (the longest), gap_told
    (whether that is more than the rule book lets pass), low, high, coldest, warmest, kinetic (mean kinetic temperature;
    all degrees Celsius), inside, excursion_count, excursions [{from, until, coldest, warmest}], points [[seconds since
    the start, hundredths of a degree]], sha256 of the file, filed_at}.
    """
    query = select(temperature_log).where(
        temperature_log.c.public_id == public_id, temperature_log.c.organisation == actor.organisation
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no temperature log {id}."), id=public_id)
    return _card(session, actor, row)


def logs_of(session: Session, *, actor: Actor, acceptance: str) -> list[dict[str, Any]]:
    """The logs of one acceptance of the actor's organisation, the first filed first."""
    query = (
        select(temperature_log)
        .join(acceptance_table, acceptance_table.c.id == temperature_log.c.acceptance)
        .where(acceptance_table.c.public_id == acceptance, temperature_log.c.organisation == actor.organisation)
        .order_by(temperature_log.c.id)
    )
    return [_card(session, actor, row) for row in session.execute(query).all()]


def logs_of_receipt(session: Session, *, actor: Actor, receipt_id: str) -> list[dict[str, Any]]:
    """The logs of a receipt, the first filed first; that the reader may see the receipt is looked at before."""
    query = (
        select(temperature_log)
        .join(receipt_table, receipt_table.c.id == temperature_log.c.receipt)
        .where(receipt_table.c.public_id == receipt_id)
        .order_by(temperature_log.c.id)
    )
    return [_card(session, actor, row) for row in session.execute(query).all()]


def tie_to_receipt(session: Session, *, acceptance: int, receipt: int) -> None:
    """The logs of an acceptance are those of the receipt that came of it (both by number); again is harmless."""
    session.execute(update(temperature_log).where(temperature_log.c.acceptance == acceptance).values(receipt=receipt))


def sensor_elements(log: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """A log, as `get_log` tells it, for the event of the delivery: coldest and warmest of the time it covers, and an
    alarm where it left the range (EPCIS 2.0 section 7.3.7, CBV 2.0 section 7.6)."""
    alarm = {} if log["inside"] else {"exception": "ALARM_CONDITION"}
    report = {"type": "Temperature", "minValue": log["coldest"], "maxValue": log["warmest"], "uom": "CEL", **alarm}
    told = {"startTime": as_time(log["started_at"]), "endTime": as_time(log["ended_at"])}
    return ({"sensorMetadata": told, "sensorReport": [report]},)


def _card(session: Session, actor: Actor, row: Row[Any]) -> dict[str, Any]:
    gap = int(rules_on(session, row.filed_at.date(), actor.organisation).value("climate.log_gap_minutes"))
    return {
        "id": row.public_id,
        "logger": row.logger,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "readings": row.readings,
        "missing": row.missing,
        "gap_minutes": row.gap_seconds // 60,
        "gap_told": row.gap_seconds > gap * 60,
        "low": as_degrees(row.low),
        "high": as_degrees(row.high),
        "coldest": as_degrees(row.coldest),
        "warmest": as_degrees(row.warmest),
        "kinetic": as_degrees(row.kinetic),
        "inside": row.excursion_count == 0,
        "excursion_count": row.excursion_count,
        "excursions": [
            one | {end: as_degrees(one[end]) for end in ("coldest", "warmest") if one[end] is not None}
            for one in row.excursions
        ],
        "points": row.points,
        "sha256": row.object,
        "filed_at": row.filed_at,
    }
