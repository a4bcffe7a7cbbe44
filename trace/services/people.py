"""People: accounts, and signing in."""

from datetime import datetime
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.tables import credential, organisation, person
from storage.tenancy import across, across_organisations
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from trace.domain.permissions import Actor, Role
from trace.services.keys import check_role_fits
from trace.services.organisations import get_organisation_row, new_public_id

MIN_PASSWORD = 10
_HASHER = PasswordHasher()
# Checked when the name is unknown, so that an answer takes as long as for a known one: the hash of a text that was
# thrown away, at the hasher's own costs. Made anew, it took a tenth of the time in which a command starts.
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$wEdTgvjQSeoh15mYRC7iwQ$D7r2O0LMm5Q0fHXiR4yqYwzY3pL+69omoKUdqHBgo9k"
# Made once: every request of somebody who signed in asks it (`trace.services.keys` says what that spares).
_BY_PUBLIC_ID = (
    select(
        person,
        organisation.c.name.label("at"),
        organisation.c.kind,
        organisation.c.party_uri,
        organisation.c.region,
    )
    .join(organisation, organisation.c.id == person.c.organisation)
    .where(person.c.public_id == bindparam("asked"), person.c.active)
)


def create_person(
    session: Session, *, sign_in: str, name: str, password: str, role: Role, organisation_id: int, now: datetime
) -> dict[str, Any]:
    """An account for one person at one organisation. Raises `Conflict` for a sign-in that is taken."""
    return create_person_by_hash(
        session, sign_in=sign_in, name=name, password_hash=hash_password(password), role=role,
        organisation_id=organisation_id, now=now,
    )  # fmt: skip


def hash_password(password: str) -> str:
    """What is kept of a password, by Argon2id, which is slow on purpose. Raises `Invalid` for one that is too short."""
    if len(password) < MIN_PASSWORD:
        raise Invalid(N_("A password has at least {length} characters."), field="password", length=MIN_PASSWORD)
    return _HASHER.hash(password)


def create_person_by_hash(
    session: Session, *, sign_in: str, name: str, password_hash: str, role: Role, organisation_id: int, now: datetime
) -> dict[str, Any]:
    """An account with what `hash_password` made. Raises `Conflict` for a sign-in that is taken."""
    kind = session.execute(select(organisation.c.kind).where(organisation.c.id == organisation_id)).scalar_one()
    check_role_fits(role, kind)
    public_id = new_public_id()
    values = {
        "public_id": public_id,
        "sign_in": sign_in,
        "name": name,
        "organisation": organisation_id,
        "role": role.value,
        "active": True,
        "created_at": now,
    }
    try:
        with session.begin_nested():
            number = session.execute(insert(person).values(values).returning(person.c.id)).scalar_one()
    except IntegrityError as fault:
        raise Conflict(
            N_("The sign-in {sign_in} is taken; choose another."), field="sign_in", sign_in=sign_in
        ) from fault
    secret = {"person": number, "organisation": organisation_id, "password_hash": password_hash}
    session.execute(insert(credential).values(secret))
    return {"id": public_id, "sign_in": sign_in, "name": name, "role": role.value, "active": True}


def create_colleague(
    session: Session,
    *,
    actor: Actor,
    sign_in: str,
    name: str,
    password: str,
    role: Role,
    now: datetime,
    organisation_public_id: str | None = None,
) -> dict[str, Any]:
    """An account at the actor's own organisation; the platform administrator may name another one."""
    target = actor.organisation
    if organisation_public_id:
        target = get_organisation_row(session, organisation_public_id).id
        if target != actor.organisation and actor.role is not Role.PLATFORM_ADMINISTRATOR:
            raise Forbidden(N_("Keys and people are managed by each organisation for itself."))
    with across_organisations(session, because="the platform opens the first accounts of an organisation"):
        return create_person(
            session, sign_in=sign_in, name=name, password=password, role=role, organisation_id=target, now=now
        )


@across(because="who signs in belongs to nobody yet")
def check_password(session: Session, *, sign_in: str, password: str) -> str:
    """The public id of the person who signs in; raises `Unauthenticated`, with one sentence for all reasons."""
    query = select(person.c.public_id, person.c.active, credential.c.password_hash).join_from(person, credential)
    row = session.execute(query.where(person.c.sign_in == sign_in)).one_or_none()
    try:
        _HASHER.verify(row.password_hash if row else NOBODY, password)
        known = row is not None and row.active
    except (VerifyMismatchError, InvalidHashError):
        known = False
    if row is None or not known:
        raise Unauthenticated(N_("The sign-in or the password is wrong."), field="password")
    return str(row.public_id)


@across(because="who asks is found out here, and so whose records they may see")
def find_actor(session: Session, public_id: str) -> Actor | None:
    """The person as an actor, or None if there is no such active person any more."""
    row = session.execute(_BY_PUBLIC_ID, {"asked": public_id}).one_or_none()
    return _actor(row) if row else None


def list_people(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """The people of the actor's organisation."""
    query = select(person).where(person.c.organisation == actor.organisation).order_by(person.c.sign_in)
    return [
        {"id": row.public_id, "sign_in": row.sign_in, "name": row.name, "role": row.role, "active": row.active}
        for row in session.execute(query)
    ]


def deactivate_person(session: Session, *, actor: Actor, public_id: str) -> None:
    """End a colleague's account; their sessions end with it. Raises `NotFound` for anybody else's people."""
    mine = (person.c.public_id == public_id) & (person.c.organisation == actor.organisation)
    if session.execute(select(person.c.id).where(mine)).one_or_none() is None:
        raise NotFound(N_("There is no person {id}."), id=public_id)
    session.execute(update(person).where(mine).values(active=False))


def _actor(row: Row[Any]) -> Actor:
    return Actor(
        organisation=row.organisation,
        organisation_name=row.at,
        organisation_kind=row.kind,
        party_uri=row.party_uri,
        region=row.region,
        role=Role(row.role),
        person=row.id,
        name=row.name,
    )
