"""Many rows in one go: the bulk path of capture, where a row may cost microseconds only.

SQLite: the driver's `executemany`, a loop in C over one prepared statement. PostgreSQL: one INSERT from one array a
column (`unnest`), so that the number of parameters and the text of the statement do not grow with the rows; rows of
several tables in one statement, for each is a round trip. The arrays travel in their binary form, which is made at once
(`storage.binary_arrays`): writing and reading them as text took longer than to store them. No COPY: PostgreSQL refuses
it to a role that row-level security binds, and it cannot pass by what is there.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.binary_arrays import Column
from storage.sending import is_postgresql, send, send_along

# Rows from which it is worth while to add them as if none were there (`_add_hoping`): it takes two more round trips.
MANY = 50


class Lines(NamedTuple):
    """Rows of `columns` for a table, in the order to be inserted in; values go to the driver as they are: numbers,
    texts, bytes. With `pass_by`, a row whose unique key is there already is passed by; with `new` as well, hardly any
    can be there."""

    table: Table
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    pass_by: bool = False
    new: bool = False


class Beside(NamedTuple):
    """Columns of another table for each row found: of the row whose `key` is what stands in the first one's `on`."""

    table: Table
    columns: tuple[str, ...]
    key: str
    on: str


class Unless(NamedTuple):
    """A query of PostgreSQL, and what it is asked with: where it finds anything, a row is not to be added."""

    query: str
    values: tuple[Any, ...]


def insert_rows(
    session: Session,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    pass_by: bool = False,
    replace: tuple[str, ...] = (),
) -> int:
    """Insert rows of `columns`, in order; the number of rows inserted or changed. Values as `Lines` has them.

    With `pass_by`, a row whose unique key is there already is passed by (on PostgreSQL after waiting for whoever is
    just adding it); with `replace`, these columns of the row whose primary key is there are written over. Bring such
    rows sorted, so that no two sessions wait for each other in a ring.
    """
    if not rows:
        return 0
    if is_postgresql(session):
        statement = _insert_arrays(table, columns, len(rows) == 1, _ending(table, pass_by, replace))
        return send(session, statement, _arrays(table, columns, rows)).changed
    return send(session, _insert_values(table, columns, pass_by, replace), rows, many=True).changed


def insert_rows_along(
    session: Session,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    replace: tuple[str, ...] = (),
) -> None:
    """As `insert_rows`, with what follows (`storage.sending.send_along`)."""
    if not rows:
        return
    if is_postgresql(session):
        statement = _insert_arrays(table, columns, len(rows) == 1, _ending(table, False, replace))
        send_along(session, statement, _arrays(table, columns, rows))
    else:
        send(session, _insert_values(table, columns, False, replace), rows, many=True)


def insert_new(
    session: Session, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], keys: tuple[str, ...]
) -> set[tuple[Any, ...]]:
    """Insert rows, in order, passing by those that are there already: `keys` of those inserted."""
    if not rows:
        return set()
    if len(rows) == 1:  # how many were inserted says which, and costs less than to be told
        added = insert_rows(session, table, columns, rows, pass_by=True)
        return {tuple([rows[0][columns.index(key)] for key in keys])} if added else set()
    if is_postgresql(session):
        return set(_add_new(session, table, columns, rows, keys))
    told: set[tuple[Any, ...]] = set()
    for start in range(0, len(rows), MANY):
        part = rows[start : start + MANY]
        statement = _insert_told(table, columns, len(part), keys)
        told.update(send(session, statement, tuple(chain(*part))).rows)
    return told


def _add_new(
    session: Session,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    keys: tuple[str, ...],
) -> Sequence[tuple[Any, ...]]:
    """`keys` of those rows that were not there, on PostgreSQL."""
    told = f" RETURNING {', '.join(keys)}"
    hoping = _insert_arrays(table, columns, len(rows) == 1, told)
    careful = _insert_arrays(table, columns, len(rows) == 1, f" ON CONFLICT DO NOTHING{told}")
    return _add(session, hoping if len(rows) >= MANY else None, careful, _arrays(table, columns, rows))


def _add(session: Session, hoping: str | None, careful: str, values: tuple[Any, ...]) -> Sequence[tuple[Any, ...]]:
    """What `careful` adds, which passes by what is there; first, where it is told, `hoping`, which fails for that.

    PostgreSQL adds a row with ON CONFLICT in two steps, each of which it logs, so that another session's row may come
    between: a third of the time. Where nearly always all rows are new, they are added without, and once more with it
    where one was not. Either waits for whoever is just adding such a row.
    """
    if hoping is not None:
        connection = session.connection()
        connection.exec_driver_sql("SAVEPOINT hoping")
        try:
            done = send(session, hoping, values).rows
        except IntegrityError:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT hoping")
        else:
            connection.exec_driver_sql("RELEASE SAVEPOINT hoping")
            return done
    return send(session, careful, values).rows


def insert_with_parts(session: Session, whole: Lines, parts: Iterable[Lines]) -> int:
    """Insert the rows of `whole`, and, if none of them was passed by, those of its parts: how many of `whole`.

    One statement on PostgreSQL; of many rows, one that hopes that none of `whole`, and of the parts that are `new`, is
    there (`_add`). Of the parts' rows those that may meet another session's come sorted (`insert_rows`).
    """
    parts = [part for part in parts if part.rows]
    if not is_postgresql(session):
        count = insert_rows(session, *whole[:3], pass_by=whole.pass_by)
        for part in parts if count == len(whole.rows) else ():
            insert_rows(session, *part[:3], pass_by=part.pass_by)
        return count
    shapes, values = _shapes_and_values(whole, parts)
    hoping = _insert_together(shapes, hoping=True) if len(whole.rows) >= MANY else None
    [(count,)] = _add(session, hoping, _insert_together(shapes, hoping=False), values)
    return int(count)


def insert_one_with_parts(session: Session, whole: Lines, parts: Iterable[Lines], unless: Unless) -> None:
    """Insert the one row of `whole` and its parts on PostgreSQL, with what follows (`storage.sending.send_along`).

    Where the row is there already, after waiting for whoever is just adding it, or `unless` finds anything, the
    transaction has lost (40001, `storage.again`).
    """
    shapes, values = _shapes_and_values(whole, [part for part in parts if part.rows], *unless.values)
    send_along(session, _insert_together(shapes, hoping=False, unless=unless.query), values)


def _shapes_and_values(
    whole: Lines, parts: Iterable[Lines], *asked: Any
) -> tuple[tuple[tuple[Table, tuple[str, ...], bool, bool, bool], ...], tuple[Any, ...]]:
    """What `_insert_together` puts into words, and what it is sent with."""
    shapes = tuple((of.table, of.columns, len(of.rows) == 1, of.pass_by, of.new) for of in (whole, *parts))
    values = (*_arrays(*whole[:3]), *asked)
    for part in parts:
        values += (*_arrays(*part[:3]), len(whole.rows))
    return shapes, values


def _arrays(table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    if len(rows) == 1:  # of a single scan: to make an array takes the time of ten numbers
        return rows[0]
    return tuple(map(Column, _postgres_types(table, columns), zip(*rows, strict=True)))


def _ending(table: Table, pass_by: bool, replace: tuple[str, ...]) -> str:
    if replace:
        key = ", ".join(column.name for column in table.primary_key)
        return f" ON CONFLICT ({key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in replace)}"
    return " ON CONFLICT DO NOTHING" if pass_by else ""


@lru_cache(maxsize=256)
def _insert_values(table: Table, columns: tuple[str, ...], pass_by: bool, replace: tuple[str, ...]) -> str:
    marks = ", ".join("?" for _ in columns)
    ending = _ending(table, pass_by, replace)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}){ending}"  # noqa: S608 - names of ours


@lru_cache(maxsize=256)
def _insert_told(table: Table, columns: tuple[str, ...], rows: int, keys: tuple[str, ...]) -> str:
    """So many rows in one statement on SQLite: `executemany` tells nothing of any."""
    row = f"({', '.join('?' for _ in columns)})"
    values = f"VALUES {', '.join([row] * rows)} ON CONFLICT DO NOTHING RETURNING {', '.join(keys)}"
    return f"INSERT INTO {table.name} ({', '.join(columns)}) {values}"


@lru_cache(maxsize=256)
def _insert_arrays(table: Table, columns: tuple[str, ...], single: bool, ending: str) -> str:
    """An INSERT of one array a column, or of the values of a `single` row."""
    types = _postgres_types(table, columns)
    if single:
        rows = f"SELECT {', '.join(f'%b::{type_}' for type_ in types)}"
    else:
        # Among what is selected, and not as one table: that keeps each column apart first, for twice the time.
        values = ", ".join([f"unnest(%b::{type_}[]) AS {name}" for type_, name in zip(types, columns, strict=True)])
        rows = f"SELECT * FROM (SELECT {values}) AS w"  # noqa: S608 - names of ours
    return f"INSERT INTO {table.name} ({', '.join(columns)}) {rows}{ending}"


@lru_cache(maxsize=256)
def _insert_together(
    lines: tuple[tuple[Table, tuple[str, ...], bool, bool, bool], ...], *, hoping: bool, unless: str = ""
) -> str:
    """The first lines, counted, and behind them each of the others where the count is what it should be.

    `hoping`: that none of the first lines, and of the parts that are new, is there, and that no other session adds any
    of the same rows; of the other parts that are to pass by, what is there is left. `unless`: a single row, which is
    added if this finds nothing, or the transaction has lost.
    """
    whole, *parts = (_insert_arrays(table, columns, single, "") for table, columns, single, *_ in lines)
    endings = [_ending(table, pass_by, ()) for table, _, _, pass_by, _ in lines]
    if hoping:
        for place, (table, _, single, pass_by, new) in enumerate(lines):
            if pass_by and not single:
                endings[place] = "" if new else _not_there(table)
        endings[0] = ""
    told = "rows"
    if unless:
        whole += f" WHERE NOT EXISTS ({unless})"
        told = "CASE rows WHEN 1 THEN 1 ELSE sunshine_again() END"
    steps = [f"added AS ({whole}{endings[0]} RETURNING 1)", "counted AS (SELECT count(*) AS rows FROM added)"]
    steps += [
        f"part{number} AS ({part} WHERE (SELECT rows FROM counted) = %b{ending})"  # noqa: S608 - names of ours
        for number, (part, ending) in enumerate(zip(parts, endings[1:], strict=True))
    ]
    return f"WITH {', '.join(steps)} SELECT {told} FROM counted"  # noqa: S608 - names of ours


def _not_there(table: Table) -> str:
    """Behind a condition: rows are passed by that are there already; the rest in order of the key."""
    key = [column.name for column in table.primary_key]
    same = " AND ".join(f"t.{name} = w.{name}" for name in key)
    # OFFSET has each row looked for by the key: the planner, told how many rows there are, would rather read the whole
    # table of a store of some hundred thousand events.
    looked = f"SELECT 1 FROM {table.name} AS t WHERE {same} OFFSET 0"  # noqa: S608 - names of ours
    return f" AND NOT EXISTS ({looked}) ORDER BY {', '.join(key)}"


@lru_cache(maxsize=256)
def _postgres_types(table: Table, columns: tuple[str, ...]) -> tuple[str, ...]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return tuple([str(table.c[name].type.compile(dialect)) for name in columns])


def select_among(
    session: Session,
    table: Table,
    columns: tuple[str, ...],
    key: str,
    values: Iterable[Any],
    beside: Beside | None = None,
) -> Sequence[tuple[Any, ...]]:
    """Rows of `columns` whose `key` is one of many values, which travel as one parameter; then what stands `beside`."""
    wanted = list(values)
    if not wanted:
        return []
    names, joined = ", ".join(f"t.{name}" for name in columns), ""
    if beside is not None:
        names += "".join(f", b.{name}" for name in beside.columns)
        joined = f" LEFT JOIN {beside.table.name} AS b ON b.{beside.key} = t.{beside.on}"
    if is_postgresql(session):
        (type_,) = _postgres_types(table, (key,))
        # SELECT hides the number of values from the planner: one plan serves all (`storage.one_of`).
        hidden = f"CAST((SELECT %b::{type_}[]) AS {type_}[])"
        query = f"SELECT {names} FROM {table.name} AS t{joined} WHERE t.{key} = ANY({hidden})"  # noqa: S608 - ours
        return send(session, query, (Column(type_, wanted),)).rows
    # CROSS JOIN: the values are the outer loop, whatever the planner thinks of them.
    query = f"SELECT {names} FROM json_each(?) AS w CROSS JOIN {table.name} AS t{joined} WHERE t.{key} = w.value"  # noqa: S608
    return send(session, query, (json.dumps(wanted),)).rows


def next_numbers(session: Session, table: Table, count: int) -> Sequence[int]:
    """Numbers for `count` new rows of a table with a running `id`, ascending.

    PostgreSQL: its sequence, which gives no number twice. SQLite: what follows the highest, which nobody else can take
    because a session that writes is the only one (BEGIN IMMEDIATE).
    """
    if is_postgresql(session):
        query = "SELECT nextval(CAST(%s AS regclass)) FROM generate_series(1, %s)"
        return [number for (number,) in send(session, query, (f"{table.name}_id_seq", count)).rows]
    [(highest,)] = send(session, f"SELECT coalesce(max(id), 0) FROM {table.name}", ()).rows  # noqa: S608 - ours
    return range(highest + 1, highest + 1 + count)


def insert_numbered(
    session: Session, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]], key: str
) -> dict[Any, int]:
    """Insert rows, in order, into a table with a running `id`: {value of the unique column `key`: id} of those that
    were inserted; a row that is there already is passed by."""
    if is_postgresql(session):
        return dict(_add_new(session, table, columns, rows, (key, "id")))
    numbers = next_numbers(session, table, len(rows))
    numbered = [(number, *row) for number, row in zip(numbers, rows, strict=True)]
    added = insert_rows(session, table, ("id", *columns), numbered, pass_by=True)
    place = columns.index(key)
    return {row[place]: number for number, row in zip(numbers, rows, strict=True)} if added == len(rows) else {}
