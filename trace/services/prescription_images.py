"""The picture of a prescription, where a setting asks for one (`prescription.image`): sealed, and erased by its key.

A prescription is health data (PIPL Art. 28). Each picture is sealed under a key of its own, which is itself sealed
under the service's (`trace.services.sealing`): what the object store and the database hold is noise without that. When
its time is over the key is destroyed, and with it the picture and every copy of it (Art. 47). A backup of the database
from before still has the sealed key; it goes when that backup does.
"""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, insert, or_, select, text, update
from sqlalchemy.orm import Session

from storage import jobs
from storage.events import insert_for
from storage.jobs import Job
from storage.objects import ObjectStore
from storage.tables import duty, prescription, record_key, stored_object
from storage.tenancy import across
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound
from trace.domain.permissions import Actor, Role
from trace.services.commands import Command, run_once
from trace.services.look_up_log import note_own_look
from trace.services.object_keeping import first_look
from trace.services.rulebook import rules_on
from trace.services.sealing import Seal, new_seal, seal_for

ERASE = "erase_prescription"  # kind of the job that ends a picture
SEALED = "application/octet-stream"
ENCRYPTED = "encrypted"  # value of the setting
LEASE = timedelta(minutes=5)  # of its job
_AT_NIGHT = time(3)


def image_seal(secret_key: str) -> Seal:
    """The service's seal of record keys."""
    return seal_for(secret_key, "record_key")


def wants_image(session: Session, command: Command, *, shop: int | None = None) -> bool:
    """Whether the pharmacy (another one's number: `shop`) keeps pictures of prescriptions."""
    rules = rules_on(session, command.day, command.actor.organisation if shop is None else shop)
    return bool(rules.value("prescription.image") == ENCRYPTED)


def keep_image(
    session: Session,
    command: Command,
    *,
    public_id: str,
    picture: bytes,
    media_type: str,
    objects: ObjectStore,
    seal: Seal,
) -> None:
    """Seal and keep the picture of a prescription reviewed here, and have it erased when its time is over.

    Raises `NotFound` for another's, `Invalid` where no setting asks for pictures or it is none, `Conflict` where there
    is one. Two at once: the guarded update of the prescription's row lets one through, the other is rolled back. Sent
    again, as after a lost answer, it is the picture that is there.
    """
    key = command.client_key and f"{command.client_key[:100]} picture"

    def act() -> dict[str, Any]:
        _keep_image(session, command, public_id, picture, media_type, objects, seal)
        return {}

    run_once(session, replace(command, client_key=key, request={"prescription": public_id}), "keep_image", act)


@across(because="headquarters' pharmacist reviews for its shops")
def _keep_image(
    session: Session,
    command: Command,
    public_id: str,
    picture: bytes,
    media_type: str,
    objects: ObjectStore,
    seal: Seal,
) -> None:
    row = _own(session, command.actor, public_id)
    if not wants_image(session, command, shop=row.organisation):
        raise Invalid(N_("This pharmacy keeps no pictures of prescriptions."), field="photo")
    if media_type != "image/jpeg":
        raise Invalid(N_("Photograph the prescription: a file of several pages is not kept."), field="photo")
    own = new_seal()
    number = session.execute(
        insert(record_key).values(made_at=command.now, destroyed_reason="").returning(record_key.c.id)
    ).scalar_one()
    wrapped = seal.close(own.key, about=f"record_key {number}")
    session.execute(update(record_key).where(record_key.c.id == number).values(wrapped=wrapped))
    sealed = own.close(picture, about=f"prescription {public_id}")
    sha256 = objects.put(sealed)
    values = {"sha256": sha256, "media_type": SEALED, "size": len(sealed), "stored_at": command.now}
    values["look_again_at"] = first_look(session, now=command.now)
    session.execute(insert_for(session, stored_object).values(values).on_conflict_do_nothing())
    once = (prescription.c.id == row.id) & prescription.c.object.is_(None)
    kept = update(prescription).where(once).values(object=sha256, record_key=number)
    if session.execute(kept.returning(prescription.c.id)).one_or_none() is None:
        raise Conflict(N_("There is a picture of this prescription already."), field="photo")
    over = datetime.combine(row.keep_until + timedelta(days=1), _AT_NIGHT, command.now.tzinfo)
    jobs.put(session, kind=ERASE, subject=row.id, due_at=over, now=command.now, organisation=row.organisation)


def show_image(
    session: Session, *, actor: Actor, public_id: str, objects: ObjectStore, seal: Seal, now: datetime
) -> bytes:
    """The picture (JPEG), for a pharmacist of the same pharmacy, or of the headquarters that reviewed it; every look is
    written down.

    Raises `Forbidden` for anybody else there, `NotFound` for another's and where there is none, `Conflict` once it is
    erased, and what `Seal.open` raises.
    """
    row = _own(session, actor, public_id)
    if actor.role is not Role.PHARMACIST or actor.person is None:
        raise Forbidden(N_("Pictures of prescriptions are for the pharmacists who review them."))
    if row.object is None:
        raise NotFound(N_("There is no picture of this prescription."))
    if row.wrapped is None:
        text = N_("The picture was erased on {day}: its time is over.")
        raise Conflict(text, day=row.destroyed_at.astimezone(now.tzinfo).date().isoformat())
    note_own_look(session, actor=actor, what="prescription_image", subject=public_id, now=now)
    own = Seal(seal.open(row.wrapped, about=f"record_key {row.record_key}"))
    return own.open(objects.get(row.object), about=f"prescription {public_id}")


@across(because="headquarters' pharmacist reviews for its shops")
def _own(session: Session, actor: Actor, public_id: str) -> Row[tuple[object, ...]]:
    query = (
        select(prescription, record_key.c.wrapped, record_key.c.destroyed_at)
        .join(record_key, record_key.c.id == prescription.c.record_key, isouter=True)
        .join(duty, duty.c.id == prescription.c.duty)
        .where(prescription.c.public_id == public_id)
        .where(or_(prescription.c.organisation == actor.organisation, duty.c.organisation == actor.organisation))
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound(N_("There is no prescription {id}."), id=public_id[:26])
    return found


@across(because="the key of a record is nobody's row")
def erase(session: Session, taken: Job, *, now: datetime) -> bool | None:
    """Destroy the key of a picture whose time is over; None, to be rolled back, if the lease is no longer ours.

    Done in the transaction that ends the job. False for a prescription whose time was extended meanwhile: it waits
    again (R15). `now` carries the zone of the shop's days.
    """
    query = select(prescription.c.record_key, prescription.c.keep_until).where(prescription.c.id == taken.subject)
    row = session.execute(query).one()
    if row.keep_until >= now.date():
        over = datetime.combine(row.keep_until + timedelta(days=1), _AT_NIGHT, now.tzinfo)
        return False if jobs.reschedule(session, taken, due_at=over, now=now) else None
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))  # what is overwritten does not stay in a free page
    gone = {"wrapped": None, "destroyed_at": now, "destroyed_reason": "retention"}
    session.execute(update(record_key).where(record_key.c.id == row.record_key).values(gone))
    return True if jobs.finish(session, taken) else None
