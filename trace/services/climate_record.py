"""The climate of a shop's zones as recorded: today, as a curve, by day; what is missing and what nobody answered."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from storage.tables import climate_action, climate_reading, event, person
from trace.domain.climate import Part, Reading, Source, as_degrees, thinned
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor, in_region
from trace.services.climate_keeping import keeping_of, part_of, parts_of_day
from trace.services.look_up_log import note_look_up
from trace.services.organisations import get_organisation_row
from trace.services.rulebook import rules_on
from trace.services.zones import is_open_at, zone_card, zone_rows

UNANSWERED_DAYS = 31  # so long a stay outside that nobody answered stands on top of the page
POINTS = 400  # of a curve
LONGEST = 366  # days of one record


def day_of(session: Session, *, actor: Actor, now: datetime, day: date | None = None) -> dict[str, Any]:
    """{day, zones, unanswered} of a day: each open zone as `zone_card`, with `parts` [{part, state, reading}] (done,
    due, missing, later, unused) and `last` reading; `unanswered` are the stays outside that nobody explained."""
    day = day or now.date()
    rules = rules_on(session, day, actor.organisation)
    rows, parts = zone_rows(session, actor.organisation), parts_of_day(rules)
    begin, end = _bounds(day, day, now)
    in_record = _record_rows(session, [row.id for row in rows], begin, end)
    last = _last(session, [row.id for row in rows])
    found = excursions_of(session, rows, now - timedelta(days=UNANSWERED_DAYS), now, calm=keeping_of(rules).calm)
    return {
        "day": day,
        "zones": [
            zone_card(row, rules)
            | {
                "parts": [_part_state(row, part, day, now, in_record.get(row.id, ())) for part in parts],
                "last": _reading_card(last[row.id]) if row.id in last else None,
            }
            for row in rows
        ],
        "unanswered": [one for one in found if not one["actions"]],
    }


def _part_state(row: Row[Any], part: Part, day: date, now: datetime, readings: Iterable[Row[Any]]) -> dict[str, Any]:
    begin, end = part.bounds(day, now.tzinfo)
    mine = next((one for one in readings if begin <= one.measured_at < end), None)
    if mine is not None:
        state = "done"
    elif not is_open_at(row, end - timedelta(seconds=1)) and end <= now:
        state = "unused"  # the zone was not in use yet, or no more
    else:
        state = "later" if now < begin else "due" if now < end else "missing"
    return {"part": part.word, "state": state, "reading": None if mine is None else _reading_card(mine)}


def _reading_card(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.measured_at,
        "celsius": None if row.celsius is None else as_degrees(row.celsius),
        "humidity": None if row.humidity is None else as_degrees(row.humidity),
        "inside": row.inside,
        "source": row.source,
        "late_reason": row.late_reason or "",
        "recorded_at": None if row.recorded is None else datetime.fromtimestamp(row.recorded / 1000, UTC),
        "by": (row.by or "") if row.source == Source.TYPED else "",  # who brings a file in has read no thermometer
    }


def zone_record(
    session: Session, *, actor: Actor, public_id: str, first: date, last: date, now: datetime, shop: str = ""
) -> dict[str, Any]:
    """One zone over some days: its card, `days` [{day, parts, late}] as in `day_of` with all late entries, `excursions`
    with what was done, the curve `points` [[seconds since `begin`, hundredths of a degree]].

    An inspector names a shop of the region; the look is written down (R18). Raises `NotFound` for another's zone,
    `Invalid` for more days than one record has.
    """
    if not first <= last < first + timedelta(days=LONGEST):
        text = N_("A record covers 1 to {most} days; give the first day and the last.")
        raise Invalid(text, field="first", most=LONGEST)
    owner = _owner(session, actor, shop, public_id, now)
    row = next((one for one in zone_rows(session, owner, closed=True) if one.public_id == public_id), None)
    if row is None:
        raise NotFound(N_("There is no zone {id}."), field="zone", id=public_id)
    rules = rules_on(session, last, owner)
    parts = parts_of_day(rules)
    begin, end = _bounds(first, last, now)
    by_day: dict[date, list[Row[Any]]] = {}
    for one in _record_rows(session, [row.id], begin, end).get(row.id, ()):
        by_day.setdefault(one.measured_at.astimezone(now.tzinfo).date(), []).append(one)
    shown = [first + timedelta(days=n) for n in range((min(last, now.date()) - first).days + 1)]
    return zone_card(row, rules) | {
        "organisation": row.owner_name,
        "first": first,
        "last": last,
        "begin": begin,
        "end": min(end, now),
        "days": [
            {
                "day": day,
                "parts": [_part_state(row, part, day, now, by_day.get(day, ())) for part in parts],
                "late": [_reading_card(one) for one in by_day.get(day, ()) if one.late_reason],
            }
            for day in shown
        ],
        "excursions": excursions_of(session, [row], begin, end, calm=keeping_of(rules).calm),
        **_curve(session, row.id, begin, end),
    }


def _owner(session: Session, actor: Actor, shop: str, zone: str, now: datetime) -> int:
    if not actor.watches:
        return actor.organisation
    found = get_organisation_row(session, shop)
    if not in_region(found.region, actor.region):
        raise NotFound(N_("There is no zone {id}."), field="zone", id=zone)
    note_look_up(session, actor=actor, what="climate", subject=found.name, now=now)
    return int(found.id)


def _curve(session: Session, zone: int, begin: datetime, end: datetime) -> dict[str, Any]:
    query = (
        select(climate_reading.c.measured_at, climate_reading.c.celsius)
        .where(climate_reading.c.zone == zone, climate_reading.c.measured_at.between(begin, end))
        .order_by(climate_reading.c.measured_at)
    )
    readings = [Reading(row.measured_at, row.celsius) for row in session.execute(query)]
    known = [one.celsius for one in readings if one.celsius is not None]
    lead = int((readings[0].at - begin).total_seconds()) if readings else 0
    return {
        "points": [[lead + seconds, celsius] for seconds, celsius in thinned(readings, POINTS)],
        "readings": len(readings),
        "coldest": as_degrees(min(known)) if known else None,
        "warmest": as_degrees(max(known)) if known else None,
    }


def excursions_of(
    session: Session, rows: Sequence[Row[Any]], begin: datetime, end: datetime, *, calm: timedelta
) -> list[dict[str, Any]]:
    """The stays of zones outside their bounds in a span, the latest first: {zone, name, about, until (None: still),
    coldest, warmest, dampest, driest, actions [{action, by, at}]}. Two statements for all zones.

    Less than `calm` inside is no end of a stay (`trace.domain.climate_course`)."""
    names = {row.id: row for row in rows}
    was = func.lag(climate_reading.c.inside).over(
        partition_by=climate_reading.c.zone, order_by=climate_reading.c.measured_at
    )
    every = (
        select(climate_reading, was.label("was"))
        .where(climate_reading.c.zone.in_(names), climate_reading.c.measured_at.between(begin, end))
        .subquery()
    )
    crossing = select(every).where(or_(every.c.inside.is_(False), every.c.was.is_(False)))
    found: list[dict[str, Any]] = []
    for one in session.execute(crossing.order_by(every.c.zone, every.c.measured_at)):
        if one.inside:
            found[-1]["until"] = one.measured_at
            continue
        if one.was is None or one.was:
            if not (found and _goes_on(found[-1], one, calm)):
                found.append(_new_excursion(names[one.zone], one))
            found[-1]["until"] = None
        _widen(found[-1], one)
    _add_actions(session, found, names)
    return sorted(found, key=lambda one: one["about"], reverse=True)


def _goes_on(stay: dict[str, Any], one: Row[Any], calm: timedelta) -> bool:
    """Whether a reading outside is of the stay that ended last: it came back inside and did not stay there."""
    same = stay["number"] == one.zone and stay["until"] is not None
    return bool(same and one.measured_at - stay["until"] < calm)


def _new_excursion(zone: Row[Any], first: Row[Any]) -> dict[str, Any]:
    none = dict.fromkeys(("coldest", "warmest", "driest", "dampest"))
    return {
        "zone": zone.public_id, "name": zone.name, "number": zone.id, "about": first.measured_at,
        "last": first.measured_at, "until": None, "actions": [], **none,
    }  # fmt: skip


def _widen(found: dict[str, Any], one: Row[Any]) -> None:
    found["last"] = one.measured_at
    for least, most, value in (("coldest", "warmest", one.celsius), ("driest", "dampest", one.humidity)):
        if value is not None:
            degrees = as_degrees(value)
            found[least] = degrees if found[least] is None else min(found[least], degrees)
            found[most] = degrees if found[most] is None else max(found[most], degrees)


def _add_actions(session: Session, found: Sequence[dict[str, Any]], names: Mapping[int, Any]) -> None:
    if found:
        query = (
            select(climate_action, person.c.name)
            .outerjoin(person, person.c.id == climate_action.c.person)
            .where(
                climate_action.c.zone.in_(names),
                climate_action.c.about.between(min(one["about"] for one in found), max(one["last"] for one in found)),
            )
            .order_by(climate_action.c.id)
        )
        for row in session.execute(query):
            for one in found:
                if one["number"] == row.zone and one["about"] <= row.about <= one["last"]:
                    one["actions"].append({"action": row.action, "by": row.name or "", "at": row.recorded_at})
    for one in found:
        del one["number"]


def _bounds(first: date, last: date, now: datetime) -> tuple[datetime, datetime]:
    """From midnight of the first day until the last moment of the last, in the shop's time."""
    return (
        datetime.combine(first, time(), now.tzinfo),
        datetime.combine(last + timedelta(days=1), time(), now.tzinfo) - timedelta(microseconds=1),
    )


def _record_rows(session: Session, zones: Sequence[int], begin: datetime, end: datetime) -> dict[int, list[Row[Any]]]:
    """The readings of zones that are part of the record, by zone, in order of time."""
    query = (
        select(climate_reading, person.c.name.label("by"), event.c.record_time.label("recorded"))
        .join(event, event.c.id == climate_reading.c.event)
        .outerjoin(person, person.c.id == climate_reading.c.person)
        .where(
            climate_reading.c.zone.in_(zones),
            climate_reading.c.measured_at.between(begin, end),
        )
        .order_by(climate_reading.c.zone, climate_reading.c.measured_at)
    )
    found: dict[int, list[Row[Any]]] = {}
    for row in session.execute(query):
        found.setdefault(row.zone, []).append(row)
    return found


def _last(session: Session, zones: Sequence[int]) -> dict[int, Row[Any]]:
    """The last reading of each zone."""
    latest = (
        select(climate_reading.c.zone, func.max(climate_reading.c.measured_at).label("at"))
        .where(climate_reading.c.zone.in_(zones))
        .group_by(climate_reading.c.zone)
        .subquery()
    )
    query = (
        select(climate_reading, person.c.name.label("by"), event.c.record_time.label("recorded"))
        .outerjoin(event, event.c.id == climate_reading.c.event)
        .join(latest, (latest.c.zone == climate_reading.c.zone) & (latest.c.at == climate_reading.c.measured_at))
        .outerjoin(person, person.c.id == climate_reading.c.person)
    )
    return {row.zone: row for row in session.execute(query)}


def missing_of(session: Session, *, actor: Actor, first: date, last: date, now: datetime) -> list[dict[str, Any]]:
    """The parts of days in a span that have no reading: [{day, part, zone, name}], the latest first."""
    rows = zone_rows(session, actor.organisation)
    begin, end = _bounds(first, last, now)
    parts = parts_of_day(rules_on(session, last, actor.organisation))
    zone: tzinfo | None = now.tzinfo
    assert zone is not None  # the clock of a desk is aware
    done = {
        (number, *part_of(one.measured_at, parts, zone))
        for number, readings in _record_rows(session, [row.id for row in rows], begin, end).items()
        for one in readings
    }
    found = []
    for n in range((last - first).days + 1):
        day = last - timedelta(days=n)
        for row in rows:
            for part in parts:
                began, ended = part.bounds(day, zone)
                if (row.id, day, part.word) not in done and ended <= now and is_open_at(row, began):
                    found.append({"day": day, "part": part.word, "zone": row.public_id, "name": row.name})
    return found
