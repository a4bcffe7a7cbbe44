"""Conditions of which PostgreSQL makes one plan, and a good one: one of many values; whether there is any."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Row, Select, Text, any_, bindparam, cast, func, select
from sqlalchemy.orm import Session


def one_of(session: Session, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether a column is one of these values, at most `storage.events.CHUNK`.

    IN writes a mark for each value, so every number of values is another statement, which PostgreSQL plans anew: longer
    than it takes to carry it out. There the values travel as one array, and the statement stays prepared; SELECT hides
    their number from the planner, which would make a plan for each that is smaller than it expects. SQLite prepares in
    microseconds, and knows no arrays.
    """
    if session.get_bind().dialect.name != "postgresql":
        return column.in_(list(values))
    array = ARRAY(column.type)
    return column == any_(cast(select(bindparam(None, list(values), array)).scalar_subquery(), array))


def is_asked_for(column: ColumnElement[Any], *, postgres: bool) -> ColumnElement[bool]:
    """Whether a column of numbers or texts is one of the values that a statement made once is asked for (`ask_for`)."""
    if postgres:
        return column == any_(
            cast(select(bindparam("asked", type_=ARRAY(column.type))).scalar_subquery(), ARRAY(column.type))
        )
    return column.in_(select(func.json_each(bindparam("asked", type_=Text)).table_valued("value").c.value))


def ask_for(
    session: Session, query: Callable[[bool], Select[Any]], values: Iterable[Any], **more: Any
) -> Sequence[Row[Any]]:
    """The rows of a statement with `is_asked_for`, of however many values; none are not asked for. `more`: what else it
    is asked with.

    `query` keeps what it makes for PostgreSQL (True) or SQLite: to put a statement together and to find it among those
    that are compiled takes longer than most answers.
    """
    wanted = list(values)
    if not wanted:
        return []
    postgres = session.get_bind().dialect.name == "postgresql"
    return session.execute(query(postgres), {"asked": wanted if postgres else json.dumps(wanted), **more}).all()


def there_is(what: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """EXISTS, asked row by row: of the word itself PostgreSQL may make a table of all there is, in every statement."""
    return select(what).where(*conditions).limit(1).scalar_subquery().is_not(None)
