"""API keys for machines: a short prefix to find one by, and a secret of which only the SHA-256 is kept.

The secret is 256 random bits, so a plain hash is enough (nothing to guess, nothing to salt); it is shown once.
"""

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from storage.tables import api_key, organisation
from storage.tenancy import across_organisations
from trace.domain.failures import N_, Forbidden, Invalid, NotFound
from trace.domain.parties import DRUG_TRADE, OrganisationKind
from trace.domain.permissions import WATCHING_ROLES, Actor, Role

# What kind of organisation a role belongs to: a shop's clerk cannot be made an inspector of the city.
_ROLE_KINDS = {
    **dict.fromkeys(WATCHING_ROLES, frozenset({OrganisationKind.REGULATOR})),
    Role.PLATFORM_ADMINISTRATOR: frozenset({OrganisationKind.PLATFORM}),
    Role.PHARMACIST: DRUG_TRADE,
}
# Made once: every request of a machine asks it, and to put it together took four times as long as to ask SQLite.
_BY_PREFIX = (
    select(
        api_key.c.id,
        api_key.c.secret_hash,
        api_key.c.organisation,
        api_key.c.role,
        api_key.c.label,
        organisation.c.name,
        organisation.c.kind,
        organisation.c.party_uri,
        organisation.c.region,
    )
    .join(organisation, organisation.c.id == api_key.c.organisation)
    .where(api_key.c.prefix == bindparam("asked"), api_key.c.revoked_at.is_(None))
)


def check_role_fits(role: Role, kind: str) -> None:
    """Raise `Invalid` if a role makes no sense in a kind of organisation."""
    kinds = _ROLE_KINDS.get(role)
    watching = OrganisationKind(kind) in (OrganisationKind.REGULATOR, OrganisationKind.PLATFORM)
    if (kinds is None and watching) or (kinds is not None and kind not in kinds):
        raise Invalid(
            N_("The role {role} does not belong to an organisation of the kind {kind}."),
            field="role",
            role=role.value,
            kind=kind,
        )


def issue_key(
    session: Session, *, role: Role, organisation_id: int, now: datetime, label: str = "", by: Actor | None = None
) -> str:
    """A new key, `st_<prefix>_<secret>`; the only time it is seen.

    `by` issues for their own organisation only, unless they are the platform administrator.
    """
    kind = session.execute(select(organisation.c.kind).where(organisation.c.id == organisation_id)).scalar_one()
    check_role_fits(role, kind)
    _check_own(by, organisation_id)
    prefix, secret = secrets.token_hex(5), secrets.token_urlsafe(32)
    with across_organisations(session, because="the platform issues the first keys of an organisation"):
        session.execute(
            insert(api_key).values(
                prefix=prefix,
                secret_hash=hashlib.sha256(secret.encode()).digest(),
                organisation=organisation_id,
                role=role.value,
                label=label,
                created_at=now,
            )
        )
    return f"st_{prefix}_{secret}"


def find_actor_by_key(session: Session, text: str) -> Actor | None:
    """Who a key speaks for, or None if it is unknown, wrong or revoked (compared in constant time)."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "st":
        return None
    row = session.execute(_BY_PREFIX, {"asked": parts[1]}).one_or_none()
    digest = hashlib.sha256(parts[2].encode("utf-8", "surrogatepass")).digest()
    if row is None or not hmac.compare_digest(bytes(row.secret_hash), digest):
        return None
    return Actor(
        organisation=row.organisation,
        organisation_name=row.name,
        organisation_kind=row.kind,
        party_uri=row.party_uri,
        region=row.region,
        role=Role(row.role),
        api_key=row.id,
        name=row.label,
    )


def list_keys(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """The keys of the actor's organisation, without their secrets."""
    query = select(api_key).where(api_key.c.organisation == actor.organisation).order_by(api_key.c.id)
    return [
        {
            "prefix": row.prefix,
            "role": row.role,
            "label": row.label,
            "created_at": row.created_at,
            "revoked_at": row.revoked_at,
        }
        for row in session.execute(query)
    ]


def revoke_key(session: Session, *, actor: Actor, prefix: str, now: datetime) -> None:
    """End a key of the actor's organisation; again is harmless. Raises `NotFound` for any other key."""
    mine = (api_key.c.prefix == prefix) & (api_key.c.organisation == actor.organisation)
    if session.execute(select(api_key.c.id).where(mine)).one_or_none() is None:
        raise NotFound(N_("There is no key {prefix}."), prefix=prefix)
    session.execute(update(api_key).where(mine, api_key.c.revoked_at.is_(None)).values(revoked_at=now))


def _check_own(by: Actor | None, organisation_id: int) -> None:
    if by is not None and by.role is not Role.PLATFORM_ADMINISTRATOR and by.organisation != organisation_id:
        raise Forbidden(N_("Keys and people are managed by each organisation for itself."))
