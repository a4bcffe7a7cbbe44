"""Stock-taking by scanning (盘点): several people count at once; closing books the difference, and two people answer.

A pack is there when its code was read, however often; goods without codes are counted by lot and quantity. What is
sold while it is counted does not disturb: of each thing the books of the moment it was counted are kept beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, case, insert, or_, select, update
from sqlalchemy.orm import Session

from storage.events import chunks, insert_for, intern
from storage.tables import MICRO, split_pack, stock, stocktake, stocktake_count
from trace.domain.dispensing import code_text
from trace.domain.epcis.vocabulary import PIECE, BizStep, Disposition
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.permissions import Actor
from trace.domain.stock import STOCKTAKE
from trace.domain.stocktaking import Outcome
from trace.domain.uris import UriKind, uri_kind
from trace.services.capture import capture
from trace.services.commands import Command, Some, goods_of, run_once, stamp_of
from trace.services.drug_file import read_codes
from trace.services.lots import find_lots, get_product, lots_of
from trace.services.making import Goods, seen
from trace.services.open_containers import containers_among, goods_inside
from trace.services.organisations import new_public_id
from trace.services.overrides import Agreement, second_person
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro
from trace.services.stocktake_result import Judged, as_goods, found_again, judge, no_stocktake, result_of

_TRIES = 3  # stock moves while the difference is booked
_ROWS = 1_000  # in one statement
_EPCS = 2_000  # in one event
TWO_PEOPLE = "two_people"


def start(
    session: Session, command: Command, *, note: str = "", category: str | None = None, product_id: str | None = None
) -> dict[str, Any]:
    """Begin to take stock of everything, of a category, or of one product: {id}; raises `NotFound` for the product.

    Several may be open at once, as in a shop with two rooms; what moved meanwhile is told apart, never booked.
    """

    def act() -> dict[str, Any]:
        of = get_product(session, product_id).id if product_id else None
        values = {
            "public_id": new_public_id(),
            "organisation": command.actor.organisation,
            "note": note.strip(),
            "category": None if of else category,
            "product": of,
            "started_at": command.now,
            "person": command.actor.person,
            "reason": "",
        }
        session.execute(insert(stocktake).values(values))
        return {"id": values["public_id"]}

    return run_once(session, command, "start_stocktake", act)


@dataclass(frozen=True, slots=True)
class _Thing:
    """A thing that was read: the text that named it, its URI, and how much of it (millionths)."""

    text: str
    uri: str
    unit: str
    amount: int


def count(
    session: Session,
    command: Command,
    *,
    public_id: str,
    codes: Sequence[str] = (),
    goods: Sequence[Some] = (),
    anew: bool = False,
) -> dict[str, Any]:
    """Count packs by their codes, and lots by quantity: {counted: [{text, code, product, lot_number, state}], asked}.

    A pack read again is `again` and counted once; amounts of a lot add up, shelf by shelf. `anew` writes over what was
    counted of these before, and takes packs out again that are named by mistake with amount 0. A case counts for what
    is in it. `asked` are texts that cannot be counted so, each with `why`: `lot` (say how many), `case` (nobody knows
    what is in it), `unread`. Each pack's `state` is what its row of the result would say.

    Two at once: the primary key (stocktake, item, unit) makes one row of a pack, and the upsert adds up a lot; the
    share lock of the stock-taking's row keeps a count out of one that is being closed.
    """

    def act() -> dict[str, Any]:
        row = _open_row(session, command.actor, public_id, closing=False)
        things, asked = _packs(session, command.actor, codes)
        things += _amounts(session, goods, anew) if goods else []
        if not things and not asked:
            raise Invalid(N_("Scan at least one pack."), field="codes")
        return {"counted": _note(session, command, row, things, anew), "asked": asked}

    return run_once(session, command, "count_stock", act)


def _packs(session: Session, actor: Actor, texts: Sequence[str]) -> tuple[list[_Thing], list[dict[str, str]]]:
    """The packs that these texts name, those in a case one by one; and what cannot be counted."""
    texts = list(dict.fromkeys(texts))
    named: dict[str, str] = {}
    asked: list[dict[str, str]] = []
    for code in read_codes(session, texts, actor=actor):
        kind = uri_kind(code.uri) if code.uri else None
        if code.uri is None or kind not in (UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE):
            asked.append({"text": code.text[:120], "why": "lot" if kind is UriKind.LOT else "unread"})
        elif (code.pack_level or 1) > 1 or kind is not UriKind.INSTANCE:
            named[code.uri] = code.text
            asked.append({"text": code.text[:120], "why": "case", "uri": code.uri})
        else:
            named.setdefault(code.uri, code.text)
    cases = containers_among(session, named) | {one["uri"] for one in asked if "uri" in one}
    things = [_Thing(text, uri, PIECE, MICRO) for uri, text in named.items() if uri not in cases]
    for case_ in sorted(cases):
        inside = [good.item for good in goods_inside(session, case_).goods if good.amount is None]
        things += [_Thing(named[case_], uri, PIECE, MICRO) for uri in inside]
        if inside:
            asked = [one for one in asked if one.get("uri") != case_]
    once = {thing.uri: thing for thing in things}
    return list(once.values()), [{"text": one["text"], "why": one["why"]} for one in asked]


def _amounts(session: Session, goods: Sequence[Some], anew: bool) -> list[_Thing]:
    """What is named by quantity; counted anew there may be nothing of it, and a pack with 0 is taken out again."""
    nothing = {n for n, some in enumerate(goods) if anew and some.amount == 0}
    named = [replace(some, amount=Decimal(1)) if n in nothing else some for n, some in enumerate(goods)]
    return [
        _Thing(
            some.code,
            good.item,
            good.unit or PIECE,
            0 if n in nothing else MICRO if good.amount is None else micro(good.amount),
        )
        for n, (some, good) in enumerate(zip(named, goods_of(session, named, "goods"), strict=True))
    ]


def _note(
    session: Session, command: Command, row: Row[Any], things: Sequence[_Thing], anew: bool
) -> list[dict[str, Any]]:
    """Write what was counted; what is said of each to who counted it."""
    ids = intern(session, {thing.uri: uri_kind(thing.uri) for thing in things})
    books = _books(session, command.actor, list(ids.values()))
    values = sorted(
        (
            {
                "stocktake": row.id,
                "item": ids[thing.uri],
                "unit": thing.unit,
                "amount": _counted(thing, books.get((ids[thing.uri], thing.unit), 0)),
                "book": books.get((ids[thing.uri], thing.unit), 0),
                "moved": False,
                "person": command.actor.person,
                "counted_at": command.now,
            }
            for thing in things
        ),
        key=lambda value: (value["item"], value["unit"]),
    )
    single = {ids[thing.uri] for thing in things if _is_pack(thing.uri)}
    packs = [value for value in values if value["item"] in single]
    fresh = {item for part in chunks(packs, _ROWS) for item in _write_packs(session, part, anew)}
    _write_lots(session, [value for value in values if value["item"] not in single], anew)
    lots = lots_of(session, ids, seen_by=command.actor.organisation)
    cards = find_lots(session, set(lots.values()))
    told = []
    for thing in things:
        item, card = ids[thing.uri], cards.get(lots.get(thing.uri, ""))
        state = "counted" if not _is_pack(thing.uri) or item in fresh else "again"
        if (item, thing.unit) not in books:
            state = Outcome.STRANGE.value
        elif _is_pack(thing.uri) and not books[item, thing.unit]:
            state = Outcome.SURPLUS.value
        told.append(
            {
                "text": thing.text,
                "code": code_text(thing.uri) if _is_pack(thing.uri) else thing.uri,
                "product": card.product_name if card else "",
                "lot_number": card.number if card else "",
                "state": state,
            }
        )
    return told


def _is_pack(uri: str) -> bool:
    return uri_kind(uri) is UriKind.INSTANCE


def _counted(thing: _Thing, book: int) -> int:
    """A pack that is there is there, whatever part of it was sold (拆零)."""
    return book if _is_pack(thing.uri) and thing.amount and book else thing.amount


def _books(session: Session, actor: Actor, items: Sequence[int]) -> dict[tuple[int, str], int]:
    """{(item, unit): on hand and held, millionths} of what is or was here; a pack open on the counter is here."""
    found: dict[tuple[int, str], int] = {}
    for part in chunks(items):
        here = (stock.c.organisation == actor.organisation) & stock.c.item.in_(part)
        query = select(stock.c.item, stock.c.unit, stock.c.on_hand + stock.c.held).where(here)
        found |= {(item, unit): int(amount) for item, unit, amount in session.execute(query).tuples()}
        mine = (split_pack.c.organisation == actor.organisation) & split_pack.c.item.in_(part)
        for item in session.scalars(select(split_pack.c.item).where(mine, split_pack.c.sold < split_pack.c.units)):
            found[item, PIECE] = found.get((item, PIECE)) or MICRO
    return found


def _write_packs(session: Session, values: Sequence[Mapping[str, Any]], anew: bool) -> list[int]:
    """Packs counted, each once: the items that were not counted before."""
    statement = insert_for(session, stocktake_count).values(list(values))
    again = stocktake_count.c.amount != statement.excluded.amount if anew else stocktake_count.c.amount == 0
    written = {name: statement.excluded[name] for name in ("amount", "book", "person", "counted_at")}
    upsert = statement.on_conflict_do_update(
        index_elements=["stocktake", "item", "unit"], set_=written, where=again
    ).returning(stocktake_count.c.item)
    return list(session.scalars(upsert))


def _write_lots(session: Session, values: Sequence[Mapping[str, Any]], anew: bool) -> None:
    """Lots counted by quantity: another shelf adds up; where stock moved between, the row says so."""
    for part in chunks(values, _ROWS):
        statement = insert_for(session, stocktake_count).values(list(part))
        new, old = statement.excluded, stocktake_count.c
        written: dict[str, Any] = {name: new[name] for name in ("amount", "person", "counted_at")}
        if anew:
            written |= {"book": new.book, "moved": new.moved}
        else:
            written |= {
                "amount": old.amount + new.amount,
                "moved": case((or_(old.moved, old.book != new.book), True), else_=False),
            }
        session.execute(statement.on_conflict_do_update(index_elements=["stocktake", "item", "unit"], set_=written))


# ---- closing --------------------------------------------------------------------------------------------------------


def close(
    session: Session, command: Command, *, public_id: str, reason: str = "", agreement: Agreement | None = None
) -> dict[str, Any]:
    """End a stock-taking: {id, result, events}; what is missing leaves the stock, what was found comes back held.

    Books through capture (CBV stock_taking). A difference takes a reason, and the second person of the rule book
    (`stocktaking.difference`). Raises `Conflict` for goods that moved between two counts of them: count those again;
    `Invalid` without reason or second person; `NotFound` for another's. Codes that the books say are sold or gone, and
    those that never came, are told and not booked: they are returned, or received, where they belong.

    Two at once: the locked rows of all open stock-takings of the shop, so that what another one booked is seen; a sale
    at the same moment: `storage.stock.lock_stock` decides, and the difference is worked out again.
    """

    def act() -> dict[str, Any]:
        open_ = (stocktake.c.organisation == command.actor.organisation) & stocktake.c.closed_at.is_(None)
        session.execute(select(stocktake.c.id).where(open_).order_by(stocktake.c.id).with_for_update()).all()
        row = _open_row(session, command.actor, public_id, closing=True)
        second = second_person(session, actor=command.actor, agreement=agreement) if agreement else None
        for attempt in range(_TRIES):
            judged = judge(session, row)
            _check_counted(judged.things)
            _check_answered_for(session, command, judged.things, reason, second)
            try:
                with session.begin_nested():
                    events = _book(session, command, row, judged.things, reason.strip())
                break
            except Conflict:
                if attempt == _TRIES - 1:
                    raise
        result = {**result_of(session, judged), "events": events}
        ended = {
            "closed_at": command.now,
            "closed_by": command.actor.person,
            "second_person": second.person if second else None,
            "reason": reason.strip()[:200],
            "result": result,
        }
        session.execute(update(stocktake).where(stocktake.c.id == row.id).values(ended))
        return {"id": public_id, "totals": result["totals"], "events": events}

    return run_once(session, command, "close_stocktake", act)


def _check_counted(judged: Sequence[Judged]) -> None:
    again = [one for one in judged if one.state.outcome is Outcome.MOVED and one.state.counted is not None]
    if again:
        raise Conflict(
            N_("{lots} moved while they were counted. Count them again."),
            field="goods",
            lots="、".join(one.name for one in again[:5]),
        )


def _check_answered_for(
    session: Session, command: Command, judged: Sequence[Judged], reason: str, second: Actor | None
) -> None:
    """Raise `Invalid` for a difference that nobody gives a reason for, or that one alone answers for."""
    if not any(one.state.outcome in (Outcome.MISSING, Outcome.SURPLUS, Outcome.STRANGE) for one in judged):
        return
    if not reason.strip():
        raise Invalid(N_("The count differs from the books: say why."), field="reason")
    rules = rules_on(session, command.day, command.actor.organisation)
    if rules.value("stocktaking.difference") == TWO_PEOPLE and second is None:
        raise Invalid(N_("Two people answer for a difference: let a second one sign."), field="override.sign_in")


def _book(session: Session, command: Command, row: Row[Any], judged: Sequence[Judged], reason: str) -> list[str]:
    """The events of the difference: what is missing, and what was found."""
    stamp = stamp_of(session, command)
    told = {"sunshine:reason": reason, STOCKTAKE: row.public_id}
    missing = [as_goods(one) for one in judged if one.state.outcome is Outcome.MISSING]
    found = [as_goods(one) for one in judged if found_again(one)]
    events: list[Any] = []
    for goods, disposition in ((missing, Disposition.UNAVAILABLE), (found, Disposition.NON_SELLABLE)):
        for part in chunks(goods, _EPCS):
            made: Sequence[Goods] = part
            events += seen(
                stamp, made, number=len(events), biz_step=BizStep.STOCK_TAKING, disposition=disposition, extensions=told
            )
    return [done.event_id for done in capture(session, events, actor=command.actor, now=command.now)]


def _open_row(session: Session, actor: Actor, public_id: str, *, closing: bool) -> Row[Any]:
    """The own stock-taking, locked: shared while one counts, alone while one closes."""
    mine = (stocktake.c.public_id == public_id) & (stocktake.c.organisation == actor.organisation)
    row = session.execute(select(stocktake).where(mine).with_for_update(read=not closing)).one_or_none()
    if row is None:
        raise no_stocktake(public_id)
    if row.closed_at is not None:
        raise Conflict(N_("This stock-taking is closed; begin another one."), field="stocktake")
    return row
