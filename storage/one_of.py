"""Conditions of which PostgreSQL makes one plan, and a good one: one of many values; whether there is any."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, any_, bindparam, cast, select
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


def there_is(what: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """EXISTS, asked row by row: of the word itself PostgreSQL may make a table of all there is, in every statement."""
    return select(what).where(*conditions).limit(1).scalar_subquery().is_not(None)
