"""Find what a person typed where it is no code: a lot's number, a certificate's number, an organisation's name."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, or_, select
from sqlalchemy.orm import Session

from storage.events import Named
from storage.names import Name, named
from storage.one_of import one_of, there_is
from storage.parties import Viewer, took_part
from storage.tables import (
    certificate,
    certificate_lot,
    event_item,
    event_vocabulary,
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

MOST, MOST_ORGANISATIONS = 50, 10
# Of an organisation, things that are looked through for its lots, and lots that are looked at: some 30 ms each.
NEWEST, KNOWN = 20_000, 200


def search(session: Session, *, actor: Actor, text: str, now: datetime, reason: str = "") -> dict[str, Any]:
    """{lots, certificates, organisations, left_out} that a text names, as far as the actor may know them.

    Lots: by number, those the actor's organisation handled; for inspectors those handled in their region. Certificates
    by number, with their lots. Organisations by part of the name or by credit code, with the lots last seen there.
    `left_out` names those of these lists that are not whole, and so it does in the card of a certificate or an
    organisation. An inspector's search is written down like a look-up (R18).
    """
    note_look_up(session, actor=actor, what="search", subject=text, reason=reason, now=now)
    lots = _lots(session, actor, lot.c.number == text)
    certificates = _certificates(session, actor, text)
    organisations = _organisations(session, actor, text)
    cut = {"certificates": len(certificates) > MOST, "organisations": len(organisations) > MOST_ORGANISATIONS}
    return {
        "text": text,
        "lots": lots["lots"],
        "certificates": certificates[:MOST],
        "organisations": organisations[:MOST_ORGANISATIONS],
        "left_out": lots["left_out"] + [name for name, is_cut in cut.items() if is_cut],
    }


def _lots(session: Session, actor: Actor, asked: ColumnElement[bool]) -> dict[str, Any]:
    query = _lot_query(lot).where(asked, _handled_by_readers(actor)).order_by(lot.c.item.desc())
    return _newest_of(session, query)


def _newest_of(session: Session, query: Select[Any], *, are_there_more: bool = False) -> dict[str, Any]:
    """{lots, left_out} of a query, newest first."""
    rows = session.execute(query.limit(MOST + 1)).all()
    left_out = ["lots"] if are_there_more or len(rows) > MOST else []
    return {"lots": [_lot_card(row) for row in rows[:MOST]], "left_out": left_out}


def _lot_query(begun: FromClause) -> Select[Any]:
    return (
        select(ident.c.uri, lot.c.number, product.c.name, product.c.category, lot.c.produced_on, lot.c.expires_on)
        .select_from(begun)
        .join(ident, ident.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
    )


def _handled_by_readers(actor: Actor) -> ColumnElement[bool]:
    """Whether somebody whose records the actor may read took part in an event of the lot."""
    if not actor.watches:
        return _has_to_do(actor.organisation, lot.c.item)
    return there_is(event_item.c.item, event_item.c.item == lot.c.item, Viewer.of(actor).sees_event(event_item.c.event))


def _has_to_do(organisation_id: int, item: Any) -> ColumnElement[bool]:
    """Whether an organisation took part in an event of a thing."""
    v = event_vocabulary.c
    return there_is(v.ident, v.organisation == organisation_id, v.kind == int(Named.EPC), v.ident == item)


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
    """The certificates with this number, and one more than are told, each with its lots as far as the actor may know
    them."""
    numbered = session.scalars(select(certificate.c.id).where(certificate.c.number == text)).all()
    visible = sorted(visible_among(session, actor, numbered))[-MOST - 1 :]
    rows = session.execute(select(certificate).where(certificate.c.id.in_(visible)).order_by(certificate.c.id.desc()))
    return [{**as_card(row), **_lots(session, actor, _is_on(row.id))} for row in rows.all()]


def _is_on(number: int) -> ColumnElement[bool]:
    return lot.c.item.in_(select(certificate_lot.c.item).where(certificate_lot.c.certificate == number))


def _organisations(session: Session, actor: Actor, text: str) -> list[dict[str, Any]]:
    query = (
        select(organisation)
        .where(
            or_(named(session, Name.ORGANISATION, text), organisation.c.uscc == text.upper()),
            organisation.c.kind != OrganisationKind.PLATFORM,
        )
        .order_by(organisation.c.name)
        .limit(MOST_ORGANISATIONS + 1)
    )
    if actor.watches:
        query = query.where(organisation.c.region.startswith(region_prefix(actor.region)))
    return [{**organisation_card(row), **_lots_at(session, actor, row.id)} for row in session.execute(query).all()]


def _lots_at(session: Session, actor: Actor, organisation_id: int) -> dict[str, Any]:
    """The newest lots that an organisation had to do with; for others than inspectors, in one event with the actor.

    That a competitor has goods of the same lot is the competitor's affair. What somebody had to do with grows with the
    years: looked at are its newest things, and of the lots that the actor knows, too, the newest. {lots, left_out}.
    """
    v = event_vocabulary.c
    things = select(v.ident).where(v.organisation == organisation_id, v.kind == int(Named.EPC)).order_by(v.ident.desc())
    newest = things.limit(NEWEST).subquery("newest")
    lots = select(lot.c.item).select_from(newest.join(lot, lot.c.item == newest.c.ident))
    if not actor.watches:
        lots = lots.where(_has_to_do(actor.organisation, lot.c.item))
    most = MOST if actor.watches else KNOWN
    known = session.scalars(lots.order_by(newest.c.ident.desc()).limit(most + 1)).all()
    query = _lot_query(lot).where(one_of(session, lot.c.item, known[:most])).order_by(lot.c.item.desc())
    if not actor.watches:
        both = (took_part(organisation_id), took_part(actor.organisation))
        query = query.where(there_is(event_item.c.item, event_item.c.item == lot.c.item, *both))
    are_there_more = len(known) > most or session.scalar(things.offset(NEWEST).limit(1)) is not None
    return _newest_of(session, query, are_there_more=are_there_more)
