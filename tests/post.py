"""A post office for tests: a town, a receiver of deliveries and a worker, on a clock of the test's own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.receiver import Receiver
from tests.town import NOW, Town
from trace.domain.events import Action, Event, ObjectEvent, Quantity
from trace.domain.permissions import Actor
from trace.services.capture import capture
from trace.services.named_queries import create_query
from trace.services.subscriptions import create_subscription, get_subscription
from trace.worker import Worker

ZONE = ZoneInfo("Asia/Shanghai")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def event_id(number: int) -> str:
    """The eventID of an event of these tests."""
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def ids(*numbers: int) -> list[str]:
    """The eventIDs of events of these tests."""
    return [event_id(number) for number in numbers]


def seen(number: int, step: str) -> Event:
    """An observation of a lot."""
    return ObjectEvent(
        event_id=event_id(number),
        event_time=NOW - 9 * HOUR,  # before any clock that these tests go by
        action=Action.OBSERVE,
        biz_step=step,
        quantities=(Quantity("https://id.gs1.org/01/06901234567892/10/L1", Decimal(1), "KGM"),),
    )


@dataclass
class Post:
    """A town with a receiver and a worker on a clock of the test's own."""

    town: Town
    receiver: Receiver
    now: datetime = NOW
    subscribers: dict[str, tuple[Actor, str]] = field(default_factory=dict)

    @property
    def worker(self) -> Worker:
        """A worker that may send to this machine."""
        return Worker(self.town.store, ZONE, private=True, now=lambda: self.now, jitter=lambda: 0.0)

    def record(self, actor: Actor, *numbers: int, step: str = "storing", at: datetime | None = None) -> None:
        """Capture observations in one transaction."""
        events = [seen(number, step) for number in numbers]
        self.town.do(capture, events, actor=actor, now=at or self.now, strict=False)

    def subscribe(self, actor: Actor, parameters: dict[str, Any] | None = None, **body: Any) -> str:
        """Subscribe an organisation to a query of its own; a stream to the receiver unless told otherwise."""
        name = f"query {len(self.subscribers)}"
        self.town.do(create_query, actor=actor, name=name, parameters=parameters or {}, now=self.now)
        if "schedule" not in body:
            body["stream"] = True
        made = self.town.do(
            create_subscription,
            actor=actor,
            query_name=name,
            body={"dest": self.receiver.url} | body,
            now=self.now,
            zone=ZONE,
            private=True,
        )
        self.subscribers[made["subscriptionID"]] = (actor, name)
        return str(made["subscriptionID"])

    def told(self, number: str) -> dict[str, Any]:
        """A subscription as it stands."""
        actor, name = self.subscribers[number]
        return dict(self.town.do(get_subscription, actor=actor, query_name=name, subscription_id=number))

    def work(self, later: timedelta = timedelta()) -> int:
        """Let the worker do all there is to do, so much later; how many jobs it carried out."""
        self.now += later
        count = 0
        while self.worker.work_once():
            count += 1
            assert count < 100, "there is no end to it"
        return count

    @property
    def came(self) -> list[list[str]]:
        """The eventIDs of each delivery."""
        return [request.events for request in self.receiver.requests]
