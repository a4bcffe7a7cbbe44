"""A headquarters moves goods between its shops, and records for them what a supplier delivered to several at once.

Goods that move are shipped by the one and received by the other, as between strangers: the record of each says whom it
had them from and whom it gave them to. What is expired, held, recalled or sold does not move (R7, R8).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from storage.events import find_idents, lock_items
from storage.tenancy import across
from trace.domain.codes import find_code
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.papers import CertificateKind
from trace.domain.permissions import Actor
from trace.services.arrivals import on_file
from trace.services.certificates import file_certificate
from trace.services.chain import acting_for
from trace.services.commands import Command, Some, goods_of, run_once
from trace.services.hops import ship
from trace.services.lots import lots_of
from trace.services.making import Goods
from trace.services.organisations import new_public_id
from trace.services.receiving import Line, Supplier, receive


@dataclass(frozen=True, slots=True)
class Part:
    """What of a move is for one shop (its public id, or the headquarters' for its own store)."""

    shop: str
    goods: tuple[Some, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """What of a delivery came to one shop (its public id, or the headquarters' for its own store)."""

    shop: str
    lines: tuple[Line, ...]


@across(because="headquarters moves goods between its shops")
def move(
    session: Session,
    command: Command,
    *,
    sender: str,
    parts: Sequence[Part],
    arrived: bool,
    delivery_note: str = "",
    celsius: Decimal | None = None,
) -> dict[str, Any]:
    """Move goods from one place of the chain to others, all or nothing; answers {events, delivery_notes, receipts}.

    Each part gets a delivery note of the sender's (随货同行单), under `delivery_note` or a number of ours. With
    `arrived` they are received in the same step, as they stand (`celsius` is what the thermometer says of cold goods,
    R11); without, they are on the way, and the shop receives them. Raises `NotFound` for a place outside the chain,
    `Conflict` for what may not leave or may not be received, naming `parts.<number>...`.

    Two moves, or a move and a sale, of the same goods: all pass through the locked rows of the goods in `ident`, which
    are taken first and all at once, then `storage.stock.lock_stock` decides.
    """

    def act() -> dict[str, Any]:
        giving = acting_for(session, command.actor, sender)
        takers = _each_once(session, command.actor, [part.shop for part in parts], but=giving)
        wanted = [_goods(session, part, number) for number, part in enumerate(parts)]
        _check_named_once(wanted)
        lots = _lock(session, giving, [good for goods in wanted for good in goods])
        done: dict[str, list[str]] = {"events": [], "delivery_notes": [], "receipts": []}
        for number in sorted(range(len(parts)), key=lambda n: takers[n].organisation):
            with _within(number):
                note = delivery_note or f"{command.day:%Y%m%d}-{new_public_id()[:6]}"
                answer = ship(
                    session, _as(command, giving), receiver=parts[number].shop,
                    goods=parts[number].goods, delivery_note=note,
                )  # fmt: skip
                _file_note(session, _as(command, giving), note, wanted[number], lots)
                done["events"] += answer["events"]
                done["delivery_notes"].append(note)
                if arrived:
                    lines = _lines(wanted[number], lots, celsius)
                    receipt = receive(
                        session, _as(command, takers[number]), supplier=Supplier(public_id=sender),
                        lines=lines, delivery_note=note,
                    )  # fmt: skip
                    done["receipts"].append(receipt["id"])
        return done

    _check_some(parts)
    return run_once(session, command, "chain_move", act)


@across(because="headquarters receives for its shops")
def receive_for_shops(
    session: Session, command: Command, *, supplier: Supplier, shares: Sequence[Share], delivery_note: str = ""
) -> dict[str, Any]:
    """Record one delivery of a supplier that came to several places of the chain: all of it or nothing.

    Each place gets a purchase inspection record of its own; answers {receipts}, in the order of the shares. Raises
    what `receive` raises, naming `parts.<number>...`, `NotFound` for a place outside the chain, and `Invalid` for a
    pack that came to two. What keeps two
    apart that receive the same is said at `receive`; the places come in the order of their numbers.
    """

    def act() -> dict[str, Any]:
        takers = _each_once(session, command.actor, [share.shop for share in shares])
        _check_come_once(shares)
        known = on_file(session, command.actor, supplier)  # headquarters' file, which the places have not
        receipts: dict[int, str] = {}
        for number in sorted(range(len(shares)), key=lambda n: takers[n].organisation):
            with _within(number):
                receipts[number] = receive(
                    session, _as(command, takers[number]), supplier=known,
                    lines=shares[number].lines, delivery_note=delivery_note,
                )["id"]  # fmt: skip
        return {"receipts": [receipts[number] for number in range(len(shares))]}

    _check_some(shares)
    return run_once(session, command, "chain_receive", act)


def _check_some(parts: Sequence[Any]) -> None:
    if not parts:
        raise Invalid(N_("Say which shops get something."), field="parts")


def _as(command: Command, actor: Actor) -> Command:
    """The same command as another place's: its own first place, and no key, which the whole has already."""
    return replace(command, actor=actor, client_key=None, place=None)


@contextmanager
def _within(number: int) -> Iterator[None]:
    """Whatever fails in here names the part that it is about."""
    try:
        yield
    except Failure as failure:
        failure.field = f"parts.{number}.{failure.field}" if failure.field else f"parts.{number}"
        raise


def _each_once(session: Session, actor: Actor, shops: Sequence[str], *, but: Actor | None = None) -> list[Actor]:
    """The places as actors, in their order; raises `Invalid` for one that is named twice, or is the sender."""
    found: list[Actor] = []
    for number, shop in enumerate(shops):
        with _within(number):
            place = acting_for(session, actor, shop)
            if but is not None and place.organisation == but.organisation:
                raise Invalid(N_("Goods go to another place than the one they are at."), field="shop")
            if any(place.organisation == other.organisation for other in found):
                raise Invalid(
                    N_("{name} is named twice; give it one part."), field="shop", name=place.organisation_name
                )
        found.append(place)
    return found


def _goods(session: Session, part: Part, number: int) -> list[Goods]:
    with _within(number):
        return goods_of(session, part.goods, "goods")


def _check_named_once(wanted: Sequence[Sequence[Goods]]) -> None:
    """Raise `Invalid` for a pack that is to go to two places."""
    seen: set[str] = set()
    for number, goods in enumerate(wanted):
        for good in goods:
            if good.amount is None and good.item in seen:
                raise Invalid(
                    N_("The pack {code} is named for two places."),
                    field=f"parts.{number}.goods",
                    code=good.item.rpartition("/")[2],
                )
            seen.add(good.item)


def _check_come_once(shares: Sequence[Share]) -> None:
    """Raise `Invalid` for a pack that is said to have come to two places, in whatever form its code was read."""
    at: dict[str, int] = {}
    for number, share in enumerate(shares):
        for place, line in enumerate(share.lines):
            for text in line.codes:
                code = find_code(text)
                if at.setdefault((code and code.uri) or text, number) != number:
                    raise Invalid(
                        N_("The pack {code} is named for two places."),
                        field=f"parts.{number}.lines.{place}.codes",
                        code=text[:80],
                    )


def _lock(session: Session, giving: Actor, goods: Sequence[Goods]) -> dict[str, str]:
    """{item: its lot}, with the rows of both locked until the end: whoever else moves or sells them waits here."""
    lots = lots_of(session, {good.item for good in goods}, seen_by=giving.organisation)
    lock_items(session, find_idents(session, {*lots, *lots.values()}).values())
    return lots


def _file_note(session: Session, command: Command, number: str, goods: Sequence[Goods], lots: dict[str, str]) -> None:
    """The delivery note that goes with the goods (GSP): the shop that gets them finds it with their lots."""
    named = [lots[good.item] for good in goods if good.item in lots]
    file_certificate(
        session, command, kind=CertificateKind.DELIVERY_NOTE, lots=tuple(dict.fromkeys(named)),
        issuer=command.actor.organisation_name, issued_on=command.day, number=number,
    )  # fmt: skip


def _lines(goods: Sequence[Goods], lots: dict[str, str], celsius: Decimal | None) -> list[Line]:
    """The lines by which a shop receives them: one a lot, its packs by their codes."""
    packs: dict[str, list[str]] = {}
    lines = []
    for good in goods:
        if good.amount is None:
            packs.setdefault(lots[good.item], []).append(good.item)
        else:
            lines.append(Line(code=good.item, amount=good.amount, celsius=celsius, no_code_reason="legacy"))
    return lines + [Line(code=lot, codes=tuple(codes), celsius=celsius) for lot, codes in packs.items()]
