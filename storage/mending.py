"""What a store keeps a second time so that it is found quickly, compared with what it was made from, and made anew.

All is read through in bounded memory, whatever the store holds: the keys of 10 million events took SQLite 32 s of the
processor, a million identifiers 1.3 s (2026-11-27).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage.event_keys import KEEP_ALL, STAGES
from storage.sending import is_postgresql, send
from storage.tables import ident
from trace.domain.uris import uri_kind

PAGE = 10_000  # identifiers
_SAME_KEY = "{0}.id_key = {1}.id_key AND {0}.declarer = {1}.declarer"
_WITHOUT_KEY = f"""SELECT count(*) FROM event AS e WHERE NOT EXISTS (
    SELECT 1 FROM event_key AS k WHERE k.stage IN ({STAGES}) AND {_SAME_KEY.format("k", "e")} AND k.event = e.id)"""  # noqa: S608 - names of ours
# Keys that are an event's own, and stand in a lower stage as well: for the same event, or for another one that has it.
_AGAIN = f"""SELECT count(*) FROM event_key AS k JOIN event AS e ON e.id = k.event AND {_SAME_KEY.format("e", "k")}
    WHERE k.stage > 0 AND EXISTS (
        SELECT 1 FROM event_key AS o CROSS JOIN event AS f
        WHERE o.stage IN ({STAGES}) AND o.stage < k.stage AND {_SAME_KEY.format("o", "k")}
            AND f.id = o.event AND {_SAME_KEY.format("f", "o")} AND o.event %s k.event)"""  # noqa: S608 - names of ours
_UNIQUE = """SELECT count(*) FROM pg_index
    WHERE indrelid = 'event'::regclass AND indisunique AND indisvalid AND indisready AND indpred IS NULL
        AND ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)
            ORDER BY 1) = ARRAY['declarer', 'id_key']"""


@dataclass(frozen=True, slots=True)
class KeyFaults:
    """How many events no key finds, keys are of no event, keys an event has again, events are stored twice."""

    lost: int
    astray: int
    again: int
    twice: int


def find_key_faults(session: Session) -> KeyFaults:
    """Compare `event` with `event_key`, on SQLite."""

    def count(statement: str) -> int:
        return int(send(session, statement, ()).rows[0][0])

    events, keys = count("SELECT count(*) FROM event"), count("SELECT count(*) FROM event_key")
    lost, again = count(_WITHOUT_KEY), count(_AGAIN % "=")
    # Of each event that has its key, one is in order and the others are there again: what is left is of no event.
    return KeyFaults(lost, keys - (events - lost) - again, again, count(_AGAIN % "<>"))


def has_unique_key(session: Session) -> bool:
    """Whether PostgreSQL itself sees to it that each event is found by its key, and each key stands once."""
    return bool(session.scalar(text(_UNIQUE)))


def make_keys_anew(session: Session) -> None:
    """The keys of all events on SQLite; raises `IntegrityError` where two are stored under one."""
    if not is_postgresql(session):
        send(session, "DELETE FROM event_key", ())
        send(session, KEEP_ALL, ())


def find_wrong_kinds(session: Session) -> Iterator[tuple[int, str, int]]:
    """(number, uri, what kind of thing it is) of identifiers that are kept as another kind."""
    after = 0
    while True:
        page = select(ident.c.id, ident.c.uri, ident.c.kind).where(ident.c.id > after).order_by(ident.c.id).limit(PAGE)
        rows = session.execute(page).tuples().all()
        yield from ((number, uri, int(uri_kind(uri))) for number, uri, kind in rows if kind != uri_kind(uri))
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def set_kind(session: Session, number: int, kind: int) -> None:
    """Keep an identifier as what it is; for who owns the tables, who serves may not change it."""
    session.execute(text("UPDATE ident SET kind = :kind WHERE id = :number"), {"kind": kind, "number": number})
