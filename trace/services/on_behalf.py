"""For whom something is done later: whoever asked for it, as they stand on the day it is done."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.tables import api_key as api_key_table
from storage.tables import organisation as organisation_table
from storage.tables import person as person_table
from storage.tenancy import across
from trace.domain.permissions import GRANTS, Actor, Permission, Role


@across(because="whoever of headquarters asked in a shop's name is looked up there")
def find_actor_behind(session: Session, *, organisation: int, person: int | None, api_key: int | None) -> Actor | None:
    """The actor that asked, in the role of today; None where the person has left or the key is revoked.

    Where neither person nor key is known it was the organisation for itself.
    """
    firm = session.execute(select(organisation_table).where(organisation_table.c.id == organisation)).one()
    role: str | None = Role.CLERK
    if person is not None:
        people = person_table.c
        active = select(people.role, people.organisation).where(people.id == person, people.active)
        role = _role_at(firm, session.execute(active).one_or_none())
    elif api_key is not None:
        keys = api_key_table.c
        valid = select(keys.role, keys.organisation).where(keys.id == api_key, keys.revoked_at.is_(None))
        role = _role_at(firm, session.execute(valid).one_or_none())
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


def _role_at(firm: Row[Any], asked: Row[*tuple[Any, ...]] | None) -> str | None:
    """The role of a person or key at an organisation: its own, or a clerk's of who leads its headquarters."""
    if asked is None or asked.organisation == firm.id:
        return None if asked is None else str(asked.role)
    leads = asked.organisation == firm.headquarters and Permission.CHAIN_MANAGE in GRANTS[Role(asked.role)]
    return Role.CLERK if leads else None
