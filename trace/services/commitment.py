"""The commitment certificate (承诺达标合格证): issue it, revoke it, and know who has to issue a new one (R6).

Reading, verifying and printing what was issued is `trace.services.issued_certificates`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, lock_items, uris_of
from storage.tables import MICRO, certificate, certificate_lot, certificate_source, correction, organisation, stock
from storage.tenancy import across
from trace.domain.commitment import is_in_scope, quantity_text
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.papers import STATEMENTS, CertificateKind, CommitmentBasis, CommitmentForm
from trace.domain.parties import PRODUCERS
from trace.domain.permissions import Actor
from trace.domain.quantities import comparable, parse_quantity
from trace.domain.regions import is_known_region, region_name
from trace.services.alerts import raise_alert
from trace.services.certificates import had_by, link_lots
from trace.services.commands import Command, run_once
from trace.services.lots import find_lots, item_uri
from trace.services.organisations import new_public_id
from trace.services.paper_contents import note_paper, paper_keys
from trace.services.pictures import check_own_picture
from trace.services.renewal import check_own_produce, needs_new_certificate, origin_of, sources_of
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro

__all__ = ["Contents", "issue_commitment", "needs_new_certificate", "revoke_commitment"]
ALERT = "certificate_revoked"


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands on a certificate (Art. 14) and is not known from the record: all may be left to what is recorded.

    `quantity` is a text for those who have no number; `region` a county by its six digits (GB/T 2260).
    """

    product_name: str = ""
    amount: Decimal | None = None
    unit: str | None = None
    quantity: str = ""
    region: str | None = None
    origin: str = ""
    contact: str = ""


def issue_commitment(
    session: Session,
    command: Command,
    *,
    lots: Sequence[str],
    contents: Contents,
    basis: Sequence[CommitmentBasis],
    statement_accepted: bool,
    form: CommitmentForm | None = None,
    signature: str | None = None,
    replaces: str | None = None,
) -> dict[str, Any]:
    """Issue a 承诺达标合格证 for lots of one product that the actor's organisation has or had: {id, kind, number}.

    Producers use form 1, purchasers who mix or re-pack form 2 (农业农村部令 2025 年第 4 号); `form` None chooses by the
    kind of organisation. Form 2 says that the papers of what went in were collected and kept: they are linked as its
    sources. `signature` is the SHA-256 of an own upload. `replaces` names an own certificate, which ends with this one.

    Raises `Invalid` without accepted statement or basis, for lots of several products and for goods outside the scope
    of Art. 3; `NotFound` for a lot that the organisation never had; `Conflict` for form 2 where a lot that went in has
    no valid paper, naming these lots, and for more than there ever was of the lots here. Two that replace one
    certificate at once: its guarded update lets one through.
    """

    def act() -> dict[str, Any]:
        if not statement_accepted:
            raise Invalid(N_("The commitment statement has to be accepted."), field="statement_accepted")
        if not basis:
            raise Invalid(N_("Name at least one basis of the commitment."), field="basis")
        kind = command.actor.organisation_kind
        chosen = form or (CommitmentForm.PRODUCER if kind in PRODUCERS else CommitmentForm.PURCHASER)
        known = _own_lots(session, command.actor, lots)
        _check_lots(session, command, known)
        sources: set[int] = set()
        if chosen is CommitmentForm.PURCHASER:
            sources = sources_of(session, command, known)
        else:
            check_own_produce(session, command, known)
        if signature is not None:
            check_own_picture(session, command.actor, signature, field="signature")
        values = _values(session, command, contents, list(known.values()), chosen, basis, signature)
        _check_amount(session, command.actor, list(known.values()), values["amount"], values["unit"], replaces)
        return _keep(session, command, lots, values, sources, replaces)

    return run_once(session, command, "issue_commitment", act)


def _own_lots(session: Session, actor: Actor, lots: Sequence[str]) -> dict[str, Row[Any]]:
    """{lot: its record} of lots the organisation has or had; raises `NotFound` for packs and for a stranger's lot."""
    uris = [item_uri(text, field=f"lots.{n}") for n, text in enumerate(lots)]
    ids = find_idents(session, uris)
    had = had_by(session, actor, ids.values())
    rows = find_lots(session, [uri for uri, item in ids.items() if item in had])
    for number, uri in enumerate(uris):
        if uri not in rows:
            raise NotFound(N_("The lot {lot} is not recorded yet."), field=f"lots.{number}", lot=uri)
    return {uri: rows[uri] for uri in uris}


def _check_lots(session: Session, command: Command, known: Mapping[str, Row[Any]]) -> None:
    rules = rules_on(session, command.day, command.actor.organisation)
    scope = rules.entry("commitment.scope")
    names = {row.product: row.product_name for row in known.values()}
    if len(names) > 1:
        raise Invalid(
            N_("A certificate is for lots of one product; {names} came. Issue one for each."),
            field="lots",
            names="、".join(names.values()),
        )
    for number, row in enumerate(known.values()):
        if not is_in_scope(row.category, rules):
            raise Invalid(
                N_("{product} ({category}) takes other papers than this certificate, which is for the goods of {law}."),
                field=f"lots.{number}",
                product=row.product_name,
                category=row.category,
                law=scope.source if scope else "",
            )


def _values(
    session: Session,
    command: Command,
    contents: Contents,
    rows: Sequence[Row[Any]],
    form: CommitmentForm,
    basis: Sequence[CommitmentBasis],
    signature: str | None,
) -> dict[str, Any]:
    """The certificate's row: what was said, and from the records what was not."""
    own = session.execute(select(organisation).where(organisation.c.id == command.actor.organisation)).one()
    known = origin_of(session, command.actor, rows[0], now=command.now)
    region = contents.region or ("" if contents.origin.strip() else known[0])
    origin = contents.origin.strip() or ("" if contents.region else known[1]) or (region_name(region) if region else "")
    unit = contents.unit or rows[0].unit
    quantity = quantity_text(contents.amount, unit) if contents.amount is not None else contents.quantity.strip()
    # A text that plainly says a number certifies that number: what is received under it is summed against it (R5).
    certified = (contents.amount, unit) if contents.amount is not None else parse_quantity(quantity)
    contact = contents.contact.strip() or own.contact
    if contents.region and not is_known_region(contents.region):
        text = N_("The region {region} is not a known county code (GB/T 2260).")
        raise Invalid(text, field="origin_region", region=contents.region)
    if not quantity or (contents.amount is not None and contents.amount <= 0):
        raise Invalid(N_("Give the quantity, a number above zero."), field="amount")
    if not origin:
        raise Invalid(N_("Say where the goods were grown or kept: the county at least."), field="origin")
    number = f"HGZ{command.day:%Y%m%d}{new_public_id()[:8].upper()}"
    keys = paper_keys(CertificateKind.COMMITMENT, number, own.name, "")
    fields = {
        "product_name": contents.product_name.strip() or rows[0].product_name,
        "quantity": quantity,
        "origin": origin,
        "origin_region": region,
        "contact": contact,
        "issuer_uscc": own.uscc,
        "basis": sorted({one.value for one in basis}),
        "statement_accepted": True,
        "statement": STATEMENTS[form],
        "signature_present": signature is not None,
    }
    return {
        "public_id": new_public_id(),
        "organisation": own.id,
        "kind": CertificateKind.COMMITMENT.value,
        "form": form.value,
        "number": number,
        "number_key": keys[1],
        "paper_key": note_paper(session, keys),
        "filed_by": command.actor.person,
        "issuer": own.name,
        "issued_on": command.day,
        "fields": {name: value for name, value in fields.items() if value not in (None, "")},
        "signature": signature,
        "amount": None if certified is None else micro(certified[0]),
        "unit": None if certified is None else certified[1],
        "issued_here": True,
        "created_at": command.now,
    }


def _check_amount(
    session: Session,
    actor: Actor,
    rows: Sequence[Row[Any]],
    amount: int | None,
    unit: str | None,
    replaces: str | None,
) -> None:
    """Raise `Conflict` for more than ever was here of these lots, with what other certificates of them are for that
    stand: others' goods would travel under the paper (R5). The locked rows of the lots decide between two at once.
    """
    if amount is None or unit is None:
        return
    lots = [row.ident for row in rows]
    lock_items(session, lots)
    query = (
        select(stock.c.unit, func.sum(stock.c.came))
        .where(stock.c.organisation == actor.organisation, stock.c.lot.in_(lots))
        .group_by(stock.c.unit)
    )
    said, kind = comparable(Decimal(amount) / MICRO, unit)
    here = [comparable(Decimal(int(came)) / MICRO, each) for each, came in session.execute(query)]
    same = [many for many, each in here if each == kind]  # what is counted in pieces and certified by weight is not
    came = sum(same, Decimal(0)) - _certified(session, actor, lots, kind, replaces)
    if same and said > came:
        raise Conflict(
            N_(
                "The certificate would be for {said} {unit}; of what ever came or was made here of these lots, {came}"
                " {unit} have no certificate yet. Correct the quantity, or revoke or replace the other certificate."
            ),
            field="amount",
            said=f"{said.normalize():f}",
            came=f"{max(came, Decimal(0)).normalize():f}",
            unit=kind,
        )


def _certified(session: Session, actor: Actor, lots: Sequence[int], kind: str, replaces: str | None) -> Decimal:
    """What certificates that stand were issued for of these lots, as far as it is counted alike."""
    query = (
        select(certificate.c.id, certificate.c.amount, certificate.c.unit)
        .join(certificate_lot, certificate_lot.c.certificate == certificate.c.id)
        .where(
            certificate.c.organisation == actor.organisation,
            certificate.c.issued_here,
            certificate.c.revoked_at.is_(None),
            certificate.c.amount.is_not(None),
            certificate.c.public_id != (replaces or ""),
            certificate_lot.c.item.in_(lots),
        )
        .distinct()
    )
    amounts = (comparable(Decimal(row.amount) / MICRO, row.unit) for row in session.execute(query))
    return sum((many for many, each in amounts if each == kind), Decimal(0))


def _keep(
    session: Session,
    command: Command,
    lots: Sequence[str],
    values: dict[str, Any],
    sources: Iterable[int],
    replaces: str | None,
) -> dict[str, Any]:
    """Write the certificate down with its lots and sources; the one it replaces ends."""
    if replaces is not None:
        older = _own_row(session, command.actor, replaces, field="replaces")
        _end(session, command, older, "", field="replaces")
        values = {**values, "replaces": older.id}
    number = session.execute(insert(certificate).values(values).returning(certificate.c.id)).scalar_one()
    link_lots(session, command, certificate_id=number, lots=lots, had_only=True)
    rows = [{"certificate": number, "source": source} for source in sorted(sources)]
    if rows:
        session.execute(insert(certificate_source), rows)
    return {"id": values["public_id"], "kind": values["kind"], "number": values["number"]}


# ---- revoked -------------------------------------------------------------------------------------------------------


def revoke_commitment(session: Session, command: Command, *, public_id: str, reason: str) -> dict[str, Any]:
    """Take back a certificate that the actor's organisation issued here: {id, number, alerts}; why is kept and shown.

    Whoever still has goods under it is told, as are the inspectors of their region; so is who has goods that were mixed
    or re-packed of these. Raises `NotFound` for another's, `Invalid` without a reason, `Conflict` for one that ended
    before. Two at once: the guarded update lets one through.
    """

    def act() -> dict[str, Any]:
        row = _own_row(session, command.actor, public_id)
        if not reason.strip():
            raise Invalid(N_("Say why the certificate is revoked; its public page shows it."), field="reason")
        _end(session, command, row, reason.strip())
        return {"id": public_id, "number": row.number, "alerts": _alert_holders(session, command, row, reason.strip())}

    return run_once(session, command, "revoke_commitment", act)


def _own_row(session: Session, actor: Actor, public_id: str, *, field: str | None = None) -> Row[Any]:
    """A certificate that the actor's organisation issued here; raises `NotFound`."""
    query = select(certificate).where(
        certificate.c.public_id == public_id,
        certificate.c.organisation == actor.organisation,
        certificate.c.issued_here,
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no certificate {id}."), field=field, id=public_id)
    return row


def _end(session: Session, command: Command, row: Row[Any], reason: str, *, field: str | None = None) -> None:
    """Let a certificate end now, once; who did it and why is kept (R16)."""
    ended = (
        update(certificate)
        .where(certificate.c.id == row.id, certificate.c.revoked_at.is_(None))
        .values(revoked_at=command.now, revoked_reason=reason, revoked_by=command.actor.person)
        .returning(certificate.c.id)
    )
    if session.execute(ended).one_or_none() is None:
        raise Conflict(
            N_("The certificate {number} was revoked or replaced before; it ends once."), field=field, number=row.number
        )
    values = {
        "organisation": command.actor.organisation,
        "kind": "certificate",
        "subject": row.public_id,
        "field": "revoked_at",
        "new": command.now.isoformat(),
        "reason": reason,
        "person": command.actor.person,
        "api_key": command.actor.api_key,
        "corrected_at": command.now,
    }
    session.execute(insert(correction).values(values))


@across(because="whoever has goods under a revoked certificate is told")
def _alert_holders(session: Session, command: Command, row: Row[Any], reason: str) -> int:
    """Tell everybody else who has goods under the certificate, or under one that has it as a source; how many were."""
    built, items = {row.id}, set(_lots_under(session, [row.id]))
    fresh = built
    while fresh:
        query = select(certificate_source.c.certificate).where(certificate_source.c.source.in_(sorted(fresh)))
        fresh = set(session.scalars(query)) - built
        built |= fresh
        items |= set(_lots_under(session, fresh))
    uris, told = uris_of(session, items), 0
    for part in chunks(items):
        holders = (
            select(stock.c.organisation, stock.c.lot, organisation.c.region)
            .join(organisation, organisation.c.id == stock.c.organisation)
            .where(stock.c.lot.in_(part), stock.c.on_hand + stock.c.held > 0)
            .where(stock.c.organisation != command.actor.organisation)
            .distinct()
        )
        for holder in session.execute(holders).all():
            raise_alert(
                session,
                kind=ALERT,
                item=holder.lot,
                organisation=holder.organisation,
                region=holder.region,
                details={
                    "code": uris[holder.lot],
                    "subject": row.public_id,
                    "facts": {"number": row.number, "issuer": row.issuer, "reason": reason},
                },
                now=command.now,
            )
            told += 1
    return told


def _lots_under(session: Session, certificates: Iterable[int]) -> Iterable[int]:
    for part in chunks(certificates):
        yield from session.scalars(select(certificate_lot.c.item).where(certificate_lot.c.certificate.in_(part)))
