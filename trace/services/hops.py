"""The hops of goods: what farms, slaughterhouses, processors, wholesalers and shops do with them.

Each is one command: it checks what the store cannot know by itself (expiry, mass balance), makes EPCIS events and
hands them to `capture`, which stores them and moves stock. All take a client key and are harmless when sent twice.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from storage.events import find_idents
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import (
    Action,
    AggregationEvent,
    Event,
    ObjectEvent,
    Quantity,
    TransformationEvent,
)
from trace.domain.failures import N_, Conflict, Invalid
from trace.services.capture import Captured, capture
from trace.services.commands import Batch, Command, Some, goods_of, run_once, stamp_of
from trace.services.drug_file import confirm_codes, packs_named
from trace.services.hop_checks import (
    check_balance,
    check_certified,
    check_fresh,
    check_may_go_back,
    check_may_pack,
    check_may_refill,
    check_no_drug,
    check_no_drug_pack,
    check_not_here,
    check_not_in_itself,
    check_was_here,
)
from trace.services.lots import (
    NewLot,
    check_not_made_before,
    container_uri,
    content_uri,
    get_product,
    open_lot,
)
from trace.services.making import Goods, find_counterpart, from_to, papers, seen
from trace.services.open_containers import Load, content_of, goods_inside
from trace.services.overrides import Agreement
from trace.services.recall_reach import with_lots
from trace.services.releasing import allow_release
from trace.services.split_packs import check_closed
from trace.services.stock_list import earlier_lots

__all__ = ["Batch", "Command", "Some", "run_once"]


def commission(session: Session, command: Command, *, batch: Batch) -> dict[str, Any]:
    """Harvest, catch, slaughter or manufacture: a lot comes to be (ObjectEvent ADD, CBV commissioning).

    One organisation may bring in a lot in several goes. Raises `Conflict` for another organisation's lot and for a
    code that was given before (`trace.services.lots.check_not_made_before` says what decides between two at once).
    """

    def act() -> dict[str, Any]:
        uri, amount, unit = _open(session, command, batch, "batch")
        made_of = get_product(session, batch.lot.product, field="batch.lot.product")
        codes, read = packs_named(session, batch.codes, made_of=made_of, actor=command.actor, field="batch.codes")
        if codes and len(codes) != amount:
            raise Invalid(
                N_("{amount} packs were announced and {codes} different codes came; the two must agree."),
                field="batch.codes",
                amount=str(amount),
                codes=len(codes),
            )
        made = {uri: "batch.lot.number", **dict.fromkeys(codes, "batch.codes")}
        check_not_made_before(session, made, actor=command.actor)
        # Of which product they are nobody knows better than who makes them.
        confirm_codes(session, command, read, made_of=made_of, confirmed=None, field="batch.codes")
        event = ObjectEvent(
            **stamp_of(session, command).common(),
            action=Action.ADD,
            biz_step=BizStep.COMMISSIONING,
            disposition=Disposition.ACTIVE,
            epcs=codes,
            quantities=(Quantity(uri, amount, unit),),
            ilmd=_ilmd(batch.lot),
        )
        return _answer(capture(session, [event], actor=command.actor, now=command.now), lots=[uri])

    return run_once(session, command, "commission", act)


def process(session: Session, command: Command, *, inputs: Sequence[Some], outputs: Sequence[Batch]) -> dict[str, Any]:
    """Slaughter, cut, mix, cook, re-pack: inputs become outputs (TransformationEvent).

    Raises `Conflict` if more comes out than went in, per unit (R6), and for an output that another organisation made;
    inputs must be on hand, not held, not expired.
    """

    def act() -> dict[str, Any]:
        goods = goods_of(session, inputs, "inputs")
        for number, batch in enumerate(outputs):
            if batch.codes:
                raise Invalid(
                    N_("Codes of single packs are given where packs are made one by one (commission), not here."),
                    field=f"outputs.{number}.codes",
                )
        opened = _open_all(session, command, outputs)
        made = {uri: f"outputs.{n}.lot.number" for n, (uri, _, _) in enumerate(opened)}
        items = with_lots(session, find_idents(session, [good.item for good in goods]).values())
        check_not_made_before(session, made, actor=command.actor, made_of=set().union(*items.values()))
        check_fresh(session, command, goods)
        check_balance(session, command, goods, [(amount, unit) for _, amount, unit in opened])
        event = TransformationEvent(
            **stamp_of(session, command).common(),
            biz_step=BizStep.COMMISSIONING,
            disposition=Disposition.ACTIVE,
            input_epcs=tuple(g.item for g in goods if g.amount is None),
            input_quantities=tuple(Quantity(g.item, g.amount, g.unit) for g in goods if g.amount is not None),
            output_quantities=tuple(Quantity(uri, amount, unit) for uri, amount, unit in opened),
            ilmd=_ilmd(outputs[0].lot) if len(outputs) == 1 else {},
        )
        done = capture(session, [event], actor=command.actor, now=command.now)
        return _answer(done, lots=[uri for uri, _, _ in opened])

    return run_once(session, command, "process", act)


def pack(session: Session, command: Command, *, container: str, goods: Sequence[Some]) -> dict[str, Any]:
    """Put goods, or containers with goods in them, into a crate, case or pallet (AggregationEvent ADD).

    A re-usable crate that still counts as full from an earlier trip is emptied first, so that its former content
    never travels on in the record; a crate filled in several goes at one place keeps what is in it.
    """

    def act() -> dict[str, Any]:
        parent = container_uri(container, field="container")
        inside = goods_of(session, goods, "goods", named=content_uri)
        check_was_here(session, command, inside)
        check_may_pack(session, command, inside)
        check_not_in_itself(session, parent, inside)
        made = stamp_of(session, command)
        events: list[Event] = []
        if content_of(session, parent, elsewhere_than=command.actor.organisation):
            check_may_refill(session, command, parent)
            emptied = AggregationEvent(
                **made.common(0), action=Action.DELETE, biz_step=BizStep.UNPACKING, parent=parent
            )
            events.append(emptied)
        epcs = tuple(g.item for g in inside if g.amount is None)
        quantities = tuple(Quantity(g.item, g.amount, g.unit) for g in inside if g.amount is not None)
        events.append(
            AggregationEvent(
                **made.common(1),
                action=Action.ADD,
                biz_step=BizStep.PACKING,
                disposition=Disposition.CONTAINER_CLOSED,
                parent=parent,
                child_epcs=epcs,
                child_quantities=quantities,
            )
        )
        return _answer(capture(session, events, actor=command.actor, now=command.now), container=parent)

    return run_once(session, command, "pack", act)


def unpack(session: Session, command: Command, *, container: str, goods: Sequence[Some] = ()) -> dict[str, Any]:
    """Take goods out of a container; without goods, everything (AggregationEvent DELETE).

    What is in a case on a pallet stays in the case. Everything is named by its content where that is known, so that
    each thing's own history says that it left.
    """

    def act() -> dict[str, Any]:
        parent = container_uri(container, field="container")
        if goods:
            leaving = goods_of(session, goods, "goods", named=content_uri)
            check_was_here(session, command, leaving)
        else:
            leaving = content_of(session, parent)
            check_was_here(session, command, goods_inside(session, parent).goods)
        event = AggregationEvent(
            **stamp_of(session, command).common(),
            action=Action.DELETE,
            biz_step=BizStep.UNPACKING,
            parent=parent,
            child_epcs=tuple(g.item for g in leaving if g.amount is None),
            child_quantities=tuple(Quantity(g.item, g.amount, g.unit) for g in leaving if g.amount is not None),
        )
        return _answer(capture(session, [event], actor=command.actor, now=command.now), container=parent)

    return run_once(session, command, "unpack", act)


def ship(
    session: Session,
    command: Command,
    *,
    receiver: str,
    goods: Sequence[Some] = (),
    containers: Sequence[str] = (),
    delivery_note: str | None = None,
    returned: bool = False,
) -> dict[str, Any]:
    """Send goods, loose or in containers, to another organisation (OBSERVE, CBV shipping, in transit).

    `returned` sends goods back to a supplier: held and expired goods may go that way, only that way, and only to who
    delivered or made them.
    """

    def act() -> dict[str, Any]:
        to = find_counterpart(session, actor=command.actor, public_id=receiver, field="receiver")
        loose = goods_of(session, goods, "goods") if goods else []
        load = _content(session, containers)
        leaving = loose + load.goods
        if not leaving:
            raise Invalid(N_("Say what is sent: goods, or containers with something in them."), field="goods")
        if returned:
            check_may_go_back(session, command, leaving, to)
        else:
            check_fresh(session, command, leaving)
            check_certified(session, command, leaving)
            check_closed(session, command.actor, [good.item for good in leaving])
        events = seen(
            stamp_of(session, command),
            leaving + load.containers,
            biz_step=BizStep.SHIPPING,
            disposition=Disposition.RETURNED if returned else Disposition.IN_TRANSIT,
            biz_transactions=papers("desadv", delivery_note, command.actor.party_uri),
            **from_to(command.actor.party_uri, to.party_uri),
        )
        done = capture(session, events, actor=command.actor, now=command.now)
        return _answer(done, receiver=to.name)

    return run_once(session, command, "return" if returned else "ship", act)


def sell(session: Session, command: Command, *, goods: Sequence[Some]) -> dict[str, Any]:
    """Sell food over the counter (OBSERVE, CBV retail_selling); expired goods and drugs are refused.

    Drugs go through `trace.services.dispensing`, which sells one code once and asks for the prescription. Where a lot
    that expires earlier is still open, `earlier` in the answer names it: first expired, first out.
    """
    return _observe(
        session,
        command,
        "sell",
        goods,
        BizStep.RETAIL_SELLING,
        Disposition.RETAIL_SOLD,
        tell=_earlier_lots,
        checks=(check_no_drug, check_fresh, check_certified),
    )


def take_back(session: Session, command: Command, *, goods: Sequence[Some]) -> dict[str, Any]:
    """A customer brings goods back (CBV receiving and returned, from nobody who is named): held until looked at.

    No more comes back than was sold here (`Conflict`); two clerks at once: `storage.stock.lock_stock` decides.
    A single pack of a drug comes back through `trace.services.dispensing.take_back_packs`, which opens its code again.
    """
    return _observe(
        session,
        command,
        "take_back",
        goods,
        BizStep.RECEIVING,
        Disposition.RETURNED,
        checks=(check_no_drug_pack, check_was_here, check_not_here),
    )


def hold(session: Session, command: Command, *, goods: Sequence[Some], reason: str) -> dict[str, Any]:
    """Seal goods off: held stock is not sold, moved or split (R7; 食品安全法 Art. 63)."""
    note = {"sunshine:reason": reason}
    return _observe(session, command, "hold", goods, BizStep.HOLDING, Disposition.NON_SELLABLE, extensions=note)


def release(
    session: Session, command: Command, *, goods: Sequence[Some], reason: str, agreement: Agreement | None = None
) -> dict[str, Any]:
    """Held goods turned out to be in order: back on the shelf; never expired ones, nor under a hold or recall.

    What was found when they came is judged again (`trace.services.releasing`): raises `Conflict` where it lets nobody
    release them, or only two people (`agreement` is what the second says). Two at once: `storage.stock.lock_stock`
    decides, the later finds nothing held; what else may change meanwhile, `allow_release` says.
    """

    def act() -> dict[str, Any]:
        found = goods_of(session, goods, "goods")
        told = allow_release(session, command, found, reason, agreement)
        check_fresh(session, command, found)
        fields: dict[str, Any] = {"biz_step": BizStep.STORING, "disposition": Disposition.SELLABLE_ACCESSIBLE}
        events = seen(stamp_of(session, command), found, **fields, extensions=told)
        return _answer(capture(session, events, actor=command.actor, now=command.now))

    return run_once(session, command, "release", act)


def sample(session: Session, command: Command, *, goods: Sequence[Some], report: str | None = None) -> dict[str, Any]:
    """Take a sample for a test: it is used up (CBV sampling)."""
    tests = papers("testres", report, command.actor.party_uri)
    return _observe(
        session, command, "sample", goods, BizStep.SAMPLING, Disposition.IN_PROGRESS, biz_transactions=tests
    )


def _observe(
    session: Session,
    command: Command,
    action: str,
    goods: Sequence[Some],
    step: BizStep,
    disposition: Disposition,
    *,
    checks: Sequence[Callable[[Session, Command, Sequence[Goods]], None]] = (),
    tell: Callable[[Session, Command, Sequence[Goods]], dict[str, Any]] = lambda *_: {},
    **fields: Any,
) -> dict[str, Any]:
    def act() -> dict[str, Any]:
        found = goods_of(session, goods, "goods")
        for check in checks:
            check(session, command, found)
        told = tell(session, command, found)
        events = seen(stamp_of(session, command), found, biz_step=step, disposition=disposition, **fields)
        return _answer(capture(session, events, actor=command.actor, now=command.now), **told)

    return run_once(session, command, action, act)


def _earlier_lots(session: Session, command: Command, goods: Sequence[Goods]) -> dict[str, Any]:
    items = find_idents(session, [good.item for good in goods]).values()
    found = earlier_lots(session, actor=command.actor, items=items, on=command.day)
    return {"earlier": found} if found else {}


def _open(session: Session, command: Command, batch: Batch, field_name: str) -> tuple[str, Decimal, str]:
    """(lot URI, amount, unit) of a new batch, its lot recorded."""
    if batch.amount <= 0:
        raise Invalid(N_("Give the quantity, a number above zero."), field=f"{field_name}.amount")
    uri = open_lot(session, batch.lot, actor=command.actor, now=command.now, field=f"{field_name}.lot", makes=True)
    unit = str(get_product(session, batch.lot.product, field=f"{field_name}.lot.product").unit)
    if batch.unit not in (None, unit):
        # Stock is kept in the product's unit; what came in in another one could never be moved again.
        raise Invalid(
            N_("This product is counted in {unit}; {came} came. Give the quantity in {unit}."),
            field=f"{field_name}.unit",
            unit=unit,
            came=batch.unit,
        )
    return uri, batch.amount, unit


def _open_all(session: Session, command: Command, outputs: Sequence[Batch]) -> list[tuple[str, Decimal, str]]:
    """The new batches opened (`_open`), in their order.

    Lots are opened, and their rows locked, in the order of their names, as a delivery's are: nobody waits in a ring.
    """
    order = sorted(range(len(outputs)), key=lambda n: (outputs[n].lot.product, outputs[n].lot.number))
    opened = {n: _open(session, command, outputs[n], f"outputs.{n}") for n in order}
    return [opened[n] for n in range(len(outputs))]


def _content(session: Session, containers: Sequence[str]) -> Load:
    """What is in these containers, each thing once: a pallet and a case on it may both be named."""
    goods: dict[Goods, None] = {}
    inner: dict[Goods, None] = {}
    for number, text in enumerate(dict.fromkeys(containers)):
        load = goods_inside(session, container_uri(text, field=f"containers.{number}"))
        if not load.goods:
            raise Conflict(
                N_("{container} is empty in the records. Record what was packed into it first."),
                field=f"containers.{number}",
                container=text,
            )
        goods |= dict.fromkeys(load.goods)
        inner |= dict.fromkeys(load.containers)
    return Load(list(goods), list(inner))


def _ilmd(new: NewLot) -> dict[str, Any]:
    """Instance and lot master data of a new lot (CBV 2.0 section 9.2)."""
    values = {
        "cbvmda:lotNumber": new.number,
        "cbvmda:itemExpirationDate": new.expires_on and new.expires_on.isoformat(),
        "cbvmda:productionDate": new.produced_on and new.produced_on.isoformat(),
        "cbvmda:countryOfOrigin": "CN" if new.origin_region else None,
    }
    return {key: value for key, value in values.items() if value}


def _answer(done: Sequence[Captured], **more: Any) -> dict[str, Any]:
    return {"events": [captured.event_id for captured in done], **more}
