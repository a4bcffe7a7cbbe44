"""Commitment certificates that were issued here: as everybody may read them, as their issuer lists and prints them."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session, aliased

from scanners.symbols import Symbol, Symbology, draw_symbol
from storage.events import find_idents, uris_of
from storage.objects import ObjectStore
from storage.tables import certificate, certificate_lot, certificate_source, organisation
from storage.tenancy import across
from trace.domain.commitment import BASES, State, is_in_scope
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.papers import STATEMENTS, CommitmentForm
from trace.domain.parties import PRODUCERS
from trace.domain.permissions import Actor
from trace.domain.regions import region_name
from trace.services.lots import find_lots
from trace.services.paper_proof import find_by_address
from trace.services.pictures import public_picture
from trace.services.renewal import origin_of
from trace.services.rulebook import rules_on
from trace.services.stock_list import list_stock

FINEST = 0.396  # mm a module: the least that scanners of shops are built for (GS1 General Specifications, table 1)
LARGE_MODULE = 0.6  # mm, where there is room: read from an arm's length


@across(because="a certificate is public: whoever has the goods checks it (承诺达标合格证)")
def public_certificate(session: Session, *, public_id: str) -> dict[str, Any]:
    """What everybody may read of a certificate that was issued here: all that stands on it (Art. 14), and its state.

    `state` is one of `trace.domain.commitment.State`; an ended one says since when and why, a replaced one by which.
    `sources` are the papers of what went in, by kind and number, with the id of those that were issued here. The
    contact is the one of the business that the certificate itself shows; nobody's person. Raises `NotFound`.
    """
    query = select(certificate).where(certificate.c.public_id == public_id, certificate.c.issued_here)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no certificate {id}."), id=public_id[:26])
    newer = _replaced_by(session, row)
    fields = row.fields
    region = fields.get("origin_region")
    return {
        "id": row.public_id,
        "number": row.number,
        "form": row.form,
        "state": _state(row, newer).value,
        "ended_at": row.revoked_at,
        "reason": row.revoked_reason or "",
        "replaced_by": {"id": newer.public_id, "number": newer.number} if newer else None,
        "product_name": fields["product_name"],
        "quantity": fields["quantity"],
        "origin": fields["origin"],
        "region": region_name(region) if region else "",
        "issued_on": row.issued_on,
        "issuer": row.issuer,
        "issuer_uscc": fields.get("issuer_uscc", ""),
        "contact": fields.get("contact", ""),
        "statement": fields.get("statement") or STATEMENTS[CommitmentForm(row.form)],
        "basis": fields["basis"],
        "signature": row.signature,
        "sources": _sources(session, row),
        "lots": _lots(session, row),
    }


def _state(row: Row[Any], newer: Row[Any] | None) -> State:
    if row.revoked_at is None:
        return State.VALID
    return State.REPLACED if newer is not None else State.REVOKED


def _replaced_by(session: Session, row: Row[Any]) -> Row[Any] | None:
    """The certificate of the same issuer that took this one's place."""
    query = select(certificate).where(
        certificate.c.replaces == row.id,
        certificate.c.organisation == row.organisation,
        certificate.c.issued_here,
    )
    return session.execute(query.order_by(certificate.c.id.desc()).limit(1)).one_or_none()


def _sources(session: Session, row: Row[Any]) -> list[dict[str, Any]]:
    query = (
        select(certificate)
        .join(certificate_source, certificate_source.c.source == certificate.c.id)
        .where(certificate_source.c.certificate == row.id)
        .order_by(certificate.c.id)
    )
    return [
        {
            "kind": source.kind,
            "number": source.number,
            "issued_on": source.issued_on,
            "id": source.public_id if source.issued_here else None,
            "revoked": source.revoked_at is not None,
        }
        for source in session.execute(query)
    ]


def _lots(session: Session, row: Row[Any]) -> list[dict[str, Any]]:
    rows = find_lots(session, uris_of(session, session.scalars(_items(row)).all()).values())
    return [{"lot": uri, "lot_number": lot.number, "product": lot.product_name} for uri, lot in sorted(rows.items())]


def _items(row: Row[Any]) -> Select[int]:
    """The numbers of the lots that the issuer named; whoever else tied the paper to other goods says that of theirs."""
    return select(certificate_lot.c.item).where(
        certificate_lot.c.certificate == row.id, certificate_lot.c.linked_by == row.organisation
    )


def basis_texts(basis: Iterable[str]) -> list[tuple[str, bool]]:
    """The three bases of the printed forms, each with whether it is ticked."""
    named = set(basis)
    return [(text, one.value in named) for one, text in BASES.items()]


@across(because="a certificate is public: whoever has the goods checks it (承诺达标合格证)")
def signature_of(session: Session, *, objects: ObjectStore, public_id: str) -> tuple[bytes, str]:
    """(picture, media type) of the signature on a certificate; it is public like all that stands there.

    Raises `NotFound` for a certificate that nobody signed.
    """
    query = select(certificate.c.signature).where(certificate.c.public_id == public_id, certificate.c.issued_here)
    sha256 = session.scalars(query).one_or_none()
    if sha256 is None:
        raise NotFound(N_("There is no certificate {id}."), id=public_id[:26])
    return public_picture(session, objects=objects, sha256=sha256)


def list_issued(session: Session, *, actor: Actor, limit: int = 100) -> list[dict[str, Any]]:
    """The certificates that the actor's organisation issued here, newest first, with how each stands."""
    newer = aliased(certificate)
    replaced = (newer.c.replaces == certificate.c.id) & (newer.c.organisation == certificate.c.organisation)
    query = (
        select(certificate, newer.c.id.label("newer"))
        .outerjoin(newer, replaced & newer.c.issued_here)
        .where(certificate.c.organisation == actor.organisation, certificate.c.issued_here)
        .order_by(certificate.c.id.desc())
        .limit(limit)
    )
    return [
        {
            "id": row.public_id,
            "number": row.number,
            "product_name": row.fields["product_name"],
            "quantity": row.fields["quantity"],
            "issued_on": row.issued_on,
            "state": (
                State.VALID if row.revoked_at is None else State.REPLACED if row.newer is not None else State.REVOKED
            ).value,
        }
        for row in session.execute(query)
    ]


def own_certificate(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """A certificate that the actor's organisation issued, as it is printed; raises `NotFound` for any other."""
    mine = select(certificate.c.id).where(
        certificate.c.public_id == public_id, certificate.c.organisation == actor.organisation
    )
    if session.execute(mine).one_or_none() is None:
        raise NotFound(N_("There is no certificate {id}."), id=public_id[:26])
    return public_certificate(session, public_id=public_id)


def symbol_of(address: str, *, room: float) -> Symbol:
    """The QR code of a certificate's public page, read back before anybody gets it, within `room` millimetres.

    Raises `Invalid` where the address is too long for that.
    """
    for module in (LARGE_MODULE, 0.5, FINEST):
        symbol = draw_symbol(address, Symbology.QR, module=module)
        if symbol.height <= room:
            return symbol
    raise Invalid(
        N_("The barcode is {came} mm high, and there is room for {room} mm: print on larger paper."),
        field="size",
        came=f"{symbol.height:.0f}",
        room=f"{room:.0f}",
    )


def verify_address(session: Session, text: str, *, lots: Iterable[str] = ()) -> dict[str, Any] | None:
    """What a scanned address says of itself: the certificate issued here, how it stands, and for which goods.

    `other_lot` is true where lots are named and the certificate is for none of them. None for any other address, and
    for one that was never issued.
    """
    row = find_by_address(session, text)
    if row is None:
        return None
    named = find_idents(session, list(lots))
    items = set(session.scalars(_items(row)))
    return {
        "id": row.public_id,
        "number": row.number,
        "issuer": row.issuer,
        "product_name": row.fields["product_name"],
        "quantity": row.fields["quantity"],
        "issued_on": row.issued_on,
        "state": _state(row, _replaced_by(session, row)).value,
        "other_lot": bool(named) and not items & set(named.values()),
    }


def certifiable_lots(session: Session, *, actor: Actor, on: date) -> list[dict[str, Any]]:
    """What is in stock of goods that this certificate is for, as `list_stock` tells it."""
    rules = rules_on(session, on, actor.organisation)
    return [row for row in list_stock(session, actor=actor) if is_in_scope(row["category"], rules)]


def draft_commitment(session: Session, *, actor: Actor, lots: Iterable[str], now: datetime) -> dict[str, Any]:
    """What the records already say of a certificate for these lots: nobody types what is known.

    Raises `NotFound` where none of them is in stock here.
    """
    stock = {row["lot"]: row for row in certifiable_lots(session, actor=actor, on=now.date())}
    chosen = [stock[uri] for uri in lots if uri in stock]
    if not chosen:
        raise NotFound(N_("None of these goods is in stock here, or they take another paper than this certificate."))
    chosen = [row for row in chosen if row["product"] == chosen[0]["product"]]
    first = find_lots(session, [chosen[0]["lot"]])[chosen[0]["lot"]]
    own = session.execute(select(organisation).where(organisation.c.id == actor.organisation)).one()
    region, origin = origin_of(session, actor, first, now=now)
    amount = sum((row["on_hand"] + row["held"] for row in chosen), Decimal(0))
    return {
        "lots": [row["lot"] for row in chosen],
        "others": [row for uri, row in stock.items() if row["product"] == chosen[0]["product"]],
        "product_name": first.product_name,
        "category": first.category,
        "amount": f"{amount.normalize():f}",
        "unit": first.unit,
        "region": region,
        "origin": origin,
        "contact": own.contact,
        "form": (CommitmentForm.PRODUCER if own.kind in PRODUCERS else CommitmentForm.PURCHASER).value,
        "basis": [],
    }
