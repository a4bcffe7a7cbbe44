"""Names that are found by any part of them, without reading all names there are.

For each letter of a name there is a row with what begins there (`name_part`): a text is part of a name where one of
these begins with it, and those are a range of an index. Chinese has no spaces between words, and two letters of a name
are what people type: indices of words do not find them, and those of three letters (trigrams) only more than two.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from storage.bulk import insert_rows
from storage.one_of import one_of
from storage.tables import name_part, organisation, product

LONGEST = 8  # letters of a part: what so many find is narrow enough to be read
# Names with the text up to which they are looked up for a list. More of them are come by in order of their names.
MOST = 500


class Name(IntEnum):
    """What a name is of: `name_part.kind`, never renumber."""

    ORGANISATION = 1
    PRODUCT = 2
    PRODUCER = 3
    APPROVAL = 4


_COLUMNS = {
    Name.ORGANISATION: organisation.c.name,
    Name.PRODUCT: product.c.name,
    Name.PRODUCER: product.c.producer,
    Name.APPROVAL: product.c.approval_no,
}
_OF_PRODUCT = {"name": Name.PRODUCT, "producer": Name.PRODUCER, "approval_no": Name.APPROVAL}


def product_names(number: int, values: Mapping[str, Any]) -> list[tuple[Name, int, str]]:
    """What a product is found by, of its columns or of those that change."""
    return [(kind, number, values[column]) for column, kind in _OF_PRODUCT.items() if values.get(column)]


def keep_names(session: Session, names: Iterable[tuple[Name, int, str]]) -> None:
    """Let rows be found by these names: (whose, number of the row, name); again is harmless.

    Whoever writes a name calls it. What a name was before it was changed stays, and finds nothing any more (`named`).
    """
    # Sorted as a list: in order of a set it takes four times as long.
    rows = sorted([(int(kind), part, number) for kind, number, name in names for part in parts_of(name)])
    insert_rows(session, name_part, ("kind", "part", "number"), rows, pass_by=True)


def parts_of(name: str) -> set[bytes]:
    """What begins at each letter of a name."""
    small = name.lower()
    return {small[start : start + LONGEST].encode() for start in range(len(small))}


def named(session: Session, kind: Name, text: str) -> ColumnElement[bool]:
    """Whether a text is part of a name, as a condition on the table that has it; in capital or small letters."""
    column = _COLUMNS[kind]
    numbers = session.scalars(_beginning(kind, text).limit(MOST + 1)).all()
    contains = column.icontains(text, autoescape=True)
    if len(numbers) > MOST:
        return contains
    return and_(one_of(session, column.table.c.id, set(numbers)), contains)


def find_some(session: Session, kind: Name, text: str, *conditions: ColumnElement[bool], most: int) -> list[int]:
    """The numbers of no more than `most` rows with a text as a part of their name, for which the conditions hold.

    However many names have the text, no more are read than it takes to find so many that fulfil the conditions; those
    come first that end with it.
    """
    column = _COLUMNS[kind]
    query = _beginning(kind, text).join(column.table, column.table.c.id == name_part.c.number)
    query = query.where(column.icontains(text, autoescape=True), *conditions).order_by(*name_part.primary_key)
    size = 2 * most
    while True:
        rows = session.scalars(query.limit(size)).all()
        found = list(dict.fromkeys(rows))[:most]  # a name may have the text twice
        if len(found) == most or len(rows) < size:
            return found
        size *= 4


def _beginning(kind: Name, text: str) -> Select[Any]:
    """The numbers of the rows that have a part which begins with a text."""
    part, begin = name_part.c, text.lower()[:LONGEST].encode()
    return select(part.number).where(part.kind == int(kind), part.part >= begin, part.part < begin + b"\xff")
