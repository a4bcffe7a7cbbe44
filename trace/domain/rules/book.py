"""The rule book: every number and list the rules use, with the day it came into force, its source and its confidence.

Shipped in `data/rules/*.toml`; an administrator adds entries (`trace.services.rulebook`). Nothing is changed in place:
a change of law is a new entry of the same name with a later day, and what happened before is judged by the one before.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from trace.domain.failures import N_, Invalid

EVERYWHERE = 0


class Confidence(StrEnum):
    """How sure we are of an entry (`domain.md`): read in the law's text, seen second-hand, from memory; house rule."""

    READ = "L"
    SEEN = "S"
    MEMORY = "M"
    HOUSE = "H"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the book from a day on. `organisation` 0 is everywhere, else the one whose house rule it is."""

    name: str
    effective_from: date
    value: Any  # JSON: numbers are texts where they are no whole numbers
    source: str
    confidence: Confidence
    organisation: int = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in force on one day: {name: entry}."""

    day: date
    entries: Mapping[str, Entry]

    def entry(self, name: str) -> Entry | None:
        """The entry in force, or None where nothing of the name is in force yet."""
        return self.entries.get(name)

    def value(self, name: str) -> Any:
        """The value in force; raises `Invalid` where none is on this day: somebody dates something too far back."""
        entry = self.entries.get(name)
        if entry is None:
            text = N_(
                "The rule book says nothing of {name} on {day}: what is so long ago is not recorded here any more."
            )
            raise Invalid(text, field="happened_at", name=name, day=self.day.isoformat())
        return entry.value

    def number(self, name: str) -> Decimal:
        """The value in force as an exact number."""
        return Decimal(str(self.value(name)))

    def under(self, prefix: str) -> Iterator[Entry]:
        """The entries in force whose names begin with a prefix such as `papers.`, by name."""
        return (self.entries[name] for name in sorted(self.entries) if name.startswith(prefix))


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All entries of all times, in the order they were written."""

    written: tuple[Entry, ...]

    def on(self, day: date, organisation: int = EVERYWHERE) -> Rules:
        """What is in force on a day at an organisation.

        Of several entries of a name the one with the latest day counts, of two of the same day the one written later;
        an organisation's own house rule counts before that for everywhere.
        """
        found: dict[str, Entry] = {}
        for entry in sorted(self.written, key=lambda entry: (entry.organisation != EVERYWHERE, entry.effective_from)):
            if entry.effective_from <= day and entry.organisation in (EVERYWHERE, organisation):
                found[entry.name] = entry
        return Rules(day, found)

    def and_also(self, entries: Iterable[Entry]) -> "RuleBook":
        """The book with further entries, written later."""
        return RuleBook((*self.written, *entries))


@cache
def shipped() -> RuleBook:
    """The book as it is shipped."""
    folder = resources.files("trace.domain") / "data" / "rules"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return RuleBook(tuple(entry for file in files for entry in _read(file.read_text(encoding="utf-8"))))


def _read(text: str) -> Iterator[Entry]:
    for entry in tomllib.loads(text)["entry"]:
        yield Entry(
            entry["name"], entry["effective_from"], entry["value"], entry["source"], Confidence(entry["confidence"])
        )
