"""The worker's part of tables brought in: looked at, stored, gone on with whoever was killed, refused in the end."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from storage import jobs
from storage.jobs import Job
from storage.objects import ObjectStore, open_objects
from storage.tables import api_key, receipt, receipt_line, rule_entry
from tests.servers import no_room_for
from tests.services.test_bulk_import import at_once_rule, came, line, read, table
from tests.town import NOW, SHANGHAI, Town
from trace.domain.failures import Conflict
from trace.domain.permissions import Actor, Role
from trace.import_work import PAUSE
from trace.services.bulk_import import store_import
from trace.services.import_jobs import LEASE
from trace.services.keys import find_actor_by_key, issue_key
from trace.worker import Worker


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_objects(str(tmp_path / "objects"))


@pytest.fixture
def shop(town: Town) -> Actor:
    """A shop whose tables of more than one row are the worker's."""
    made = town.organisation()
    town.product(made, name="番茄")
    with town.store.writing() as session:
        session.execute(insert(rule_entry).values(**at_once_rule(town, made)))
    return made


def works(town: Town, after: timedelta = timedelta()) -> bool:
    """Whether a worker found something to do."""
    return Worker(town.store, SHANGHAI, private=False, now=lambda: NOW + after).work_once()


def take(town: Town, after: timedelta) -> Job | None:
    """What another worker takes."""
    with town.store.writing() as session:
        return jobs.take(session, now=NOW + after, lease="another", until=NOW + after + LEASE)


def test_a_large_table_is_looked_at_and_stored_by_the_worker(town: Town, shop: Actor, objects: ObjectStore) -> None:
    data = table(*(line(f"N{n % 3}", number=f"A{n}") for n in range(6)))
    report = came(town, shop, objects, data)
    assert (report["state"], report["done"]) == ("checking", 0)
    town.refuses(Conflict, store_import, town.command(shop), public_id=report["id"])
    assert works(town)
    assert (looked := read(town, shop, report))["ready"], looked["file"]
    town.do(store_import, town.command(shop), public_id=report["id"])
    assert (read(town, shop, report)["state"], town.count(receipt)) == ("storing", 0)
    assert works(town)
    assert (read(town, shop, report)["state"], town.count(receipt), town.count(receipt_line)) == ("stored", 3, 6)
    assert not works(town)


def test_a_table_whose_worker_was_killed_is_gone_on_with_after_two_minutes(
    town: Town, shop: Actor, objects: ObjectStore
) -> None:
    report = came(town, shop, objects, table(line(), line("N2")))
    assert take(town, timedelta())  # and was killed
    assert not works(town, timedelta(minutes=1.9))
    assert works(town, timedelta(minutes=2))
    assert read(town, shop, report)["ready"]


def test_a_table_whose_workers_were_killed_three_times_is_refused_and_says_so(
    town: Town, shop: Actor, objects: ObjectStore
) -> None:
    report = came(town, shop, objects, table(line(), line("N2")))
    for number in range(3):
        assert take(town, number * LEASE)
    with capture_logs() as log:
        assert works(town, 3 * LEASE)
    refused = read(town, shop, report)
    assert (refused["state"], refused["file"][0]["values"]) == ("refused", {"times": "3"})
    assert refused["file"][0]["message"].startswith("The work on this table was broken off {times} times: ")
    assert [(one["event"], one["subject"]) for one in log] == [("job_dead", 1)]
    assert not works(town, 9 * LEASE)


def test_a_table_waits_as_long_as_the_database_has_no_room_and_is_stored_then(
    town: Town, shop: Actor, objects: ObjectStore, database_url: str
) -> None:
    if town.store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite without room takes no job either")
    report = came(town, shop, objects, table(line(), line("N2")))
    assert works(town)
    town.do(store_import, town.command(shop), public_id=report["id"])
    with no_room_for(database_url, "receipt"):
        for number in range(5):
            with pytest.raises(OperationalError, match="no room"):
                works(town, number * PAUSE)
            assert read(town, shop, report)["state"] == "storing"
    assert works(town, 5 * PAUSE)
    assert read(town, shop, report)["state"] == "stored"


@pytest.mark.parametrize("table_at", ["bulk_import", "receipt"])  # in each step's midst: of the look, of storing
def test_a_table_in_hand_is_taken_by_no_other_however_long_a_step_takes(
    town: Town, shop: Actor, objects: ObjectStore, table_at: str
) -> None:
    if town.store.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer: who wants to take a job waits for the step's end")
    report = came(town, shop, objects, table(line(), line("N2")))
    found: list[Job | None] = []

    def take_meanwhile(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith((f"INSERT INTO {table_at} ", f"UPDATE {table_at} ")):
            found.append(take(town, timedelta(hours=3)))

    for last in (False, True):
        listen(town.store.engine, "after_cursor_execute", take_meanwhile)
        try:
            assert works(town)
        finally:
            remove(town.store.engine, "after_cursor_execute", take_meanwhile)
        assert found
        assert not any(found)
        found.clear()
        if not last:
            town.do(store_import, town.command(shop), public_id=report["id"])
    assert read(town, shop, report)["state"] == "stored"


def test_a_table_of_somebody_who_left_is_not_stored(town: Town, shop: Actor, objects: ObjectStore) -> None:
    key = town.do(issue_key, role=Role.CLERK, organisation_id=shop.organisation, now=NOW)
    caller = town.do(find_actor_by_key, key)
    report = came(town, caller, objects, table(line(), line("N2")))
    with town.store.writing() as session:
        session.execute(update(api_key).values(revoked_at=NOW))
    assert works(town)
    refused = read(town, shop, report)
    assert (refused["state"], "left" in refused["file"][0]["message"]) == ("refused", True)
    assert not works(town)
