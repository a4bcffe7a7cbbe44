"""Tables that leave the house (CSV, XLSX): headings, rows, and cells that no spreadsheet executes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

Cell = str | Decimal | int | date | datetime | None
# What spreadsheets take for the beginning of a formula, half and full width (OWASP, CSV injection); TAB and CR because
# they are skipped before one.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Table:
    """A table to hand out: its name, its headings in the reader's language, and its rows, as wide as the headings."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Cell]]


def inert(text: str) -> str:
    """A text that a spreadsheet shows and never executes: where it begins like a formula, also after blanks, an
    apostrophe goes before it."""
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(_DANGEROUS) else text
