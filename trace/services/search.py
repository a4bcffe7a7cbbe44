"""Find what a person typed where it is no code: a lot's number, a certificate's number, an organisation's name."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, func, or_, select, union
from sqlalchemy.orm import Session

from storage.events import Named
from storage.names import Name, find_some
from storage.one_of import one_of, there_is
from storage.parties import Viewer
from storage.tables import (
    certificate,
    certificate_lot,
    event_item,
    event_vocabulary,
    ident,
    lot,
    organisation,
    product,
    transit,
)
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, region_prefix
from trace.services.certificates import as_card, visible_among
from trace.services.look_up_log import note_look_up
from trace.services.organisations import as_card as organisation_card

MOST, MOST_ORGANISATIONS = 50, 10
# Lots that are looked through for those that there is a record of, and things of either way between two for their lots.
NEWEST = 2_000


def search(session: Session, *, actor: Actor, text: str, now: datetime, reason: str = "") -> dict[str, Any]:
    """{lots, certificates, organisations, left_out} that a text names, as far as the actor may know them.

    Lots: by number, those the actor's organisation handled; for inspectors those handled in their region. Certificates
    by number, with their lots. Organisations by part of the name or by credit code, with the newest lots (`_lots_at`).
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
        v = event_vocabulary.c
        is_named = (v.organisation == actor.organisation, v.kind == int(Named.LOT), v.ident == lot.c.item)
        return there_is(v.ident, *is_named)
    return there_is(event_item.c.item, event_item.c.item == lot.c.item, Viewer.of(actor).sees_event(event_item.c.event))


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
    """Those with the text in their name or as their credit code, by name; one more than are told, where there is."""
    shown = [organisation.c.kind != OrganisationKind.PLATFORM]
    if actor.watches:
        shown.append(organisation.c.region.startswith(region_prefix(actor.region)))
    numbers = find_some(session, Name.ORGANISATION, text, *shown, most=MOST_ORGANISATIONS + 1)
    asked = or_(one_of(session, organisation.c.id, numbers), organisation.c.uscc == text.upper())
    query = select(organisation).where(asked, *shown).order_by(organisation.c.name)
    rows = session.execute(query.limit(MOST_ORGANISATIONS + 1)).all()
    lots = _lots_at(session, actor, [row.id for row in rows])
    return [{**organisation_card(row), **lots[row.id]} for row in rows]


def _lots_at(session: Session, actor: Actor, organisations: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Of each organisation {lots, left_out}: the newest that it had to do with; for others than inspectors and itself,
    the newest that went from it to the actor's or back, as either says.

    That a competitor has goods of the same lot is the competitor's affair.
    """
    me = actor.organisation
    told = set(organisations) if actor.watches else {me}.intersection(organisations)
    partners = _partners_among(session, me, organisations) if len(told) < len(organisations) else set()
    found: dict[int, dict[str, Any]] = {number: {"lots": [], "left_out": []} for number in organisations}
    found |= {number: _lots_between(session, me, number) for number in partners - told}
    return found | {number: _lots_of(session, number) for number in told}


def _lots_of(session: Session, organisation_id: int) -> dict[str, Any]:
    """The newest lots that the events of an organisation name."""
    v = event_vocabulary.c
    named = select(v.ident.label("item")).where(v.organisation == organisation_id, v.kind == int(Named.LOT))
    named = named.order_by(v.ident.desc())
    # Nearly always there is a record of each; partners may report any number of lots that there is none of.
    for looked_through in (2 * MOST, NEWEST):
        newest = named.limit(looked_through).subquery("newest")
        query = _lot_query(newest.join(lot, lot.c.item == newest.c.item)).order_by(newest.c.item.desc())
        there_are_older = session.scalar(named.offset(looked_through).limit(1)) is not None
        found = _newest_of(session, query, are_there_more=there_are_older)
        if not there_are_older or len(found["lots"]) == MOST:
            break
    return found


def _ways(one: Any, other: Any) -> list[Select[Any]]:
    """The things that went from one organisation to another, as either of them says, and those that went back."""
    t = transit.c
    return [
        select(t.item, t.lot).where(t.receiver == receiver, t.sender == sender)
        for receiver, sender in ((one, other), (other, one))
    ]


def _partners_among(session: Session, organisation_id: int, others: Sequence[int]) -> set[int]:
    """Those of these organisations that anything went to or came from."""
    any_went = (way.with_only_columns(transit.c.item).limit(1) for way in _ways(organisation_id, organisation.c.id))
    traded = or_(*(way.scalar_subquery().is_not(None) for way in any_went))
    return set(session.scalars(select(organisation.c.id).where(one_of(session, organisation.c.id, others), traded)))


def _lots_between(session: Session, one: int, other: int) -> dict[str, Any]:
    """The newest lots that went, themselves or as packs, from one organisation to the other or back."""
    ways = [way.order_by(transit.c.item.desc()) for way in _ways(one, other)]
    newest = [way.limit(NEWEST).subquery() for way in ways]
    went = union(*(select(way.c.lot) for way in newest)).subquery("went")
    found = _newest_of(session, _lot_query(went.join(lot, lot.c.item == went.c.lot)).order_by(went.c.lot.desc()))
    if found["left_out"]:
        return found
    older = [way.with_only_columns(transit.c.item).offset(NEWEST).limit(1).scalar_subquery() for way in ways]
    there_are_older = session.scalar(select(func.coalesce(*older))) is not None
    return found | {"left_out": ["lots"] if there_are_older else []}
