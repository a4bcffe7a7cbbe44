"""What begins with something, as one piece of an index."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, union_all


def begins_with(column: ColumnElement[str], beginning: str) -> ColumnElement[bool]:
    """Whether a column in the order of its bytes (`storage.tables.columns.in_order_of_bytes`) begins with a text, whose
    last character is of ASCII.

    LIKE reads all that the index has before and behind: SQLite's does not tell capital letters from small ones, and in
    the order of a language what begins alike need not stand together.
    """
    return and_(column >= beginning, column < beginning[:-1] + chr(ord(beginning[-1]) + 1))


def beginning_with(query: Select[Any], column: ColumnElement[str], beginnings: Iterable[str]) -> CompoundSelect[Any]:
    """The rows of a query whose column begins with one of these texts, none of which begins with another.

    A SELECT each, at most 500 (SQLite): where OR stands between them, both databases read the whole index.
    """
    return union_all(*(query.where(begins_with(column, one)) for one in beginnings))
