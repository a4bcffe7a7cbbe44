"""What sensors tell: whose zone a topic is, and whether a reading is due; taken over in a transaction of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from schemas.sensor_messages import read_message
from trace.domain.climate import Reading
from trace.domain.failures import N_, Invalid, NotFound
from trace.services.capture import check_time
from trace.services.climate import note_from_sensor
from trace.services.climate_keeping import would_keep
from trace.services.commands import Command
from trace.services.on_behalf import find_actor_behind
from trace.services.rulebook import rules_on
from trace.services.zones import TOPIC, owner_of_topic

FILTER = f"{TOPIC}/+/+"  # all sensors of all shops


@dataclass(frozen=True, slots=True)
class Heard:
    """A reading that is due, and the zone it is of."""

    row: Row[Any]
    reading: Reading


def hear(session: Session, *, topic: str, payload: bytes, retained: bool, now: datetime) -> Heard | None:
    """The reading of a message, where it is to be kept; None where the last one is recent enough. Takes no lock.

    `now` carries the zone of the shop's days. Raises `NotFound` for a topic that is no open zone's, `Invalid` for what
    is no reading.
    """
    root, _, rest = topic.partition("/")
    owner, _, sensor = rest.partition("/")
    row = owner_of_topic(session, owner, sensor) if root == TOPIC and len(topic) < 200 else None
    if row is None:
        raise NotFound(N_("No zone has a sensor on this topic."))
    reading = read_message(payload, received=now, retained=retained)
    check_time(reading.at, now, field="time")
    if reading.at < row.created_at:
        raise Invalid(N_("The reading is older than its zone."))
    return (
        Heard(row, reading)
        if would_keep(session, row, reading, rules_on(session, now.date(), row.organisation))
        else None
    )


def keep(session: Session, heard: Heard, *, now: datetime) -> bool:
    """Keep a reading for the zone's shop; whether it was kept. Told twice at once, it is kept once: the zone's row is
    locked, and the later one finds it there."""
    actor = find_actor_behind(session, organisation=heard.row.organisation, person=None, api_key=None)
    assert actor is not None  # an organisation acts for itself
    return note_from_sensor(session, Command(actor, now), zone=heard.row.public_id, reading=heard.reading)
