"""The least a store could do: COPY or `executemany` in one transaction, with nothing looked at and nothing judged.

Three measures stand beside each other: the documents alone as they were sent, into a table without any key; the rows of
the tables of facts that a capture wrote, in which documents are compressed, into tables without keys and indices; and
the same rows into tables that have the keys and indices of the store's own, filled like them, from which the
queries could be answered.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    LargeBinary,
    MetaData,
    UniqueConstraint,
    insert,
    inspect,
    quoted_name,
    select,
    text,
    type_coerce,
)

from storage.packing import Packed, unpack
from storage.store import Store
from storage.tables import (
    event,
    event_document,
    event_item,
    event_mention,
    event_party,
    ident,
    metadata,
)

Rows = Mapping[str, Sequence[tuple[Any, ...]]]  # {table: its rows}
# What a capture adds to, and the column that tells what is newer than a number.
_GROWING = {
    "event": event.c.id,
    "event_document": event_document.c.event,
    "event_item": event_item.c.event,
    "event_mention": event_mention.c.event,
    "event_party": event_party.c.event,
}


class Mark:
    """How far a store was filled: what `rows_since` reads comes behind it."""

    def __init__(self, store: Store):
        with store.reading() as session:
            self.event = session.scalar(text("SELECT max(id) FROM event")) or 0
            self.ident = session.scalar(text("SELECT max(id) FROM ident")) or 0


def rows_since(store: Store, mark: Mark) -> Rows:
    """The rows that were added since, of the tables of facts, as the store holds them; not the words that an
    organisation's events name."""
    with store.reading() as session:
        found = {
            name: _plain(session.execute(select(*_stored(column.table)).where(column > mark.event)))
            for name, column in _GROWING.items()
        }
        found["ident"] = _plain(session.execute(select(ident).where(ident.c.id > mark.ident)))
    return found


def _stored(table: FromClause) -> list[ColumnElement[Any]]:
    return [type_coerce(c, LargeBinary) if isinstance(c.type, Packed) else c for c in table.columns]


def _plain(rows: Any) -> list[tuple[Any, ...]]:
    return [tuple(bytes(value) if isinstance(value, memoryview) else value for value in row) for row in rows]


def documents_in(rows: Rows) -> Rows:
    """Of these rows the documents alone, as they were sent."""
    place = list(event_document.columns.keys()).index("document")
    return {"documents": [(unpack(row[place]),) for row in rows["event_document"]]}


def prepare_bare(engine: Engine) -> None:
    """Make the tables without keys and indices."""
    with engine.begin() as connection:
        for name in ("ident", *_GROWING):
            made = f"CREATE TABLE bare_{name} AS SELECT {_columns(name)} FROM {name} WHERE 1 = 0"
            connection.exec_driver_sql(made)
        columns = f"SELECT document FROM {event_document.name} WHERE 1 = 0"
        connection.exec_driver_sql(f"CREATE TABLE bare_documents AS {columns}")


def prepare_kept(store: Store) -> None:
    """Make the tables that have the keys and indices of the store's own, and fill them with what it holds."""
    copies = MetaData()
    with store.writing() as session:
        for name in ("ident", *_GROWING):
            table = metadata.tables[name]
            copied = table.to_metadata(copies, name=f"kept_{name}")
            for index in copied.indexes:  # a database has each name of an index or a key once
                index.name = quoted_name(f"kept_{index.name}", None)
            there = [key["column_names"] for key in inspect(session.connection()).get_unique_constraints(name)]
            for key in (*copied.constraints,):
                key.name = None
                if isinstance(key, UniqueConstraint) and key.columns.keys() not in there:
                    copied.constraints.discard(key)  # one backend's alone, which a copy forgets
            copied.create(session.connection())
            session.execute(insert(copied).from_select(table.columns.keys(), select(table)))


def _columns(name: str) -> str:
    """In the order of the rows; migrations may have added them to the table in another one."""
    return ", ".join(metadata.tables[name].columns.keys())


def write_bare(connection: Connection, rows: Rows, into: str = "bare") -> None:
    """Write rows into the tables of that prefix with the driver alone, in one transaction; the connection is in
    none."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        _copy(driver, rows, into)
    else:
        driver.execute("BEGIN IMMEDIATE")
        for name, found in rows.items():
            if found:
                marks = ", ".join("?" for _ in found[0])
                driver.executemany(f"INSERT INTO {into}_{name} VALUES ({marks})", found)
        driver.execute("COMMIT")


def _copy(driver: Any, rows: Rows, into: str) -> None:
    with driver.cursor() as cursor:
        for name, found in rows.items():
            types = _types(cursor, name)
            with cursor.copy(f"COPY {into}_{name} FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(types)
                for row in found:
                    copy.write_row(row)
    driver.commit()


_known_types: dict[str, list[str]] = {}


def _types(cursor: Any, name: str) -> list[str]:
    if name not in _known_types:
        cursor.execute(f"SELECT * FROM bare_{name} WHERE false")
        names = {20: "int8", 21: "int2", 23: "int4", 25: "text", 17: "bytea"}
        _known_types[name] = [names[column.type_code] for column in cursor.description]
    return _known_types[name]
