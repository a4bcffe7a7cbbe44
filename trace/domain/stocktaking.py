"""Stock-taking (盘点): what was counted against what the books say, thing by thing."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How the count of one thing stands against the books."""

    AGREED = "agreed"
    MISSING = "missing"  # in the books, and not there
    SURPLUS = "surplus"  # there, and the books say that it is gone, or that there is less
    STRANGE = "strange"  # there, and it never came here
    MOVED = "moved"  # sold, received or moved while it was counted: to be counted again


@dataclass(frozen=True, slots=True)
class Counted:
    """One thing in one unit, in millionths: what was counted, None where nobody did, and what the books say.

    `book` is what was there when counting of it began: what is sold after it was counted agrees all the same. `moved`:
    between two counts, or, of what nobody counted, since the stock-taking began. `known`: it is or once was here.
    """

    counted: int | None
    book: int
    moved: bool = False
    known: bool = True

    @property
    def outcome(self) -> Outcome:
        """How it stands."""
        counted = self.counted or 0
        if self.moved and (self.counted is None or counted != self.book):
            return Outcome.MOVED
        if counted == self.book:
            return Outcome.AGREED
        if counted < self.book:
            return Outcome.MISSING
        return Outcome.SURPLUS if self.known else Outcome.STRANGE

    @property
    def difference(self) -> int:
        """How much more (or, negative, less) is there than in the books."""
        return (self.counted or 0) - self.book
