"""Objects that may not be removed, and that are moved: nothing is ever lost."""

import os
import tempfile
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from minio.error import S3Error

from storage.objects import (
    FolderObjects,
    LockDamaged,
    MovedObjects,
    ObjectStore,
    Refused,
    Shown,
    SpooledObjects,
    copy_all,
    open_objects,
)
from storage.objects.s3 import S3Objects
from tests.servers import NOBODY
from trace.domain.failures import NotFound

PHOTO = bytes(range(256)) * 400
NOW = datetime.now(UTC)
TODAY = NOW.date()
GRACE = timedelta(days=30)
LATER = NOW + timedelta(days=31)


def bucket_of(tmp_path: Path) -> str:
    """The name of a bucket of the test's own."""
    return f"places-{tmp_path.name.replace('_', '-').lower()}"[:63].rstrip("-")


@pytest.fixture
def s3(request: pytest.FixtureRequest, tmp_path: Path) -> S3Objects:
    """An empty bucket of a real S3 store."""
    return S3Objects(f"{request.getfixturevalue('s3_url')}/{bucket_of(tmp_path)}?secure=0")


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty object store, once in a folder and once in a real S3 store."""
    if request.param == "folder":
        return FolderObjects(tmp_path / "objects")
    found: S3Objects = request.getfixturevalue("s3")
    return found


# ---- locks ---------------------------------------------------------------------------------------------------------


def test_a_lock_is_extended_and_never_shortened(objects: ObjectStore) -> None:
    name = objects.put(PHOTO)
    assert objects.locked_until(name) is None
    for days, kept in ((30, 30), (10, 30), (60, 60)):
        objects.lock(name, TODAY + timedelta(days=days))
        assert objects.locked_until(name) == TODAY + timedelta(days=kept)
    assert objects.get(objects.put(PHOTO)) == PHOTO, "what is locked may be sent again"
    with pytest.raises(NotFound):
        objects.lock("0" * 64, TODAY)


def test_a_lock_that_cannot_be_read_holds_until_another_takes_its_place(tmp_path: Path) -> None:
    folder = FolderObjects(tmp_path / "objects")
    name = folder.put(PHOTO)
    folder.lock(name, TODAY + timedelta(days=1))
    (damaged,) = (tmp_path / "objects").rglob("*.until")
    damaged.write_bytes(bytes(10))
    assert not folder.remove(name, now=LATER, grace=GRACE)
    with pytest.raises(LockDamaged, match=f"The note {damaged} is damaged"):
        folder.locked_until(name)
    folder.lock(name, TODAY + timedelta(days=30))
    assert folder.locked_until(name) == TODAY + timedelta(days=30)


def test_a_locked_object_is_not_removed_before_its_day_is_over(objects: ObjectStore) -> None:
    name = objects.put(PHOTO)
    objects.lock(name, (NOW + timedelta(days=40)).date())
    assert not objects.remove(name, now=LATER, grace=GRACE)
    assert objects.get(name) == PHOTO


def test_a_lock_whose_day_is_over_is_none_and_keeps_no_move_from_its_end(s3: S3Objects, tmp_path: Path) -> None:
    folder = FolderObjects(tmp_path / "objects")
    name = folder.put(PHOTO)
    folder.lock(name, TODAY - timedelta(days=1))
    assert [(one.copied, one.unlocked) for one in copy_all(folder, s3)] == [(True, False)]
    with pytest.raises(NotFound):
        s3.lock("0" * 64, TODAY - timedelta(days=1))
    for place in (folder, s3):
        assert place.remove(name, now=LATER, grace=GRACE)


def test_the_s3_store_itself_refuses_to_remove_what_is_locked(s3: S3Objects) -> None:
    name = s3.put(PHOTO)
    s3.lock(name, TODAY + timedelta(days=1))
    version = s3.client.stat_object(s3.bucket, name).version_id
    with pytest.raises(S3Error, match="AccessDenied"):
        s3.client.remove_object(s3.bucket, name, version_id=version)
    with pytest.raises(Refused):  # our clock is years ahead: the store's is not
        s3.remove(name, now=NOW + timedelta(days=900), grace=GRACE)
    assert s3.has_lock()
    assert s3.get(name) == PHOTO


def test_an_object_is_removed_after_the_grace_alone(objects: ObjectStore) -> None:
    name, other = objects.put(PHOTO), objects.put(b"other")
    assert not objects.remove(name, now=NOW + GRACE / 2, grace=GRACE)
    assert objects.has(name)
    assert objects.remove(name, now=LATER, grace=GRACE)
    assert objects.remove("0" * 64, now=LATER, grace=GRACE), "what is not there is gone"
    assert (objects.has(name), objects.has(other)) == (False, True)
    assert [one.sha256 for one in objects.listed()] == [other]
    assert [one.sha256 for one in objects.listed(after=other)] == []


def test_who_puts_what_is_being_removed_does_not_lose_it(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    for number in range(60):
        data = b"%d" % number
        name = objects.put(data)
        path = next(path for path in tmp_path.rglob(name[2:]))
        os.utime(path, (0, 0))
        together = threading.Barrier(2)

        def remove(name: str = name, together: threading.Barrier = together) -> None:
            together.wait()
            objects.remove(name, now=datetime.now(UTC), grace=GRACE)

        remover = threading.Thread(target=remove)
        remover.start()
        together.wait()
        objects.put(data)
        remover.join()
        assert objects.get(name) == data


def test_what_somebody_else_put_into_the_bucket_is_no_object_of_ours(s3: S3Objects, tmp_path: Path) -> None:
    name = s3.put(PHOTO)
    for other in ("readme.txt", "logs/2026.txt", f"{name}.until"):
        s3.client.put_object(s3.bucket, other, BytesIO(b"x"), 1)
    assert [one.sha256 for one in s3.listed()] == [name]
    assert [one.copied for one in copy_all(s3, FolderObjects(tmp_path / "copied"))] == [True]


def test_an_object_that_somebody_deleted_by_hand_is_removed_with_its_versions(s3: S3Objects) -> None:
    name = s3.put(PHOTO)
    s3.client.remove_object(s3.bucket, name)  # hides it, and keeps its bytes as an older version
    with pytest.raises(NotFound):
        s3.get(name)
    assert s3.remove(name, now=LATER, grace=GRACE)
    assert list(s3.client.list_objects(s3.bucket, include_version=True)) == []


@contextmanager
def as_nobody(*own: Path) -> Iterator[None]:
    """In the block files are opened as somebody who may not open everything; `own` are theirs."""
    for path in own if os.geteuid() == 0 else ():
        os.chown(path, NOBODY, NOBODY)
    before = os.geteuid()
    os.seteuid(before or NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_folder_that_is_not_ours_is_not_looked_into() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as root:  # a disk of its own has a lost+found, which is root's
        objects = FolderObjects(Path(root))
        name = objects.put(PHOTO)
        (Path(root) / "lost+found").mkdir(mode=0)
        with as_nobody(Path(root), *Path(root).glob("??")):
            assert [one.sha256 for one in objects.listed()] == [name]


def test_what_a_killed_process_left_half_way_is_put_right(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "objects")
    taken, kept = objects.put(PHOTO), objects.put(b"kept")
    folder = tmp_path / "objects" / taken[:2]
    (folder / taken[2:]).rename(folder / f".{taken[2:]}.{uuid.uuid4().hex}")  # killed in the middle of `remove`
    half = tmp_path / "objects" / kept[:2] / "tmphalf"  # and of `put`
    half.write_bytes(b"ke")
    objects.lock(kept, TODAY)
    MovedObjects(SpooledObjects(objects, FolderObjects(tmp_path / "spool")), objects).tidy(before=NOW - GRACE)
    assert half.exists(), "somebody may be at it"
    objects.tidy(before=LATER)
    assert (objects.get(taken), objects.get(kept), objects.locked_until(kept)) == (PHOTO, b"kept", TODAY)
    assert not half.exists()
    assert len(list((tmp_path / "objects").glob("??/*"))) == 3


def test_a_bucket_without_versions_keeps_everything(s3: S3Objects) -> None:
    s3.client.make_bucket(s3.bucket)
    name = s3.put(PHOTO)
    assert not s3.has_lock()
    with pytest.raises(Exception, match="made without object lock"):
        s3.lock(name, TODAY)
    assert not s3.remove(name, now=LATER, grace=GRACE)
    assert s3.get(name) == PHOTO


# ---- links ---------------------------------------------------------------------------------------------------------


def test_a_link_gives_the_object_as_it_is_to_be_shown_and_nothing_else(s3_url: str, tmp_path: Path) -> None:
    public = f"http://{urlsplit(s3_url).hostname}:{urlsplit(s3_url).port}"
    objects = open_objects(f"{s3_url}/{bucket_of(tmp_path)}?secure=0", public=public)
    name, other = objects.put(PHOTO), objects.put(b"other")
    link = objects.link(name, Shown("image/jpeg", "inline", "private"), life=timedelta(minutes=1))
    assert link is not None
    assert link.startswith(public)
    assert "sunshine-secret" not in link
    with urllib.request.urlopen(link) as answer:
        headers = [answer.headers[name] for name in ("Content-Type", "Content-Disposition", "Cache-Control")]
        assert (answer.read(), headers) == (PHOTO, ["image/jpeg", "inline", "private"])
    for bad in (link.replace(name, other), link.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"), link.split("?")[0]):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(bad)


# ---- from place to place -------------------------------------------------------------------------------------------


def test_everything_moves_to_the_s3_store_and_back_with_its_locks(s3: S3Objects, tmp_path: Path) -> None:
    folder, back = FolderObjects(tmp_path / "objects"), FolderObjects(tmp_path / "back")
    names = {folder.put(b"%d" % number) for number in range(6)}
    large, locked = folder.put(b"x" * 6_000_000), min(names)
    folder.lock(locked, TODAY + timedelta(days=3))
    for source, target in ((folder, s3), (s3, back)):
        first = list(copy_all(source, target))
        assert [one.one.sha256 for one in first] == sorted(names | {large})
        assert all(one.copied for one in first)
        assert not any(one.copied for one in copy_all(source, target)), "what is there is not copied again"
        assert target.locked_until(locked) == TODAY + timedelta(days=3)
    assert back.get(large) == b"x" * 6_000_000


def test_what_is_locked_moves_to_a_bucket_that_cannot_lock_and_is_told(s3: S3Objects, tmp_path: Path) -> None:
    folder = FolderObjects(tmp_path / "objects")
    s3.client.make_bucket(s3.bucket)
    locked, free = folder.put(b"locked"), folder.put(b"free")
    folder.lock(locked, TODAY + timedelta(days=9))
    done = {one.one.sha256: one for one in copy_all(folder, s3)}
    assert [done[name].unlocked for name in (locked, free)] == [True, False]
    assert [s3.get(name) for name in (locked, free)] == [b"locked", b"free"]


def test_what_was_damaged_where_it_was_is_told_and_not_copied(s3: S3Objects, tmp_path: Path) -> None:
    folder = FolderObjects(tmp_path / "objects")
    good, bad = folder.put(b"good"), folder.put(b"bad")
    (folder.root / bad[:2] / bad[2:]).write_bytes(b"BAD")
    assert {(one.one.sha256, one.copied, one.damaged) for one in copy_all(folder, s3)} == {
        (good, True, False), (bad, False, True),
    }  # fmt: skip
    assert not s3.has(bad)


def test_reads_fall_back_to_the_old_place_until_all_is_moved(s3: S3Objects, tmp_path: Path) -> None:
    folder = FolderObjects(tmp_path / "objects")
    before = folder.put(b"before")
    both = MovedObjects(s3, folder)
    after = both.put(b"after")
    assert (both.get(before), both.get(after), folder.has(after)) == (b"before", b"after", False)
    both.lock(before, TODAY)
    assert (folder.locked_until(before), both.locked_until(before)) == (TODAY, TODAY)
    assert not both.remove(before, now=LATER + GRACE, grace=GRACE)
    with pytest.raises(NotFound):
        both.get("0" * 64)
    assert [one.sha256 for one in both.listed()] == sorted((before, after))
    list(copy_all(folder, s3))
    assert [one.sha256 for one in both.listed()] == sorted((before, after))
    assert s3.get(before) == b"before"
