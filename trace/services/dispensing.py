"""The counter of a pharmacy: sell drugs by their trace codes, take them back (R7, R8, R10; 医保发〔2025〕7号).

One code is sold once: what decides it is `trace.services.code_sales`, which `capture` asks for every sale, whoever
reports it. Here is what a counter asks beforehand, with the reason in words.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from storage.tables import MICRO
from trace.domain.dispensing import (
    UNITS_EXTENSION,
    NoCodeReason,
    Opened,
    Pack,
    check_amounts,
    code_text,
    find_lot_refusal,
    find_refusal,
    use_by,
)
from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.events import Action, BizTransaction, ObjectEvent, Quantity
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound
from trace.domain.links import LOT_EXTENSION
from trace.domain.money import MOST_PAID, line_price
from trace.domain.parties import DRUG_TRADE
from trace.domain.permissions import Actor, check_sells
from trace.domain.rules.book import Rules
from trace.domain.uris import UriKind, uri_kind
from trace.services.capture import capture
from trace.services.code_sales import SECOND_SALE, find_sold_twice
from trace.services.commands import Command, Some, goods_of, run_once, stamp_of
from trace.services.counter import Earlier, find_cards, find_earlier, find_packs, line_up, pack_uris, reasons_on_arrival
from trace.services.drug_sales import SoldLine, paid_for, write_sale
from trace.services.making import Goods, Stamp, papers, seen
from trace.services.prescriptions import check_review
from trace.services.prices import Priced, prices_of_sale
from trace.services.recall_reach import check_not_recalled
from trace.services.rulebook import rules_on
from trace.services.split_packs import open_pack
from trace.services.stock_keeping import micro


@dataclass(frozen=True, slots=True)
class Part:
    """So many of a pack's smallest units (拆零): the text that names the pack, the units."""

    code: str
    units: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be sold of one lot or pack, and the field that names it. `pack` is None for a lot by quantity."""

    field: str
    uri: str
    lot: Mapping[str, Any]
    product: Mapping[str, Any]
    pack: Pack | None = None
    units: int | None = None
    goods: Goods | None = None
    no_code_reason: str = ""

    @property
    def item(self) -> int:
        return int(self.lot["item"]) if self.pack is None else int(self.pack.item or 0)

    @property
    def amount(self) -> int:
        """In millionths of the unit; of a pack that is sold in parts its part of one."""
        if self.goods is not None:
            return int(Decimal(self.goods.amount) * MICRO)
        return MICRO if self.units is None else MICRO * self.units // self.opened.units

    @property
    def share(self) -> Decimal:
        """In the unit, exactly: what a price for one is multiplied with."""
        if self.goods is not None:
            return Decimal(self.goods.amount or 0)
        return Decimal(1) if self.units is None else Decimal(self.units) / self.opened.units

    @property
    def opened(self) -> Opened:
        """The open pack that units are sold of; as it will be where it is opened just now."""
        if self.pack is not None and self.pack.opened is not None:
            return self.pack.opened
        return Opened(self.product["split_units"] or 1, self.product["split_unit_name"] or "", 0, None)


def dispense(
    session: Session,
    command: Command,
    *,
    codes: Sequence[str] = (),
    goods: Sequence[Some] = (),
    parts: Sequence[Part] = (),
    prescription: str | None = None,
    reviewed_by: str | None = None,
    passed_by: str = "",
    no_code_reason: str | None = None,
    prices: Sequence[Priced] = (),
) -> dict[str, Any]:
    """Sell drugs, all or none: {events, codes, alerts, earlier, dispensed_at, receipt: {id, number, total}}.

    `codes` are whole packs, `parts` units of packs, `goods` lots by quantity: old stock whose packs carry no code
    (无码库), which take a reason unless their class is exempt. Packs that were logged by their codes are not in stock
    by quantity, so they cannot go this way. `prescription` and `reviewed_by` are for what needs them (R10,
    `trace.services.prescriptions.check_review`); no name, ID or diagnosis of the patient is taken. Where an earlier
    lot of a product is on the shelf, `passed_by` says why it stays there. `prices` are for what the shop has no price
    of, or departs from it (`trace.services.prices.prices_of_sale`).

    Raises `Forbidden` outside the drug trade and for headquarters in a shop's name; `Conflict` for a code that was sold
    here before, held, recalled, or expired, for more units than a pack has, for an earlier lot without a reason, for a
    class that is not sold; `NotFound` for a code never logged here; `Invalid` where something is missing, or too late.

    Two counters and one code: the locked row of the code in `dispensing_head` lets one through
    (`code_sales.lock_heads`); the guarded row of the shop's stock and the partial unique key `uq_dispensing_open` stand
    behind it. Two shops: both pass through the same row, so the later one sees the earlier and alarms both.
    """

    def act() -> dict[str, Any]:
        check_drug_trade(command.actor)
        check_sells(command.actor)
        _check_soon(session, command)
        rules, made = rules_on(session, command.day, command.actor.organisation), stamp_of(session, command)
        reference = papers("prescription", (prescription or "").strip() or None, command.actor.party_uri)
        loose = goods_of(session, goods, "goods") if goods else []
        locks = partial(line_up, session, made, papers=reference)
        asked = _packs(session, command, codes, parts, rules, locks, also=[good.item for good in loose])
        asked += _loose(session, command, loose, no_code_reason, rules)
        refusal = check_amounts(_packs_by_class(asked), rules)
        if refusal is not None:
            raise refusal.failure(asked[0].field)
        products = [(one.product["name"], one.product["prescription"]) for one in asked]
        review = check_review(session, command, reference=prescription, reviewed_by=reviewed_by, products=products)
        earlier = _check_earlier(session, command, asked, passed_by, rules)
        paid = _paid(session, command, asked, prices)
        _open_packs(session, command, asked, rules)
        done = capture(session, _events(made, asked, reference), actor=command.actor, now=command.now)
        lines = [
            SoldLine(
                item=one.item,
                lot=one.lot["item"],
                product=one.product["id"],
                amount=one.amount,
                unit=one.product["unit"],
                split_units=one.units,
                price=None if price is None else micro(price),
                no_code_reason=one.no_code_reason,
                passed_by=passed_by if one.lot["item"] in earlier else "",
                event=captured.event,
            )
            for one, captured, price in zip(asked, done, paid, strict=True)
        ]
        return {
            "events": [captured.event_id for captured in done],
            "codes": [one.pack.code for one in asked if one.pack is not None],
            "alerts": _alerts(session, asked),
            "earlier": [found.as_told() for found in earlier.values()],
            "dispensed_at": (command.happened_at or command.now).isoformat(),
            "receipt": write_sale(session, command, lines=lines, prescription=review),
        }

    if not codes and not goods and not parts:
        raise Invalid(N_("Scan at least one pack."), field="codes")
    return run_once(session, command, "dispense", act)


def _check_soon(session: Session, command: Command) -> None:
    """Raise `Invalid` for a sale told so late that its own day, by which it is judged, would let anything through."""
    hours = int(rules_on(session, command.now.date(), command.actor.organisation).number("dispensing.late_hours"))
    if command.happened_at is not None and command.now - command.happened_at > timedelta(hours=hours):
        text = N_(
            "A sale is told within {hours} hours; this one is of {time}. Write down what happened, and count the packs"
            " in a stock-taking."
        )
        raise Invalid(text, field="happened_at", hours=hours, time=command.happened_at.isoformat(timespec="minutes"))


def check_drug_trade(actor: Actor) -> None:
    """Raise `Forbidden` for who does not trade in drugs."""
    if actor.organisation_kind not in DRUG_TRADE:
        raise Forbidden(
            N_("{name} is not in the drug trade; drugs are dispensed by pharmacies (药品管理法 Art. 51)."),
            name=actor.organisation_name,
        )


def _packs(
    session: Session,
    command: Command,
    codes: Sequence[str],
    parts: Sequence[Part],
    rules: Rules,
    locks: Callable[..., None],
    also: Sequence[str] = (),
) -> list[_Asked]:
    """The packs that the texts name, each once (a camera reads one box again and again), locked and looked at.

    `also` are the lots that are sold with them by quantity.
    """
    fields = [f"codes.{n}" for n in range(len(codes))] + [f"parts.{n}.code" for n in range(len(parts))]
    texts = [*codes, *(part.code for part in parts)]
    uris = pack_uris(session, command.actor, dict(zip(fields, texts, strict=True))) if texts else {}
    wanted: dict[str, tuple[str, int | None]] = {}
    for field, uri in uris.items():
        number = int(field.split(".")[1])
        units = parts[number].units if field.startswith("parts.") else None
        if units is not None and uri in wanted:
            text = N_("The pack {code} is named twice; name it once, whole or with all its units.")
            raise Invalid(text, field=field, code=code_text(uri))
        if units is not None and units < 1:
            raise Invalid(N_("Give the quantity, a number above zero."), field=f"parts.{number}.units")
        wanted.setdefault(uri, (field, units))
    if not wanted:
        return []
    locks(wanted, events=len(wanted))
    check_not_recalled(session, wanted, organisation=command.actor.organisation, field="codes", also=also)
    found = find_packs(session, actor=command.actor, uris=wanted)
    asked = []
    for uri, (field, units) in wanted.items():
        pack = found[uri]
        refusal = find_refusal(pack, day=command.day, rules=rules, units=units)
        if refusal is not None:
            raise refusal.failure(field)
        asked.append(_Asked(field, uri, pack.lot or {}, pack.product, pack, units))
    return asked


def _loose(
    session: Session, command: Command, found: Sequence[Goods], reason: str | None, rules: Rules
) -> list[_Asked]:
    """Lots of packs without codes, looked at like single packs; each with the reason why it has none (R9)."""
    if not found:
        return []
    here = command.actor.organisation
    check_not_recalled(session, [good.item for good in found], organisation=here, field="goods")
    cards = find_cards(session, [good.item for good in found])
    arrived = reasons_on_arrival(session, actor=command.actor, lots=[lot["item"] for lot, _ in cards.values()])
    exempt = rules.value("dispensing.without_code")["classes"]
    asked = []
    for number, good in enumerate(found):
        field = f"goods.{number}"
        if uri_kind(good.item) is not UriKind.LOT:
            raise Invalid(N_("Give single packs by their codes, not as goods."), field=f"{field}.code")
        if good.item not in cards:
            raise NotFound(N_("The lot {lot} is not recorded yet."), field=f"{field}.code", lot=good.item)
        lot, product = cards[good.item]
        refusal = find_lot_refusal(lot["number"], lot, product, day=command.day, rules=rules)
        if refusal is not None:
            raise refusal.failure(field)
        if product["unit"] == PIECE and good.amount is not None and good.amount % 1:
            text = N_(
                "{product} lot {number}: a pack without a trace code is sold whole. Give a whole number; units of a"
                " pack are sold by its trace code, as parts of an open pack (拆零)."
            )
            raise Invalid(text, field=f"{field}.amount", product=product["name"], number=lot["number"])
        is_exempt = product["drug_class"] in exempt
        why = NoCodeReason.EXEMPT if is_exempt else reason or arrived.get(lot["item"])
        if why is None:
            text = N_("Packs without a trace code are sold with a reason: why does {product} lot {number} have none?")
            raise Invalid(text, field="no_code_reason", product=product["name"], number=lot["number"])
        asked.append(_Asked(field, good.item, lot, product, goods=good, no_code_reason=str(why)))
    return asked


def _packs_by_class(asked: Sequence[_Asked]) -> dict[str, int]:
    count: Counter[str] = Counter()
    for one in asked:
        if one.product["drug_class"]:
            count[one.product["drug_class"]] += 1 if one.goods is None else -(-one.amount // MICRO)
    return dict(count)


def _check_earlier(
    session: Session, command: Command, asked: Sequence[_Asked], reason: str, rules: Rules
) -> dict[int, Earlier]:
    """{lot: the earlier one that is left on the shelf}; raises `Conflict` where that takes a reason and there is none.

    An open pack is sold to its end, whatever else is there.
    """
    leaving = [(one.lot, one.product, one.amount) for one in asked if one.pack is None or one.pack.opened is None]
    found = find_earlier(session, actor=command.actor, leaving=leaving, on=command.day)
    if found and not reason.strip() and rules.value("dispensing.earlier_first")["asks"] == "reason":
        first = next(iter(found.values()))
        raise Conflict(
            N_(
                "{product}: lot {number} expires earlier ({day}) and is on the shelf. Take that one first, or say why"
                " it stays there."
            ),
            field="passed_by",
            details={"earlier": [one.as_told() for one in found.values()]},
            product=first.product,
            number=first.number,
            day=first.expires_on.isoformat(),
        )
    return found


def _paid(session: Session, command: Command, asked: Sequence[_Asked], given: Sequence[Priced]) -> list[Decimal | None]:
    """What is paid for each line, to the fen; None where nobody knows the price. Raises `Invalid` for too much."""
    sold = {one.product["public_id"]: (one.product["id"], one.product["name"]) for one in asked}
    known = prices_of_sale(session, command, sold=sold, given=given)
    paid = []
    for one in asked:
        price = known.get(one.product["id"])
        paid.append(None if price is None else line_price(price, one.share))
        if (paid[-1] or 0) > MOST_PAID:
            text = N_("{product}: a line of a receipt costs at most {most} yuan. Look at price and quantity again.")
            raise Invalid(text, field=one.field, product=one.product["name"], most=MOST_PAID)
    return paid


def _open_packs(session: Session, command: Command, asked: Sequence[_Asked], rules: Rules) -> None:
    for one in asked:
        if one.units is not None and one.pack is not None and one.pack.opened is None:
            last = use_by(command.day, one.lot["expires_on"], rules)
            open_pack(session, command, item=one.item, opened=replace(one.opened, use_by=last))


def _events(made: Stamp, asked: Sequence[_Asked], reference: tuple[BizTransaction, ...]) -> list[ObjectEvent]:
    """One event for each pack or lot, in their order: so each can be declared wrong, or come back, alone."""
    return [
        ObjectEvent(
            **made.common(number),
            action=Action.OBSERVE,
            biz_step=BizStep.DISPENSING,
            disposition=_disposition(one),
            biz_transactions=reference,
            epcs=(one.uri,) if one.pack is not None else (),
            quantities=() if one.goods is None else (Quantity(one.uri, one.goods.amount, one.goods.unit),),
            extensions=_told(one),
        )
        for number, one in enumerate(asked)
    ]


def _disposition(one: _Asked) -> Disposition:
    """A pack of which something is left stays where it is, open; its last units take it out of stock."""
    goes = one.units is None or (one.units == one.opened.left and one.pack is not None and one.pack.on_hand)
    return Disposition.DISPENSED if goes else Disposition.PARTIALLY_DISPENSED


def _told(one: _Asked) -> dict[str, Any]:
    if one.pack is None:
        return {}
    return {LOT_EXTENSION: one.lot["uri"]} | ({} if one.units is None else {UNITS_EXTENSION: str(one.units)})


def _alerts(session: Session, asked: Sequence[_Asked]) -> list[dict[str, Any]]:
    packs = {one.item: one.pack.code for one in asked if one.pack is not None}
    twice = find_sold_twice(session, packs)
    return [{"kind": SECOND_SALE, "code": packs[item], "sales": count} for item, count in sorted(twice.items())]


def take_back_packs(session: Session, command: Command, *, codes: Sequence[str]) -> dict[str, Any]:
    """Dispensed packs come back (for quality), all or none: {events, refund}; codes are open again, the packs held.

    `refund` is what was paid for them (`drug_sales.paid_for`).

    Units of an open pack come back by their receipt (`trace.services.drug_returns`). Raises `NotFound` for a code that
    is not dispensed here as a whole. Two at once: the locked row of the code decides (`code_sales.lock_heads`).
    """

    def act() -> dict[str, Any]:
        fields = {f"codes.{n}": text for n, text in enumerate(codes)}
        uris: dict[str, str] = {}
        for field, uri in pack_uris(session, command.actor, fields).items():
            uris.setdefault(uri, field)
        made = stamp_of(session, command)
        line_up(session, made, uris, events=len(uris))
        found = find_packs(session, actor=command.actor, uris=uris)
        for uri, field in uris.items():
            if found[uri].sold_at is None:
                text = N_("The code {code} was not dispensed here.")
                raise NotFound(text, field=field, code=found[uri].code)
        refund = paid_for(session, command.actor, [found[uri].item for uri in uris])
        back = seen(made, [Goods(uri) for uri in uris], biz_step=BizStep.RECEIVING, disposition=Disposition.RETURNED)
        done = capture(session, back, actor=command.actor, now=command.now)
        return {"events": [captured.event_id for captured in done], "refund": refund}

    if not codes:
        raise Invalid(N_("Scan at least one pack."), field="codes")
    return run_once(session, command, "take_back_packs", act)
