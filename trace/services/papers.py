"""The organisation's papers: found again, transcribed, corrected, linked to more lots, watched until they end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, or_, select
from sqlalchemy.orm import Session

from storage.events import uris_of
from storage.tables import (
    certificate,
    certificate_lot,
    correction,
    licence,
    lot,
    person,
    product,
    stock,
    stored_object,
    supplier,
    supplier_licence,
)
from trace.domain.failures import N_, Invalid
from trace.domain.papers import CertificateKind, paper_key
from trace.domain.permissions import Actor
from trace.domain.rules.expiries import warning_step
from trace.domain.suppliers import Standing
from trace.services.certificates import (
    as_card,
    get_certificate,
    held_by,
    visible_row,
)
from trace.services.lots import find_lots
from trace.services.paper_contents import missing_of
from trace.services.paper_corrections import KEPT_ASIDE
from trace.services.paper_proof import filed_before
from trace.services.paper_use import received_under
from trace.services.rulebook import rules_on


@dataclass(frozen=True, slots=True)
class PaperQuery:
    """Which papers: a part of number, issuer, product or lot number; a kind; only those to be transcribed; a page."""

    text: str = ""
    kind: CertificateKind | None = None
    incomplete: bool = False
    limit: int = 50
    after: str = ""


def list_papers(session: Session, *, actor: Actor, query: PaperQuery) -> dict[str, Any]:
    """`papers` of the organisation, those to be transcribed first, else the newest, and `next`, where more follow."""
    own = [or_(certificate.c.organisation == actor.organisation, held_by(actor.organisation))]
    if query.kind is not None:
        own.append(certificate.c.kind == query.kind.value)
    if query.incomplete:
        own.append(certificate.c.incomplete)
    if query.text.strip():
        own.append(_holds(query.text.strip()))
    if query.after:
        own.append(_after(query.after))
    asked = select(certificate).where(*own).order_by(certificate.c.incomplete.desc(), certificate.c.id.desc())
    rows = session.execute(asked.limit(query.limit + 1)).all()
    page = rows[: query.limit]
    counts = _lot_numbers(session, [row.id for row in page])
    papers = [
        as_card(row)
        | {
            "product_name": row.fields.get("product_name", ""),
            "lots": counts.get(row.id, []),
            "missing": missing_of(CertificateKind(row.kind), row.issuer, row.fields),
        }
        for row in page
    ]
    return {"papers": papers, "next": f"{int(page[-1].incomplete)}-{page[-1].id}" if len(rows) > len(page) else None}


def _holds(text: str) -> ColumnElement[bool]:
    linked = (
        select(certificate_lot.c.item)
        .join(lot, lot.c.item == certificate_lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(
            certificate_lot.c.certificate == certificate.c.id,
            or_(lot.c.number.icontains(text, autoescape=True), product.c.name.icontains(text, autoescape=True)),
        )
    )
    return or_(
        certificate.c.number.icontains(text, autoescape=True),
        certificate.c.issuer.icontains(text, autoescape=True),
        certificate.c.fields["product_name"].as_string().icontains(text, autoescape=True),
        exists(linked.correlate(certificate)),
    )


def _after(cursor: str) -> ColumnElement[bool]:
    flag, _, number = cursor.partition("-")
    if flag not in ("0", "1") or not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise Invalid(N_("This page is not known any more. Begin again with the first."), field="after")
    older = certificate.c.id < int(number)
    if flag == "1":
        return or_(and_(certificate.c.incomplete, older), certificate.c.incomplete.is_(False))
    return and_(certificate.c.incomplete.is_(False), older)


def _lot_numbers(session: Session, numbers: Sequence[int]) -> dict[int, list[str]]:
    query = (
        select(certificate_lot.c.certificate, lot.c.number)
        .join(lot, lot.c.item == certificate_lot.c.item)
        .where(certificate_lot.c.certificate.in_(numbers))
        .order_by(certificate_lot.c.certificate, lot.c.number)
    )
    found: dict[int, list[str]] = {}
    for row in session.execute(query):
        found.setdefault(row.certificate, []).append(row.number)
    return found


def get_paper(session: Session, *, actor: Actor, public_id: str, now: datetime) -> dict[str, Any]:
    """One paper as its page shows it: `get_certificate` with its lots by name, what came under it, what was corrected.

    `own` says whether the actor's organisation filed it, `same` are its other filings of the same paper. Of what
    others received under it a sum is told. Raises `NotFound` for a paper one may not see; an inspector's look is
    written down (R18).
    """
    card = get_certificate(session, actor=actor, public_id=public_id, now=now)
    row = visible_row(session, actor, public_id)
    named = find_lots(session, card["lots"])
    filer = row.filed_by and session.scalar(select(person.c.name).where(person.c.id == row.filed_by))
    own = row.organisation == actor.organisation
    media_type = row.object and session.scalar(
        select(stored_object.c.media_type).where(stored_object.c.sha256 == row.object)
    )
    return {
        **card,
        "fields": {name: value for name, value in card["fields"].items() if name not in KEPT_ASIDE},
        "own": own,
        "media_type": media_type,
        "undated": bool(row.fields.get("undated")),
        "statement": row.fields.get("statement", ""),
        "filed_at": row.created_at,
        "filed_by": (filer or "") if own else "",
        "lots": [_lot_card(uri, named.get(uri)) for uri in card["lots"]],
        "same": [
            one
            for one in filed_before(session, actor, (row.paper_key, row.number_key))
            if own and one["id"] != public_id
        ],
        "use": received_under(session, row, actor=actor),
        "corrections": _corrections(session, row) if own or actor.watches else [],
    }


def _lot_card(uri: str, known: Row[Any] | None) -> dict[str, Any]:
    return {
        "lot": uri,
        "lot_number": known.number if known else "",
        "product": known.product_name if known else "",
        "expires_on": known.expires_on if known else None,
    }


def _corrections(session: Session, row: Row[Any]) -> list[dict[str, Any]]:
    query = (
        select(correction, person.c.name)
        .outerjoin(person, person.c.id == correction.c.person)
        .where(
            correction.c.organisation == row.organisation,
            correction.c.kind == "certificate",
            correction.c.subject == row.public_id,
        )
        .order_by(correction.c.id.desc())
        .limit(200)
    )
    return [
        {
            "field": one.field,
            "old": one.old,
            "new": one.new,
            "reason": one.reason,
            "by": one.name or "",
            "at": one.corrected_at,
            "device": one.device,
        }
        for one in session.execute(query)
    ]


# ---- lots it may be for ---------------------------------------------------------------------------------------------


def open_lots(session: Session, *, actor: Actor, public_id: str) -> list[dict[str, Any]]:
    """The lots in the actor's stock that a paper is not linked to yet, the newest first; the likeliest ones `alike`."""
    row = visible_row(session, actor, public_id)
    linked = select(certificate_lot.c.item).where(certificate_lot.c.certificate == row.id)
    here = select(stock.c.lot).where(stock.c.organisation == actor.organisation, stock.c.on_hand + stock.c.held > 0)
    query = (
        select(lot.c.item, lot.c.number, lot.c.expires_on, product.c.name)
        .join(product, product.c.id == lot.c.product)
        .where(lot.c.item.in_(here), lot.c.item.not_in(linked))
        .order_by(lot.c.item.desc())
        .limit(200)
    )
    rows = session.execute(query).all()
    uris = uris_of(session, [one.item for one in rows])
    said = str(row.fields.get("product_name") or "")
    cards = [
        {
            "lot": uris[one.item],
            "lot_number": one.number,
            "product": one.name,
            "expires_on": one.expires_on,
            "alike": bool(said) and (said in one.name or one.name in said),
        }
        for one in rows
    ]
    return sorted(cards, key=lambda card: not card["alike"])


def filed_by_qr(session: Session, *, actor: Actor, qr_payload: str) -> str | None:
    """The organisation's own paper of the same QR text that was filed first; None where there is none."""
    key = paper_key(CertificateKind.COMMITMENT, "", "", qr_payload)  # a QR text is its own key, whatever the kind
    query = select(certificate.c.public_id).where(
        certificate.c.organisation == actor.organisation, certificate.c.paper_key == key
    )
    return None if key is None else session.scalars(query.order_by(certificate.c.id).limit(1)).one_or_none()


# ---- until they end ------------------------------------------------------------------------------------------------


def due(session: Session, *, actor: Actor, day: date) -> list[dict[str, Any]]:
    """What ends soon or has ended and is still in use, the soonest first: {what, id, kind, name, number, ends, step}.

    Own licences, those in the files of suppliers one still deals with, and papers of goods on hand. `step` is the
    narrowest of the rule book's days of warning that is reached, 0 for what has ended (R17). A licence or paper that a
    later one of the same kind follows is not told.
    """
    rules = rules_on(session, day, actor.organisation)
    found = [*_own_licences(session, actor), *_supplier_licences(session, actor), *_papers_in_use(session, actor)]
    told = [{**one, "step": warning_step(one["ends"], rules)} for one in found if one["ends"] is not None]
    return sorted(
        (one for one in told if one["step"] is not None), key=lambda one: (one["ends"], one["what"], one["number"])
    )


def _latest(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each kind of each holder the one that lasts longest; one without an end lasts for ever."""
    best: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["id"], row["kind"])
        known = best.get(key)
        if known is None or (known["ends"] is not None and (row["ends"] is None or row["ends"] > known["ends"])):
            best[key] = row
    return list(best.values())


def _own_licences(session: Session, actor: Actor) -> list[dict[str, Any]]:
    query = select(licence.c.kind, licence.c.number, licence.c.expires_on).where(
        licence.c.organisation == actor.organisation
    )
    return _latest(
        {
            "what": "own_licence",
            "id": "",
            "kind": row.kind,
            "name": actor.organisation_name,
            "number": row.number,
            "ends": row.expires_on,
        }
        for row in session.execute(query)
    )


def _supplier_licences(session: Session, actor: Actor) -> list[dict[str, Any]]:
    query = (
        select(
            supplier.c.public_id,
            supplier.c.name,
            supplier_licence.c.kind,
            supplier_licence.c.number,
            supplier_licence.c.expires_on,
        )
        .join(supplier, supplier.c.id == supplier_licence.c.supplier)
        .where(supplier.c.organisation == actor.organisation, supplier.c.standing != Standing.BLOCKED)
    )
    return _latest(
        {
            "what": "supplier_licence",
            "id": row.public_id,
            "kind": row.kind,
            "name": row.name,
            "number": row.number,
            "ends": row.expires_on,
        }
        for row in session.execute(query)
    )


def _papers_in_use(session: Session, actor: Actor) -> list[dict[str, Any]]:
    """Papers with a last day of lots that are on hand or held here, whoever filed them."""
    here = select(stock.c.lot).where(stock.c.organisation == actor.organisation, stock.c.on_hand + stock.c.held > 0)
    query = (
        select(certificate.c.public_id, certificate.c.kind, certificate.c.issuer, certificate.c.number,
               certificate.c.valid_until, product.c.name)
        .join(certificate_lot, certificate_lot.c.certificate == certificate.c.id)
        .join(lot, lot.c.item == certificate_lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(
            certificate_lot.c.item.in_(here),
            certificate.c.valid_until.is_not(None),
            certificate.c.revoked_at.is_(None),
            certificate.c.kind != CertificateKind.DELIVERY_NOTE,
        )
        .order_by(certificate.c.id)
        .limit(2_000)
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for row in session.execute(query):
        found.setdefault(
            row.public_id,
            {
                "what": "paper",
                "id": row.public_id,
                "kind": row.kind,
                "name": row.name,
                "number": row.number,
                "ends": row.valid_until,
            },
        )
    return list(found.values())
