"""What a store needs before anybody can use it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import organisation, store_setting
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.keys import check_role_fits
from trace.services.organisations import create_organisation

PLATFORM_NAME = "阳光追溯平台"
PLATFORM_REGION = "640500"


def check_domain(session: Session, domain: str) -> None:
    """Bind a store to its identifier domain; raises `Conflict` if it was made with another one.

    The domain is part of every private identifier in the store: with another one nothing would be found any more.
    """
    values = {"name": "id_domain", "value": domain}
    session.execute(insert_for(session, store_setting).values(values).on_conflict_do_nothing())
    stands = session.execute(select(store_setting.c.value).where(store_setting.c.name == "id_domain")).scalar_one()
    if stands != domain:
        raise Conflict(
            N_("This store was made with SUNSHINE_ID_DOMAIN={stands}; {domain} came. Set it back."),
            stands=stands,
            domain=domain,
        )


def ensure_platform(session: Session, *, now: datetime) -> int:
    """The number of the platform's own organisation, made if it is not there yet."""
    query = select(organisation.c.id).where(organisation.c.kind == OrganisationKind.PLATFORM)
    found = session.execute(query).scalar_one_or_none()
    if found is None:
        create_organisation(
            session, name=PLATFORM_NAME, kind=OrganisationKind.PLATFORM, region=PLATFORM_REGION, now=now
        )
        found = session.execute(query).scalar_one()
    return int(found)


def first_fitting_organisation(session: Session, role: Role) -> int:
    """The first organisation a role makes sense in; raises `NotFound` if there is none yet."""
    for row in session.execute(select(organisation.c.id, organisation.c.kind).order_by(organisation.c.id)):
        try:
            check_role_fits(role, row.kind)
        except Invalid:
            continue
        return int(row.id)
    raise NotFound(N_("No organisation fits the role {role} yet; register one first."), role=role.value)
