"""What is done while the S3 store is gone: photos wait on this machine, nobody waits for it, nothing is lost."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3

from storage.objects import FolderObjects, Refused, Shown, SpooledObjects, open_objects
from storage.objects import s3 as s3_store
from storage.objects.kinds import Silent
from storage.objects.s3 import S3Objects
from tests.conftest import ROOT
from tests.gate import Gate
from tests.storage.test_object_places import PHOTO, TODAY, bucket_of, s3
from trace.domain.failures import Busy

__all__ = ["s3"]  # a fixture


@pytest.fixture
def gate(s3_url: str) -> Iterator[Gate]:
    """The way to the real S3 store."""
    with Gate(int(urlsplit(s3_url).port or 0)) as way:
        yield way


@pytest.fixture
def spooled(s3_url: str, gate: Gate, tmp_path: Path) -> SpooledObjects:
    """A bucket of a real S3 store behind the gate, and a folder for what it does not take; asked each time."""
    url = s3_url.rpartition(":")[0] + f":{gate.port}/{bucket_of(tmp_path)}?secure=0"
    return SpooledObjects(S3Objects(url), FolderObjects(tmp_path / "spool"), clock=iter(range(0, 10**6, 60)).__next__)


def test_a_photo_waits_here_while_the_store_is_gone_and_is_moved_when_it_is_back(
    spooled: SpooledObjects, gate: Gate
) -> None:
    early = spooled.put(b"before")
    gate.close()
    name = spooled.put(PHOTO)
    assert (spooled.waiting(), spooled.get(name), spooled.has(name)) == (1, PHOTO, True)
    assert spooled.link(name, Shown("image/jpeg", "inline", ""), life=timedelta(minutes=1)) is None
    for asked in (lambda: spooled.get(early), spooled.move, spooled.check):
        with pytest.raises(Busy):
            asked()
    assert spooled.waiting() == 1
    gate.open()
    assert [spooled.move(), spooled.move()] == [True, False]
    assert (spooled.waiting(), spooled.main.get(name), spooled.get(early)) == (0, PHOTO, b"before")
    spooled.check()


def test_a_photo_waits_here_while_its_bucket_is_gone_which_is_made_anew(spooled: SpooledObjects, s3: S3Objects) -> None:
    spooled.check()
    s3.client.remove_bucket(s3.bucket)
    name = spooled.put(PHOTO)
    assert (spooled.waiting(), spooled.get(name)) == (1, PHOTO)
    assert spooled.move()
    assert (spooled.waiting(), s3.get(name)) == (0, PHOTO)


def test_a_store_that_was_gone_is_not_asked_for_a_while(tmp_path: Path) -> None:
    times = iter((0, 0, 10, 30, 30))
    asked: list[str] = []

    class Watched(FolderObjects):
        def put_file(self, file: object) -> str:
            asked.append("asked")
            return super().put_file(file)  # type: ignore[arg-type]

    (tmp_path / "objects").write_text("a file where the folder should be")
    objects = SpooledObjects(Watched(tmp_path / "objects"), FolderObjects(tmp_path / "spool"), clock=times.__next__)
    for number in range(3):
        objects.put(b"%d" % number)
    assert (len(asked), objects.waiting()) == (2, 3), "not ten seconds after it did not answer"


@contextmanager
def a_store_that(answer: Callable[[socket.socket], object]) -> Iterator[tuple[str, list[int]]]:
    """The address of what is no S3 store, and a list that grows with each connection to it."""
    came = list[int]()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take() -> None:
            with suppress(OSError):  # closed
                while True:
                    connection, _ = listener.accept()
                    came.append(len(came))
                    threading.Thread(target=give, args=(connection,), daemon=True).start()

        def give(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                answer(connection)

        threading.Thread(target=take, daemon=True).start()
        yield f"s3://key:secret@127.0.0.1:{listener.getsockname()[1]}/photos?secure=0", came
        listener.shutdown(socket.SHUT_RDWR)


def test_who_looks_at_photos_of_a_store_that_is_gone_does_not_wait_for_it_each_time(tmp_path: Path) -> None:
    with a_store_that(lambda _: None) as (url, came):  # it hangs up
        now = [0.0]
        objects = SpooledObjects(S3Objects(url), FolderObjects(tmp_path / "spool"), clock=lambda: now[0])
        with pytest.raises(Busy):
            objects.get("0" * 64)
        asked = len(came)
        assert asked > 0
        now[0] = 10.0
        looks = (objects.open, objects.has, objects.locked_until, lambda name: objects.lock(name, TODAY))
        for look in looks:
            with pytest.raises(Busy):
                look("0" * 64)
        waiting = objects.put(PHOTO)
        assert (objects.get(waiting), len(came)) == (PHOTO, asked)
        now[0] = 30.0
        with pytest.raises(Busy):
            objects.get("0" * 64)
        assert len(came) > asked, "asked again"


def test_a_store_that_says_nothing_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_store, "TIMEOUT", urllib3.Timeout(connect=3, read=0.1))
    over = threading.Event()
    with a_store_that(lambda _: over.wait(30)) as (url, came):
        assert SpooledObjects(S3Objects(url), FolderObjects(tmp_path / "spool")).put(PHOTO)
        assert len(came) == 1
        over.set()


def test_whether_a_store_that_says_nothing_answers_is_known_in_some_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_store, "LOOK", urllib3.Timeout(connect=3, read=0.1))
    over, begun = threading.Event(), time.monotonic()
    with a_store_that(lambda _: over.wait(30)) as (url, came):
        objects = SpooledObjects(S3Objects(url), FolderObjects(tmp_path / "spool"))
        for number in (1, 2):
            with pytest.raises(Silent):
                objects.check()
            assert len(came) == number, "what is only slow is not left alone for it"
        over.set()
    assert time.monotonic() - begun < 10, "not as long as a photo is waited for, twice"


def test_a_store_that_cannot_give_one_photo_is_asked_for_the_next(tmp_path: Path) -> None:
    body = b"<Error><Code>InternalError</Code><Message>a bad disk</Message></Error>"
    head = b"HTTP/1.1 500 no\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head % len(body) + body)

    with a_store_that(answer) as (url, came):
        objects = SpooledObjects(S3Objects(url), FolderObjects(tmp_path / "spool"), clock=lambda: 0.0)
        for number in (1, 2):
            with pytest.raises(Busy):
                objects.get("0" * 64)
            assert len(came) >= number


def test_a_store_that_does_not_let_us_in_is_told_and_the_photo_waits(s3_url: str, tmp_path: Path) -> None:
    url = s3_url.replace("sunshine-secret", "wrong-secret") + "/photos?secure=0"
    objects = open_objects(url, spool=tmp_path / "spool")
    assert objects.get(objects.put(PHOTO)) == PHOTO
    fresh = open_objects(url, spool=tmp_path / "spool")
    with pytest.raises(Refused):
        fresh.check()


def test_a_damaged_photo_in_the_spool_keeps_no_other_from_its_way(spooled: SpooledObjects, gate: Gate) -> None:
    gate.close()
    names = sorted(spooled.put(b"%d" % number) for number in range(3))
    first = spooled.spool.root / names[0][:2] / names[0][2:]
    first.write_bytes(b"?")
    gate.open()
    assert [spooled.move(), spooled.move(), spooled.move()] == [True, True, False]
    assert [spooled.main.has(name) for name in names] == [False, True, True]
    assert first.exists()


MOVE = """
import sys
from pathlib import Path
from storage.objects import open_objects
objects = open_objects(sys.argv[1], spool=Path(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
while objects.move():
    print("moved", flush=True)
"""


def test_a_mover_that_is_killed_half_way_has_lost_nothing(s3_url: str, tmp_path: Path) -> None:
    spool, url = FolderObjects(tmp_path / "spool"), f"{s3_url}/{bucket_of(tmp_path)}?secure=0"
    names = {spool.put(b"%d" % number * 1000) for number in range(12)}
    with subprocess.Popen(
        [sys.executable, "-c", MOVE, url, str(spool.root)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as mover:  # fmt: skip
        assert mover.stdin is not None
        assert mover.stdout is not None
        assert mover.stdout.readline() == "ready\n"
        mover.stdin.write("go\n")
        mover.stdin.flush()
        for _ in range(5):
            assert mover.stdout.readline() == "moved\n"
        mover.send_signal(signal.SIGKILL)
    objects = SpooledObjects(S3Objects(url), spool)
    assert all(hashlib.sha256(objects.get(name)).hexdigest() == name for name in names)
    while objects.move():
        pass
    assert {name for name in names if objects.main.has(name)} == names
    assert objects.waiting() == 0
