"""What every kind of work in the background is given: the store, the objects, the clocks, what may be called."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from storage import jobs
from storage.jobs import Job
from storage.objects import ObjectStore
from storage.store import Store
from trace import clock


class LeaseLost(Exception):
    """Another worker took over; what this one did in the same transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """The store, the zone of schedules, whether receivers on this network are allowed, the photo store.

    `secret_key` is the service's: it opens the secrets of exports. `now` gives UTC, `jitter` a number from 0 to 1.
    """

    store: Store
    zone: tzinfo
    private: bool
    secret_key: str = field(default="", repr=False)
    now: Callable[[], datetime] = clock.now
    jitter: Callable[[], float] = random.random
    objects: ObjectStore | None = None

    def local(self) -> datetime:
        """Now, by the clock of the shops."""
        return self.now().astimezone(self.zone)

    def keep(self, taken: Job, lease: timedelta) -> bool:
        """Keep a job so much longer from now on; False if the lease is no longer ours."""
        now = self.now()
        return self.store.write(jobs.extend, taken, until=now + lease, now=now)
