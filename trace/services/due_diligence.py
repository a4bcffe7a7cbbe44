"""The due-diligence pack (尽职免责证据包): everything a shop can show for a lot, with the hash of each part.

食品安全法 Art. 136: who did the checks, can prove that it did not know, and can name the source may be exempt from the
fine. So for a lot and the lots it was made of here: the purchase records, the papers, the photos, the supplier files,
the checks made and by whom, where it came from, and what became of it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, uris_of
from storage.objects import ObjectStore
from storage.tables import (
    certificate,
    certificate_lot,
    event,
    event_document,
    event_item,
    organisation,
    person,
    rapid_test,
    recall,
    recall_lot,
    receipt,
    receipt_line,
    self_check,
    stock,
    stored_object,
    supplier,
)
from storage.trace_reader import TraceReader
from trace.domain.epcis.document import load_document
from trace.domain.epcis.event_hash import event_hash, hash_uri
from trace.domain.epcis.vocabulary import BizStep
from trace.domain.failures import N_, NotFound, TooLarge
from trace.domain.genealogy import Direction
from trace.domain.permissions import Actor
from trace.domain.self_checks import CheckKind, period_of
from trace.domain.trace_search import trace
from trace.services.certificates import visible_among
from trace.services.lookup import look_up
from trace.services.lot_fate import disposals_of, sales_of, stock_of
from trace.services.lots import find_lots, item_uri, lots_of
from trace.services.receipts import get_receipt
from trace.services.scans import get_object
from trace.services.supplier_list import get_supplier

FORMAT = "sunshine-trace-due-diligence/1"
MOST_FILES, MOST_BYTES = 200, 200_000_000
MOST_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class PackedFile:
    """An original in the pack: its bytes are those of its SHA-256."""

    name: str
    media_type: str
    sha256: str
    what: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Pack:
    """The evidence: `content` as JSON values, the same as canonical bytes, and the files it names by their hashes."""

    content: Mapping[str, Any]
    files: tuple[PackedFile, ...]

    @property
    def document(self) -> bytes:
        """The content as bytes (UTF-8 JSON, keys sorted): what `sha256` is of."""
        return json.dumps(self.content, ensure_ascii=False, sort_keys=True, indent=1).encode()

    @property
    def sha256(self) -> str:
        """The hash of the document, hexadecimal."""
        return hashlib.sha256(self.document).hexdigest()


def pack_of(session: Session, *, actor: Actor, lot: str, objects: ObjectStore, now: datetime) -> Pack:
    """Everything the actor's organisation has about a lot that it received or made.

    A single pack stands for its lot; what was refused at the door is told like what came in, and deliveries that were
    undone did not come. Raises `NotFound` for a lot that was never here, `TooLarge` where the photos are more than a
    pack takes.
    """
    named = item_uri(lot, field="lot")
    uri = lots_of(session, [named], seen_by=actor.organisation).get(named, named)
    item = find_idents(session, [uri]).get(uri)
    rows = find_lots(session, [uri])
    if item is None or uri not in rows or not _was_here(session, actor, item):
        raise NotFound(N_("The lot {lot} was never in stock here. Read the code again."), field="lot", lot=uri)
    items = _sources_here(session, actor, item)
    receipts = _receipts(session, actor, items, now)
    papers = _papers(session, actor, items)
    disposals, tests = disposals_of(session, actor, items), _tests(session, actor, items)
    content = _plain(
        {
            "format": FORMAT,
            "made_at": now,
            "made_by": {"organisation": _organisation(session, actor), "person": actor.name},
            "lot": _lot(rows[uri]),
            "made_of": [_lot(row) for other, row in _rows_of(session, items).items() if other != uri],
            "purchase_records": receipts,
            "papers": papers,
            "suppliers": _suppliers(session, actor, items, now),
            "rapid_tests": tests,
            "holds_and_recalls": _recalls(session, actor, items),
            "self_checks": _self_checks(session, actor, receipts, now),
            "stock": stock_of(session, actor, items),
            "sales": sales_of(session, actor, items),
            "disposals": disposals,
            "trace": _trace(session, actor, uri, now),
            "events": _events(session, actor, items),
        }
    )
    files = _files(session, actor, objects, content, now)
    content["files"] = [
        {"name": f.name, "sha256": f.sha256, "media_type": f.media_type, "what": f.what, "bytes": len(f.data)}
        for f in files
    ]
    return Pack(content, files)


def _was_here(session: Session, actor: Actor, item: int) -> bool:
    """Whether the organisation had some of a lot, or looked at it and refused it."""
    stood = select(stock.c.item).where(stock.c.organisation == actor.organisation, stock.c.lot == item)
    came = _delivered(select(receipt_line.c.item), actor, [item])
    return any(session.execute(query.limit(1)).first() is not None for query in (stood, came))


def _delivered(query: Select[Any], actor: Actor, items: list[int]) -> Select[Any]:
    """`query` of lines of receipts, narrowed to those of the organisation and these lots that were not undone."""
    return query.join(receipt, receipt.c.id == receipt_line.c.receipt).where(
        receipt.c.organisation == actor.organisation,
        receipt.c.undone_at.is_(None),
        receipt_line.c.item.in_(items),
    )


def _sources_here(session: Session, actor: Actor, item: int) -> list[int]:
    """The lot, and those it was made of that this organisation had: the one trace, backward."""
    found = trace(TraceReader(session), item, Direction.BACKWARD)
    had: set[int] = {item}
    for part in chunks(found.items):
        query = select(stock.c.lot).where(stock.c.organisation == actor.organisation, stock.c.lot.in_(part))
        had.update(session.scalars(query.distinct()))
    return sorted(had)


def _rows_of(session: Session, items: Iterable[int]) -> dict[str, Any]:
    return find_lots(session, uris_of(session, items).values())


def _lot(row: Any) -> dict[str, Any]:
    names = ("uri", "number", "produced_on", "expires_on", "origin", "product_name", "category", "specification")
    return {name: getattr(row, name) for name in names} | {"producer": row.producer, "unit": row.unit}


def _organisation(session: Session, actor: Actor) -> dict[str, Any]:
    row = session.execute(select(organisation).where(organisation.c.id == actor.organisation)).one()
    return {"name": row.name, "uscc": row.uscc, "address": row.address, "contact": row.contact}


def _receipts(session: Session, actor: Actor, items: list[int], now: datetime) -> list[dict[str, Any]]:
    """The purchase records of these lots, whole: what else came with them belongs to the same check."""
    query = (
        _delivered(select(receipt.c.public_id).select_from(receipt_line), actor, items)
        .distinct()
        .order_by(receipt.c.public_id)
        .limit(MOST_FILES)
    )
    found = [get_receipt(session, actor=actor, public_id=name, now=now) for name in session.scalars(query)]
    return sorted(found, key=lambda one: one["received_at"])


def _papers(session: Session, actor: Actor, items: list[int]) -> list[dict[str, Any]]:
    numbers = session.scalars(
        select(certificate_lot.c.certificate).where(certificate_lot.c.item.in_(items)).distinct()
    ).all()
    seen = visible_among(session, actor, numbers)
    rows = session.execute(select(certificate).where(certificate.c.id.in_(seen)).order_by(certificate.c.id))
    names = ("kind", "form", "number", "issuer", "issued_on", "valid_until", "fields", "revoked_at", "revoked_reason")
    return [{"id": row.public_id, "sha256": row.object, **{name: getattr(row, name) for name in names}} for row in rows]


def _suppliers(session: Session, actor: Actor, items: list[int], now: datetime) -> list[dict[str, Any]]:
    """The files of those who delivered, as they are now: licences, first-delivery check, standing, changes."""
    query = (
        _delivered(select(supplier.c.public_id).select_from(receipt_line), actor, items)
        .join(supplier, supplier.c.id == receipt.c.supplier_file)
        .distinct()
        .order_by(supplier.c.public_id)
    )
    return [get_supplier(session, actor=actor, public_id=name, now=now) for name in session.scalars(query)]


def _tests(session: Session, actor: Actor, items: list[int]) -> list[dict[str, Any]]:
    query = (
        select(rapid_test, person.c.name)
        .outerjoin(person, person.c.id == rapid_test.c.person)
        .where(rapid_test.c.organisation == actor.organisation, rapid_test.c.item.in_(items))
        .order_by(rapid_test.c.id)
    )
    names = ("tested_for", "official", "passed", "result_at", "retest_until", "retest_asked_at", "retest_passed")
    return [
        {"sha256": row.object, "by": row.name or "", **{name: getattr(row, name) for name in names}}
        for row in session.execute(query)
    ]


def _recalls(session: Session, actor: Actor, items: list[int]) -> list[dict[str, Any]]:
    """Holds of one's own, and recalls that reached one's lots."""
    query = (
        select(recall, organisation.c.name)
        .join(recall_lot, recall_lot.c.recall == recall.c.id)
        .join(organisation, organisation.c.id == recall.c.organisation)
        .where(recall_lot.c.item.in_(items))
        .where((recall.c.kind == "recall") | (recall.c.organisation == actor.organisation))
        .distinct()
        .order_by(recall.c.id)
    )
    names = ("kind", "level", "reason", "opened_at", "lifted_at", "lifted_reason")
    return [{"by": row.name, **{name: getattr(row, name) for name in names}} for row in session.execute(query)]


def _self_checks(session: Session, actor: Actor, receipts: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """The signed records of the days (the shop's own) on which the goods came, and of their weeks and months."""
    days = {one["received_at"].astimezone(now.tzinfo).date() for one in receipts}
    begins = {(kind.value, period_of(kind, day)[0]) for kind in CheckKind for day in days}
    query = (
        select(self_check, person.c.name)
        .join(person, person.c.id == self_check.c.signed_by)
        .where(
            self_check.c.organisation == actor.organisation,
            tuple_(self_check.c.kind, self_check.c.first_day).in_(begins),
        )
        .order_by(self_check.c.first_day, self_check.c.kind)
    )
    return [
        {
            "kind": row.kind,
            "first_day": row.first_day,
            "last_day": row.last_day,
            "sha256_of_content": row.sha256,
            "signed_by": row.name,
            "signed_at": row.signed_at,
        }
        for row in session.execute(query)
    ]


def _trace(session: Session, actor: Actor, uri: str, now: datetime) -> dict[str, Any]:
    """Where it came from, as far as one may know it: one step back by name, the rest as the public sees it.

    Who only received and sold some of the same lot is not on the way to here, and is nobody's affair in this pack.
    """
    try:
        found = look_up(session, actor=actor, text=uri, now=now, direction=Direction.BACKWARD)
    except NotFound:
        return {"timeline": [], "truncated": False}
    timeline = found["timeline"]
    on_the_way = {entry["by"] for entry in timeline if entry["step"] in _HANDED_ON} | {actor.organisation_name}
    kept = [entry for entry in timeline if entry["step"] in _HANDED_ON or entry["by"] in on_the_way - {""}]
    return {"timeline": kept, "truncated": found["truncated"]}


_HANDED_ON = (BizStep.COMMISSIONING, BizStep.REPACKAGING, BizStep.SHIPPING)


def _events(session: Session, actor: Actor, items: list[int]) -> list[dict[str, Any]]:
    """The organisation's own events of these lots, with the event hash of each (CBV 2.0 section 8.9)."""
    query = (
        select(event.c.id, event_document.c.document)
        .join(event_item, event_item.c.event == event.c.id)
        .join(event_document, event_document.c.event == event.c.id)
        .where(event.c.captured_by == actor.organisation, event_item.c.item.in_(items))
        .distinct()
        .order_by(event.c.id.desc())
        .limit(MOST_EVENTS)
    )
    told = []
    for row in session.execute(query):
        document = load_document(row.document)
        told.append(
            {
                "event_id": document["eventID"],
                "time": document["eventTime"],
                "step": document.get("bizStep", ""),
                "hash": hash_uri(event_hash(document)),
            }
        )
    return told[::-1]


def _files(
    session: Session, actor: Actor, objects: ObjectStore, content: Mapping[str, Any], now: datetime
) -> tuple[PackedFile, ...]:
    """Every photo and document the content names, once."""
    wanted = dict(_named(content))
    if len(wanted) > MOST_FILES:
        raise TooLarge(N_("The pack would hold {came} files; it takes {most}."), came=len(wanted), most=MOST_FILES)
    sizes = session.scalars(select(stored_object.c.size).where(stored_object.c.sha256.in_(wanted)))
    if sum(sizes) > MOST_BYTES:
        raise TooLarge(N_("The photos of this lot are more than a pack takes ({most} MB)."), most=MOST_BYTES // 10**6)
    files = []
    for sha256, what in sorted(wanted.items()):
        try:
            data, media_type = get_object(session, actor=actor, objects=objects, sha256=sha256, now=now)
        except NotFound:
            continue  # somebody else's photo that one may not see: the paper itself is told
        name = f"files/{sha256[:16]}{_ENDINGS.get(media_type, '.bin')}"
        files.append(PackedFile(name, media_type, sha256, what, data))
    return tuple(files)


_ENDINGS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "application/pdf": ".pdf"}
_PARTS = {
    "purchase_records": "photo of a delivery",
    "papers": "paper",
    "suppliers": "licence of a supplier",
    "rapid_tests": "rapid test",
    "disposals": "destruction",
}


def _named(content: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """(SHA-256, what it shows) of every object in the parts that name some."""
    for part, what in _PARTS.items():
        for sha256 in _hashes_in(content[part]):
            yield sha256, what


def _hashes_in(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("sha256"), str):
            yield value["sha256"]
        for inner in value.values():
            yield from _hashes_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _hashes_in(inner)


def _plain(value: Any) -> Any:
    """JSON values only: dates and moments as ISO 8601, amounts as texts, exactly."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(inner) for inner in value)  # the same pack is the same bytes
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value.isoformat() if hasattr(value, "isoformat") else value
