"""Temperature and humidity of the zones: typed, from a logger's file or a sensor; what left the range, what was done.

Twice a day a reading of each zone is part of the record (GSP), and so is each stay outside the zone's bounds, when it
begins and when it is over: these are EPCIS events of the zone's place. What else machines tell is kept beside them,
thinned (`trace.services.climate_keeping`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from storage.objects import ObjectStore
from storage.tables import climate_action, climate_reading
from trace.domain.climate import Bounds, Reading, Source, as_degrees
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.services.capture import check_time
from trace.services.climate_keeping import keep_readings
from trace.services.commands import Command, run_once
from trace.services.rulebook import rules_on
from trace.services.scans import keep_object
from trace.services.temperature_logs import read_file
from trace.services.zones import bounds_of, get_zone_row, lock_zone

_COLDEST, _WARMEST = Decimal(-60), Decimal(80)  # of a shop's thermometer; what lies beyond was typed wrongly
_TYPE = "text/csv"


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody read off a thermometer: degrees Celsius, percent (or None), and what was done if it is outside."""

    zone: str
    celsius: Decimal
    humidity: Decimal | None = None
    action: str = ""


def type_readings(
    session: Session, command: Command, *, readings: Sequence[Typed], late_reason: str = ""
) -> dict[str, Any]:
    """Record what was read off the thermometers of some zones, now or at `happened_at`: all or none.

    What is typed long after it was read (`climate.late_hours`) is a late entry and takes a reason, which stands in the
    record. Raises `Invalid` for one without a reason or too old to be remembered, and for a reading outside the zone's
    bounds without a word of what was done about it (read again, too: most of these are slips of the finger),
    `Conflict` for another reading of the same zone and moment, `NotFound`.

    Two at once for a zone line up at its locked row; the primary key (zone, measured_at) makes the same reading one.
    """

    def act() -> dict[str, Any]:
        if not readings:
            raise Invalid(N_("Type the temperature of at least one zone."), field="readings")
        at = (command.happened_at or command.now).replace(microsecond=0)
        late = _late_reason(session, command, at, late_reason.strip())
        rules = rules_on(session, command.day, command.actor.organisation)
        # In the order of the zones, so that nobody waits in a ring.
        for number, typed in sorted(enumerate(readings), key=lambda pair: pair[1].zone):
            field = f"readings.{number}"
            row = lock_zone(session, command.actor, typed.zone)
            _check_open(row)
            reading = _typed(typed, at, field)
            inside = bounds_of(row, rules).hold(reading)
            if not inside and not typed.action:
                raise _outside(reading, bounds_of(row, rules), f"{field}.action")
            kept = keep_readings(session, command, row, [reading], Source.TYPED, rules, late_reason=late)
            if not kept:
                _check_same(session, row, reading, field)
            elif not inside:
                _note_action(session, command, row.id, at, typed.action)
        return {"readings": len(readings), "measured_at": at.isoformat()}

    return run_once(session, command, "type_readings", act)


def _late_reason(session: Session, command: Command, at: datetime, reason: str) -> str | None:
    """Why a reading of then is typed only now; None where that is soon enough, by the rules of the day it is typed."""
    rules = rules_on(session, command.now.date(), command.actor.organisation)
    bounds = rules.value("climate.late_hours")
    if command.now - at <= timedelta(hours=int(bounds["hours"])):
        return None
    if command.now - at > timedelta(days=int(bounds["most_days"])):
        text = N_("A reading is typed within {days} days; {time} is longer ago.")
        raise Invalid(text, field="happened_at", days=bounds["most_days"], time=at.isoformat(timespec="minutes"))
    if not reason:
        text = N_("This was read more than {hours} hours ago: say why it is written down only now.")
        raise Invalid(text, field="late_reason", hours=bounds["hours"])
    return reason


def _typed(typed: Typed, at: datetime, field: str) -> Reading:
    if not _COLDEST <= typed.celsius <= _WARMEST:
        text = N_("A zone has between {low} and {high} °C; read the thermometer again.")
        raise Invalid(text, field=f"{field}.celsius", low=_COLDEST, high=_WARMEST)
    if typed.humidity is not None and not 0 <= typed.humidity <= 100:
        raise Invalid(N_("Humidity lies between 0 and 100 percent."), field=f"{field}.humidity")
    humidity = None if typed.humidity is None else round(typed.humidity * 100)
    return Reading(at, round(typed.celsius * 100), humidity)


def _outside(reading: Reading, bounds: Bounds, field: str) -> Invalid:
    """The refusal of a reading outside without a word of what was done; it names the one that is outside."""
    celsius_out = not bounds.hold(Reading(reading.at, reading.celsius))
    value, low, high, unit = (
        (reading.celsius, bounds.low, bounds.high, "°C")
        if celsius_out
        else (reading.humidity, bounds.humidity_low, bounds.humidity_high, "%")
    )
    return Invalid(
        N_("{came} {unit} is outside the range of {low} to {high}. Look again; if it is right, type what was done."),
        field=field,
        came=as_degrees(value or 0),
        unit=unit,
        low="…" if low is None else as_degrees(low),
        high="…" if high is None else as_degrees(high),
    )


def _check_open(row: Row[Any]) -> None:
    if row.closed_at is not None:
        raise Conflict(N_("The zone {name} is closed."), field="zone", name=row.name)


def _check_same(session: Session, row: Row[Any], reading: Reading, field: str) -> None:
    """Raise `Conflict` where another reading of the zone stands at this moment."""
    query = select(climate_reading.c.celsius, climate_reading.c.humidity).where(
        climate_reading.c.zone == row.id, climate_reading.c.measured_at == reading.at
    )
    if tuple(session.execute(query).one()) != (reading.celsius, reading.humidity):
        raise Conflict(
            N_("Another reading of {name} stands at {time}. Type it again a minute later."),
            field=field,
            name=row.name,
            time=reading.at.strftime("%H:%M"),
        )


def bring_readings(
    session: Session, command: Command, *, zone: str, objects: ObjectStore, upload: bytes
) -> dict[str, Any]:
    """Take over the file of a zone's logger: {read, kept, outside}; the file is kept as it came.

    What is known already is left as it is, so a file that overlaps the last one adds what is new. Raises what
    `trace.services.temperature_logs.read_file` raises, `NotFound` for a zone of somebody else. Two at once for a zone
    line up at its locked row.
    """

    def act() -> dict[str, Any]:
        row = lock_zone(session, command.actor, zone)
        _check_open(row)
        file = read_file(session, command, upload)
        check_time(file.readings[-1].at, command.now, field="file")
        rules = rules_on(session, command.day, command.actor.organisation)
        keep_object(session, actor=command.actor, objects=objects, data=upload, media_type=_TYPE, now=command.now)
        kept = keep_readings(
            session, command, row, _worst_of_each_moment(file.readings, bounds_of(row, rules)), Source.FILE, rules
        )
        return {
            "read": len(file.readings),
            "missing": file.missing,
            "kept": len(kept),
            "outside": sum(not one.inside for one in kept),
        }

    return run_once(session, command, "bring_readings", act)


def _worst_of_each_moment(readings: Iterable[Reading], bounds: Bounds) -> list[Reading]:
    """One reading a moment (two probes, or two within a second): one that is outside, where there is one."""
    found: dict[datetime, Reading] = {}
    for reading in readings:
        known = found.get(reading.at)
        if known is None or (bounds.hold(known) and not bounds.hold(reading)):
            found[reading.at] = reading
    return list(found.values())


def note_from_sensor(session: Session, command: Command, *, zone: str, reading: Reading) -> bool:
    """Take over what a sensor told; whether it was kept. Told twice, it is kept once (the primary key decides)."""
    row = lock_zone(session, command.actor, zone)
    check_time(reading.at, command.now, field="time")
    rules = rules_on(session, command.now.date(), command.actor.organisation)
    return row.closed_at is None and bool(keep_readings(session, command, row, [reading], Source.SENSOR, rules))


# ---- what was done about it -----------------------------------------------------------------------------------------


def answer_excursion(session: Session, command: Command, *, zone: str, about: datetime, action: str) -> dict[str, Any]:
    """Write down what was done about a stay outside the range; `about` is the moment of one of its readings.

    Added to, never changed: two at once are two answers. Raises `NotFound` where no reading was outside then.
    """

    def act() -> dict[str, Any]:
        row = get_zone_row(session, command.actor, zone)
        outside = select(climate_reading.c.inside).where(
            climate_reading.c.zone == row.id,
            climate_reading.c.measured_at == about,
            climate_reading.c.inside.is_(False),
        )
        if session.execute(outside).one_or_none() is None:
            raise NotFound(N_("No reading of {name} was outside the range then."), field="about", name=row.name)
        _note_action(session, command, row.id, about, action)
        return {"zone": zone, "about": about.isoformat()}

    return run_once(session, command, "answer_excursion", act)


def _note_action(session: Session, command: Command, zone: int, about: datetime, action: str) -> None:
    values = {
        "zone": zone,
        "about": about,
        "action": action,
        "person": command.actor.person,
        "recorded_at": command.now,
    }
    session.execute(insert(climate_action).values(values))
