"""What callers send about work in the background: which of it, and what is to become of it."""

from schemas.fields import MAX_INTEGER, Number, Strict, Text, Word
from schemas.requests import CommandRequest
from trace.domain.jobs import JobState


class JobsQuery(Strict):
    """Which work: in one state, or, where none is named, what failed and what is dead."""

    state = Word(JobState, load_default=None, allow_none=True)
    before = Number(least=1, most=MAX_INTEGER, load_default=None, allow_none=True)


class TryJobAgainRequest(CommandRequest):
    """Have it tried again now."""


class GiveJobUpRequest(CommandRequest):
    """Give it up, and say why."""

    reason = Text(most=200, least=1, required=True)
