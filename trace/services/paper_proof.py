"""What the QR code of a paper proves: that it is a certificate on this system, or a paper that was filed before.

Each province's QR holds something else, and what it opens may change: the raw text is kept and nothing is read out of
it. Two things are proved all the same: the address of one of our own certificates (found here, or it is none), and the
same text on two papers.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from storage.events import find_idents
from storage.tables import MICRO, certificate, certificate_lot, person
from trace.domain.commitment import certificate_id_of
from trace.domain.failures import N_, Conflict
from trace.domain.papers import CertificateKind, Finding, Severity
from trace.domain.permissions import Actor
from trace.domain.quantities import comparable
from trace.services.lots import item_uri

_SOURCE = "农产品质量安全法 Art. 39"


def find_by_address(session: Session, text: str) -> Row[Any] | None:
    """The commitment certificate whose public page a QR text opens; None where it is no such address.

    Its public id is 130 random bits and stands nowhere but on the paper: whoever has the text has the paper.
    """
    public_id = certificate_id_of(text)
    if public_id is None:
        return None
    query = select(certificate).where(
        certificate.c.public_id == public_id,
        certificate.c.kind == CertificateKind.COMMITMENT,
        certificate.c.issued_here,
    )
    return session.execute(query).one_or_none()


def certificate_at(session: Session, text: str, now: datetime) -> Row[Any] | None:
    """As `find_by_address`; raises `Conflict` for a certificate that its issuer took back."""
    row = find_by_address(session, text) if text else None
    if row is not None and row.revoked_at is not None and row.revoked_at <= now:
        raise Conflict(
            N_("The certificate {number} of {issuer} was revoked: {why}. It certifies nothing any more."),
            field="qr_payload",
            number=row.number,
            issuer=row.issuer,
            why=row.revoked_reason or "-",
        )
    return row


def disagreements(
    session: Session,
    row: Row[Any],
    *,
    lots: Sequence[str],
    certified: tuple[Decimal, str] | None,
    contents: Mapping[str, Any],
) -> list[Finding]:
    """Where what was typed of a paper, or the goods it lies beside, are others than the certificate here says."""
    found = []
    named = str(contents.get("product_name") or "")
    if named and named != str(row.fields.get("product_name") or ""):
        found.append(_differs("product_name", str(row.fields.get("product_name") or "-"), named))
    if certified is not None and row.amount is not None:
        there = comparable(Decimal(row.amount) / MICRO, row.unit)
        if there != comparable(*certified):
            found.append(_differs("quantity", f"{there[0]:f}", f"{comparable(*certified)[0]:f}"))
    items = set(session.scalars(select(certificate_lot.c.item).where(*_first_linked(row))))
    uris = [item_uri(text, field="lots") for text in lots]
    ids = find_idents(session, uris)
    others = [uri for uri in uris if items and ids.get(uri) not in items]
    if others:
        text = N_("The certificate {number} was issued for other lots than {lot}. Is it the paper of these goods?")
        found.append(Finding("R5", Severity.WARN, text, {"number": row.number, "lot": others[0]}, _SOURCE))
    return found


def _first_linked(row: Row[Any]) -> tuple[Any, ...]:
    return (certificate_lot.c.certificate == row.id, certificate_lot.c.linked_by == row.organisation)


def _differs(name: str, here: str, typed: str) -> Finding:
    text = N_("{name} is {here} on the certificate here, and {typed} was typed. Compare the paper.")
    return Finding("R5", Severity.WARN, text, {"name": name, "here": here, "typed": typed}, _SOURCE)


def filed_before(session: Session, actor: Actor, keys: Iterable[str | None]) -> list[dict[str, Any]]:
    """The organisation's own papers of the same QR text or number, earliest first: {id, by, at}.

    That another organisation filed it too is told nowhere but in the sums of what was received under it.
    """
    named = [key for key in keys if key]
    if not named:
        return []
    query = (
        select(certificate.c.public_id, certificate.c.created_at, person.c.name)
        .outerjoin(person, person.c.id == certificate.c.filed_by)
        .where(
            certificate.c.organisation == actor.organisation,
            or_(certificate.c.paper_key.in_(named), certificate.c.number_key.in_(named)),
        )
        .order_by(certificate.c.id)
        .limit(20)
    )
    return [
        {"id": row.public_id, "by": row.name or "", "at": row.created_at.isoformat()} for row in session.execute(query)
    ]
