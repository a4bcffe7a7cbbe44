"""`./run objects`: everything moves from a folder to a real S3 store and back; what is missing or damaged is named."""

import hashlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

import storage
from storage.objects import FolderObjects, open_objects
from storage.objects.s3 import S3Objects
from storage.tables import stored_object
from tests.conftest import ROOT
from tests.town import NOW
from trace.cli import check_objects_or_exit
from trace.cli_objects import objects
from trace.config import load_settings

LARGE = 16 * 1024 * 1024  # bytes: the S3 store gets it in parts


def call(data: Path, *arguments: str, **settings: str) -> Result:
    """Call the command over a data folder."""
    return CliRunner().invoke(objects, arguments, env={"SUNSHINE_DATA": str(data)} | settings)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a few photos, and a database that names them."""
    folder = tmp_path / "data"
    folder.mkdir()
    kept, url = FolderObjects(folder / "objects"), f"sqlite:///{folder / 'sunshine.db'}"
    storage.prepare(url)
    store = storage.open_store(url)
    with store.writing() as session:
        for number in range(5):
            row = {"sha256": kept.put(b"%d" % number), "media_type": "image/jpeg", "size": 1, "stored_at": NOW}
            session.execute(insert(stored_object).values(row))
    store.close()
    return folder


def test_everything_moves_to_an_s3_store_while_the_service_works(data: Path, s3_url: str) -> None:
    place, new = FolderObjects(data / "objects"), f"{s3_url}/moved-by-command?secure=0"
    said = call(data, "move", new)
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout.startswith("5 object(s) copied; all are in the new place.\nNow set SUNSHINE_OBJECTS_URL")
    late = place.put(b"came meanwhile")
    settings = {"SUNSHINE_OBJECTS_URL": new, "SUNSHINE_OBJECTS_OLD_URL": str(place.root)}
    assert call(data, "check", **settings).stdout == "Every object is there, as it was stored.\n"
    said = call(data, "move", **settings)
    assert said.stdout.startswith("1 object(s) copied; all are in the new place.\nTake SUNSHINE_OBJECTS_OLD_URL out")
    assert [one.sha256 for one in open_objects(new).listed()] == [one.sha256 for one in place.listed()]
    assert open_objects(new).get(late) == b"came meanwhile"
    assert "sunshine-secret" not in said.stdout + said.stderr


def test_a_move_to_a_bucket_that_cannot_lock_says_how_much_was_locked(data: Path, s3_url: str) -> None:
    place, address = FolderObjects(data / "objects"), f"{s3_url}/cannot-lock?secure=0"
    place.lock(next(place.listed()).sha256, NOW.date() + timedelta(days=900))
    new = S3Objects(address)
    new.client.make_bucket(new.bucket)
    said = call(data, "move", address)
    assert (said.exit_code, said.stdout[:19]) == (0, "5 object(s) copied;")
    assert said.stderr.startswith("1 object(s) are locked where they were and cannot be in the new place")


def large_in_the_middle() -> bytes:
    """An object that goes to an S3 store in several parts, and has others before and behind it by its name."""
    return next(
        data for number in itertools.count()
        if hashlib.sha256(data := bytes([number]) * LARGE).hexdigest()[0] in "678"
    )  # fmt: skip


def kill_when(reached: Callable[[], bool], data: Path, *arguments: str) -> None:
    """Run the command as a process of its own, and kill it as soon as it has come so far."""
    environ = os.environ | {"SUNSHINE_DATA": str(data), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-m", "trace.cli", "objects", *arguments], cwd=ROOT, env=environ) as moving:
        while not reached() and moving.poll() is None:
            pass
        moving.kill()
    assert moving.returncode == -signal.SIGKILL, "it was killed at work"


def test_a_move_that_is_killed_amid_an_object_goes_on_and_has_lost_and_doubled_nothing(data: Path, s3_url: str) -> None:
    place, new = FolderObjects(data / "objects"), f"{s3_url}/moved-by-killed?secure=0"
    large, few = place.put(large_in_the_middle()), {place.put(b"photo %d" % number) for number in range(12)}
    locked = max(few)
    place.lock(locked, NOW.date() + timedelta(days=900))
    names, target = [one.sha256 for one in place.listed()], S3Objects(new)
    target.check()
    begun = target.client._list_multipart_uploads
    kill_when(lambda: bool(begun(target.bucket).uploads), data, "move", new)
    there = [one.sha256 for one in target.listed()]
    assert there == names[: names.index(large)]
    said = call(data, "move", new)
    assert said.stdout.startswith(f"{len(names) - len(there)} object(s) copied; all are in the new place.\n")
    versions = target.client.list_objects(target.bucket, include_version=True)
    assert [version.object_name for version in versions] == names, "one version of each"
    assert all(hashlib.sha256(target.get(name)).hexdigest() == name for name in names)
    assert target.locked_until(locked) == NOW.date() + timedelta(days=900)
    assert [one.sha256 for one in place.listed()] == names, "nothing is removed where it was"


def test_what_is_missing_or_damaged_is_named(data: Path, tmp_path: Path) -> None:
    place = FolderObjects(data / "objects")
    first, second, *_ = (one.sha256 for one in place.listed())
    place.discard(first)
    (place.root / second[:2] / second[2:]).write_bytes(b"?")
    said = call(data, "check")
    assert (said.exit_code, said.stdout) == (1, "2 object(s) missing or damaged.\n")
    assert (
        f"{first}: The stored object {first} is not there.\n{second}: The stored object {second} is damaged"
        in said.stderr
    )
    moved = call(data, "move", str(tmp_path / "new"))
    assert moved.exit_code == 1
    assert f"damaged where it was, and not copied: {second}" in moved.stderr


def test_a_move_that_meets_a_damaged_lock_says_what_to_write_and_goes_on_when_it_is_written(
    data: Path, tmp_path: Path
) -> None:
    place, new = FolderObjects(data / "objects"), FolderObjects(tmp_path / "new")
    *_, last = (one.sha256 for one in place.listed())
    place.lock(last, NOW.date() + timedelta(days=400))
    (note,) = place.root.rglob("*.until")
    note.write_bytes(bytes(10))
    said = call(data, "move", str(new.root))
    assert (said.exit_code, said.stdout) == (1, "")
    assert said.stderr.startswith(f"Error: The note {note} is damaged: it does not say until which day its object is")
    assert "as 2028-12-31" in said.stderr
    note.write_text("2028-12-31")
    assert call(data, "move", str(new.root)).exit_code == 0
    assert new.locked_until(last) == date(2028, 12, 31)


def test_a_move_that_cannot_be_is_one_sentence(data: Path) -> None:
    for arguments, wanted in (
        (["move"], "Error: Say where to, or set SUNSHINE_OBJECTS_OLD_URL"),
        (["move", str(data / "objects")], "Error: The new place is the old one."),
        (["move", "s3://host/x"], "Error: TARGET takes a folder or s3://"),
        (["move", "s3://key:hidden-word@127.0.0.1:1/photos?secure=0"], "Error: The photo store does not answer."),
    ):
        said = call(data, *arguments)
        assert said.exit_code == 1
        assert said.stderr.startswith(wanted), said.stderr
        assert "hidden-word" not in said.stderr


def test_a_store_that_is_gone_lets_the_service_start_and_one_that_refuses_us_does_not(
    tmp_path: Path, s3_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(url: str) -> str:
        check_objects_or_exit(load_settings({"SUNSHINE_DATA": str(tmp_path), "SUNSHINE_OBJECTS_URL": url}))
        return capsys.readouterr().err

    assert start(f"{s3_url}/started?secure=0") == ""
    assert start("s3://key:secret@127.0.0.1:1/photos?secure=0").startswith(
        "The photo store does not answer: photos wait"
    )
    with pytest.raises(SystemExit, match="3"):
        start(s3_url.replace("sunshine-secret", "wrong-secret") + "/photos?secure=0")
    assert capsys.readouterr().err.startswith("Photos cannot be kept (SUNSHINE_OBJECTS_URL)")
