"""Subscriptions work with nothing but the server started, and outlive `kill -9`: real processes over a real store."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from sqlalchemy import select

import storage
from storage.store import Store
from storage.tables import job
from tests.conftest import BACKENDS, ROOT, Databases, make_database
from tests.post import ZONE, Post, ids
from tests.receiver import receiving
from tests.servers import free_port, wait_for_port
from tests.test_cli import command, environ, health, serving
from tests.town import Town
from trace import clock
from trace.services.rounds import LEASE
from trace.worker import Worker


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path, databases: Databases) -> Iterator[Store]:
    """The store in a data folder; on PostgreSQL where a test asks for it."""
    url = f"sqlite:///{tmp_path / 'sunshine.db'}"
    if getattr(request, "param", "sqlite") == "postgresql":
        url = make_database(databases, "postgresql")
    else:
        storage.prepare(url)
    opened = storage.open_store(url)
    yield opened
    opened.close()


@contextmanager
def working(data: Path, store: Store, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`./run worker` in a process of its own, which may send to this machine. Killed when the block ends."""
    settings |= {"SUNSHINE_WEBHOOK_PRIVATE": "1", "SUNSHINE_DATABASE_URL": store.url}
    process = subprocess.Popen(
        [sys.executable, "-m", "trace.cli", "worker"],
        cwd=ROOT, env=environ(data, **settings), text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def figures(port: int) -> str:
    """What `/metrics` tells."""
    with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return str(answer.read().decode())


def town_now(store: Store) -> Town:
    """A town of today: another process works by the clock on the wall."""
    return Town(store, clock.now())


def test_server_alone_sends_what_is_captured(tmp_path: Path, store: Store) -> None:
    with receiving() as receiver:
        post = Post(town_now(store), receiver, clock.now())
        shop = post.town.organisation()
        post.subscribe(shop)
        with serving(tmp_path, SUNSHINE_DEMO="0", SUNSHINE_WEBHOOK_PRIVATE="1") as (process, port):
            wait_for_port(port)
            post.record(shop, 1)
            assert receiver.wait_for(1)[0].events == ids(1)
            assert health(port)["subscriptions"] == "ok"
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) in (0, -signal.SIGTERM)


def test_worker_that_is_told_to_stop_finishes_the_delivery_in_hand(tmp_path: Path, store: Store) -> None:
    with receiving() as receiver, working(tmp_path, store) as process:
        post = Post(town_now(store), receiver, clock.now())
        shop = post.town.organisation()

        def meanwhile() -> int:
            process.send_signal(signal.SIGTERM)
            return 204

        receiver.answers[:] = [meanwhile]
        number = post.subscribe(shop)
        post.record(shop, 1)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, post.came) == (0, [ids(1)])
        assert "lastNotifiedAt" in post.told(number)
    assert '"event": "delivered"' in said
    assert receiver.url not in said


def work_off(worker: Worker) -> None:
    """All there is to do, the service's own standing work, too, which a killed worker may not have come to."""
    rounds = 0
    while worker.work_once():
        rounds += 1
        assert rounds < 100, "there is no end to it"


@pytest.mark.parametrize("store", BACKENDS, indirect=True)
def test_worker_killed_before_it_moved_the_mark_makes_the_events_come_again(tmp_path: Path, store: Store) -> None:
    killed = threading.Event()
    with receiving() as receiver, working(tmp_path, store) as process:
        post = Post(town_now(store), receiver, clock.now())
        shop = post.town.organisation()

        def meanwhile() -> int:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(timeout=60)
            killed.set()
            return 204

        receiver.answers[:] = [meanwhile]
        post.subscribe(shop)
        post.record(shop, 1)
        receiver.wait_for(1)
        assert killed.wait(timeout=60)
        work_off(Worker(store, ZONE, private=True))
        assert post.came == [ids(1)], "the lease of the killed worker still holds"
        work_off(Worker(store, ZONE, private=True, now=lambda: clock.now() + LEASE))
    assert post.came == [ids(1), ids(1)]


def test_server_that_is_told_to_leaves_the_work_to_the_worker(tmp_path: Path, store: Store) -> None:
    with receiving() as receiver:
        post = Post(town_now(store), receiver, clock.now())
        shop = post.town.organisation()
        post.subscribe(shop)
        quiet = {"SUNSHINE_DEMO": "0", "SUNSHINE_WEBHOOK_PRIVATE": "1", "SUNSHINE_WORKER": "0"}
        with serving(tmp_path, **quiet) as (_, port):
            wait_for_port(port)
            post.record(shop, 1)
            assert health(port)["database"] == "ok"  # it answers, and has no thread that works
            with working(tmp_path, store):
                receiver.wait_for(1)
    with store.reading() as session:
        assert session.scalars(select(job.c.kind).where(job.c.subject == 0)).all(), "the worker put the service's own"
    assert post.came == [ids(1)]


def test_doctor_says_when_nobody_works(tmp_path: Path, store: Store) -> None:
    with receiving() as receiver:
        post = Post(town_now(store), receiver, clock.now() - timedelta(hours=1))
        shop = post.town.organisation()
        post.subscribe(shop)
        assert "MISSING  subscriptions" not in command(tmp_path, "doctor").stdout
        post.record(shop, 1)
        said = command(tmp_path, "doctor")
    assert "MISSING  subscriptions: work has waited since" in said.stdout
    assert said.returncode == 0


def test_worker_with_a_port_of_its_own_tells_who_watches_and_nobody_else(tmp_path: Path, store: Store) -> None:
    port = free_port()
    with receiving() as receiver, working(tmp_path, store, SUNSHINE_WORKER_PORT=str(port)) as process:
        wait_for_port(port)
        post = Post(town_now(store), receiver, clock.now())
        shop = post.town.organisation()
        post.subscribe(shop)
        post.record(shop, 1)
        receiver.wait_for(1)
        assert health(port)["subscriptions"] == "ok"
        while 'sunshine_log_entries_total{event="delivered",level="info"} 1.0' not in (told := figures(port)):
            assert process.poll() is None  # what this process did is counted a moment after the receiver has it
        assert "sunshine_database_up 1.0" in told
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"http://127.0.0.1:{port}/sign-in")
        said = command(tmp_path, "worker", SUNSHINE_DATABASE_URL=store.url, SUNSHINE_WORKER_PORT=str(port))
        assert said.returncode == 3
        assert "Choose another port with SUNSHINE_WORKER_PORT." in said.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
