"""The feed of events: in an order that a mark can trust, also when a slower transaction commits last."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

import storage
from storage import event_feed
from storage.event_feed import START, Mark, newest, place_before, walk
from storage.parties import Viewer
from storage.store import Store
from tests.conftest import Databases, make_database
from tests.town import NOW, Town
from trace.domain.epcis.document import load_document
from trace.domain.events import Action, Event, ObjectEvent, Quantity
from trace.domain.permissions import Actor
from trace.services.capture import capture

MINUTE = timedelta(minutes=1)


def seen(number: int) -> Event:
    """An observation of a lot."""
    goods = (Quantity(f"https://id.gs1.org/01/06901234567892/10/L{number}", Decimal(1), "KGM"),)
    return ObjectEvent(
        event_id=f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        event_time=NOW - MINUTE,
        action=Action.OBSERVE,
        biz_step="storing",
        quantities=goods,
    )


def read(store: Store, actor: Actor, after: Mark = START, **more: timedelta) -> tuple[list[int], Mark]:
    """(numbers of the events behind a mark that an organisation sees, the mark at their end)."""
    mine = Viewer.of(actor)
    numbers, reached = [], after
    with store.reading() as session:
        for reached, found in walk(session, after=after, since=NOW + more.get("since", -MINUTE), viewer=mine):  # noqa: B007
            if found is not None:
                numbers.append(int(load_document(found.document)["eventID"][-12:]))
    return numbers, reached


def record(town: Town, actor: Actor, *numbers: int, later: timedelta = timedelta()) -> None:
    """Capture observations in one transaction."""
    town.do(capture, [seen(number) for number in numbers], actor=actor, now=NOW + later, strict=False)


def test_feed_goes_on_from_its_mark(town: Town) -> None:
    shop = town.organisation()
    record(town, shop, 1, 2)
    numbers, mark = read(town.store, shop)
    assert numbers == [1, 2]
    assert read(town.store, shop, mark) == ([], mark)
    record(town, shop, 3)
    assert read(town.store, shop, mark)[0] == [3]


def test_feed_holds_what_the_organisation_is_a_party_to(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    record(town, other, 1)
    record(town, shop, 2)
    record(town, other, 3)
    numbers, mark = read(town.store, shop)
    assert numbers == [2]
    with town.store.reading() as session:
        assert mark == newest(session)  # the others' are behind it, too


def test_many_events_of_others_are_passed_by_in_pieces(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "WINDOW", 3)
    shop, other = town.organisation(), town.organisation()
    record(town, other, *range(1, 8))
    record(town, shop, 8)
    mine = Viewer.of(shop)
    with town.store.reading() as session:
        found = [event is not None for _, event in walk(session, after=START, since=NOW, viewer=mine)]
    assert found == [False, False, True, False]


def test_events_recorded_before_are_left_out_and_a_start_is_found_near_by(town: Town) -> None:
    shop = town.organisation()
    for number in range(1, 5):
        record(town, shop, number, later=number * 5 * MINUTE)
    assert read(town.store, shop, since=15 * MINUTE)[0] == [3, 4]
    with town.store.reading() as session:
        start = place_before(session, NOW + 19 * MINUTE)
        assert place_before(session, NOW) == START
    assert start != START
    assert read(town.store, shop, start, since=19 * MINUTE)[0] == [4]


def test_empty_store_has_no_newest_event(store: Store) -> None:
    with store.reading() as session:
        assert newest(session) == START
        assert place_before(session, NOW) == START


@pytest.fixture
def postgresql(databases: Databases) -> Iterator[Town]:
    """A town on PostgreSQL."""
    opened = storage.open_store(make_database(databases, "postgresql"))
    yield Town(opened)
    opened.close()


def test_event_of_a_slower_transaction_is_not_passed_by(postgresql: Town) -> None:
    """The first began before the second and commits after it: neither is in the feed until both have ended."""
    shop = postgresql.organisation()
    record(postgresql, shop, 9)  # so that the two have no new word in common and do not wait for each other
    _, mark = read(postgresql.store, shop)
    stored, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with postgresql.store.writing() as session:
            capture(session, [seen(1)], actor=shop, now=NOW, strict=False)
            stored.set()
            assert go_on.wait(timeout=60)

    thread = threading.Thread(target=slow)
    thread.start()
    assert stored.wait(timeout=60)
    record(postgresql, shop, 2)
    between, mark = read(postgresql.store, shop, mark)
    with postgresql.store.reading() as session:
        assert newest(session) == mark
    go_on.set()
    thread.join(timeout=60)
    after, _ = read(postgresql.store, shop, mark)
    assert (between, after) == ([], [1, 2])


def test_event_of_a_transaction_that_was_rolled_back_holds_nothing_up(postgresql: Town) -> None:
    shop = postgresql.organisation()
    record(postgresql, shop, 9)
    with pytest.raises(ZeroDivisionError), postgresql.store.writing() as session:
        capture(session, [seen(1)], actor=shop, now=NOW, strict=False)
        record(postgresql, shop, 2)
        assert 1 / 0
    assert read(postgresql.store, shop)[0] == [9, 2]
