"""Reading the files of suppliers: the list with what matters of each, and one file in full."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, case, func, select
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import (
    correction,
    licence,
    lot,
    organisation,
    person,
    product,
    receipt,
    receipt_line,
    supplier,
    supplier_licence,
)
from trace.domain.failures import N_, NotFound
from trace.domain.permissions import Actor, in_region, region_prefix
from trace.domain.suppliers import first_check, missing_items, name_key
from trace.services.blocks import Business, said_of
from trace.services.look_up_log import note_look_up
from trace.services.rulebook import rules_on
from trace.services.suppliers import KIND

YEAR = timedelta(days=365)  # what the page of a supplier looks back on
MOST_FINDINGS = 100


def list_suppliers(session: Session, *, actor: Actor, now: datetime, limit: int = 500) -> list[dict[str, Any]]:
    """The organisation's files, the latest delivery first; for watchers those of the shops in their region.

    Each with standing, the earliest end of its licences, the last delivery, the share of lines refused within a year,
    and the regulator's block where there is one.
    """
    query = _files(actor).order_by(_last_delivery().desc().nulls_last(), supplier.c.id.desc()).limit(limit)
    rows = session.execute(query).all()
    ends = _licence_ends(session, rows)
    counts = _line_counts(session, [row.id for row in rows], since=now - YEAR)
    day = now.date()
    blocked = said_of(session, [_business(row) for row in rows], on=day)
    return [
        _card(row)
        | {
            "licence_ends": min(ends[row.id], default=None),
            "lines": counts[row.id][0],
            "refused": counts[row.id][1],
            "blocked": why,
        }
        for row, why in zip(rows, blocked, strict=True)
    ]


def get_supplier(session: Session, *, actor: Actor, public_id: str, now: datetime, reason: str = "") -> dict[str, Any]:
    """One file: own, or, for a watcher, one kept in their region (written down, R18); raises `NotFound`.

    With its licences, the first-delivery check, the latest deliveries, the findings of the last year, its changes.
    """
    row = session.execute(_files(actor).where(supplier.c.public_id == public_id)).one_or_none()
    if row is None or not (row.organisation == actor.organisation or in_region(row.region, actor.region)):
        raise NotFound(N_("There is no supplier {id}."), id=public_id)
    note_look_up(session, actor=actor, what="supplier", subject=row.name, reason=reason, now=now)
    rules = rules_on(session, now.date(), row.organisation)
    card = _card(row)
    wanted = first_check(card["kind"], rules)
    seen = row.checked.get("items", [])
    return card | {
        "blocked": said_of(session, [_business(row)], on=now.date())[0],
        "licences": _licences(session, row),
        "check": {
            "items": list(wanted.value["items"]) if wanted else [],
            "seen": seen,
            "missing": missing_items(card["kind"], seen, rules),
            "source": wanted.source if wanted else "",
            "remark": row.checked.get("remark", ""),
            "at": row.checked_at,
            "by": row.checked_by_name or "",
        },
        "deliveries": _deliveries(session, row.id),
        "findings": _findings(session, row.id, since=now - YEAR),
        "changes": _changes(session, row),
    }


def is_of_a_file_in(session: Session, actor: Actor, sha256: str) -> bool:
    """Whether an object is the photo of a licence in a supplier's file that a shop in a watcher's region keeps."""
    if not actor.watches:
        return False
    query = (
        select(supplier_licence.c.id)
        .join(supplier, supplier.c.id == supplier_licence.c.supplier)
        .join(organisation, organisation.c.id == supplier.c.organisation)
        .where(supplier_licence.c.object == sha256, organisation.c.region.startswith(region_prefix(actor.region)))
    )
    return session.execute(query.limit(1)).one_or_none() is not None


def _last_delivery() -> Any:
    return select(func.max(receipt.c.received_at)).where(receipt.c.supplier_file == supplier.c.id).scalar_subquery()


def _files(actor: Actor) -> Select[Any]:
    """The files the actor may see, with what an organisation on this system says of itself."""
    partner, keeper = organisation.alias("partner"), organisation.alias("keeper")
    query = (
        select(
            supplier,
            partner.c.public_id.label("partner_id"),
            partner.c.name.label("partner_name"),
            partner.c.kind.label("partner_kind"),
            partner.c.uscc.label("partner_uscc"),
            partner.c.address.label("partner_address"),
            partner.c.contact.label("partner_contact"),
            keeper.c.name.label("keeper"),
            keeper.c.region,
            person.c.name.label("checked_by_name"),
            _last_delivery().label("last_delivery"),
        )
        .join(keeper, keeper.c.id == supplier.c.organisation)
        .outerjoin(partner, partner.c.id == supplier.c.partner)
        .outerjoin(person, person.c.id == supplier.c.checked_by)
    )
    if actor.watches:
        return query.where(keeper.c.region.startswith(region_prefix(actor.region)))
    return query.where(supplier.c.organisation == actor.organisation)


def _card(row: Row[Any]) -> dict[str, Any]:
    """A file as lists show it; what an organisation on this system says of itself stands before what was typed."""
    linked = row.partner is not None
    return {
        "id": row.public_id,
        "organisation": row.partner_id,
        "kept_by": row.keeper,
        "name": row.partner_name if linked else row.name,
        "kind": row.partner_kind if linked else row.kind,
        "uscc": (row.partner_uscc if linked else row.uscc) or "",
        "address": row.partner_address if linked else row.address,
        "contact": row.partner_contact if linked else row.contact,
        "standing": row.standing,
        "standing_reason": row.standing_reason,
        "checked_at": row.checked_at,
        "last_delivery": row.last_delivery,
    }


def _business(row: Row[Any]) -> Business:
    """Who a file is of, as blocks know businesses: an organisation on this system by what it says itself."""
    linked = row.partner is not None
    return Business(
        row.partner,
        (row.partner_uscc if linked else row.uscc) or "",
        name_key(row.partner_name if linked else row.name),
    )


def _licence_ends(session: Session, rows: Sequence[Row[Any]]) -> dict[int, list[date]]:
    """{file's number: the days on which its licences end}."""
    ends: dict[int, list[date]] = defaultdict(list)
    partners: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        if row.partner is not None:
            partners[row.partner].append(row.id)
    for part in chunks([row.id for row in rows]):
        kept = select(supplier_licence.c.supplier, supplier_licence.c.expires_on)
        for file, end in session.execute(kept.where(supplier_licence.c.supplier.in_(part))):
            ends[file] += [end] if end else []
    for part in chunks(partners):
        own = select(licence.c.organisation, licence.c.expires_on).where(licence.c.organisation.in_(part))
        for number, end in session.execute(own):
            for file in partners[number]:
                ends[file] += [end] if end else []
    return ends


def _line_counts(session: Session, files: Iterable[int], *, since: datetime) -> dict[int, tuple[int, int]]:
    """{file's number: (lines delivered, lines refused)} since a moment."""
    counts: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    refused = func.sum(case((receipt_line.c.decision == "refuse", 1), else_=0))
    for part in chunks(files):
        query = (
            select(receipt.c.supplier_file, func.count(), refused)
            .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
            .where(receipt.c.supplier_file.in_(part), receipt.c.received_at >= since)
            .group_by(receipt.c.supplier_file)
        )
        counts |= {file: (lines, int(back or 0)) for file, lines, back in session.execute(query)}
    return counts


def _licences(session: Session, row: Row[Any]) -> list[dict[str, Any]]:
    """The licences of a file, those of the organisation itself first; `own` says that the shop filed it."""
    found: list[dict[str, Any]] = []
    if row.partner is not None:
        for x in session.execute(select(licence).where(licence.c.organisation == row.partner).order_by(licence.c.id)):
            found.append(_licence(x) | {"own": False, "sha256": None, "override_reason": ""})
    query = select(supplier_licence).where(supplier_licence.c.supplier == row.id).order_by(supplier_licence.c.id)
    for x in session.execute(query):
        found.append(_licence(x) | {"own": True, "sha256": x.object, "override_reason": x.override_reason})
    return found


def _licence(row: Row[Any]) -> dict[str, Any]:
    return {"kind": row.kind, "number": row.number, "expires_on": row.expires_on, "warnings": row.warnings}


def _deliveries(session: Session, file: int, limit: int = 20) -> list[dict[str, Any]]:
    query = (
        select(receipt.c.public_id, receipt.c.received_at, receipt.c.delivery_note, func.count().label("lines"))
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .where(receipt.c.supplier_file == file)
        .group_by(receipt.c.id, receipt.c.public_id, receipt.c.received_at, receipt.c.delivery_note)
        .order_by(receipt.c.id.desc())
        .limit(limit)
    )
    return [
        {"id": row.public_id, "received_at": row.received_at, "delivery_note": row.delivery_note, "lines": row.lines}
        for row in session.execute(query)
    ]


def _findings(session: Session, file: int, *, since: datetime) -> list[dict[str, Any]]:
    """What was found about its goods, the latest first: with the receipt, the goods, and what was decided."""
    query = (
        select(
            receipt.c.public_id,
            receipt.c.received_at,
            receipt_line.c.findings,
            receipt_line.c.decision,
            product.c.name,
            lot.c.number,
        )
        .join(receipt_line, receipt_line.c.receipt == receipt.c.id)
        .join(lot, lot.c.item == receipt_line.c.item)
        .join(product, product.c.id == receipt_line.c.product)
        .where(receipt.c.supplier_file == file, receipt.c.received_at >= since)
        .order_by(receipt.c.id.desc(), receipt_line.c.line)
        .limit(MOST_FINDINGS * 10)
    )
    found = [
        {
            "receipt": row.public_id,
            "received_at": row.received_at,
            "product": row.name,
            "lot_number": row.number,
            "decision": row.decision,
            **finding,
        }
        for row in session.execute(query)
        for finding in row.findings
    ]
    return found[:MOST_FINDINGS]


def _changes(session: Session, row: Row[Any]) -> list[dict[str, Any]]:
    query = (
        select(correction, person.c.name)
        .outerjoin(person, person.c.id == correction.c.person)
        .where(
            correction.c.organisation == row.organisation,
            correction.c.kind == KIND,
            correction.c.subject == row.public_id,
        )
        .order_by(correction.c.id.desc())
        .limit(50)
    )
    return [
        {"field": x.field, "old": x.old, "new": x.new, "reason": x.reason, "by": x.name or "", "at": x.corrected_at,
         "device": x.device}
        for x in session.execute(query)
    ]  # fmt: skip
