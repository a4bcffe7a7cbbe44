"""What of the readings of a zone is kept, what of it is part of the record, and when the shop is told.

The first reading of each part of the day, everything typed, what leaves the range and what comes back to stay become
EPCIS events of the zone's place (`trace.domain.climate_course` decides).
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Row, Select, false, func, select, true, update
from sqlalchemy.orm import Session

from storage.events import find_idents, insert_for
from storage.tables import climate_reading
from trace.domain.climate import Part, Reading, Source, as_degrees
from trace.domain.climate_course import Keeping, Kept, Noted, Standing, follow
from trace.domain.epcis.document import as_time
from trace.domain.epcis.vocabulary import BizStep
from trace.domain.events import Action, ObjectEvent
from trace.domain.rules.book import Rules
from trace.services.alerts import raise_alert
from trace.services.capture import capture
from trace.services.commands import Command
from trace.services.making import EVENT_NAMESPACE, stamp
from trace.services.zones import bounds_of, zone_uri

ALERT = "climate_excursion"
_OF_RECORD = ("measured_at", "celsius", "humidity", "inside")


def would_keep(session: Session, row: Row[Any], reading: Reading, rules: Rules) -> bool:
    """Whether a reading of a sensor is due, crosses the bounds or ends a stay outside them; takes no lock."""
    keeping = keeping_of(rules)
    standing, told = _standing(session, row.id, reading.at)
    if standing.last is not None and standing.last.at == reading.at:
        return False
    if standing.is_over(reading.at, keeping):
        if not told:
            return True
        standing = standing.settled()
    return standing.keeps(Kept(reading.at, bounds_of(row, rules).hold(reading)), None, keeping)


def keep_readings(
    session: Session,
    command: Command,
    row: Row[Any],
    readings: Sequence[Reading],
    source: Source,
    rules: Rules,
    *,
    late_reason: str | None = None,
) -> list[Kept]:
    """Store those readings of a locked zone, in order of time, that are due and not known yet; the kept ones.

    A stay outside the range is told as an alert when it begins, one a call.
    """
    keeping, parts, zone = keeping_of(rules), parts_of_day(rules), command.now.tzinfo
    assert zone is not None  # a command's moment is aware
    begin, end = readings[0].at, readings[-1].at
    # What is known shortly after the last one says whether that was back to stay.
    known = _kept_between(session, row.id, begin, end + keeping.calm)
    last = _next(session, row.id, end + keeping.calm)
    course = follow(
        readings,
        known,
        standing=_standing(session, row.id, begin, before=True)[0],
        last=last,
        bounds=bounds_of(row, rules),
        keeping=keeping,
        typed=source is Source.TYPED,
        seen=_parts_with_events(session, row.id, begin, end, parts, zone),
        part_of=lambda at: part_of(at, parts, zone),
    )
    if course.noted:
        values = [_values(command, row.id, one, source) | {"late_reason": late_reason} for one in course.noted]
        session.execute(insert_for(session, climate_reading), values)
    _tell(session, command, row, {one.reading.at for one in course.noted if one.told} | course.back)
    crossings = [one.reading for one in course.noted if one.alarm]
    if crossings:
        _alert(session, command, row, crossings[0], len(crossings))
    return [Kept(one.reading.at, one.inside) for one in course.noted]


def _values(command: Command, zone: int, one: Noted, source: Source) -> dict[str, Any]:
    return {
        "zone": zone,
        "measured_at": one.reading.at,
        "celsius": one.reading.celsius,
        "humidity": one.reading.humidity,
        "source": source.value,
        "inside": one.inside,
        "person": command.actor.person,
    }


def _tell(session: Session, command: Command, row: Row[Any], moments: Collection[datetime]) -> None:
    """The events of a zone's kept readings of these moments that have none yet."""
    if not moments:
        return
    query = (
        select(*(climate_reading.c[name] for name in _OF_RECORD))
        .where(
            climate_reading.c.zone == row.id,
            climate_reading.c.measured_at.between(min(moments), max(moments)),
            climate_reading.c.event.is_(None),
        )
        .order_by(climate_reading.c.measured_at)
    )
    told = [dict(one) for one in session.execute(query).mappings() if one["measured_at"] in moments]
    if not told:
        return
    where = stamp(session, actor=command.actor, now=command.now, client_key=None).place
    events = [_event(row, one, where, command.now.tzinfo) for one in told]
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


def _next(session: Session, zone: int, after: datetime) -> Kept | None:
    """The first reading of a zone that was kept after a moment."""
    query = (
        select(climate_reading.c.measured_at, climate_reading.c.inside)
        .where(climate_reading.c.zone == zone, climate_reading.c.measured_at > after)
        .order_by(climate_reading.c.measured_at)
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    return None if row is None else Kept(row.measured_at, row.inside)


def _standing(session: Session, zone: int, at: datetime, *, before: bool = False) -> tuple[Standing, bool]:
    """Where a zone stands at a moment (`before`: just before it), and whether what came back is an event already.

    Each part is the end of a range of an index: the readings of years are not looked through.
    """
    kept = climate_reading.c
    past = (kept.zone == zone) & (kept.measured_at < at if before else kept.measured_at <= at)
    last_inside = select(func.max(kept.measured_at)).where(past, kept.inside == true())
    last_outside = select(func.max(kept.measured_at)).where(past, kept.inside == false())
    inside, outside = session.execute(select(last_inside.scalar_subquery(), last_outside.scalar_subquery())).one()
    if outside is None:
        return Standing(None if inside is None else Kept(inside, True), inside), True
    if inside is None or inside < outside:
        return Standing(Kept(outside, False), inside, outside), True
    first_back: Select[Any] = (
        select(kept.measured_at, kept.event).where(past, kept.measured_at > outside).order_by(kept.measured_at).limit(1)
    )
    back = session.execute(first_back).one()
    return Standing(Kept(inside, True), inside, outside, back.measured_at), back.event is not None


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


def keeping_of(rules: Rules) -> Keeping:
    """How often readings of machines are kept, and how long inside ends a stay outside."""
    told = rules.value("climate.keep_minutes")
    calm = timedelta(minutes=int(rules.number("climate.calm_minutes")))
    return Keeping(timedelta(minutes=int(told["inside"])), timedelta(minutes=int(told["outside"])), calm)
