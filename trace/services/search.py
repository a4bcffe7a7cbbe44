"""Find what a person typed where it is no code: a lot's number, a certificate's number, an organisation's name."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from storage.tables import (
    certificate,
    certificate_lot,
    event_item,
    event_party,
    ident,
    lot,
    organisation,
    product,
)
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, region_prefix
from trace.services.certificates import as_card, visible_among
from trace.services.look_up_log import note_look_up
from trace.services.organisations import as_card as organisation_card

MOST = 50


def search(session: Session, *, actor: Actor, text: str, now: datetime, reason: str = "") -> dict[str, Any]:
    """{lots, certificates, organisations} that a text names, as far as the actor may know them.

    Lots: by number, those the actor's organisation handled; for inspectors those handled in their region. Certificates
    by number, with their lots. Organisations by part of the name or by credit code, with the lots last seen there.
    An inspector's search is written down like a look-up (R18).
    """
    note_look_up(session, actor=actor, what="search", subject=text, reason=reason, now=now)
    return {
        "text": text,
        "lots": _lots(session, actor, lot.c.number == text),
        "certificates": _certificates(session, actor, text),
        "organisations": _organisations(session, actor, text),
    }


def _lots(session: Session, actor: Actor, named: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = _lot_query().where(named, _handled_by_readers(actor)).order_by(lot.c.item.desc()).limit(MOST)
    return [_lot_card(row) for row in session.execute(query)]


def _lot_query() -> Select[Any]:
    return (
        select(ident.c.uri, lot.c.number, product.c.name, product.c.category, lot.c.produced_on, lot.c.expires_on)
        .join(ident, ident.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
    )


def _handled_by_readers(actor: Actor) -> ColumnElement[bool]:
    """Whether somebody whose records the actor may read took part in an event of the lot."""
    query = (
        select(event_item.c.item)
        .join(event_party, event_party.c.event == event_item.c.event)
        .where(event_item.c.item == lot.c.item)
    )
    if actor.watches:
        query = query.join(organisation, organisation.c.id == event_party.c.organisation).where(
            organisation.c.region.startswith(region_prefix(actor.region))
        )
    else:
        query = query.where(event_party.c.organisation == actor.organisation)
    return exists(query)


def _lot_card(row: Any) -> dict[str, Any]:
    return {
        "lot": row.uri,
        "lot_number": row.number,
        "product": row.name,
        "category": row.category,
        "produced_on": row.produced_on,
        "expires_on": row.expires_on,
    }


def _certificates(session: Session, actor: Actor, text: str) -> list[dict[str, Any]]:
    """The certificates with this number, each with its lots as far as the actor may know them."""
    numbered = session.scalars(select(certificate.c.id).where(certificate.c.number == text)).all()
    visible = sorted(visible_among(session, actor, numbered))[-MOST:]
    rows = session.execute(select(certificate).where(certificate.c.id.in_(visible)).order_by(certificate.c.id.desc()))
    return [{**as_card(row), "lots": _lots(session, actor, _is_on(row.id))} for row in rows.all()]


def _is_on(number: int) -> ColumnElement[bool]:
    return lot.c.item.in_(select(certificate_lot.c.item).where(certificate_lot.c.certificate == number))


def _organisations(session: Session, actor: Actor, text: str) -> list[dict[str, Any]]:
    query = (
        select(organisation)
        .where(
            or_(organisation.c.name.contains(text, autoescape=True), organisation.c.uscc == text.upper()),
            organisation.c.kind != OrganisationKind.PLATFORM,
        )
        .order_by(organisation.c.name)
        .limit(10)
    )
    if actor.watches:
        query = query.where(organisation.c.region.startswith(region_prefix(actor.region)))
    return [
        {**organisation_card(row), "lots": _lots(session, actor, _was_at(row.id, actor))}
        for row in session.execute(query).all()
    ]


def _was_at(number: int, actor: Actor) -> ColumnElement[bool]:
    """Whether an organisation took part in an event of the lot; for others than inspectors, one the actor was in too.

    That a competitor has goods of the same lot is the competitor's affair.
    """
    query = (
        select(event_item.c.item)
        .join(event_party, event_party.c.event == event_item.c.event)
        .where(event_item.c.item == lot.c.item, event_party.c.organisation == number)
    )
    if not actor.watches:
        reader = aliased(event_party)
        query = query.join(reader, reader.c.event == event_item.c.event).where(
            reader.c.organisation == actor.organisation
        )
    return exists(query)
