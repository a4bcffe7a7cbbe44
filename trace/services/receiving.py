"""Receive goods: the supermarket's main job, and the pharmacy's.

A delivery comes with lines; each is recognised, its papers are looked at, and it is accepted, held or refused. The
result is the purchase inspection record (进货查验记录, 食品安全法 Art. 53, 65; 药品管理法 Art. 57) and one EPCIS event a line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage import stock as stock_store
from storage.events import find_idents, uris_of
from storage.tables import licence, receipt, receipt_line, stock
from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.links import LOT_EXTENSION
from trace.domain.papers import Finding, Severity
from trace.domain.parties import UNLICENSED
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.rules.receiving import Arrival, check_arrival
from trace.domain.uris import PRIVATE, UriKind, party_uri, uri_kind
from trace.services.capture import capture, micro
from trace.services.certificates import as_paper, link_lots, papers_of, visible_certificate_ids
from trace.services.delivery import check_against_shipment, check_not_received_before
from trace.services.hops import Command, run_once
from trace.services.lots import NewLot, container_uri, find_lots, get_product, item_uri, open_lot
from trace.services.making import Goods, from_to, papers, seen, stamp
from trace.services.open_containers import content_of
from trace.services.organisations import get_organisation_row, new_public_id
from trace.services.products import EVERYWHERE, learn_code, product_id_of_code
from trace.services.scans import find_scan


class Decision(StrEnum):
    """What is done with a line: on the shelf, kept apart, or back on the lorry."""

    ACCEPT = "accept"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who delivered: an organisation on this system (`public_id`), or name, address and contact (R1)."""

    public_id: str | None = None
    name: str = ""
    address: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a delivery. The lot is named by `code` (URI or scanned text) or described by product and number.

    `codes` are the trace codes of single packs; `container` a case or crate whose recorded content arrives whole.
    """

    product: str | None = None
    code: str | None = None
    lot_number: str = ""
    amount: Decimal | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    origin_region: str | None = None
    origin: str = ""
    codes: tuple[str, ...] = ()
    no_code_reason: str = ""
    container: str | None = None
    certificates: tuple[str, ...] = ()
    celsius: Decimal | None = None
    price: Decimal | None = None
    decision: Decision = Decision.ACCEPT
    reason: str = ""


@dataclass(slots=True)
class _Prepared:
    """A line with its lot recorded, its goods listed, its findings made."""

    line: Line
    lot: str
    product: Any
    goods: list[Goods]
    amount: Decimal
    unit: str
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Sender:
    """The supplier as the record needs it."""

    number: int | None
    name: str
    address: str
    contact: str
    party: str
    kind: str | None


def receive(
    session: Session,
    command: Command,
    *,
    supplier: Supplier,
    lines: Sequence[Line],
    delivery_note: str = "",
    scan: str | None = None,
) -> dict[str, Any]:
    """Record a delivery: all lines or none. Answers the record as `get_receipt` does.

    Raises `Invalid` with the field at fault, `Conflict` for goods received before, for more than was sent, and for a
    line accepted against a finding that blocks it (hold or refuse it instead).
    """

    def act() -> dict[str, Any]:
        sender = _sender(session, command.actor, supplier)
        day = (command.happened_at or command.now).date()
        prepared = [_prepare(session, command, line, n, day) for n, line in enumerate(lines)]
        _check_each_once(prepared)
        check_not_received_before(
            session,
            command.actor,
            sender.number,
            sender.name,
            delivery_note,
            [p.lot for p in prepared if not p.line.codes],
        )
        for number, ready in enumerate(prepared):
            _judge(session, command, ready, sender, day, f"lines.{number}")
        numbers = _capture_lines(session, command, prepared, sender, delivery_note)
        return _record(session, command, prepared, sender, delivery_note, scan, numbers)

    if not lines:
        raise Invalid(N_("A delivery has at least one line."), field="lines")
    return run_once(session, command, "receive", act)


def _sender(session: Session, actor: Actor, supplier: Supplier) -> _Sender:
    if supplier.public_id:
        row = get_organisation_row(session, supplier.public_id)
        if row.id == actor.organisation:
            raise Invalid(N_("Goods come from another organisation, not from yourself."), field="supplier.id")
        return _Sender(row.id, row.name, row.address, row.contact, row.party_uri, row.kind)
    for name in ("name", "address", "contact"):
        if not getattr(supplier, name).strip():
            raise Invalid(
                N_(
                    "The supplier's {name} is missing: the law asks for name, address and contact (食品安全法 Art. 53, 65)."
                ),
                field=f"supplier.{name}",
                name=name,
            )
    party = party_uri(f"{actor.party_uri.removeprefix(PRIVATE)}:{supplier.name}")
    return _Sender(None, supplier.name, supplier.address, supplier.contact, party, None)


def _prepare(session: Session, command: Command, line: Line, number: int, day: date) -> _Prepared:
    where = f"lines.{number}"
    if line.container:
        return _prepare_container(session, line, where)
    lot = _lot_of(session, command, line, where, day)
    known = find_lots(session, [lot]).get(lot)
    if known is None:
        raise Invalid(
            N_("The lot {lot} is not recorded yet: choose its product and type its number."),
            field=f"{where}.code",
            lot=lot,
        )
    made_of = get_product(session, known.product_public_id)
    if line.codes:
        codes = tuple(dict.fromkeys(item_uri(code, field=f"{where}.codes") for code in line.codes))
        _check_codes(session, command.actor, made_of, codes, where)
        goods = [Goods(code) for code in codes]
        return _Prepared(line, lot, known, goods, Decimal(len(codes)), PIECE)
    if line.amount is None or line.amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"{where}.amount")
    return _Prepared(line, lot, known, [Goods(lot, line.amount, made_of.unit)], line.amount, made_of.unit)


def _prepare_container(session: Session, line: Line, where: str) -> _Prepared:
    """A whole case or crate: what was packed into it, by the records of who packed it."""
    parent = container_uri(line.container or "", field=f"{where}.container")
    inside = content_of(session, parent)
    lots = _lots_of_goods(session, inside)
    if len(lots) != 1:
        raise Invalid(
            N_("The container {container} holds {count} known lots; receive its content line by line."),
            field=f"{where}.container",
            container=line.container or "",
            count=len(lots),
        )
    lot = next(iter(lots))
    known = find_lots(session, [lot])[lot]
    amount = sum((g.amount if g.amount is not None else Decimal(1) for g in inside), Decimal(0))
    unit = PIECE if any(g.amount is None for g in inside) else known.unit
    return _Prepared(line, lot, known, inside, amount, unit)


def _lots_of_goods(session: Session, goods: Sequence[Goods]) -> set[str]:
    """The lots that goods are, or belong to: an instance's lot is kept in the stock of who made or sent it."""
    lots = {g.item for g in goods if uri_kind(g.item) is UriKind.LOT}
    instances = [g.item for g in goods if uri_kind(g.item) is not UriKind.LOT]
    if instances:
        ids = find_idents(session, instances)
        query = select(stock.c.lot).where(stock.c.item.in_(ids.values()), stock.c.lot.is_not(None)).distinct()
        lots |= set(uris_of(session, session.scalars(query).all()).values())
    return lots


def _lot_of(session: Session, command: Command, line: Line, where: str, day: date) -> str:
    """The lot a line speaks of: named by a code, or opened from product and number."""
    if line.code:
        uri = item_uri(line.code, field=f"{where}.code")
        if uri_kind(uri) is UriKind.LOT and (not line.product or uri in find_lots(session, [uri])):
            return uri
    if not line.product:
        raise Invalid(N_("Choose the product of this line."), field=f"{where}.product")
    number = line.lot_number.strip() or (
        # What has no lot number gets one of ours: the day and a random part; one step back must work all the same.
        f"{line.produced_on or day:%Y%m%d}-{new_public_id()[:6]}"
    )
    new = NewLot(line.product, number, line.produced_on, line.expires_on, line.origin_region, line.origin)
    return open_lot(session, new, actor=command.actor, now=command.now, field=where)


def _check_codes(session: Session, actor: Actor, made_of: Any, codes: Sequence[str], where: str) -> None:
    """The codes' identifiers belong to this product (learnt if new), and none is here already."""
    for identifier in {uri.rpartition("/")[2][:7] for uri in codes if "/drug/obj/" in uri}:
        learn_code(session, product_id=made_of.id, organisation=EVERYWHERE, code=identifier)
        if product_id_of_code(session, identifier) != made_of.id:
            raise Invalid(
                N_("The code identifier {identifier} belongs to another product in the file; scan again or choose it."),
                field=f"{where}.codes",
                identifier=identifier,
            )
    ids = find_idents(session, codes)
    here = select(stock.c.item).where(
        stock.c.organisation == actor.organisation,
        stock.c.item.in_(ids.values()),
        stock.c.on_hand + stock.c.held > 0,
    )
    doubled = set(session.scalars(here))
    if doubled:
        first = next(uri for uri, number in ids.items() if number in doubled)
        raise Conflict(
            N_(
                "The code {code} is in stock here already; {count} codes of this line are. Look at the earlier delivery."
            ),
            field=f"{where}.codes",
            code=first.rpartition("/")[2],
            count=len(doubled),
        )


def _check_each_once(prepared: Sequence[_Prepared]) -> None:
    seen_items: set[str] = set()
    for number, ready in enumerate(prepared):
        for good in ready.goods:
            if good.item in seen_items:
                raise Invalid(
                    N_("{item} stands on two lines of this delivery; put it on one line with the whole quantity."),
                    field=f"lines.{number}",
                    item=good.item,
                )
            seen_items.add(good.item)


def _judge(session: Session, command: Command, ready: _Prepared, sender: _Sender, day: date, where: str) -> None:
    """Findings of a line; a decision that goes against them is refused."""
    line = ready.line
    linked = _link_papers(session, command, ready, where)
    known = ready.product
    made_of = get_product(session, known.product_public_id)
    cold = made_of.celsius_low is not None and made_of.celsius_high is not None
    ready.findings = check_arrival(
        Arrival(
            day=day,
            category=Category(known.category),
            lot_number=known.number,
            produced_on=known.produced_on,
            expires_on=known.expires_on,
            papers=tuple(as_paper(row) for row in linked),
            licence_valid=_licence_valid(session, sender, day),
            codes=len(line.codes) or sum(1 for g in ready.goods if g.amount is None),
            no_code_reason=line.no_code_reason,
            celsius=None if line.celsius is None else int(line.celsius * 100),
            celsius_range=(made_of.celsius_low, made_of.celsius_high) if cold else None,
        )
    )
    if line.decision is not Decision.REFUSE:
        ready.findings += check_against_shipment(session, command.actor, sender.number, sender.name, ready.goods, where)
    _check_decision(ready, where)


def _check_decision(ready: _Prepared, where: str) -> None:
    line = ready.line
    gravest = ready.findings[0] if ready.findings else None
    if line.decision is Decision.ACCEPT and gravest:
        if gravest.severity is Severity.BLOCK:
            raise Conflict(
                N_("This line cannot be accepted: {why} Hold it or refuse it."),
                field=f"{where}.decision",
                details={"rule": gravest.rule, "source": gravest.source},
                why=gravest.message.format(**gravest.values),
            )
        if gravest.severity is Severity.HOLD and not line.reason.strip():
            raise Conflict(
                N_("Give a reason for accepting this line all the same, or hold it: {why}"),
                field=f"{where}.reason",
                details={"rule": gravest.rule, "source": gravest.source},
                why=gravest.message.format(**gravest.values),
            )
    if line.decision is not Decision.ACCEPT and not (line.reason.strip() or ready.findings):
        raise Invalid(N_("Say why this line is held or refused."), field=f"{where}.reason")


def _link_papers(session: Session, command: Command, ready: _Prepared, where: str) -> list[Any]:
    """The papers of a line: those named now (linked to its lot), and those linked to the lot before."""
    named = visible_certificate_ids(
        session, actor=command.actor, public_ids=ready.line.certificates, field=f"{where}.certificates"
    )
    for row in named.values():
        link_lots(session, command, certificate_id=row.id, lots=[ready.lot])
    item = find_idents(session, [ready.lot])[ready.lot]
    return papers_of(session, [item]).get(item, [])


def _licence_valid(session: Session, sender: _Sender, day: date) -> bool | None:
    if sender.kind is not None and sender.kind in UNLICENSED:
        return None
    if sender.number is None:
        return False
    rows = session.execute(select(licence.c.expires_on).where(licence.c.organisation == sender.number))
    return any(expires is None or day <= expires for (expires,) in rows)


def _capture_lines(
    session: Session, command: Command, prepared: Sequence[_Prepared], sender: _Sender, delivery_note: str
) -> list[int]:
    """One event a line (a case and its content are one event); what is refused is recorded as seen and sent back."""
    made = stamp(
        session, actor=command.actor, now=command.now, client_key=command.client_key, happened_at=command.happened_at
    )
    events = []
    for number, ready in enumerate(prepared):
        fields: dict[str, Any] = {
            "biz_step": BizStep.INSPECTING if ready.line.decision is Decision.REFUSE else BizStep.RECEIVING,
            "disposition": {
                Decision.ACCEPT: Disposition.IN_PROGRESS,
                Decision.HOLD: Disposition.NON_SELLABLE,
                Decision.REFUSE: Disposition.NON_CONFORMANT,
            }[ready.line.decision],
            "biz_transactions": papers("desadv", delivery_note, sender.party),
            "sensor_elements": _temperature(ready.line.celsius),
            **from_to(sender.party, command.actor.party_uri),
        }
        if any(g.amount is None for g in ready.goods):
            fields["extensions"] = {LOT_EXTENSION: ready.lot}
        (event,) = seen(made, ready.goods, number=number, **fields)
        events.append(event)
    done = capture(session, events, actor=command.actor, now=command.now)
    for ready, captured in zip(prepared, done, strict=True):
        if ready.line.decision is Decision.REFUSE and sender.number is not None:
            _send_back(session, command.actor, sender.number, ready, captured.event)
    return [captured.event for captured in done]


def _temperature(celsius: Decimal | None) -> tuple[dict[str, Any], ...]:
    if celsius is None:
        return ()
    return ({"sensorReport": [{"type": "Temperature", "value": celsius, "uom": "CEL"}]},)


def _send_back(session: Session, actor: Actor, sender: int, ready: _Prepared, event: int) -> None:
    """Refused goods are on their way to where they came from: the sender sees them coming."""
    ids = find_idents(session, [g.item for g in ready.goods])
    for good in ready.goods:
        amount, unit = micro(good.amount if good.amount is not None else Decimal(1)), good.unit or PIECE
        item = ids[good.item]
        stock_store.take_transit(
            session, sender=sender, receiver=actor.organisation, item=item, unit=unit, amount=amount
        )
        lot = find_idents(session, [ready.lot])[ready.lot]
        stock_store.add_transit(
            session,
            sender=actor.organisation,
            receiver=sender,
            item=item,
            unit=unit,
            lot=lot,
            amount=amount,
            event=event,
        )


def _record(
    session: Session,
    command: Command,
    prepared: Sequence[_Prepared],
    sender: _Sender,
    delivery_note: str,
    scan: str | None,
    numbers: Sequence[int],
) -> dict[str, Any]:
    public_id = new_public_id()
    number = session.execute(
        insert(receipt)
        .values(
            public_id=public_id,
            organisation=command.actor.organisation,
            supplier=sender.number,
            supplier_name=sender.name,
            supplier_address=sender.address,
            supplier_contact=sender.contact,
            delivery_note=delivery_note,
            received_at=command.happened_at or command.now,
            recorded_at=command.now,
            recorded_by=command.actor.person,
            scan=find_scan(session, command.actor, scan).id if scan else None,
        )
        .returning(receipt.c.id)
    ).scalar_one()
    ids = find_idents(session, [ready.lot for ready in prepared])
    rows = [
        _line_row(number, position, ready, ids[ready.lot], event)
        for position, (ready, event) in enumerate(zip(prepared, numbers, strict=True))
    ]
    session.execute(insert(receipt_line), rows)
    return {"id": public_id, "lines": len(rows)}


def _line_row(number: int, position: int, ready: _Prepared, item: int, event: int) -> dict[str, Any]:
    line = ready.line
    return {
        "receipt": number,
        "line": position,
        "item": item,
        "product": ready.product.product,
        "amount": micro(ready.amount),
        "unit": ready.unit,
        "price": None if line.price is None else micro(line.price),
        "decision": line.decision.value,
        "reason": line.reason or line.no_code_reason,
        "findings": [
            {
                "rule": f.rule,
                "severity": f.severity.value,
                "message": f.message,
                "values": dict(f.values),
                "source": f.source,
            }
            for f in ready.findings
        ],
        "celsius": None if line.celsius is None else int(line.celsius * 100),
        "event": event,
    }
