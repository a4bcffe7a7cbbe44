"""The worker's part of long histories: what the next part begins with is not kept for ever."""

from storage.jobs import Job
from trace.services.trace_parts import sweep_pauses
from trace.workplace import Workplace


def sweep_traces(at: Workplace, taken: Job) -> None:
    """Remove what nobody read on from."""
    at.store.write(sweep_pauses, now=at.local())
