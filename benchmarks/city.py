"""A city's food and drugs, made up: the documents of events that its organisations send, in the order they arrive.

Deterministic by seed. It is skewed (few large suppliers and markets, many small ones; most lots sell a little, some
very much), mixes lots, uses crates again and again, sends goods back, and events arrive late and out of order: each
organisation sends what it has every few hours, some of it days later. Stories come in `CYCLE` forms, over and over: the
same stories stand in a small store and in a large one, so what they cost can be compared in pairs.

`benchmarks.city_store` puts it into a store: through `capture`, or the same rows straight into the tables.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from benchmarks.city_people import BEGIN, City, Document, Story, Told
from benchmarks.city_shapes import CHINA, EPOCH
from benchmarks.city_stories import CYCLE, tell
from trace.domain.events import Event, utc_milliseconds

DAYS = 300  # from the first story to the last, in a store of any size
SLICE = 6 * 3_600_000  # milliseconds from one document of an organisation to the next
MOST_EVENTS = 1_000  # in a document


def count_stories(city: City) -> int:
    """How many stories there are, so that they have about as many events as the city's size says."""
    counts: list[int] = []
    total, few = 0, City(0, city.seed)
    while len(counts) < CYCLE and total < city.size:
        counts.append(len(tell(few, len(counts), 0).events))
        total += counts[-1]
    cycles, rest = divmod(city.size, total or 1)
    stories = cycles * len(counts)
    for count in counts:
        rest -= count
        if rest < 0:
            break
        stories += 1
    return stories


def stories_of(city: City) -> Iterator[Story]:
    """All stories, by the time they begin."""
    count = count_stories(city)
    step, begin = DAYS * 86_400_000 // max(count, 1), utc_milliseconds(BEGIN)
    for number in range(count):
        yield tell(city, number, begin + number * step)


def documents_of(city: City, stories: Iterator[Story]) -> Iterator[Document]:
    """What these stories tell, in the order it arrives: every few hours a document of each organisation."""
    waiting: dict[int, list[Told]] = {}
    done = 0
    for story in stories:
        story.left = len(story.events)
        for told in story.events:
            waiting.setdefault(told.arrives // SLICE, []).append(told)
        now = story.events[0].time // SLICE
        # No story that is still to come has anything to say of the time before.
        if now > done:
            for part in sorted(part for part in waiting if part < now):
                yield from _sent(waiting.pop(part), part)
            done = now
    for part in sorted(waiting):
        yield from _sent(waiting[part], part)


def _sent(events: list[Told], part: int) -> Iterator[Document]:
    events.sort(key=lambda told: (told.captor.order, told.time, told.story.number, told.number))
    position = 0
    for _, group in groupby(events, key=lambda told: told.captor.order):
        own = list(group)
        for start in range(0, len(own), MOST_EVENTS):
            position += 1
            yield Document(own[0].captor, (part + 1) * SLICE + position, own[start : start + MOST_EVENTS])


def moment_of(time: int) -> datetime:
    """UTC milliseconds as a moment in China's time."""
    return (EPOCH + timedelta(milliseconds=time)).astimezone(CHINA)


def event_of(told: Told) -> Event:
    """The event itself, for `capture`."""
    uris = [thing.uri for thing in told.things]
    return told.shape.event(moment_of(told.time), told.event_id, uris, _decimals(told.amounts))


def _decimals(amounts: Sequence[int]) -> Sequence[Decimal]:
    return [Decimal(amount) for amount in amounts]
