"""Dispense a drug's trace code: one code, one sale (R8, R10; 医保发〔2025〕7号).

In the same shop a second sale is refused; in another shop it is recorded and both shops and the inspector are alerted,
because the patient at the second counter holds a pack that should not exist twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from storage.events import documents_of, find_idents, insert_for, uris_of
from storage.tables import dispensing, dispensing_head, organisation, stock
from trace.domain.epcis.document import load_document
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Action, ObjectEvent, Quantity
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound
from trace.domain.links import LOT_EXTENSION
from trace.domain.parties import DRUG_TRADE
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category, Prescription
from trace.domain.uris import UriKind, uri_kind
from trace.services.alerts import raise_alert
from trace.services.capture import capture
from trace.services.commands import Command, Some, goods_of, run_once, stamp_of
from trace.services.lots import find_lots, item_uri
from trace.services.making import Goods, papers, seen
from trace.services.recall_reach import check_not_recalled

SECOND_SALE = "second_sale"


def dispense(
    session: Session,
    command: Command,
    *,
    codes: Sequence[str] = (),
    goods: Sequence[Some] = (),
    prescription: str | None = None,
) -> dict[str, Any]:
    """Dispense packs by their trace codes, all or none; answers the receipt with its codes and any alerts.

    `goods` are lots by quantity: old stock whose packs carry no code (无码库). Packs that were logged by their codes
    are not in stock by quantity, so they cannot go this way.

    Raises `Forbidden` outside the drug trade; `Conflict` for a code dispensed here before, held, or expired;
    `NotFound` for a code never logged here; `Invalid` without a prescription reference where Rx or OTC class A asks
    for one (实施条例 Art. 43; SAMR 84 Art. 10). No name, ID or diagnosis of the patient is taken.

    Two counters and one code: the guarded update of the shop's stock row lets one through (`storage.stock`), the
    partial unique key `uq_dispensing_open` stands behind it. Two shops: both pass through the code's row in
    `dispensing_head`, so the later one sees the earlier and raises the alert; codes are taken in order of their
    numbers, so that no two wait in a ring.
    """

    def act() -> dict[str, Any]:
        _check_drug_trade(command.actor)
        fields: dict[str, str] = {}
        for number, code in enumerate(codes):  # a camera reads one box again and again: once is meant
            fields.setdefault(item_uri(code, field=f"codes.{number}"), f"codes.{number}")
        check_not_recalled(session, fields, organisation=command.actor.organisation, field="codes")
        packs = [_Pack(session, command.actor, uri, field) for uri, field in fields.items()]
        for pack in packs:
            pack.check(command, prescription)
        loose = _loose(session, command, goods, prescription) if goods else []
        events = _events(session, command, packs, loose, prescription)
        done = capture(session, events, actor=command.actor, now=command.now)
        sold = sorted(zip(packs, done, strict=False), key=lambda sale: sale[0].item or 0)
        alerts = [
            found
            for pack, captured in sold
            if (found := _note_sale(session, command, pack, captured.event)) is not None
        ]
        return {
            "events": [captured.event_id for captured in done],
            "codes": [pack.code for pack in packs],
            "alerts": alerts,
            "dispensed_at": (command.happened_at or command.now).isoformat(),
        }

    if not codes and not goods:
        raise Invalid(N_("Scan at least one pack."), field="codes")
    return run_once(session, command, "dispense", act)


def _check_drug_trade(actor: Actor) -> None:
    if actor.organisation_kind not in DRUG_TRADE:
        raise Forbidden(
            N_("{name} is not in the drug trade; drugs are dispensed by pharmacies (药品管理法 Art. 51)."),
            name=actor.organisation_name,
        )


def _loose(session: Session, command: Command, goods: Sequence[Some], prescription: str | None) -> list[Goods]:
    """Lots of packs without codes, checked like single packs."""
    found = goods_of(session, goods, "goods")
    items = [good.item for good in found]
    check_not_recalled(session, items, organisation=command.actor.organisation, field="goods")
    lots = find_lots(session, [good.item for good in found])
    for number, good in enumerate(found):
        field, row = f"goods.{number}", lots.get(good.item)
        if uri_kind(good.item) is not UriKind.LOT:
            raise Invalid(N_("Give single packs by their codes, not as goods."), field=f"{field}.code")
        if row is None:
            raise NotFound(N_("The lot {lot} is not recorded yet."), field=f"{field}.code", lot=good.item)
        _check_lot(row, command, row.number, field, prescription)
    return found


class _Pack:
    """One pack in this shop: its stock, its lot, its earlier sale here."""

    def __init__(self, session: Session, actor: Actor, uri: str, field: str):
        self.uri, self.field = uri, field
        self.code = uri.rpartition("/")[2]
        if uri_kind(uri) is not UriKind.INSTANCE:
            raise Invalid(
                N_("{code} names no single pack: scan the trace code on the box."), field=field, code=self.code
            )
        self.item = find_idents(session, [uri]).get(uri)
        here = (stock.c.organisation == actor.organisation) & (stock.c.item == self.item)
        self.stock = session.execute(select(stock).where(here)).one_or_none() if self.item else None
        self.sold = _open_sale(session, actor.organisation, self.item) if self.item else None
        lots = uris_of(session, [self.stock.lot]) if self.stock is not None and self.stock.lot else {}
        self.lot_uri = next(iter(lots.values()), None)
        self.lot = find_lots(session, [self.lot_uri]).get(self.lot_uri) if self.lot_uri else None

    def check(self, command: Command, prescription: str | None) -> None:
        """Raise the reason why this pack cannot be dispensed, if there is one."""
        if self.sold is not None:
            raise already_dispensed(self.code, self.field, self.sold.dispensed_at)
        if self.stock is None or self.lot is None:
            raise NotFound(
                N_("The code {code} was never logged here. Log the delivery it came with first."),
                field=self.field,
                code=self.code,
            )
        if self.stock.on_hand <= 0:
            text = (
                N_("The pack {code} is held and cannot be sold.")
                if self.stock.held > 0
                else N_("The pack {code} is no longer in stock here.")
            )
            raise Conflict(text, field=self.field, code=self.code)
        _check_lot(self.lot, command, self.code, self.field, prescription)


def _check_lot(row: Row[Any], command: Command, code: str, field: str, prescription: str | None) -> None:
    """Raise the reason why nothing of this lot may be dispensed, if there is one."""
    if row.category != Category.DRUG:
        raise Invalid(N_("{code} is no drug; sell it at the station."), field=field, code=code)
    if row.expires_on is not None and row.expires_on < command.day:
        raise Conflict(
            N_("The pack {code} expired on {day}; an expired drug is never sold (药品管理法 Art. 98)."),
            field=field,
            code=code,
            day=row.expires_on.isoformat(),
        )
    if row.prescription not in (Prescription.RX, Prescription.OTC_A):
        return
    if not (prescription or "").strip():
        raise Invalid(
            N_("{product} needs the reference of a reviewed prescription."),
            field="prescription",
            product=row.product_name,
        )
    if command.actor.role is not Role.PHARMACIST:
        raise Conflict(
            N_("{product} is handed out by a pharmacist, who reviews the prescription; the role {role} came."),
            field=field,
            product=row.product_name,
            role=command.actor.role.value,
        )


def already_dispensed(code: str, field: str, moment: datetime) -> Conflict:
    """The refusal of a second sale in one shop."""
    return Conflict(
        N_("The code {code} was dispensed here already, at {time}. One code is sold once: look at the box again."),
        field=field,
        code=code,
        time=moment.isoformat(timespec="minutes"),
    )


def _open_sale(session: Session, organisation_id: int, item: int | None) -> Row[Any] | None:
    query = select(dispensing).where(
        dispensing.c.organisation == organisation_id,
        dispensing.c.item == item,
        dispensing.c.returned_event.is_(None),
    )
    return session.execute(query).one_or_none()


def _events(
    session: Session, command: Command, packs: Sequence[_Pack], loose: Sequence[Goods], prescription: str | None
) -> list[ObjectEvent]:
    """One event for each pack, in their order, and one for what has no codes."""
    made = stamp_of(session, command)
    common: dict[str, Any] = {
        "action": Action.OBSERVE,
        "biz_step": BizStep.DISPENSING,
        "disposition": Disposition.DISPENSED,
        "biz_transactions": papers("prescription", prescription, command.actor.party_uri),
    }
    events = [
        ObjectEvent(
            **made.common(number),
            **common,
            epcs=(pack.uri,),
            extensions={LOT_EXTENSION: pack.lot_uri} if pack.lot_uri else {},
        )
        for number, pack in enumerate(packs)
    ]
    if loose:
        quantities = tuple(Quantity(good.item, good.amount, good.unit) for good in loose)
        events.append(ObjectEvent(**made.common(len(packs)), **common, quantities=quantities))
    return events


def _note_sale(session: Session, command: Command, pack: _Pack, event: int) -> dict[str, Any] | None:
    """Write the sale down; an alert where the code is sold elsewhere too."""
    moment = command.happened_at or command.now
    sale = insert_for(session, dispensing).values(
        item=pack.item, organisation=command.actor.organisation, event=event, dispensed_at=moment
    )
    if session.execute(sale.on_conflict_do_nothing().returning(dispensing.c.id)).one_or_none() is None:
        raise already_dispensed(pack.code, pack.field, moment)
    head = insert_for(session, dispensing_head).values(item=pack.item, open_sales=1)
    open_sales = session.execute(
        head.on_conflict_do_update(
            index_elements=["item"], set_={"open_sales": dispensing_head.c.open_sales + 1}
        ).returning(dispensing_head.c.open_sales)
    ).scalar_one()
    return None if open_sales == 1 else _raise_alert(session, command, pack)


def _raise_alert(session: Session, command: Command, pack: _Pack) -> dict[str, Any]:
    """Tell every shop that sold the code, and through their regions the inspectors; both events are named."""
    query = (
        select(dispensing.c.organisation, dispensing.c.dispensed_at, dispensing.c.event, organisation.c.region)
        .join(organisation, organisation.c.id == dispensing.c.organisation)
        .where(dispensing.c.item == pack.item, dispensing.c.returned_event.is_(None))
        .order_by(dispensing.c.id)
    )
    sales = session.execute(query).all()
    documents = documents_of(session, [sale.event for sale in sales])
    details = {
        "code": pack.code,
        "sales": [
            {
                "event": load_document(documents[sale.event])["eventID"],
                "at": sale.dispensed_at.isoformat(timespec="minutes"),
                "organisation": sale.organisation,
            }
            for sale in sales
        ],
    }
    for sale in sales:
        raise_alert(
            session,
            kind=SECOND_SALE,
            item=pack.item or 0,
            organisation=sale.organisation,
            region=sale.region,
            details=details,
            now=command.now,
        )
    return {"kind": SECOND_SALE, "code": pack.code, "sales": len(sales)}


def take_back_packs(session: Session, command: Command, *, codes: Sequence[str]) -> dict[str, Any]:
    """Dispensed packs come back (for quality), all or none: their codes are open again, the packs held.

    Raises `NotFound` for a code that is not dispensed here. Two at once: the guarded update of the shop's stock row
    lets one through (`storage.stock.lock_stock`), that of the open sale stands behind it.
    """

    def act() -> dict[str, Any]:
        uris = list(dict.fromkeys(item_uri(code, field=f"codes.{n}") for n, code in enumerate(codes)))
        ids = find_idents(session, uris)
        for number, uri in enumerate(uris):
            if _open_sale(session, command.actor.organisation, ids.get(uri)) is None:
                raise _not_dispensed(uri, f"codes.{number}")
        back = seen(
            stamp_of(session, command),
            [Goods(uri) for uri in uris],
            biz_step=BizStep.RECEIVING,
            disposition=Disposition.RETURNED,
        )
        done = capture(session, back, actor=command.actor, now=command.now)
        for number, uri in sorted(enumerate(uris), key=lambda pack: ids.get(pack[1], 0)):
            if not _close_sale(session, command.actor.organisation, ids.get(uri), done[0].event):
                raise _not_dispensed(uri, f"codes.{number}")
        return {"events": [captured.event_id for captured in done]}

    if not codes:
        raise Invalid(N_("Scan at least one pack."), field="codes")
    return run_once(session, command, "take_back_packs", act)


def _not_dispensed(uri: str, field: str) -> NotFound:
    return NotFound(N_("The code {code} was not dispensed here."), field=field, code=uri.rpartition("/")[2])


def _close_sale(session: Session, organisation_id: int, item: int | None, event: int) -> bool:
    """Note the return on the open sale; False if there is none here."""
    mine = (dispensing.c.organisation == organisation_id) & (dispensing.c.item == item)
    closed = update(dispensing).where(mine, dispensing.c.returned_event.is_(None)).values(returned_event=event)
    if session.execute(closed).rowcount == 0:  # type: ignore[attr-defined]
        return False
    head = update(dispensing_head).where(dispensing_head.c.item == item)
    session.execute(head.values(open_sales=dispensing_head.c.open_sales - 1))
    return True
