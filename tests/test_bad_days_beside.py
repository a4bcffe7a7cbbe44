"""Bad days of what lies and works beside the database: the S3 store gone, no room for uploads, clocks, no database."""

import itertools
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from storage import jobs
from storage.objects import FolderObjects, SpooledObjects
from storage.objects.s3 import S3Objects
from storage.store import driver_url
from storage.tables import job, stored_object
from tests.conftest import Databases
from tests.gate import Gate
from tests.post import HOUR, MINUTE, ZONE, Post, ids
from tests.receiver import receiving
from tests.servers import database_gone
from tests.test_bad_days import MEBIBYTE, check_full, check_unavailable, no_room, on_postgresql, small_disk
from tests.town import NOW, Town
from tests.web.conftest import Demo, demonstration
from tests.web.epcis.conftest import Partner, event
from tests.web.test_form_again import OURS, TYPED, form_of
from tests.web.test_operations import FAR
from trace.object_work import move_spooled
from trace.services.health import LEAST_FREE
from trace.services.job_kinds import JobKind
from trace.services.object_keeping import KEEP
from trace.web.parts import Parts
from trace.worker import Worker
from trace.workplace import Workplace

__all__ = ["on_postgresql"]  # a fixture
PDF = b"%PDF-1.4\n"
DAY = timedelta(days=1)


@pytest.fixture
def demo(databases: Databases, tmp_path: Path) -> Iterator[Demo]:
    """The demonstration on SQLite: what is tried here lies beside the database."""
    with demonstration(databases, "sqlite", tmp_path) as made:
        yield made


@dataclass
class Clock:
    """A clock that goes as the test says."""

    now: datetime = NOW

    def seconds(self) -> float:
        """As a monotonic clock tells the time."""
        return self.now.timestamp()


def send(demo: Demo, data: bytes) -> str:
    """Send a paper; its SHA-256 as it was acknowledged."""
    answer = demo.call("POST", "/objects", data={"file": (BytesIO(data), "paper.pdf")})
    assert answer.status_code == 201, answer.text
    return str(answer.json["sha256"])


def test_s3_store_that_is_gone_for_ten_minutes_loses_nothing(demo: Demo, s3_url: str, tmp_path: Path) -> None:
    parts: Parts = demo.app.extensions["sunshine"]
    clock, papers = Clock(), [PDF + b"%d" % number for number in range(12)]
    with Gate(int(urlsplit(s3_url).port or 0)) as gate:
        bucket = S3Objects(s3_url.rpartition(":")[0] + f":{gate.port}/gone-for-ten-minutes?secure=0")

        def started() -> SpooledObjects:
            """What a service that starts now has its papers in; a worker beside it."""
            objects = SpooledObjects(bucket, FolderObjects(tmp_path / "spool"), clock=clock.seconds)
            demo.app.extensions["sunshine"] = replace(parts, objects=objects)
            return objects

        objects = started()
        worker = Worker(demo.store, ZONE, private=False, objects=objects, now=lambda: clock.now, jitter=lambda: 0.0)
        kept = [send(demo, papers[0])]
        gate.close()
        with demo.store.writing() as session:  # it would be looked at now
            session.execute(update(stored_object).values(look_again_at=clock.now))
        worker.tend()
        for minute, paper in enumerate(papers[1:11], start=1):
            clock.now += MINUTE
            kept.append(send(demo, paper))
            assert demo.get(f"/objects/{kept[-1]}").data == paper
            assert move_spooled(objects) == 0
            worker.work_once()
            if minute == 5:
                objects = started()
        assert demo.client.get("/health/ready").status_code == 200
        assert demo.client.get("/health/ready").json["photos_waiting"] == 10
        with demo.store.reading() as session:
            looking = session.execute(select(job).where(job.c.kind == KEEP)).one()
        assert (looking.attempts > 1, looking.dead_at) == (True, None)
        gate.open()
        clock.now += MINUTE
        kept.append(send(demo, papers[11]))
        assert objects.waiting() == 10, "it goes to the store that is back at once"
        assert move_spooled(objects) == 10
        clock.now += HOUR
        while worker.work_once():
            pass
        assert [bucket.get(name) for name in kept] == papers
        assert sorted(one.sha256 for one in bucket.listed()) == sorted(kept)
        assert demo.client.get("/health/ready").json["photos_waiting"] == 0
        with demo.store.reading() as session:
            assert session.execute(select(job.c.attempts).where(job.c.kind == KEEP)).scalar_one() == 0
            assert not session.execute(select(stored_object).where(stored_object.c.missing_since.is_not(None))).all()


def test_no_room_for_an_upload_on_its_way_is_told_and_recovers(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = PDF + bytes(3_000_000)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="paper.pdf"\r\n\r\n'
    sent = head + paper + b"\r\n--b--\r\n"
    with small_disk(16) as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        before = demo.counts()
        with no_room(disk):
            check_full(demo.call("POST", "/objects", data=sent, content_type="multipart/form-data; boundary=b"))
        assert demo.counts() == before
        assert demo.get(f"/objects/{send(demo, paper)}").data == paper
        assert list(disk.iterdir()) == []


def test_clock_that_steps_to_and_fro_makes_no_delivery_wait_or_come_twice(town: Town) -> None:
    with receiving() as receiver:
        post = Post(town, receiver)
        shop = town.organisation()
        post.subscribe(shop)
        numbers = itertools.count(1)
        for step in (MINUTE, 2 * DAY, -DAY, 400 * DAY, -399 * DAY, -HOUR, HOUR):
            post.now += step
            post.record(shop, next(numbers))
            post.worker.tend()
            post.work(2 * MINUTE)
        assert [number for events in post.came for number in events] == ids(*range(1, next(numbers)))


def test_worker_goes_on_by_itself_when_the_database_is_back(on_postgresql: Demo) -> None:
    store, done = on_postgresql.store, threading.Event()

    def act(at: Workplace, taken: jobs.Job) -> None:
        at.store.write(jobs.finish, taken)
        done.set()

    kinds = {"test": JobKind(MINUTE)}
    worker = Worker(store, ZONE, private=False, now=lambda: NOW, kinds=kinds, work={"test": act})
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    with store.writing() as session:
        jobs.put(session, kind="test", subject=1, due_at=NOW, now=NOW, organisation=None)
    gone = database_gone(on_postgresql.app.extensions["sunshine"].settings.owner_url)
    with capture_logs() as entries, gone:
        thread.start()
        with pytest.raises(DBAPIError), store.reading() as session:
            session.execute(text("SELECT 1"))
        assert thread.is_alive()
        assert not done.is_set()
    assert {entry["event"] for entry in entries} <= {"store_failure"}, "no story a second, by each thread, for as long"
    assert done.wait(60), "nobody had to start it again"
    stop.set()
    thread.join()


@contextmanager
def lost_in_commit(url: str, *tables: str) -> Iterator[None]:
    """While the block runs, whoever writes into these tables loses the connection in the middle of the COMMIT."""
    engine = create_engine(driver_url(url), isolation_level="AUTOCOMMIT")
    made = "BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN NULL; END"
    with engine.connect() as connection:
        connection.execute(
            text(f"CREATE FUNCTION end_here() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $${made}$$")
        )
        for table in tables:
            deferred = f"CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
            connection.execute(text(f"{deferred} FOR EACH ROW EXECUTE FUNCTION end_here()"))
        yield
        connection.execute(text("DROP FUNCTION end_here CASCADE"))
    engine.dispose()


def test_what_was_in_its_commit_when_the_connection_was_lost_is_not_said_to_be_unrecorded(on_postgresql: Demo) -> None:
    demo, partner, made = on_postgresql, Partner(on_postgresql, "clerk"), event()
    browser, inspector = demo.browser("manager"), demo.browser("inspector")
    url = demo.app.extensions["sunshine"].settings.owner_url
    before = demo.counts()
    with lost_in_commit(url, "event", "supplier", "lookup_log"):
        told = partner.capture(made)
        page = browser.post("/suppliers/new", TYPED | {"client_key": "K"}, headers=OURS)
        look = inspector.get("/alerts")
    for answer, said in (
        (told, "not known whether this was recorded. Send it again"),
        (page, "不能确定本次是否已记录"),
        (look, "请过几秒再试"),
    ):
        check_unavailable(answer)
        assert said in answer.text
    assert partner.capture(made).status_code == 202
    form = form_of(page)
    for _ in range(2):
        assert browser.client.post("/suppliers/new", data=form, headers=OURS).status_code == 303
    after = demo.counts()
    assert [after[table] - before[table] for table in ("event", "supplier")] == [1, 1]


def test_a_disk_that_is_full_is_told_to_who_asks_whether_work_can_be_done_and_reading_goes_on(demo: Demo) -> None:
    parts: Parts = demo.app.extensions["sunshine"]
    with small_disk(LEAST_FREE // MEBIBYTE + 16) as disk:
        there = disk / "photos"
        settings = replace(parts.settings, objects_url=str(there))
        demo.app.extensions["sunshine"] = replace(parts, settings=settings, objects=FolderObjects(there))
        assert demo.client.get("/health/ready").json["room"] == "ok"
        with no_room(disk):
            told = demo.client.get("/health/ready")
            assert (told.status_code, told.json["status"]) == (200, "degraded")
            assert f"only 0 MiB are free where {there} lies" in told.json["room"]
            assert demo.client.get("/health/ready", headers=FAR).json == {"status": "degraded"}
            assert demo.get("/stock").status_code == 200
        assert demo.client.get("/health/ready", headers=FAR).json == {"status": "ok"}
