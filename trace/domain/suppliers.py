"""The file of a supplier: its standing, and what is looked at before its first delivery (首营企业审核, 首次进货查验).

Which items are looked at for which kind of supplier is data (`data/rules/suppliers.toml`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trace.domain.characters import without_blanks
from trace.domain.rules.book import Entry, Rules

FIRST_CHECK = "first_check."


class Standing(StrEnum):
    """What a shop thinks of a supplier. Who is blocked in the shop's own file may still deliver to others."""

    ORDINARY = "ordinary"
    TRUSTED = "trusted"
    WATCHED = "watched"
    BLOCKED = "blocked"


NEEDS_REASON = frozenset({Standing.WATCHED, Standing.BLOCKED})


@dataclass(frozen=True, slots=True)
class SupplierFacts:
    """What a shop's file says of a supplier on the day goods arrive.

    `kind` and `uscc` are "" where nobody said them, `known` whether the first-delivery check is done, `blocked_here`
    why the shop itself blocked it ("" where it did not).
    """

    kind: str = ""
    uscc: str = ""
    known: bool = False
    blocked_here: str = ""


def first_check(kind: str, rules: Rules) -> Entry | None:
    """What is looked at before the first delivery of such a supplier: the entry whose `kinds` name it."""
    return next((entry for entry in rules.under(FIRST_CHECK) if kind in entry.value["kinds"]), None)


def missing_items(kind: str, seen: Iterable[str], rules: Rules) -> list[str]:
    """The items of the first-delivery check that were not looked at yet, in their order."""
    entry, there = first_check(kind, rules), set(seen)
    return [item for item in (entry.value["items"] if entry else ()) if item not in there]


def name_key(name: str) -> str:
    """A business's name as it is compared: half width, without blanks, case told apart by nobody."""
    return without_blanks(name).casefold()
