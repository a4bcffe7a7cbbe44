"""Certificates: file the papers that came with goods, link them to lots, say who may see them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, insert, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, insert_for, uris_of
from storage.one_of import ask_for, is_asked_for, one_of, there_is
from storage.parties import taken_part, took_part
from storage.tables import (
    MICRO,
    certificate,
    certificate_holder,
    certificate_lot,
    event,
    event_item,
    ident,
    lot,
    object_owner,
    organisation,
    stock,
    transit,
)
from trace.domain.failures import N_, NotFound
from trace.domain.papers import (
    CertificateKind,
    Paper,
)
from trace.domain.permissions import Actor, region_prefix
from trace.services.commands import Command, run_once
from trace.services.look_up_log import note_look_up
from trace.services.lots import item_uri
from trace.services.organisations import new_public_id
from trace.services.paper_contents import Said, certified_amount, missing_of, paper_keys, paper_values
from trace.services.paper_proof import certificate_at, disagreements, filed_before


def file_certificate(
    session: Session,
    command: Command,
    *,
    kind: CertificateKind,
    lots: Sequence[str],
    issuer: str,
    issued_on: date | None,
    number: str = "",
    form: str = "",
    valid_until: date | None = None,
    contents: Mapping[str, Any] | None = None,
    sha256: str | None = None,
    amount: Decimal | None = None,
    unit: str | None = None,
) -> dict[str, Any]:
    """Keep a paper that came with goods, linked to their lots; its photo or PDF by SHA-256 (an own upload).

    `contents` are the fields that stand on it (`trace.domain.certificate_fields`), `amount` and `unit` what it
    certifies; where only its text was typed, a text that is plainly a number and a unit says it. A paper that is only
    photographed has no issuer and no day yet: it counts as of today, and both are told as missing. Raises `Invalid`
    for a paper from the future, one that ends before it begins, and fields or a form that such a paper does not have;
    `NotFound` for a lot that the organisation never had, and for an upload of somebody else.

    A paper whose QR is the address of a certificate on this system is that certificate (`trace.services.paper_proof`):
    it is linked to the lots, not filed twice, and the answer says so with `on_this_system` and `remarks`.
    `filed_before` are the organisation's own papers of the same QR text or number: by whom and when.

    Two who file the same paper at once file it twice, under one key (`paper_head`, insert or nothing): what is received
    under either is summed.
    """

    def act() -> dict[str, Any]:
        if sha256 is not None:
            check_own_object(session, command.actor, sha256)
        said = Said(kind, form, number, issuer, issued_on, valid_until, contents or {}, amount, unit)
        qr = str(said.fields.get("qr_payload") or "")
        known = certificate_at(session, qr, command.now)
        if known is not None:
            _note_holder(session, command, known)
            link_lots(session, command, certificate_id=known.id, lots=lots, had_only=True)
            certified = certified_amount(amount, unit, said.fields)
            remarks = disagreements(session, known, lots=lots, certified=certified, contents=said.fields)
            card = {"id": known.public_id, "kind": known.kind, "number": known.number, "on_this_system": True}
            return {**card, "remarks": [remark.as_dict() for remark in remarks], "filed_before": []}
        before = filed_before(session, command.actor, paper_keys(kind, number, issuer, qr))
        public_id = new_public_id()
        values = {
            **paper_values(session, command, said, public_id=public_id),
            "public_id": public_id,
            "organisation": command.actor.organisation,
            "object": sha256,
            "filed_by": command.actor.person,
            "created_at": command.now,
        }
        filed = session.execute(insert(certificate).values(values).returning(certificate.c.id)).scalar_one()
        link_lots(session, command, certificate_id=filed, lots=lots, had_only=True)
        card = {"id": public_id, "kind": kind.value, "number": number, "on_this_system": False}
        return {**card, "remarks": [], "filed_before": before}

    return run_once(session, command, "file_certificate", act)


def _note_holder(session: Session, command: Command, row: Row[Any]) -> None:
    """Who shows the text of a certificate's QR has the paper, and from now on sees it here; again is harmless."""
    values = {"certificate": row.id, "organisation": command.actor.organisation, "shown_at": command.now}
    session.execute(insert_for(session, certificate_holder).values(values).on_conflict_do_nothing())


def check_own_object(session: Session, actor: Actor, sha256: str) -> None:
    """Raise `NotFound` for an object that is no upload of the actor's organisation."""
    query = select(object_owner.c.object).where(
        object_owner.c.object == sha256, object_owner.c.organisation == actor.organisation
    )
    if session.execute(query).one_or_none() is None:
        raise NotFound(N_("There is no upload {sha256}. Upload the photo or PDF first."), field="sha256", sha256=sha256)


def link_lots(
    session: Session, command: Command, *, certificate_id: int, lots: Sequence[str], had_only: bool = False
) -> None:
    """Tie a paper to lots that are known; again is harmless. Raises `NotFound` for a lot nobody recorded.

    `had_only` asks for lots that the actor's organisation recorded or took part in moving: a paper on a stranger's
    lot would speak for goods that its author never saw.
    """
    uris = [item_uri(text, field=f"lots.{n}") for n, text in enumerate(lots)]
    ids = find_idents(session, uris)
    if had_only:
        had = had_by(session, command.actor, ids.values())
        ids = {uri: item for uri, item in ids.items() if item in had}
    for number, uri in enumerate(uris):
        if uri not in ids:
            raise NotFound(N_("The lot {lot} is not recorded yet."), field=f"lots.{number}", lot=uri)
        statement = insert_for(session, certificate_lot).values(
            certificate=certificate_id,
            item=ids[uri],
            linked_by=command.actor.organisation,
            linked_at=command.now,
        )
        session.execute(statement.on_conflict_do_nothing())


def had_by(session: Session, actor: Actor, items: Iterable[int]) -> set[int]:
    """Those of these lots and packs that the organisation recorded first, or that moved with it as a party."""
    had: set[int] = set()
    moved = there_is(event_item.c.item, event_item.c.item == ident.c.id, took_part(actor.organisation))
    for part in chunks(items):
        had.update(session.scalars(select(ident.c.id).where(one_of(session, ident.c.id, part), moved)))
        opened = select(lot.c.item).where(one_of(session, lot.c.item, part), lot.c.created_by == actor.organisation)
        had.update(session.scalars(opened))
        kept = select(stock.c.lot).where(one_of(session, stock.c.lot, part), stock.c.organisation == actor.organisation)
        had.update(session.scalars(kept.distinct()))  # packs that came by the case
    return had


def get_certificate(session: Session, *, actor: Actor, public_id: str, now: datetime) -> dict[str, Any]:
    """A certificate the actor may see: their own, or one of goods they handled; inspectors: of their region.

    `missing` are the fields that such a paper should have and nobody transcribed. Raises `NotFound` for any other;
    an inspector's look is written down (R18).
    """
    row = visible_row(session, actor, public_id)
    note_look_up(session, actor=actor, what="certificate", subject=public_id, now=now)
    items = session.scalars(select(certificate_lot.c.item).where(certificate_lot.c.certificate == row.id)).all()
    return {
        **as_card(row),
        "fields": row.fields,
        "missing": missing_of(CertificateKind(row.kind), row.issuer, row.fields),
        "lots": sorted(uris_of(session, items).values()),
    }


def list_certificates(session: Session, *, actor: Actor, limit: int = 100) -> list[dict[str, Any]]:
    """The actor's own certificates, newest first."""
    query = select(certificate).where(certificate.c.organisation == actor.organisation)
    rows = session.execute(query.order_by(certificate.c.id.desc()).limit(limit))
    return [as_card(row) for row in rows]


def visible_certificate_ids(
    session: Session, *, actor: Actor, public_ids: Iterable[str], field: str
) -> dict[str, Row[Any]]:
    """The rows of these certificates, all of which the actor may see; raises `NotFound` for the first other."""
    found = {}
    for number, public_id in enumerate(public_ids):
        found[public_id] = visible_row(session, actor, public_id, field=f"{field}.{number}")
    return found


def visible_row(session: Session, actor: Actor, public_id: str, *, field: str | None = None) -> Row[Any]:
    """A certificate the actor may see; raises `NotFound` for any other."""
    query = _with_region().where(certificate.c.public_id == public_id, _visible_to(actor))
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no certificate {id}."), field=field, id=public_id)
    return row


def visible_among(session: Session, actor: Actor, numbers: Iterable[int]) -> set[int]:
    """Those of these certificates (by number in the store) that the actor may see."""
    found: set[int] = set()
    for part in chunks(numbers):
        query = _with_region(certificate.c.id).where(one_of(session, certificate.c.id, part), _visible_to(actor))
        found.update(row.id for row in session.execute(query))
    return found


def may_see_object(session: Session, actor: Actor, sha256: str) -> bool:
    """Whether an object is the photo or PDF of a certificate that the actor may see."""
    query = _with_region().where(certificate.c.object == sha256, _visible_to(actor)).limit(1)
    return session.execute(query).one_or_none() is not None


def _with_region(*columns: ColumnElement[Any]) -> Select[Any]:
    """Certificates, or these columns of theirs, with the region of whoever filed them."""
    return select(*(columns or certificate.c), organisation.c.region).join(
        organisation, organisation.c.id == certificate.c.organisation
    )


def _visible_to(actor: Actor) -> ColumnElement[bool]:
    """Own certificates; for inspectors those of the region; for others those of goods they handled, or have on paper.

    A delivery note goes one step only: to who stands with its filer in an event of the goods that the filer recorded.
    Another customer of the same lot is no business of theirs, and nobody becomes a customer by saying so alone.
    """
    own = certificate.c.organisation == actor.organisation
    if actor.watches:
        return own | organisation.c.region.startswith(region_prefix(actor.region))
    me, filer = actor.organisation, certificate.c.organisation
    linked = select(certificate_lot.c.item).where(certificate_lot.c.certificate == certificate.c.id)
    # `moved`, `kept`: packs that came by the case name their lot in stock and on the way, not in the case's event.
    moved = linked.where(
        event_item.c.item == certificate_lot.c.item,
        taken_part.c.organisation == me,
        taken_part.c.time == event_item.c.time,
        taken_part.c.event == event_item.c.event,
    )
    kept = linked.where(stock.c.lot == certificate_lot.c.item, stock.c.organisation == me)
    beside = moved.where(event.c.id == event_item.c.event, event.c.captured_by == filer)
    to_me = (transit.c.sender == filer) & (transit.c.receiver == me) & (transit.c.amount >= 0)  # below: I say so only
    from_me = (transit.c.sender == me) & (transit.c.receiver == filer)
    sent = linked.where(transit.c.lot == certificate_lot.c.item, to_me | from_me)
    travels = certificate.c.kind != CertificateKind.DELIVERY_NOTE
    shown = held_by(me)
    return (
        own
        | shown
        | (travels & (exists(moved.correlate(certificate)) | exists(kept.correlate(certificate))))
        | exists(beside.correlate(certificate))
        | exists(sent.correlate(certificate))
    )


def held_by(organisation_id: int) -> ColumnElement[bool]:
    """Certificates whose QR text an organisation showed."""
    return certificate.c.id.in_(
        select(certificate_holder.c.certificate).where(certificate_holder.c.organisation == organisation_id)
    )


def papers_of(session: Session, items: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """{item number: certificate rows} linked to lots."""
    found: dict[int, list[Row[Any]]] = {}
    for row in ask_for(session, _papers_by_lot, items):
        found.setdefault(row.item, []).append(row)
    return found


@cache
def _papers_by_lot(postgres: bool) -> Select[Any]:
    return (
        select(certificate_lot.c.item, certificate, organisation.c.region)
        .join(certificate, certificate.c.id == certificate_lot.c.certificate)
        .join(organisation, organisation.c.id == certificate.c.organisation)
        .where(is_asked_for(certificate_lot.c.item, postgres=postgres))
        .order_by(certificate.c.id)
    )


def as_paper(row: Row[Any]) -> Paper:
    """What matters of a certificate row for judging goods."""
    return Paper(CertificateKind(row.kind), row.issued_on, row.valid_until, row.form, row.revoked_at is not None)


def as_card(row: Row[Any]) -> dict[str, Any]:
    """A certificate as lists show it."""
    return {
        "id": row.public_id,
        "kind": row.kind,
        "form": row.form,
        "number": row.number,
        "issuer": row.issuer,
        "issued_on": row.issued_on,
        "valid_until": row.valid_until,
        "sha256": row.object,
        "revoked": row.revoked_at is not None,
        "amount": None if row.amount is None else (Decimal(row.amount) / MICRO).normalize() + 0,
        "unit": row.unit,
        "issued_here": row.issued_here,
        "incomplete": row.incomplete,
    }
