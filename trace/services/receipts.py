"""Reading the purchase inspection record (进货查验记录)."""

from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.tables import MICRO, ident, lot, organisation, person, product, receipt, receipt_line, receipt_scan, scan
from trace.domain.failures import N_, NotFound
from trace.domain.permissions import Actor, in_region
from trace.services.correction_list import corrections_of
from trace.services.look_up_log import note_look_up
from trace.services.records import NO_HOLD, Hold, accepted_of, holds_over, kept_until
from trace.services.scans import as_scan


def get_receipt(session: Session, *, actor: Actor, public_id: str, now: datetime) -> dict[str, Any]:
    """One record with its lines; the organisation's own, or, for an inspector, one of their region (written down, R18).

    Raises `NotFound` for any other.
    """
    query = (
        select(receipt, organisation.c.region, organisation.c.name, person.c.name.label("clerk"))
        .join(organisation, organisation.c.id == receipt.c.organisation)
        .outerjoin(person, person.c.id == receipt.c.recorded_by)
        .where(receipt.c.public_id == public_id)
    )
    row = session.execute(query).one_or_none()
    own = row is not None and row.organisation == actor.organisation
    mandated = row is not None and actor.watches and in_region(row.region, actor.region)
    if row is None or not (own or mandated):
        raise NotFound(N_("There is no receipt {id}."), id=public_id)
    note_look_up(session, actor=actor, what="receipt", subject=public_id, now=now)
    lines = _lines(session, row, now.tzinfo, with_price=own)
    corrected = corrections_of(session, receipt_id=public_id, organisation=row.organisation)
    if not own:  # a price is the shop's own, and so is what it was before
        corrected = {line: [one for one in some if one["field"] != "price"] for line, some in corrected.items()}
    return {
        **_head(row),
        "lines": [{**line, "corrections": corrected.get(line["line"], [])} for line in lines],
        "scans": _photos(session, row.id),
    }


def _photos(session: Session, number: int) -> list[dict[str, Any]]:
    """The photos the delivery was recorded from, as `trace.services.scans.get_scan` tells them."""
    query = (
        select(scan)
        .join(receipt_scan, receipt_scan.c.scan == scan.c.id)
        .where(receipt_scan.c.receipt == number)
        .order_by(scan.c.id)
    )
    return [as_scan(row) for row in session.execute(query)]


def list_receipts(
    session: Session, *, actor: Actor, limit: int = 50, before: int | None = None
) -> list[dict[str, Any]]:
    """The organisation's records, newest first, a page at a time (`before`: the last one's number)."""
    query = (
        select(receipt, organisation.c.name, person.c.name.label("clerk"))
        .join(organisation, organisation.c.id == receipt.c.organisation)
        .outerjoin(person, person.c.id == receipt.c.recorded_by)
        .where(receipt.c.organisation == actor.organisation)
        .order_by(receipt.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(receipt.c.id < before)
    return [{**_head(row), "number": row.id} for row in session.execute(query)]


def _head(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "organisation": row.name,
        "supplier": {"name": row.supplier_name, "address": row.supplier_address, "contact": row.supplier_contact},
        "delivery_note": row.delivery_note,
        "received_at": row.received_at,
        "recorded_at": row.recorded_at,
        "recorded_by": row.clerk or "",
        "undone_at": row.undone_at,
    }


def _kept_until(session: Session, row: Row[Any], day: date, hold: Hold) -> date | None:
    return kept_until(session, row.category, day, row.expires_on, hold, drug_class=row.drug_class)


def _lines(session: Session, head: Row[Any], zone: tzinfo | None, *, with_price: bool) -> list[dict[str, Any]]:
    query = (
        select(
            receipt_line,
            ident.c.uri,
            lot.c.number,
            lot.c.produced_on,
            lot.c.expires_on,
            lot.c.origin,
            product.c.name,
            product.c.category,
            product.c.specification,
            product.c.shelf_life_days,
            product.c.producer,
            product.c.approval_no,
            product.c.dosage_form,
            product.c.drug_class,
            person.c.name.label("overridden_by_name"),
        )
        .outerjoin(person, person.c.id == receipt_line.c.overridden_by)
        .join(ident, ident.c.id == receipt_line.c.item)
        .join(lot, lot.c.item == receipt_line.c.item)
        .join(product, product.c.id == receipt_line.c.product)
        .where(receipt_line.c.receipt == head.id)
        .order_by(receipt_line.c.line)
    )
    rows, zone = session.execute(query).all(), zone or UTC
    day = head.received_at.astimezone(zone).date()
    holds = holds_over(session, {row.item for row in rows}, organisation=head.organisation, zone=zone)
    return [
        {
            "line": row.line,
            "lot": row.uri,
            "lot_number": row.number,
            "product": row.name,
            "category": row.category,
            "specification": row.specification,
            "shelf_life_days": row.shelf_life_days,
            "producer": row.producer,
            "approval_no": row.approval_no,
            "dosage_form": row.dosage_form,
            "amount": Decimal(row.amount) / MICRO,
            "accepted": accepted_of(row.amount, row.decision),
            "unit": row.unit,
            "price": Decimal(row.price) / MICRO if with_price and row.price is not None else None,
            "produced_on": row.produced_on,
            "expires_on": row.expires_on,
            "origin": row.origin,
            "keep_until": _kept_until(session, row, day, holds.get(row.item, NO_HOLD)),
            "decision": row.decision,
            "reason": row.reason,
            "corrected_at": row.corrected_at,
            "overridden_by": row.overridden_by_name or "",
            "override_reason": row.override_reason,
            "findings": row.findings,
            "papers": [_paper(kept) for kept in row.papers],
            "celsius": None if row.celsius is None else Decimal(row.celsius) / 100,
        }
        for row in rows
    ]


def _paper(kept: dict[str, Any]) -> dict[str, Any]:
    """A paper as it was on the day of receipt, its dates read back from JSON."""
    until = kept["valid_until"]
    return {
        **kept,
        "issued_on": date.fromisoformat(kept["issued_on"]),
        "valid_until": date.fromisoformat(until) if until else None,
    }
