"""Temperature and humidity of the zones: typed, from a logger's file or a sensor; what left the range, what was done.

Twice a day a reading of each zone is part of the record (GSP), and so is each crossing of the zone's bounds: these are
EPCIS events of the zone's place. What else machines tell is kept beside them, thinned.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.orm import Session

from storage.events import find_idents, insert_for
from storage.objects import ObjectStore
from storage.tables import climate_action, climate_reading
from trace.domain.climate import Bounds, Keeping, Kept, Part, Reading, Source, as_degrees
from trace.domain.epcis.document import as_time
from trace.domain.epcis.vocabulary import BizStep
from trace.domain.events import Action, ObjectEvent
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.rules.book import Rules
from trace.services.alerts import raise_alert
from trace.services.capture import capture, check_time
from trace.services.commands import Command, run_once
from trace.services.making import EVENT_NAMESPACE, stamp
from trace.services.rulebook import rules_on
from trace.services.scans import keep_object
from trace.services.temperature_logs import read_file
from trace.services.zones import bounds_of, get_zone_row, lock_zone, zone_uri

ALERT = "climate_excursion"
_COLDEST, _WARMEST = Decimal(-60), Decimal(80)  # of a shop's thermometer; what lies beyond was typed wrongly
_TYPE = "text/csv"


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody read off a thermometer: degrees Celsius, percent (or None), and what was done if it is outside."""

    zone: str
    celsius: Decimal
    humidity: Decimal | None = None
    action: str = ""


def type_readings(session: Session, command: Command, *, readings: Sequence[Typed]) -> dict[str, Any]:
    """Record what was read off the thermometers of some zones, now or at `happened_at`: all or none.

    Raises `Invalid` for a reading outside the zone's bounds without a word of what was done about it (read again, too:
    most of these are slips of the finger), `Conflict` for another reading of the same zone and moment, `NotFound`.

    Two at once for a zone line up at its locked row; the primary key (zone, measured_at) makes the same reading one.
    """

    def act() -> dict[str, Any]:
        if not readings:
            raise Invalid(N_("Type the temperature of at least one zone."), field="readings")
        at = (command.happened_at or command.now).replace(microsecond=0)
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
            kept = _keep(session, command, row, [reading], Source.TYPED, rules)
            if not kept:
                _check_same(session, row, reading, field)
            elif not inside:
                _note_action(session, command, row.id, at, typed.action)
        return {"readings": len(readings), "measured_at": at.isoformat()}

    return run_once(session, command, "type_readings", act)


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
        kept = _keep(
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
    return row.closed_at is None and bool(_keep(session, command, row, [reading], Source.SENSOR, rules))


def would_keep(session: Session, row: Row[Any], reading: Reading, rules: Rules) -> bool:
    """Whether a reading of a sensor is due, or crosses the bounds; a look that takes no lock."""
    before = _nearest(session, row.id, climate_reading.c.measured_at <= reading.at, latest=True)
    kept = Kept(reading.at, bounds_of(row, rules).hold(reading))
    return (before is None or before.at != reading.at) and _keeping(rules).keeps(kept, before)


# ---- what is kept, and what is part of the record -------------------------------------------------------------------


def _keep(
    session: Session, command: Command, row: Row[Any], readings: Sequence[Reading], source: Source, rules: Rules
) -> list[Kept]:
    """Store those readings of a locked zone, in order of time, that are due and not known yet; the kept ones.

    The first of each part of the day, each crossing of the bounds and everything typed becomes an event; the first
    crossing outwards is told as an alert, one a call.
    """
    bounds, keeping, parts = bounds_of(row, rules), _keeping(rules), parts_of_day(rules)
    zone = command.now.tzinfo
    assert zone is not None  # a command's moment is aware
    known = {one.at: one for one in _kept_between(session, row.id, readings[0].at, readings[-1].at)}
    before = _nearest(session, row.id, climate_reading.c.measured_at <= readings[0].at, latest=True)
    last = _nearest(session, row.id, climate_reading.c.measured_at > readings[-1].at, latest=False)
    seen = _parts_with_events(session, row.id, readings[0].at, readings[-1].at, parts, zone)
    earlier = sorted(known)
    kept: list[Kept] = []
    rows: list[dict[str, Any]] = []
    crossings: list[Reading] = []
    for reading in readings:
        while earlier and earlier[0] < reading.at:
            before = known[earlier.pop(0)]
        one = Kept(reading.at, bounds.hold(reading))
        after = next((known[at] for at in earlier if at > reading.at), last)
        if reading.at in known or (source is not Source.TYPED and not keeping.keeps(one, before, after)):
            continue
        part = part_of(reading.at, parts, zone)
        crosses = one.inside != (before is None or before.inside)
        told = source is Source.TYPED or crosses or part not in seen
        if crosses and not one.inside and (after is None or after.inside):  # else it began earlier than we knew
            crossings.append(reading)
        if told:
            seen.add(part)
        rows.append(_row(command, row.id, reading, one.inside, source) | {"told": told})
        kept.append(one)
        before = one
    if rows:
        _store(session, command, row, rows)
    if crossings:
        _alert(session, command, row, crossings[0], len(crossings))
    return kept


def _row(command: Command, zone: int, reading: Reading, inside: bool, source: Source) -> dict[str, Any]:
    return {
        "zone": zone,
        "measured_at": reading.at,
        "celsius": reading.celsius,
        "humidity": reading.humidity,
        "source": source.value,
        "inside": inside,
        "person": command.actor.person,
    }


def _store(session: Session, command: Command, row: Row[Any], rows: Sequence[dict[str, Any]]) -> None:
    """The rows, and the events of those that are part of the record."""
    told = [one for one in rows if one.pop("told")]
    session.execute(insert_for(session, climate_reading), list(rows))
    where = stamp(session, actor=command.actor, now=command.now, client_key=None).place
    zone = command.now.tzinfo
    events = [_event(row, one, where, zone) for one in told]
    for one, done in zip(told, capture(session, events, actor=command.actor, now=command.now), strict=True):
        mine = (climate_reading.c.zone == row.id) & (climate_reading.c.measured_at == one["measured_at"])
        session.execute(update(climate_reading).where(mine).values(event=done.event))


def _event(row: Row[Any], reading: dict[str, Any], place: str, zone: tzinfo | None) -> ObjectEvent:
    """A reading as an event of the zone's place alone (EPCIS 2.0 section 7.4.2: no object is named)."""
    at = reading["measured_at"].astimezone(zone)
    alarm = {} if reading["inside"] else {"exception": "ALARM_CONDITION"}
    measured = (("Temperature", "CEL", reading["celsius"]), ("RelativeHumidity", "P1", reading["humidity"]))
    reports = [
        {"type": kind, "value": as_degrees(value), "uom": unit, **alarm}
        for kind, unit, value in measured
        if value is not None
    ]
    return ObjectEvent(
        event_time=at,
        event_id=f"urn:uuid:{uuid.uuid5(EVENT_NAMESPACE, f'{row.public_id}:{as_time(at)}')}",
        action=Action.OBSERVE,
        biz_step=BizStep.SENSOR_REPORTING,
        read_point=zone_uri(row.public_id),
        biz_location=place,
        sensor_elements=({"sensorMetadata": {"time": as_time(at)}, "sensorReport": reports},),
    )


def _alert(session: Session, command: Command, row: Row[Any], first: Reading, count: int) -> None:
    """Tell the shop. An inspector reads the record; no region is told of a fridge door that stood open."""
    uri = zone_uri(row.public_id)
    facts = {"zone": row.name, "celsius": str(as_degrees(first.celsius or 0)), "crossings": count}
    raise_alert(
        session,
        kind=ALERT,
        item=find_idents(session, [uri])[uri],
        organisation=command.actor.organisation,
        region="",
        details={"code": row.name, "subject": row.public_id, "facts": facts},
        now=command.now,
    )


def _kept_between(session: Session, zone: int, first: datetime, last: datetime) -> list[Kept]:
    query = select(climate_reading.c.measured_at, climate_reading.c.inside).where(
        climate_reading.c.zone == zone, climate_reading.c.measured_at.between(first, last)
    )
    return [Kept(row.measured_at, row.inside) for row in session.execute(query)]


def _nearest(session: Session, zone: int, where: ColumnElement[bool], *, latest: bool) -> Kept | None:
    """The latest (or the first) reading of a zone that was kept in a span."""
    order = climate_reading.c.measured_at.desc() if latest else climate_reading.c.measured_at
    query = (
        select(climate_reading.c.measured_at, climate_reading.c.inside)
        .where(climate_reading.c.zone == zone, where)
        .order_by(order)
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else Kept(row.measured_at, row.inside)


def _parts_with_events(
    session: Session, zone: int, first: datetime, last: datetime, parts: Sequence[Part], local: tzinfo
) -> set[Any]:
    """The parts of days from the first to the last moment that have a reading in the record."""
    day = timedelta(days=1)
    query = select(climate_reading.c.measured_at).where(
        climate_reading.c.zone == zone,
        climate_reading.c.measured_at.between(first - day, last + day),
        climate_reading.c.event.is_not(None),
    )
    return {part_of(at, parts, local) for at in session.scalars(query)}


def part_of(moment: datetime, parts: Sequence[Part], zone: tzinfo) -> tuple[Any, str]:
    """(day, word of its part) that a moment belongs to; "" between the parts."""
    local = moment.astimezone(zone)
    return local.date(), next((part.word for part in parts if part.first <= local.hour < part.last), "")


def parts_of_day(rules: Rules) -> tuple[Part, ...]:
    """The parts of a day that want a reading."""
    return tuple(Part(one["part"], int(one["from"]), int(one["until"])) for one in rules.value("climate.readings"))


def _keeping(rules: Rules) -> Keeping:
    told = rules.value("climate.keep_minutes")
    return Keeping(timedelta(minutes=int(told["inside"])), timedelta(minutes=int(told["outside"])))


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
