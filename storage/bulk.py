"""Many rows in one go: the bulk path of capture, where a row may cost microseconds only.

SQLite: the driver's `executemany`, a loop in C over one prepared statement. PostgreSQL: one INSERT from one array a
column (`unnest`), so that the number of parameters and the text of the statement do not grow with the rows.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, func, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session


def insert_rows(
    session: Session,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    pass_by: bool = False,
    replace: tuple[str, ...] = (),
) -> int:
    """Insert rows of `columns`, in order; the number of rows inserted or changed. Values go to the driver as they are:
    numbers, texts, bytes.

    With `pass_by`, a row whose unique key is there already is passed by (on PostgreSQL after waiting for whoever is
    just adding it); with `replace`, these columns of the row whose primary key is there are written over. Bring such
    rows sorted, so that no two sessions wait for each other in a ring.
    """
    if not rows:
        return 0
    connection = session.connection()
    statement, postgres = _insert(table, columns, connection.dialect.name, pass_by, replace)
    values: Any = tuple(list(column) for column in zip(*rows, strict=True)) if postgres else list(rows)
    return int(connection.exec_driver_sql(statement, values).rowcount)


@lru_cache(maxsize=256)
def _insert(
    table: Table, columns: tuple[str, ...], dialect: str, pass_by: bool, replace: tuple[str, ...]
) -> tuple[str, bool]:
    names = ", ".join(columns)
    ending = " ON CONFLICT DO NOTHING" if pass_by else ""
    if replace:
        key = ", ".join(column.name for column in table.primary_key)
        ending = f" ON CONFLICT ({key}) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in replace)}"
    if dialect != "postgresql":
        marks = ", ".join("?" for _ in columns)
        return f"INSERT INTO {table.name} ({names}) VALUES ({marks}){ending}", False  # noqa: S608 - names of ours
    arrays = ", ".join(f"%s::{_postgres_type(table, name)}[]" for name in columns)
    return f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}){ending}", True  # noqa: S608


@lru_cache(maxsize=256)
def _postgres_type(table: Table, column: str) -> str:
    return str(table.c[column].type.compile(postgresql.dialect()))  # type: ignore[no-untyped-call]


def select_among(
    session: Session, table: Table, columns: tuple[str, ...], key: str, values: Iterable[Any]
) -> Sequence[Any]:
    """Rows of `columns` whose `key` is one of many values, which travel as one parameter."""
    wanted = list(values)
    if not wanted:
        return []
    connection = session.connection()
    names = ", ".join(f"t.{name}" for name in columns)
    if connection.dialect.name == "postgresql":
        type_ = _postgres_type(table, key)
        query = f"SELECT {names} FROM {table.name} AS t WHERE t.{key} = ANY(%s::{type_}[])"  # noqa: S608 - names of ours
        return connection.exec_driver_sql(query, (wanted,)).all()
    # CROSS JOIN: the values are the outer loop, whatever the planner thinks of them.
    query = f"SELECT {names} FROM json_each(?) AS w CROSS JOIN {table.name} AS t WHERE t.{key} = w.value"  # noqa: S608
    return connection.exec_driver_sql(query, (json.dumps(wanted),)).all()


def next_numbers(session: Session, table: Table, count: int) -> Sequence[int]:
    """Numbers for `count` new rows of a table with a running `id`, ascending.

    PostgreSQL: its sequence, which gives no number twice. SQLite: what follows the highest, which nobody else can take
    because a session that writes is the only one (BEGIN IMMEDIATE).
    """
    if session.get_bind().dialect.name == "postgresql":
        sequence = f"{table.name}_id_seq"
        query = text("SELECT nextval(CAST(:sequence AS regclass)) FROM generate_series(1, :count)")
        return list(session.scalars(query, {"sequence": sequence, "count": count}))
    highest = session.scalar(select(func.max(table.c.id))) or 0
    return range(highest + 1, highest + 1 + count)
