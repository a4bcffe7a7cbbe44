"""The made-up city: the rows written straight into the tables are those that capture stores."""

from typing import Any

import pytest
from sqlalchemy import select, text

import storage
from benchmarks.city_people import City
from benchmarks.city_rows import COLUMNS
from benchmarks.city_store import fill, fill_by_capture
from storage.event_keys import find_keyed
from storage.events import TYPES, Named, unpack_links
from storage.store import Store
from storage.tables import event, metadata
from tests.conftest import Databases, make_database

SIZE, SEED = 400, 12  # one with drugs, some of them brought back, and food, some of it sent back
# Numbers of rows of `ident` and `organisation`: compared by what they name.
IDENTS = {"ident", "item", "peer", "step", "disposition", "read_point", "biz_location", "lot"}
ORGANISATIONS = {"organisation", "captured_by", "sender", "receiver", "created_by"}
KINDS = {number: name for name, number in TYPES.items()}
LEFT_OUT = {("ident", "id")}


def named(column: str, value: Any, uris: dict[int, str], names: dict[int, str]) -> Any:
    """A value with names for the numbers in it."""
    if column == "links":
        return [(uris[link.item], link.role, uris.get(link.peer or 0)) for link in unpack_links(value)]
    if column in IDENTS:
        return uris.get(value)
    return names[value] if column in ORGANISATIONS else value


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables that are filled, with names for numbers, in one order."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with store.reading() as session:
        uris = dict(session.execute(text("SELECT id, uri FROM ident")).tuples().all())
        names = dict(session.execute(text("SELECT id, name FROM organisation")).tuples().all())
        for table, columns in COLUMNS.items():
            # The number is the one column that differs.
            kept = [metadata.tables[table].c[name] for name in columns if (table, name) not in LEFT_OUT]
            rows = []
            for row in session.execute(select(*kept)):
                known = KINDS if table == "event_vocabulary" and row.kind == Named.EVENT_TYPE else uris
                rows.append(tuple(named(c.name, value, known, names) for c, value in zip(kept, row, strict=True)))
            # The place that an organisation begins with has a name by chance.
            found[table] = sorted((row for row in rows if "/place/loc/" not in str(row[0])), key=repr)
    return found


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_rows_written_straight_into_the_tables_are_those_of_capture(databases: Databases, backend: str) -> None:
    told = []
    for way in (fill_by_capture, fill):
        url = make_database(databases, backend)
        filled = way(url, City(SIZE, SEED))
        store = storage.open_store(url)
        told.append((contents(store), filled.events, filled.asked))
        with store.reading() as session:
            known = {number: key for key, number in session.execute(select(event.c.id_key, event.c.id)).tuples()}
            assert {number: key for number, key, *_ in find_keyed(session, known.values())} == known, "each by its key"
        store.close()
    captured, written = told
    for table in COLUMNS:
        assert written[0][table] == captured[0][table], table
    assert written[1:] == captured[1:]
    assert [table for table, rows in captured[0].items() if not rows] == [], "every table has some"
