"""For whom something is done later: whoever asked for it, as they stand on the day it is done."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import api_key as api_key_table
from storage.tables import organisation as organisation_table
from storage.tables import person as person_table
from trace.domain.permissions import Actor, Role


def find_actor_behind(session: Session, *, organisation: int, person: int | None, api_key: int | None) -> Actor | None:
    """The actor that asked, in the role of today; None where the person has left or the key is revoked.

    Where neither person nor key is known it was the organisation for itself.
    """
    firm = session.execute(select(organisation_table).where(organisation_table.c.id == organisation)).one()
    role: str | None = Role.CLERK
    if person is not None:
        people = person_table.c
        active = select(people.role).where(people.id == person, people.active, people.organisation == organisation)
        role = session.scalar(active)
    elif api_key is not None:
        keys = api_key_table.c
        valid = (keys.id == api_key, keys.revoked_at.is_(None), keys.organisation == organisation)
        role = session.scalar(select(keys.role).where(*valid))
    if role is None:
        return None
    return Actor(
        organisation=firm.id,
        organisation_name=firm.name,
        organisation_kind=firm.kind,
        party_uri=firm.party_uri,
        region=firm.region,
        role=Role(role),
        person=person,
        api_key=api_key,
    )
