"""Storage zones of a shop: rooms, cabinets and the corner of goods that may not be sold, each with what it may have."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.tables import correction, organisation, storage_zone
from trace.domain.climate import Bounds, ZoneKind, as_degrees
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.rules.book import Rules
from trace.domain.uris import place_uri
from trace.services.commands import Command, run_once
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on

MOST_ZONES = 60  # of one shop that are open
TOPIC = "sunshine"  # the first part of every sensor's topic; then come the organisation's public id and the sensor
_BOUNDS = {
    "low": "celsius_low",
    "high": "celsius_high",
    "humidity_low": "humidity_low",
    "humidity_high": "humidity_high",
}


def open_zone(
    session: Session,
    command: Command,
    *,
    name: str,
    kind: ZoneKind,
    bounds: Bounds | None = None,
    sensor: str = "",
) -> dict[str, Any]:
    """A new zone. `bounds` are the house's own, stricter than the rule book's for its kind; None: the rule book's.

    `sensor` is the last part of the topic on which its sensor tells. Raises `Conflict` for a name or sensor that
    another zone of the shop has (the unique keys decide between two at once), `Invalid` for bounds that allow more
    than the rule book, for a sensor that is no part of a topic, and for too many zones.
    """

    def act() -> dict[str, Any]:
        mine = (storage_zone.c.organisation == command.actor.organisation) & storage_zone.c.closed_at.is_(None)
        if len(session.scalars(select(storage_zone.c.id).where(mine)).all()) >= MOST_ZONES:
            raise Invalid(N_("At most {most} zones are open at once; close one first."), field="name", most=MOST_ZONES)
        rules = rules_on(session, command.day, command.actor.organisation)
        values = {
            "public_id": new_public_id(),
            "organisation": command.actor.organisation,
            "name": name,
            "kind": kind.value,
            "sensor": _sensor(sensor),
            "created_at": command.now,
            **_columns(bounds, kind, rules),
        }
        _write(session, insert(storage_zone).values(values))
        return {"id": values["public_id"]}

    return run_once(session, command, "open_zone", act)


def change_zone(
    session: Session, command: Command, *, public_id: str, bounds: Bounds | None, sensor: str, reason: str
) -> dict[str, Any]:
    """Other bounds or another sensor for a zone; what stood there before is kept with the reason (R16).

    Readings that were judged stay as they were judged. Two at once: the zone's row is locked, the later one stands.
    Raises what `open_zone` raises, and `NotFound`.
    """

    def act() -> dict[str, Any]:
        row = lock_zone(session, command.actor, public_id)
        rules = rules_on(session, command.day, command.actor.organisation)
        new = {"sensor": _sensor(sensor), **_columns(bounds, ZoneKind(row.kind), rules)}
        changed = {field: value for field, value in new.items() if getattr(row, field) != value}
        if changed:
            _write(session, update(storage_zone).where(storage_zone.c.id == row.id).values(changed))
            _note(session, command, row, changed, reason)
        return {"id": public_id}

    return run_once(session, command, "change_zone", act)


def close_zone(session: Session, command: Command, *, public_id: str, reason: str) -> dict[str, Any]:
    """A zone is used no more: no reading is missing from now on; its record stays. Again is harmless.

    Two at once: the zone's row is locked, the later one finds it closed.
    """

    def act() -> dict[str, Any]:
        row = lock_zone(session, command.actor, public_id)
        if row.closed_at is None:
            closed = {"closed_at": command.now, "sensor": None}
            session.execute(update(storage_zone).where(storage_zone.c.id == row.id).values(closed))
            _note(session, command, row, {"closed_at": command.now.isoformat(timespec="seconds")}, reason)
        return {"id": public_id}

    return run_once(session, command, "close_zone", act)


def list_zones(session: Session, *, actor: Actor, on: date, closed: bool = False) -> list[dict[str, Any]]:
    """The open zones of the actor's organisation by name, as `zone_card` tells them; the closed ones on demand."""
    rules = rules_on(session, on, actor.organisation)
    return [zone_card(row, rules) for row in zone_rows(session, actor.organisation, closed=closed)]


def zone_rows(session: Session, organisation_number: int, *, closed: bool = False) -> list[Row[Any]]:
    """The rows of an organisation's zones, cold ones first, as they are read in the morning."""
    query = (
        select(storage_zone, organisation.c.public_id.label("owner"), organisation.c.name.label("owner_name"))
        .join(organisation, organisation.c.id == storage_zone.c.organisation)
        .where(storage_zone.c.organisation == organisation_number)
        .order_by(storage_zone.c.id)
    )
    if not closed:
        query = query.where(storage_zone.c.closed_at.is_(None))
    order = (ZoneKind.COLD, ZoneKind.COOL, ZoneKind.ROOM, ZoneKind.QUARANTINE)
    return sorted(session.execute(query), key=lambda row: order.index(ZoneKind(row.kind)))


def zone_card(row: Row[Any], rules: Rules) -> dict[str, Any]:
    """A zone as pages and programs see it: {id, name, kind, own (whether its bounds are the house's), low, high,
    humidity_low, humidity_high (degrees and percent, None where open), sensor, topic, closed}."""
    bounds = bounds_of(row, rules)
    return {
        "id": row.public_id,
        "name": row.name,
        "kind": row.kind,
        "own": _own(row) is not None,
        **{end: None if (value := getattr(bounds, end)) is None else as_degrees(value) for end in _BOUNDS},
        "sensor": row.sensor or "",
        "topic": f"{TOPIC}/{row.owner}/{row.sensor}" if row.sensor else "",
        "topic_start": f"{TOPIC}/{row.owner}/",
        "closed": row.closed_at is not None,
    }


def bounds_of(row: Row[Any], rules: Rules) -> Bounds:
    """What a zone may have: the house's own bounds, else the rule book's for its kind."""
    return _own(row) or rule_bounds(ZoneKind(row.kind), rules)


def rule_bounds(kind: ZoneKind, rules: Rules) -> Bounds:
    """The rule book's bounds for a kind of zone."""
    told: Mapping[str, str] = rules.value(f"climate.zone.{kind.value}")
    return Bounds(**{end: round(Decimal(value) * 100) for end, value in told.items()})


def zone_uri(public_id: str) -> str:
    """The URI of a zone as the place where its readings are taken (EPCIS readPoint)."""
    return place_uri(public_id)


def get_zone_row(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    """The row of a zone of the actor's organisation, open or closed; raises `NotFound`."""
    return _found(session, actor, public_id, lock=False)


def lock_zone(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    """The same, locked until the transaction ends: what is judged by the reading before lines up here."""
    return _found(session, actor, public_id, lock=True)


def _found(session: Session, actor: Actor, public_id: str, *, lock: bool) -> Row[Any]:
    query = (
        select(storage_zone, organisation.c.public_id.label("owner"), organisation.c.name.label("owner_name"))
        .join(organisation, organisation.c.id == storage_zone.c.organisation)
        .where(storage_zone.c.public_id == public_id, storage_zone.c.organisation == actor.organisation)
    )
    row = session.execute(query.with_for_update(of=storage_zone) if lock else query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no zone {id}."), field="zone", id=public_id)
    return row


def _own(row: Row[Any]) -> Bounds | None:
    ends = {end: getattr(row, column) for end, column in _BOUNDS.items()}
    return None if all(value is None for value in ends.values()) else Bounds(**ends)


def _columns(bounds: Bounds | None, kind: ZoneKind, rules: Rules) -> dict[str, int | None]:
    """A zone's columns of its bounds; raises `Invalid` for bounds in the wrong order, or wider than the rule book's."""
    if bounds is None:
        return dict.fromkeys(_BOUNDS.values())
    for low, high in (("low", "high"), ("humidity_low", "humidity_high")):
        ends = getattr(bounds, low), getattr(bounds, high)
        if None not in ends and ends[0] > ends[1]:
            raise Invalid(N_("Give both ends of the range, the lower one first."), field=low)
    if not bounds.within(rule_bounds(kind, rules)):
        raise Invalid(
            N_("A house may be stricter than the rule book, not looser: see the entry {name}."),
            field="low",
            name=f"climate.zone.{kind.value}",
        )
    return {column: getattr(bounds, end) for end, column in _BOUNDS.items()}


def _sensor(text: str) -> str | None:
    """The last part of a topic; None where the zone has no sensor. Raises `Invalid` for what would be more than one."""
    if not text:
        return None
    if not text.isprintable() or any(c in "/+#$" or c.isspace() for c in text):
        raise Invalid(
            N_("The sensor's name is the last part of its topic: letters, digits, hyphens; without / + # and blanks."),
            field="sensor",
        )
    return text


def _write(session: Session, statement: Any) -> None:
    try:
        with session.begin_nested():
            session.execute(statement)
    except IntegrityError as fault:
        raise Conflict(N_("Another zone has this name, or this sensor."), field="name") from fault


def _note(session: Session, command: Command, row: Row[Any], changed: Mapping[str, Any], reason: str) -> None:
    rows = [
        {
            "organisation": command.actor.organisation,
            "kind": "storage_zone",
            "subject": row.public_id,
            "field": field,
            "old": None if getattr(row, field) is None else str(getattr(row, field)),
            "new": None if value is None else str(value),
            "reason": reason,
            "person": command.actor.person,
            "api_key": command.actor.api_key,
            "corrected_at": command.now,
        }
        for field, value in changed.items()
    ]
    session.execute(insert(correction), rows)


def owner_of_topic(session: Session, owner: str, sensor: str) -> Row[Any] | None:
    """The open zone whose sensor tells on `sunshine/<owner>/<sensor>`; None where there is none."""
    query = (
        select(storage_zone, organisation.c.public_id.label("owner"), organisation.c.name.label("owner_name"))
        .join(organisation, organisation.c.id == storage_zone.c.organisation)
        .where(organisation.c.public_id == owner, storage_zone.c.sensor == sensor, storage_zone.c.closed_at.is_(None))
    )
    return session.execute(query).one_or_none()


def is_open_at(row: Row[Any], moment: datetime) -> bool:
    """Whether a zone was in use at a moment."""
    return row.created_at <= moment and (row.closed_at is None or moment < row.closed_at)
