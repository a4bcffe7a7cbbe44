"""Stock and goods on the way: rows are locked, worked out, and written back, many at once.

Two counters that sell the last piece at once run one after the other on the row (its lock on PostgreSQL, the single
writer on SQLite), and the second finds nothing to sell.
"""

import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, and_, bindparam, case, exists, func, select, union
from sqlalchemy.orm import Session

from storage.bulk import insert_new, insert_rows, insert_rows_along
from storage.events import chunks, insert_for
from storage.sending import is_postgresql, send
from storage.tables import event, event_item, event_withdrawn, stock, stock_unmoved, transit
from storage.tenancy import across
from trace.domain.links import NAMES_LOT
from trace.domain.stock import FULL, Balance

_BALANCE = Balance._fields


@across(because="of which lot a pack is, whoever had it in stock knows")
def known_lots(session: Session, items: Iterable[int], *, seen_by: int | None = None) -> dict[int, int]:
    """{item: lot} of instances whose lot somebody's stock names, or else an event (a relation file before delivery).

    Where two organisations say differently, `seen_by`'s own word counts, else that of who was registered last.
    """
    wanted, found = list(items), dict[int, int]()
    for part in chunks(wanted):
        query = (
            select(stock.c.item, stock.c.lot)
            .where(stock.c.item.in_(part), stock.c.lot.is_not(None))
            .order_by(case((stock.c.organisation == seen_by, 1), else_=0), stock.c.organisation)
        )
        found.update(session.execute(query).tuples().all())
    return found | _lots_told(session, [item for item in wanted if item not in found], seen_by)


def _lots_told(session: Session, items: Iterable[int], seen_by: int | None) -> dict[int, int]:
    """{item: lot} as the latest event that names the lots of these instances says and nobody declared wrong."""
    found: dict[int, int] = {}
    for part in chunks(items):
        query = (
            select(event_item.c.item, event_item.c.peer)
            .join(event, event.c.id == event_item.c.event)
            .where(
                event_item.c.item.in_(part),
                event_item.c.role.in_(NAMES_LOT),
                event_item.c.peer.is_not(None),
                ~exists().where(event_withdrawn.c.event == event_item.c.event),
            )
            .order_by(case((event.c.captured_by == seen_by, 1), else_=0), event_item.c.time, event_item.c.event)
        )
        found.update(session.execute(query).tuples().all())
    return found


def items_here(session: Session, organisation: int, items: Iterable[int]) -> set[int]:
    """Those of these items of which the organisation has some, on hand or held."""
    found: set[int] = set()
    for part in chunks(items):
        query = select(stock.c.item).where(
            stock.c.organisation == organisation, stock.c.item.in_(part), stock.c.on_hand + stock.c.held > 0
        )
        found.update(session.scalars(query))
    return found


def on_hand_and_held(session: Session, organisation: int, ids: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """{URI: (on hand, held) in millionths} of those of {URI: item} that the organisation has or had, all units."""
    found: dict[int, tuple[int, int]] = {}
    sums = (func.sum(stock.c.on_hand), func.sum(stock.c.held))
    for part in chunks(list(ids.values())):
        query = select(stock.c.item, *sums).where(stock.c.organisation == organisation, stock.c.item.in_(part))
        found |= {item: (int(there), int(held)) for item, there, held in session.execute(query.group_by(stock.c.item))}
    return {uri: found[item] for uri, item in ids.items() if item in found}


def items_ever_here(session: Session, organisation: int, items: Iterable[int]) -> set[int]:
    """Those of these items that the organisation has or had."""
    found: set[int] = set()
    for part in chunks(items):
        query = select(stock.c.item).where(stock.c.organisation == organisation, stock.c.item.in_(part))
        found.update(session.scalars(query))
    return found


def dealt_with(session: Session, organisation: int, others: Iterable[int]) -> set[int]:
    """Those of others that got goods from an organisation, or sent goods to it."""
    found: set[int] = set()
    for part in chunks(others):
        came = select(transit.c.sender).where(transit.c.receiver == organisation, transit.c.sender.in_(part))
        went = select(transit.c.receiver).where(transit.c.receiver.in_(part), transit.c.sender == organisation)
        found.update(session.scalars(union(came, went)))
    return found


class Locked(NamedTuple):
    """Rows of stock that nobody else can change now: balances that were there, and those that were made just now."""

    found: dict[tuple[int, str], Balance]
    made: dict[tuple[int, str], Balance]


def lock_stock(
    session: Session,
    organisation: int,
    wanted: Iterable[tuple[int, str]],
    *,
    arriving: Mapping[tuple[int, str], tuple[int | None, Balance]],
    ours: Set[int] = frozenset(),
) -> Locked:
    """{(item, unit): balance} of what the organisation has or had, locked until the transaction ends.

    Rows of `arriving`, {(item, unit): (lot, balance)}, are made where there are none: with the balance that they end
    with, for a row that is written twice is written to every index twice. The lock (FOR UPDATE on PostgreSQL, the
    single writer on SQLite) is what lets one of two counters sell the last piece. Rows are made before others are
    locked, either in order of item and unit, so that no two wait for each other in a ring. Of items that are `ours`,
    added in this transaction, nobody has any: their rows are made without asking.
    """
    sure = {key: row for key, row in arriving.items() if key[0] in ours}
    insert_rows_along(session, stock, _COLUMNS, _lines(organisation, sure))
    new = sure.keys() | _make_rows(session, organisation, {k: row for k, row in arriving.items() if k not in sure})
    found = _lock_rows(session, organisation, set(wanted) - new)
    return Locked(found, {key: arriving[key][1] for key in new})


def _make_rows(
    session: Session, organisation: int, rows: Mapping[tuple[int, str], tuple[int | None, Balance]]
) -> Set[tuple[int, str]]:
    """The keys of those of these rows that were not there."""
    lines = _lines(organisation, rows)
    return {(item, unit) for item, unit in insert_new(session, stock, _COLUMNS, lines, ("item", "unit"))}


def _lines(organisation: int, rows: Mapping[tuple[int, str], tuple[int | None, Balance]]) -> list[tuple[Any, ...]]:
    return [(organisation, *key, rows[key][0], *rows[key][1]) for key in sorted(rows)]


def _lock_rows(session: Session, organisation: int, keys: Set[tuple[int, str]]) -> dict[tuple[int, str], Balance]:
    if not keys:
        return {}
    items = sorted({item for item, _ in keys})
    if is_postgresql(session):
        rows = send(session, _LOCK_POSTGRESQL, (organisation, items)).rows
    else:
        rows = send(session, _LOOK_SQLITE, (json.dumps(items), organisation)).rows
    found = {(item, unit): Balance(*row) for item, unit, *row in rows}
    return {key: balance for key, balance in found.items() if key in keys}


_COLUMNS = ("organisation", "item", "unit", "lot", *_BALANCE)
# SELECT hides the number of items from the planner: one plan serves all (`storage.one_of`).
_LOCK_POSTGRESQL = f"""
    SELECT item, unit, {", ".join(_BALANCE)} FROM stock
    WHERE organisation = %b AND item = ANY(CAST((SELECT %b::bigint[]) AS bigint[]))
    ORDER BY item, unit FOR UPDATE"""  # noqa: S608 - names of ours
# CROSS JOIN: the values are the outer loop, whatever the planner thinks of them.
_LOOK_SQLITE = f"""
    SELECT item, unit, {", ".join(_BALANCE)} FROM json_each(?) AS w CROSS JOIN stock AS t
    WHERE t.organisation = ? AND t.item = w.value"""  # noqa: S608 - names of ours


def set_balances(session: Session, organisation: int, balances: Mapping[tuple[int, str], Balance]) -> None:
    """Write what `lock_stock` locked and the caller worked out."""
    rows = [(organisation, *key, *balance) for key, balance in sorted(balances.items())]
    columns = ("organisation", "item", "unit", *_BALANCE)
    insert_rows_along(session, stock, columns, rows, replace=_BALANCE)


def note_unmoved(session: Session, rows: Iterable[tuple[int, int, str]]) -> None:
    """Keep which (event, item, unit) moved nothing, because there was not that much."""
    insert_rows(session, stock_unmoved, ("event", "item", "unit"), sorted(rows), pass_by=True)


def unmoved_by(session: Session, events: Iterable[int]) -> set[tuple[int, int, str]]:
    """{(event, item, unit)} of what these events could not move."""
    found: set[tuple[int, int, str]] = set()
    for part in chunks(events):
        query = select(stock_unmoved.c.event, stock_unmoved.c.item, stock_unmoved.c.unit)
        found.update(session.execute(query.where(stock_unmoved.c.event.in_(part))).tuples())
    return found


@dataclass(frozen=True, slots=True)
class Passage:
    """Goods that left `sender` for `receiver` (`amount` above 0), or arrived there (below 0), in millionths.

    What is left of at most `crumb` after an arrival is what two scales differ by, and is on no way.
    """

    item: int
    unit: str
    sender: int
    receiver: int
    amount: int
    event: int
    lot: int | None = field(default=None, compare=False)
    crumb: int = 0


def note_passages(session: Session, passages: Iterable[Passage]) -> None:
    """Bring what is on the way up to date, in order of item, so that no two sessions wait in a ring.

    What arrives before its sender recorded it as sent is kept below nothing, so that the late record does not announce
    the same goods again. Beyond `FULL`, either way, nothing is added: that is a partner's nonsense.
    """
    # Of one way what comes onto it first: what is corrected comes back, and arrives anew.
    rows = [asdict(p) for p in sorted(passages, key=lambda p: (p.item, p.unit, p.sender, p.receiver, -p.amount))]
    if not rows:
        return
    statement = insert_for(session, transit).values(
        {name: bindparam(name) for name in ("sender", "receiver", "item", "unit", "lot", "amount", "event")}
    )
    delta, crumb = statement.excluded.amount, bindparam("crumb", type_=BigInteger)
    left = transit.c.amount + delta
    arrived = and_(delta < 0, transit.c.amount > 0, left <= crumb)
    session.connection().execute(
        statement.on_conflict_do_update(
            index_elements=["receiver", "sender", "item", "unit"],
            set_={
                "amount": case((arrived, 0), (left > FULL, FULL), (left < -FULL, -FULL), else_=left),
                "event": case((delta > 0, statement.excluded.event), else_=transit.c.event),
            },
        ),
        rows,
    )


def lock_transit(session: Session, *, sender: int, receiver: int, items: Iterable[int]) -> dict[int, int]:
    """{item: amount on the way} of what was ever sent or came (0: all arrived, below 0: came before it was recorded as
    sent), locked until the transaction ends.

    The lock (FOR UPDATE on PostgreSQL, the single writer on SQLite) is what keeps two clerks from receiving one
    delivery twice. Ordered, so that no two wait in a ring.
    """
    found: dict[int, int] = {}
    for part in chunks(sorted(set(items))):
        query = (
            select(transit.c.item, transit.c.amount)
            .where(transit.c.sender == sender, transit.c.receiver == receiver, transit.c.item.in_(part))
            .order_by(transit.c.item)
            .with_for_update()
        )
        found.update(session.execute(query).tuples().all())
    return found
