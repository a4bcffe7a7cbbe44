"""Work that waits: where it stands, and how long one goes on trying."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands: it waits for its time, a worker has it, it failed and is tried again, or it is dead.

    Dead: it failed too often; nobody takes it until somebody says so.
    """

    WAITING = "waiting"
    WORKING = "working"
    FAILING = "failing"
    DEAD = "dead"


class Decision(StrEnum):
    """What an administrator says of a job."""

    TRY_AGAIN = "try_again"
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures in a row, over how many days, are enough: both, so that a clock that jumps ends nothing."""

    failures: int
    days: int

    def is_over(self, failures: int, since: datetime, now: datetime) -> bool:
        """Whether so many failures since then are enough."""
        return failures >= self.failures and now - since >= timedelta(days=self.days)


def patience_for(kind: str, entry: Mapping[str, Mapping[str, int]]) -> Patience | None:
    """The patience with a kind of jobs by the rule book's `job.patience`; None where one never gives up."""
    found = entry.get(kind)
    return None if found is None else Patience(found["failures"], found["days"])
