"""Organisations, their places and licences."""

import secrets
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.events import intern
from storage.names import Name, keep_names, named
from storage.tables import licence, organisation, place
from storage.tenancy import across
from trace.domain import uris
from trace.domain.epcis.vocabulary import WORDS
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.parties import LicenceKind, OrganisationKind, check_licence, check_uscc, normalised_number
from trace.domain.permissions import Actor, region_prefix
from trace.domain.regions import is_known_region
from trace.domain.uris import UriKind
from trace.services.look_up_log import note_look_up

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i l o u


def new_public_id() -> str:
    """A random 26-character name for a record: 130 bits, so that nobody finds another's record by counting."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(26))


@across(because="a new organisation is nobody's yet")
def create_organisation(
    session: Session,
    *,
    name: str,
    kind: OrganisationKind,
    region: str,
    now: datetime,
    uscc: str | None = None,
    address: str = "",
    contact: str = "",
    headquarters: str | None = None,
) -> dict[str, Any]:
    """Register an organisation with its first place.

    A USCC whose check character is wrong is taken with a warning: real ones fail (R20). Raises `Conflict` for a name
    or USCC that is registered already (unique keys decide between two at once), `Invalid` for an unknown region.
    """
    if not is_known_region(region):
        raise Invalid(N_("The region {region} is not a known county code (GB/T 2260)."), field="region", region=region)
    number = normalised_number(uscc) if uscc else None
    doubts = [doubt.as_dict() for doubt in (check_uscc(number) if number else ())]
    public_id = new_public_id()
    party = uris.party_uri(number or public_id)
    above = get_organisation_row(session, headquarters).id if headquarters else None
    values = {
        "public_id": public_id,
        "name": name,
        "kind": kind.value,
        "uscc": number,
        "region": region,
        "address": address,
        "contact": contact,
        "party_uri": party,
        "headquarters": above,
        "warnings": doubts,
        "created_at": now,
    }
    try:
        with session.begin_nested():
            row_id = session.execute(insert(organisation).values(values).returning(organisation.c.id)).scalar_one()
    except IntegrityError as fault:
        raise Conflict(
            N_("An organisation with the name {name} or the credit code {uscc} is registered already."),
            field="name",
            name=name,
            uscc=number or "-",
        ) from fault
    keep_names(session, [(Name.ORGANISATION, row_id, name)])
    _add_place(session, row_id, name, region)
    # What every event names is known before their first one: who has locked goods waits for nobody's new word.
    intern(session, {party: int(UriKind.PARTY)} | dict.fromkeys(WORDS, int(UriKind.OTHER)))
    return _full_card(session, public_id)


def add_place(session: Session, *, actor: Actor, name: str, region: str | None = None) -> dict[str, Any]:
    """A further place of the actor's organisation (field, hall, shop floor), in its own region unless one is named.

    Raises `Conflict` for a name that the organisation has given to a place (the unique key decides between two at
    once), `Invalid` for an unknown region.
    """
    region = region or actor.region
    if not is_known_region(region):
        raise Invalid(N_("The region {region} is not a known county code (GB/T 2260)."), field="region", region=region)
    try:
        with session.begin_nested():
            uri = _add_place(session, actor.organisation, name, region)
    except IntegrityError as fault:
        raise Conflict(N_("You have a place named {name} already."), field="name", name=name) from fault
    return {"place": uri, "name": name, "region": region}


def list_places(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """The places of the actor's organisation; the first one is where things happen unless another is named."""
    query = select(place).where(place.c.organisation == actor.organisation).order_by(place.c.id)
    return [{"place": row.uri, "name": row.name, "region": row.region} for row in session.execute(query)]


def _add_place(session: Session, organisation_id: int, name: str, region: str) -> str:
    uri = uris.place_uri(new_public_id())
    session.execute(insert(place).values(organisation=organisation_id, name=name, uri=uri, region=region))
    intern(session, {uri: int(UriKind.PLACE)})
    return uri


def add_licence(
    session: Session, *, actor: Actor, kind: LicenceKind, number: str, expires_on: date | None
) -> dict[str, Any]:
    """Put a licence on the actor's own file; a wrong check digit is a warning. Raises `Conflict` for one on file."""
    clean = normalised_number(number)
    doubts = [doubt.as_dict() for doubt in check_licence(kind, clean)]
    values = {
        "organisation": actor.organisation,
        "kind": kind.value,
        "number": clean,
        "expires_on": expires_on,
        "warnings": doubts,
    }
    try:
        with session.begin_nested():
            session.execute(insert(licence).values(values))
    except IntegrityError as fault:
        raise Conflict(N_("The licence {number} is on file already."), field="number", number=clean) from fault
    return {"kind": kind.value, "number": clean, "expires_on": expires_on, "warnings": doubts}


def get_organisation_row(session: Session, public_id: str) -> Row[Any]:
    """The organisation with this public id; raises `NotFound`."""
    row = session.execute(select(organisation).where(organisation.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no organisation {id}."), id=public_id)
    return row


def get_organisation(
    session: Session, *, actor: Actor, public_id: str, now: datetime, reason: str = ""
) -> dict[str, Any]:
    """The card of an organisation: what everybody in trade may know of it, with its licences.

    Raises `NotFound` where there is none; an inspector's look is written down (R18).
    """
    card = _full_card(session, public_id)
    note_look_up(session, actor=actor, what="organisation", subject=card["name"], reason=reason, now=now)
    return card


def _full_card(session: Session, public_id: str) -> dict[str, Any]:
    row = get_organisation_row(session, public_id)
    licences = session.execute(select(licence).where(licence.c.organisation == row.id).order_by(licence.c.id))
    return {
        **as_card(row),
        "licences": [
            {"kind": x.kind, "number": x.number, "expires_on": x.expires_on, "warnings": x.warnings} for x in licences
        ],
    }


def list_organisations(
    session: Session, *, actor: Actor, kind: str | None = None, text: str = "", limit: int = 200
) -> list[dict[str, Any]]:
    """Organisations by name; an inspector sees those of the region, others all (names are needed to trade)."""
    query = select(organisation).where(organisation.c.kind != OrganisationKind.PLATFORM).order_by(organisation.c.name)
    if kind:
        query = query.where(organisation.c.kind == kind)
    if text:
        query = query.where(named(session, Name.ORGANISATION, text))
    if actor.watches:
        query = query.where(organisation.c.region.startswith(region_prefix(actor.region)))
    return [as_card(row) for row in session.execute(query.limit(limit))]


def as_card(row: Row[Any]) -> dict[str, Any]:
    """An organisation as lists show it."""
    return {
        "id": row.public_id,
        "name": row.name,
        "kind": row.kind,
        "uscc": row.uscc,
        "region": row.region,
        "address": row.address,
        "contact": row.contact,
        "party": row.party_uri,
        "warnings": row.warnings,
    }
