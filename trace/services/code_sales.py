"""One code, one sale (R8; 医保发〔2025〕7号): kept beside the events by capture itself, like stock.

Whoever tells of a sale, the counter or a partner's program with its own EPCIS, is counted here. A second sale in one
shop is refused where it can be (`strict`), and alarmed where it is a fact; one in another shop is recorded, and both
are alarmed. A return opens the code again, and so does the error declaration of a sale. Parts of one pack (拆零) repeat
within what the pack holds.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from storage.bulk import insert_rows
from storage.events import chunks, documents_of, find_by_event_ids, id_key, uris_of
from storage.tables import dispensing, dispensing_head, drug_sale_line, organisation, split_pack
from storage.tenancy import across
from trace.domain.dispensing import RETURN_EXTENSION, SOLD_HERE, UNITS_EXTENSION, code_text
from trace.domain.epcis.document import load_document
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Event
from trace.domain.failures import Conflict
from trace.domain.links import Link, Role
from trace.domain.permissions import Actor, check_sells
from trace.domain.uris import UriKind, uri_kind
from trace.services.alerts import raise_alert
from trace.services.drugs_sold import drugs_among
from trace.services.stock_keeping import Recorded

SECOND_SALE = "second_sale"
_OF_LOTS = (BizStep.DISPENSING, BizStep.RECEIVING)
_OF_SALES = (*_OF_LOTS, BizStep.RETAIL_SELLING)
_SEEN = (Role.OBSERVED, Role.SEEN_INSIDE)


@dataclass(frozen=True, slots=True)
class _Act:
    """What an event says of one pack: that it was sold (whole, or `units` of it), or came back."""

    item: int
    link: Link
    recorded: Recorded
    sale: bool
    units: int | None = None
    of: str | None = None  # a part comes back of this sale (eventID)


@dataclass(slots=True)
class _Row:
    """A sale of the actor's organisation; `id` None: not stored yet."""

    id: int | None
    item: int
    event: int
    returned_event: int | None
    dispensed_at: datetime
    units: int | None

    @property
    def is_open(self) -> bool:
        return self.returned_event is None

    @property
    def was_wrong(self) -> bool:
        """Closed by itself: the sale was declared wrong, there was none."""
        return self.returned_event == self.event


def lock_heads(session: Session, items: Iterable[int]) -> dict[int, tuple[int, int]]:
    """{item: (whole sales, units sold in parts) that are open in all shops}, locked until the transaction ends.

    The row of `dispensing_head` is what lines up everybody who sells or takes back one code, in one shop or in several
    (FOR UPDATE on PostgreSQL, the single writer on SQLite). It is taken before the rows of stock, in order of item.
    """
    wanted = sorted(set(items))
    insert_rows(
        session, dispensing_head, ("item", "open_sales", "split_units"), [(i, 0, 0) for i in wanted], pass_by=True
    )
    found: dict[int, tuple[int, int]] = {}
    for part in chunks(wanted):
        query = select(dispensing_head).where(dispensing_head.c.item.in_(part)).order_by(dispensing_head.c.item)
        rows = session.execute(query.with_for_update())
        found |= {row.item: (row.open_sales, row.split_units) for row in rows}
    return found


@across(because="one code is sold once in the whole network (R8)")
def keep_sales(
    session: Session,
    recorded: Sequence[Recorded],
    ids: Mapping[str, int],
    *,
    actor: Actor,
    now: datetime,
    strict: bool,
) -> None:
    """Bring the sales of trace codes up to date with what was stored or (`undone`) declared wrong, in this order.

    Raises `Conflict`, with `strict`, for a code that is sold here already or for more than its pack holds. Otherwise
    that is a fact somebody reports: it is alarmed. Raises `Forbidden` for a sale by headquarters in a shop's name. Two
    at once: `lock_heads` decides.
    """
    recorded = [one for one in recorded if one.undone or _may_sell(one.event)]
    drugs = drugs_among(session, {uri: ids[uri] for one in recorded for uri in _at_a_till(one)})
    acts = [act for one in recorded for act in _acts(one, ids, drugs)]
    if _is_sale(recorded, acts):
        check_sells(actor)
    heads = lock_heads(session, {act.item for act in acts}) if acts else {}
    _declare_lines(session, recorded, ids, now)
    if not acts:
        return
    books = _Books(session, actor, {act.item for act in acts})
    doubles = {act.item: act for act in acts if not books.book(act, strict=strict)}
    books.write(session, heads, now)
    sold = {act.item for act in acts if act.sale and not act.recorded.undone}
    _alarm(session, books, heads, sold, doubles, now)


def _may_sell(event: Event) -> bool:
    """Whether an event may tell of a sale, or that something came back: most do not, and are not looked at further."""
    return event.biz_step in _OF_SALES or RETURN_EXTENSION in event.extensions


def _is_sale(recorded: Iterable[Recorded], acts: Iterable[_Act]) -> bool:
    """Whether drugs are sold here, by their codes or by quantity."""
    dispensed = (one for one in recorded if one.event.biz_step == BizStep.DISPENSING and not one.undone)
    by_code = any(act.sale and not act.recorded.undone for act in acts)
    return by_code or any(one.event.error_declaration is None for one in dispensed)


def _at_a_till(one: Recorded) -> list[str]:
    """The packs that were sold at a till. Food with a serial number is sold there, too."""
    if one.event.biz_step != BizStep.RETAIL_SELLING:
        return []
    return [link.item for link in one.links if link.role in _SEEN and uri_kind(link.item) is UriKind.INSTANCE]


def _acts(one: Recorded, ids: Mapping[str, int], drugs: Set[str]) -> Iterable[_Act]:
    event = one.event
    if event.error_declaration is not None and not one.undone:
        return
    sale, back = event.biz_step in (BizStep.DISPENSING, BizStep.RETAIL_SELLING), RETURN_EXTENSION in event.extensions
    back = back or (event.biz_step == BizStep.RECEIVING and event.disposition == Disposition.RETURNED)
    if not sale and (not back or event.sources):
        return
    units = units_in(event) if sale else None
    of = event.extensions.get(RETURN_EXTENSION)
    for link in one.links:
        if link.role not in _SEEN or uri_kind(link.item) is not UriKind.INSTANCE:
            continue
        if event.biz_step != BizStep.RETAIL_SELLING or link.item in drugs:
            yield _Act(ids[link.item], link, one, sale, units, of if isinstance(of, str) else None)


def units_in(event: Event) -> int | None:
    """How many of a pack's units an event tells of; None for the whole pack. A partner may not say how many: one."""
    told = str(event.extensions.get(UNITS_EXTENSION, ""))
    if told.isascii() and told.isdigit() and 0 < len(told) < 6:
        return int(told)
    return 1 if event.disposition == Disposition.PARTIALLY_DISPENSED else None


class _Books:
    """The sales of some codes in the actor's shop, worked on in memory and written at once."""

    def __init__(self, session: Session, actor: Actor, items: set[int]):
        self.actor = actor
        self.rows: dict[int, list[_Row]] = {item: [] for item in items}
        self.units: dict[int, int] = {}
        columns = (dispensing.c.id, dispensing.c.item, dispensing.c.event, dispensing.c.returned_event,
                   dispensing.c.dispensed_at, dispensing.c.split_units)  # fmt: skip
        for part in chunks(sorted(items)):
            here = dispensing.c.organisation == actor.organisation
            query = select(*columns).where(dispensing.c.item.in_(part), here).order_by(dispensing.c.id)
            for row in session.execute(query):
                self.rows[row.item].append(_Row(*row))
            opened = select(split_pack.c.item, func.max(split_pack.c.units)).where(split_pack.c.item.in_(part))
            self.units.update(session.execute(opened.group_by(split_pack.c.item)).tuples().all())
        self.before = {item: [(row.id, row.returned_event) for row in rows] for item, rows in self.rows.items()}
        self.sums = {item: _sums(rows) for item, rows in self.rows.items()}
        self.numbers: dict[str, int | None] = {}
        self.session = session

    def book(self, act: _Act, *, strict: bool) -> bool:
        """Write one act down; False for a sale that cannot be, and is a fact all the same."""
        rows, number = self.rows[act.item], act.recorded.number
        if act.recorded.undone:
            self._undo(rows, act)
            return True
        if not act.sale:
            for row in rows:
                if row.is_open and (row.units is None if act.of is None else row.event == self._event(act.of)):
                    row.returned_event = number
            return True
        whole, parts = _sums(rows)
        over = parts + act.units > self.units.get(act.item, parts + act.units) if act.units is not None else parts > 0
        if whole or over:
            if strict:
                raise _sold_already(act, rows)
            return False
        rows.append(_Row(None, act.item, number, None, act.recorded.event.event_time, act.units))
        return True

    def _event(self, event_id: str) -> int | None:
        """The number of an event by its eventID, asked of the store once."""
        if event_id not in self.numbers:
            found = find_by_event_ids(self.session, [(event_id, 0)]).get((id_key(event_id), 0))
            self.numbers[event_id] = found.id if found is not None else None
        return self.numbers[event_id]

    @staticmethod
    def _undo(rows: list[_Row], act: _Act) -> None:
        number = act.recorded.number
        for row in rows:
            if act.sale and row.event == number and row.is_open:
                row.returned_event = row.event
            elif not act.sale and row.returned_event == number:
                again = row.units is None and any(other.is_open for other in rows)
                row.returned_event = row.returned_event if again else None

    def write(self, session: Session, heads: dict[int, tuple[int, int]], now: datetime) -> None:
        """Store what changed; `heads` are brought up to date, too."""
        sales = [
            {
                "item": row.item,
                "organisation": self.actor.organisation,
                "event": row.event,
                "returned_event": row.returned_event,
                "dispensed_at": row.dispensed_at,
                "split_units": row.units,
            }
            for rows in self.rows.values()
            for row in rows
            if row.id is None
        ]
        if sales:
            session.execute(insert(dispensing), sales)
        self._write_returns(session, now)
        now_open = {item: _sums(rows) for item, rows in self.rows.items()}
        changed = {item: (now_open[item], old) for item, old in self.sums.items() if now_open[item] != old}
        for item, ((whole, parts), (whole_before, parts_before)) in sorted(changed.items()):
            open_sales, units = heads[item]
            heads[item] = (open_sales + whole - whole_before, units + parts - parts_before)
        _write_heads(session, {item: heads[item] for item in changed})
        for item, ((_, parts), (_, before)) in sorted(changed.items()):
            if parts != before:
                self._write_open_pack(session, item, parts)

    def _write_returns(self, session: Session, now: datetime) -> None:
        before = {number: returned for old in self.before.values() for number, returned in old if number is not None}
        rows = [row for rows in self.rows.values() for row in rows if row.id in before]
        changed = [row for row in rows if row.returned_event != before[row.id or 0]]
        if not changed:
            return
        values = [{"row": row.id, "by": row.returned_event} for row in changed]
        closing = update(dispensing).where(dispensing.c.id == bindparam("row")).values(returned_event=bindparam("by"))
        session.connection().execute(closing, values)
        lines = (
            update(drug_sale_line)
            .where(drug_sale_line.c.item == bindparam("thing"), drug_sale_line.c.event == bindparam("sale_event"))
            .values(returned_event=bindparam("by"), returned_at=bindparam("at"))
        )
        of_lines = [
            {"thing": row.item, "sale_event": row.event, "by": row.returned_event, "at": None if row.is_open else now}
            for row in changed
        ]
        session.connection().execute(lines, of_lines)

    def _write_open_pack(self, session: Session, item: int, sold: int) -> None:
        mine = (split_pack.c.organisation == self.actor.organisation) & (split_pack.c.item == item)
        if all(row.was_wrong for row in self.rows[item] if row.units is not None):  # it was never opened
            session.execute(delete(split_pack).where(mine))
        else:
            session.execute(update(split_pack).where(mine).values(sold=sold))


def _sums(rows: Iterable[_Row]) -> tuple[int, int]:
    """(whole sales, units sold in parts) that are open."""
    still = [row for row in rows if row.is_open]
    return sum(row.units is None for row in still), sum(row.units or 0 for row in still)


def _sold_already(act: _Act, rows: Sequence[_Row]) -> Conflict:
    return Conflict(
        SOLD_HERE,
        field="codes",
        code=code_text(act.link.item),
        time=max(row.dispensed_at for row in rows if row.is_open).isoformat(timespec="minutes"),
    )


def _write_heads(session: Session, heads: Mapping[int, tuple[int, int]]) -> None:
    if heads:
        statement = (
            update(dispensing_head)
            .where(dispensing_head.c.item == bindparam("code"))
            .values(open_sales=bindparam("whole"), split_units=bindparam("parts"))
        )
        values = [{"code": item, "whole": whole, "parts": parts} for item, (whole, parts) in sorted(heads.items())]
        session.connection().execute(statement, values)


def _declare_lines(session: Session, recorded: Sequence[Recorded], ids: Mapping[str, int], now: datetime) -> None:
    """Lines of receipts that were sold by quantity are closed, or opened, by error declarations as well.

    Their rows come after those of the codes and before those of stock, here and where a customer brings something back.
    """
    undone = {one.number: one for one in recorded if one.undone and one.event.biz_step in _OF_LOTS}
    items = {ids[link.item] for one in undone.values() for link in one.links if uri_kind(link.item) is UriKind.LOT}
    if not items:
        return
    of = drug_sale_line.c.item.in_(items)
    wrong = update(drug_sale_line).where(
        of, drug_sale_line.c.event.in_(undone), drug_sale_line.c.returned_event.is_(None)
    )
    session.execute(wrong.values(returned_event=drug_sale_line.c.event, returned_at=now))
    kept = update(drug_sale_line).where(of, drug_sale_line.c.returned_event.in_(undone))
    kept = kept.where(drug_sale_line.c.returned_event != drug_sale_line.c.event)
    session.execute(kept.values(returned_event=None, returned_at=None))


def is_sold_twice(head: tuple[int, int], units: int | None) -> bool:
    """Whether the open sales of a code, in all shops, are more than one pack: whole twice, whole and in parts, or in
    more parts than it has (`units`; None: not known, nobody here opened it)."""
    whole, parts = head
    return whole > 1 or (whole > 0 and parts > 0) or (units is not None and parts > units)


def _alarm(
    session: Session,
    books: _Books,
    heads: Mapping[int, tuple[int, int]],
    sold: set[int],
    doubles: Mapping[int, _Act],
    now: datetime,
) -> None:
    """Tell every shop that sold a code twice, and through their regions the inspectors; the events are named."""
    alarming = sorted(item for item in sold if item in doubles or is_sold_twice(heads[item], books.units.get(item)))
    if not alarming:
        return
    codes = uris_of(session, alarming)
    columns = (dispensing.c.item, dispensing.c.organisation, dispensing.c.dispensed_at, dispensing.c.event)
    query = select(*columns).where(dispensing.c.returned_event.is_(None)).order_by(dispensing.c.id)
    sales: dict[int, list[tuple[int, datetime, int]]] = {}
    for part in chunks(alarming):
        for row in session.execute(query.where(dispensing.c.item.in_(part))):
            sales.setdefault(row.item, []).append((row.organisation, row.dispensed_at, row.event))
    for item, act in doubles.items():
        one = act.recorded
        sales.setdefault(item, []).append((books.actor.organisation, one.event.event_time, one.number))
    documents = documents_of(session, [event for told in sales.values() for _, _, event in told])
    shops = {shop for told in sales.values() for shop, _, _ in told}
    query_regions = select(organisation.c.id, organisation.c.region).where(organisation.c.id.in_(shops))
    regions = dict(session.execute(query_regions).tuples().all())
    for item in alarming:
        told = [
            {
                "event": load_document(documents[event])["eventID"],
                "at": at.isoformat(timespec="minutes"),
                "organisation": o,
            }
            for o, at, event in sales[item]
        ]
        for shop in dict.fromkeys(one["organisation"] for one in told):
            raise_alert(
                session,
                kind=SECOND_SALE,
                item=item,
                organisation=shop,
                region=regions[shop],
                details={"code": code_text(codes[item]), "sales": told},
                now=now,
            )


@across(because="one code is sold once in the whole network (R8)")
def find_sold_twice(session: Session, items: Iterable[int]) -> dict[int, int]:
    """{item: its open sales in all shops} of those codes that are sold more than once (`is_sold_twice`)."""
    wanted, heads, units = set(items), dict[int, tuple[int, int]](), dict[int, int]()
    for part in chunks(wanted):
        query = select(dispensing_head.c.item, dispensing_head.c.open_sales, dispensing_head.c.split_units)
        heads |= {row[0]: (row[1], row[2]) for row in session.execute(query.where(dispensing_head.c.item.in_(part)))}
        opened = select(split_pack.c.item, func.max(split_pack.c.units)).where(split_pack.c.item.in_(part))
        units.update(session.execute(opened.group_by(split_pack.c.item)).tuples().all())
    twice = sorted(item for item, head in heads.items() if is_sold_twice(head, units.get(item)))
    found: dict[int, int] = {}
    for part in chunks(twice):
        still = dispensing.c.item.in_(part) & dispensing.c.returned_event.is_(None)
        count = select(dispensing.c.item, func.count()).where(still).group_by(dispensing.c.item)
        found.update(session.execute(count).tuples().all())
    return found
