"""How an event is found by the key of its eventID (`storage.events.id_key`), and how SQLite keeps keys: in stages.

A key is a hash, so that a thousand new ones have a thousand pages of a large index. PostgreSQL logs what is new in each
page: there it is a unique key of `event`. SQLite logs pages whole, and most of its log was that index (with pages of 4
KB, 4,120 bytes an event of 7,100 at ten million). So there the keys lie in a table of their own, `event_key`, in the
order of their stage, which says how many moves are before a key. A new one comes into the highest stage, which is
small; every `TICK` events the next slice of each stage moves down to the stage below, where it lies together, too; in
stage 0 a key stays. Which slice that is follows from the number of the event alone, so nothing is remembered and a
rollback takes its move back.

A slice comes round after `SLICES` ticks: a stage holds `TICK * SLICES / 2` keys, 4,000, 33,000 and 520,000, of which a
page of 1 KB has about 35. Where one holds r times what the one above it holds, 1,000 events write 14 * r pages of it:
of ten million keys 112 + 112 + 220 + 260, and two for each slice that goes; one page a key it was. More stages would
write fewer pages and ask for more of them: each look asks all.

That each key stands once on PostgreSQL its unique key sees to. On SQLite it is asked for before it is added, in the
same transaction, and what was found holds until that ends: only one writes at a time, and who began with reading cannot
write once another has (SQLITE_BUSY_SNAPSHOT), however a session was opened. To ask once more with each key that is
added (NOT EXISTS) took 3.7 us an event, a tenth of what the database does for it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from storage.bulk import insert_rows, select_among
from storage.sending import is_postgresql, send
from storage.tables import event, event_key

TICK = 256  # events
SLICES = {3: 32, 2: 256, 1: 4_096}  # of the keys of each stage but the last; powers of two
KEYS = 1 << 63
COLUMNS = ("id", "id_key", "declarer", "captured_by")  # of `event`: what is told of one that is found
STAGES = ", ".join(map(str, range(len(SLICES) + 1)))  # an index is used for a list of numbers, not for a range
# Events under the keys of a JSON array, on SQLite. CROSS JOIN: in this order, whatever the planner thinks of them.
UNDER_SQLITE = f"""json_each(?) AS w CROSS JOIN event_key AS k CROSS JOIN event AS t
    WHERE k.stage IN ({STAGES}) AND k.id_key = w.value AND t.id = k.event"""
_FIND = f"SELECT t.id, t.id_key, t.declarer, t.captured_by FROM {UNDER_SQLITE}"  # noqa: S608 - names of ours
# Two statements: an UPDATE of the stage takes twice the processor.
_MOVE = (
    """INSERT INTO event_key (stage, id_key, declarer, event)
    SELECT stage - 1, id_key, declarer, event FROM event_key WHERE stage = ? AND id_key BETWEEN ? AND ?""",
    "DELETE FROM event_key WHERE stage = ? AND id_key BETWEEN ? AND ?",
)
# For who fills a store without `add_keys`: the keys of all events, where they stay.
KEEP_ALL = "INSERT INTO event_key SELECT 0, id_key, declarer, id FROM event ORDER BY id_key, declarer"


def find_keyed(session: Session, keys: Iterable[int]) -> Sequence[tuple[Any, ...]]:
    """`COLUMNS` of all events under these keys, the declarations that one is wrong among them."""
    if is_postgresql(session):
        return select_among(session, event, COLUMNS, "id_key", set(keys))
    wanted = list(set(keys))
    return send(session, _FIND, (json.dumps(wanted),)).rows if wanted else []


def add_keys(session: Session, keys: Mapping[int, tuple[int, int]]) -> None:
    """Keep the keys of new events on SQLite, {number: (key, declarer)}, that this transaction has found nowhere.

    The numbers follow those of all events there are.
    """
    rows = sorted([(max(SLICES), *key, number) for number, key in keys.items()])
    insert_rows(session, event_key, ("stage", "id_key", "declarer", "event"), rows)
    _move(session, range(min(keys) // TICK, (max(keys) + 1) // TICK))


def _move(session: Session, ticks: range) -> None:
    """Move the slices of these ticks, from the lowest stage up: no key moves twice."""
    for stage in sorted(SLICES):
        for first, last in slices_of(ticks, SLICES[stage]):
            for statement in _MOVE:
                send(session, statement, (stage, first, last))


def slices_of(ticks: range, slices: int) -> Iterator[tuple[int, int]]:
    """The (first, last) keys of the slices whose turn comes at these ticks: slices that lie together are one."""
    if not ticks:
        return
    width, begin = KEYS // slices, ticks.start % slices
    end = begin + min(len(ticks), slices)
    yield begin * width, min(end, slices) * width - 1
    if end > slices:
        yield 0, (end - slices) * width - 1
