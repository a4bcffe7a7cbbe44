"""The least a store could do: bytes into tables without keys and indices, COPY or `executemany`, in one transaction.

Two measures stand beside each other: the documents alone as they were sent, and the rows of all tables of facts that a
capture wrote, in which documents are compressed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, FromClause, LargeBinary, select, text, type_coerce

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
            columns = ", ".join(metadata.tables[name].columns.keys())  # migrations may have added them in another order
            made = f"CREATE TABLE bare_{name} AS SELECT {columns} FROM {name} WHERE 1 = 0"
            connection.exec_driver_sql(made)
        columns = f"SELECT document FROM {event_document.name} WHERE 1 = 0"
        connection.exec_driver_sql(f"CREATE TABLE bare_documents AS {columns}")


def write_bare(connection: Connection, rows: Rows) -> None:
    """Write rows into the bare tables with the driver alone, in one transaction; the connection is in none."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        _copy(driver, rows)
    else:
        driver.execute("BEGIN IMMEDIATE")
        for name, found in rows.items():
            if found:
                marks = ", ".join("?" for _ in found[0])
                driver.executemany(f"INSERT INTO bare_{name} VALUES ({marks})", found)
        driver.execute("COMMIT")


def _copy(driver: Any, rows: Rows) -> None:
    with driver.cursor() as cursor:
        for name, found in rows.items():
            types = _types(cursor, name)
            with cursor.copy(f"COPY bare_{name} FROM STDIN (FORMAT BINARY)") as copy:
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
