"""A made-up city in a store: through `capture`, document by document, or as the same rows straight into the tables."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, insert, select, text
from sqlalchemy.orm import Session

import storage
from benchmarks.city import documents_of, event_of, moment_of, stories_of
from benchmarks.city_people import BEGIN, City, Product, Story
from benchmarks.city_rows import COLUMNS, Rows
from benchmarks.city_stories import CYCLE
from benchmarks.loading import finish, without_indices
from storage.event_keys import KEEP_ALL
from storage.events import find_idents
from storage.names import Name, keep_names, product_names
from storage.store import Store
from storage.tables import ident, lot, metadata, product
from trace.domain.permissions import Actor, Role
from trace.services.capture import capture
from trace.services.organisations import create_organisation, get_organisation_row

REGIONS = ("640502", "640521", "640522", "640104", "640121")
ROWS = 200_000  # of all tables, written at once
_CACHE = 1_000_000  # KiB for SQLite while it is filled


@dataclass(frozen=True, slots=True)
class Filled:
    """What a store was filled with: how many events; of each story that is asked about, by its form, what to ask."""

    events: int
    asked: dict[int, tuple[str, str]]  # form -> (URI to trace back from, URI to trace forward from)
    actors: list[Actor]  # the organisations, in the order of the city


def settle(store: Store, city: City) -> tuple[list[Actor], dict[str, int]]:
    """Register the city's organisations and products: (its organisations as actors, {class URI: product.id})."""
    actors = []
    with store.writing() as session:
        for party in city.parties:
            card = create_organisation(
                session,
                name=party.name,
                kind=party.kind,
                region=REGIONS[party.order % len(REGIONS)],
                now=BEGIN,
                uscc=party.uscc,
            )
            row = get_organisation_row(session, card["id"])
            party.id = row.id
            actors.append(Actor(row.id, row.name, row.kind, row.party_uri, row.region, Role.CLERK))
        session.execute(insert(product), [_product_row(n, p) for n, p in enumerate([*city.foods, *city.drugs])])
        found = session.execute(select(product.c.class_uri, product.c.id)).tuples().all()
        keep_names(session, _names(session))
    return actors, dict(found)


def _names(session: Session) -> list[tuple[Name, int, str]]:
    rows = session.execute(select(product.c.id, product.c.name))
    return [name for row in rows for name in product_names(row.id, row._asdict())]


def _product_row(number: int, made: Product) -> dict[str, Any]:
    return {
        "public_id": f"{number:026d}",
        "class_uri": made.uri,
        "name": made.name,
        "category": "drug" if made.code else "vegetable",
        "unit": "EA" if made.code else "KGM",
        "created_at": BEGIN,
    }


class _Roots:
    """Remembers of each form one story to be asked about: those of all forms stand all over the store."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[str, str]] = {}

    def note(self, stories: Iterator[Story]) -> Iterator[Story]:
        """The stories, as they come."""
        for story in stories:
            form, cycle = story.number % CYCLE, story.number // CYCLE
            # Of form n the cycle changes with n: a later one takes the place of an earlier one half of the time.
            if (
                story.start is not None
                and story.end is not None
                and (cycle == 0 or (form * 7 + cycle) % (cycle + 1) == 0)
            ):
                self.found[form] = (story.end.uri, story.start.uri)
            yield story


def fill_by_capture(url: str, city: City) -> Filled:
    """Fill a prepared, empty store as partners would; for small cities."""
    store = storage.open_store(url)
    roots, events = _Roots(), 0
    lots: list[tuple[Any, ...]] = []
    try:
        actors, products = settle(store, city)
        for document in documents_of(city, _with_lots(roots.note(stories_of(city)), lots)):
            made = [event_of(told) for told in document.events]
            with store.writing() as session:
                capture(
                    session,
                    made,
                    actor=actors[document.captor.order],
                    now=moment_of(document.arrives),
                    strict=False,
                )
            events += len(made)
        with store.writing() as session:
            numbers = find_idents(session, [row[0] for row in lots])
            rows = [(numbers[uri], products[of], *rest) for uri, of, *rest in lots]
            session.execute(insert(lot), [dict(zip(COLUMNS["lot"], row, strict=True)) for row in rows])
    finally:
        store.close()
    return Filled(events, roots.found, actors)


def _with_lots(stories: Iterator[Story], lots: list[tuple[Any, ...]]) -> Iterator[Story]:
    for story in stories:
        for thing, made, number, maker, time in story.lots:
            moment = moment_of(time)
            lots.append((thing.uri, made.uri, number, moment.date(), "", maker.id, moment))
        yield story


def fill(url: str, city: City) -> Filled:
    """Fill a prepared, empty store with the rows that `fill_by_capture` stores, but for event hashes."""
    store = storage.open_store(url)
    roots = _Roots()
    try:
        actors, products = settle(store, city)
        with store.reading() as session:
            rows = Rows(products, dict(session.execute(select(ident.c.uri, ident.c.id)).tuples().all()))
        postgres = store.engine.dialect.name == "postgresql"
        writer: _Writer = _PostgresWriter(store) if postgres else _SqliteWriter(store)
        with closing(writer):
            waiting = 0
            for document in documents_of(city, _begun(rows, roots.note(stories_of(city)))):
                rows.add(document)
                waiting += len(document.events)
                if waiting >= ROWS // 10:
                    writer.write(rows.rows)
                    waiting = 0
            writer.write(rows.rows)
    finally:
        store.close()
    return Filled(rows.events, roots.found, actors)


def _begun(rows: Rows, stories: Iterator[Story]) -> Iterator[Story]:
    for story in stories:
        rows.begin(story)
        yield story


class _Writer:
    """Writes rows into the tables and empties their lists; at the end the store is as any other."""

    def write(self, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        """All of them."""
        for table, found in rows.items():
            if found:
                self.write_table(table, found)
                found.clear()

    def write_table(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """The rows of one table."""
        raise NotImplementedError

    def close(self) -> None:
        """Indices, statistics."""
        raise NotImplementedError


class _PostgresWriter(_Writer):
    """COPY in its binary form, without secondary indices; no foreign key is looked up: rows are right as made."""

    def __init__(self, store: Store):
        self.engine = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.connection: Connection = self.engine.connect()
        self.again = without_indices(self.connection, COLUMNS)
        self.connection.execute(text("SET session_replication_role = replica"))
        self.connection.execute(text("SET synchronous_commit = off"))
        self.driver = self.connection.connection.driver_connection

    def write_table(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """One COPY."""
        columns = COLUMNS[table]
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        assert self.driver is not None
        with self.driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(_types(table))
            for row in rows:
                copy.write_row(row)

    def close(self) -> None:
        """Make the indices, set the running numbers, gather statistics."""
        finish(self.connection, self.again, ("ident", "event"))
        self.connection.close()


@lru_cache
def _types(table: str) -> list[str]:
    kinds = {
        "BIGINT": "int8", "INTEGER": "int4", "SMALLINT": "int2", "TEXT": "text", "BYTEA": "bytea",
        "DATE": "date", "TIMESTAMP WITH TIME ZONE": "timestamptz", "SERIAL": "int4", "BIGSERIAL": "int8",
    }  # fmt: skip
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - of this writer alone

    columns = metadata.tables[table].c
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return [kinds.get(str(columns[name].type.compile(dialect)), "varchar") for name in COLUMNS[table]]


class _SqliteWriter(_Writer):
    """`executemany` without a journal; the secondary indices are made at the end."""

    def __init__(self, store: Store):
        path = str(store.engine.url.database)
        store.close()  # its connections would hold the write-ahead log open
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE}", "locking_mode=EXCLUSIVE"):
            self.connection.execute(f"PRAGMA {pragma}")
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN"
        query += f" ({', '.join('?' for _ in COLUMNS)})"
        self.again = self.connection.execute(query, tuple(COLUMNS)).fetchall()
        for name, _ in self.again:
            self.connection.execute(f"DROP INDEX {name}")
        self.connection.execute("BEGIN")

    def write_table(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """In the order of the key where the table is kept in that order."""
        columns = COLUMNS[table]
        if table in _IN_ORDER:
            rows.sort(key=_IN_ORDER[table])
        if table in ("lot", "dispensing"):
            rows = [tuple(map(_as_sqlite, row)) for row in rows]
        marks, names = ", ".join("?" for _ in columns), ", ".join(columns)
        xact = table == "event"
        statement = f"INSERT INTO {table} ({names}{', xact' if xact else ''}) VALUES ({marks}{', 0' if xact else ''})"
        self.connection.executemany(statement, rows)

    def close(self) -> None:
        """Make the indices, gather statistics, go back to the write-ahead log."""
        for _, made in self.again:
            self.connection.execute(made)
        self.connection.execute(KEEP_ALL)
        self.connection.execute("COMMIT")
        self.connection.execute("PRAGMA analysis_limit=1000")
        self.connection.execute("ANALYZE")
        self.connection.execute("PRAGMA locking_mode=NORMAL")
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.close()


def _in_order_of(count: int) -> Any:
    return lambda row: row[:count]


_IN_ORDER = {
    "event_item": _in_order_of(4),
    "event_mention": _in_order_of(4),
    "event_party": _in_order_of(3),
    "event_vocabulary": _in_order_of(3),
}


def _as_sqlite(value: Any) -> Any:
    """As the tables' types keep it (`storage.tables.columns.Moment`)."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value.isoformat() if isinstance(value, date) else value
