"""Photos and papers, in a folder and in a real S3 store: whole or not at all, and a sentence when there is none."""

import hashlib
import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from storage.objects import FolderObjects, ObjectStore, open_objects
from tests.servers import free_port
from trace.domain.failures import Busy, Invalid, NotFound, StorageFull

PHOTO = bytes(range(256)) * 400


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty object store, once in a folder and once in a real S3 store."""
    if request.param == "folder":
        return open_objects(str(tmp_path / "objects"))
    url = request.getfixturevalue("s3_url")
    return open_objects(f"{url}/photos-{tmp_path.name.replace('_', '-').lower()}?secure=0")


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_was_put_comes_back_byte_for_byte(objects: ObjectStore) -> None:
    for data in (PHOTO, b"", b"\0", b"x" * 6_000_000):  # six megabytes travel to S3 in parts
        sha256 = objects.put(data)
        assert sha256 == hashlib.sha256(data).hexdigest()
        assert objects.get(sha256) == data


def test_same_bytes_are_stored_once(objects: ObjectStore) -> None:
    assert objects.put(PHOTO) == objects.put(PHOTO)
    if isinstance(objects, FolderObjects):
        (only,) = files(objects.root)
        before = only.stat().st_mtime_ns
        objects.put(PHOTO)
        assert only.stat().st_mtime_ns == before, "what is stored is never written again"


def test_same_bytes_from_eight_at_once_are_whole(objects: ObjectStore) -> None:
    together = threading.Barrier(8)

    def put(_number: int) -> str:
        together.wait()
        return objects.put(PHOTO)

    with ThreadPoolExecutor(8) as threads:
        (sha256,) = set(threads.map(put, range(8)))
    assert objects.get(sha256) == PHOTO
    if isinstance(objects, FolderObjects):
        assert len(files(objects.root)) == 1


def test_missing_object_is_not_found(objects: ObjectStore) -> None:
    for ready in (False, True):
        with pytest.raises(NotFound, match=f"The stored object {'0' * 64} is not there"):
            objects.get("0" * 64)
        if not ready:
            objects.check()


def test_check_says_nothing_of_a_store_that_works(objects: ObjectStore) -> None:
    objects.check()
    assert objects.get(objects.put(b"after the check")) == b"after the check"


@pytest.mark.parametrize("name", ["../secret_key", "..", "", "/etc/passwd", "0" * 63, "A" * 64, "0" * 63 + "/"])
def test_name_that_is_no_sha256_leads_nowhere(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("secret")
    with pytest.raises(NotFound):
        open_objects(str(tmp_path / "objects")).get(name)


def test_folder_that_cannot_be_written_to_is_busy_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file where the folder should be")
    objects = open_objects(str(tmp_path / "objects"))
    with pytest.raises(Busy, match=r"The photo store does not answer\. Nothing was recorded"):
        objects.put(PHOTO)
    with pytest.raises(OSError, match="objects"):
        objects.check()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system with 64 KiB of room."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("a full disk: there is no program mount here")
    if mounted.returncode:
        pytest.skip(f"a full disk: no small file system may be mounted here ({mounted.stderr.strip()})")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_full_disk_is_told_and_nothing_of_the_object_stays(tiny: Path) -> None:
    objects = open_objects(str(tiny / "objects"))
    small = objects.put(b"small")
    with pytest.raises(StorageFull, match="There is no room left for photos"):
        objects.put(PHOTO)
    assert len(files(tiny)) == 1
    assert objects.get(small) == b"small"
    assert objects.get(objects.put(b"still room for this")) == b"still room for this"


def test_object_that_changed_on_the_disk_is_not_shown(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path / "objects"))
    sha256 = objects.put(PHOTO)
    (only,) = files(tmp_path)
    only.write_bytes(PHOTO[:-1] + b"?")
    with pytest.raises(NotFound, match=f"The stored object {sha256} is damaged and is not shown"):
        objects.get(sha256)


def test_objects_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path / "objects"))
    objects.put(PHOTO)
    (only,) = files(tmp_path)
    assert stat.S_IMODE(only.stat().st_mode) == 0o600


# ---- S3 only -------------------------------------------------------------------------------------------------------


def check_refused(objects: ObjectStore) -> None:
    """Whatever is asked of it, the store is busy, with a sentence."""
    for act in (lambda: objects.put(PHOTO), lambda: objects.get("0" * 64), objects.check):
        with pytest.raises(Busy, match=r"The photo store does not answer\. Nothing was recorded; try again"):
            act()


def test_wrong_secret_is_refused_with_a_sentence(s3_url: str) -> None:
    check_refused(open_objects(s3_url.replace("sunshine-secret", "wrong-secret") + "/photos?secure=0"))


def test_unknown_key_is_refused_with_a_sentence(s3_url: str) -> None:
    check_refused(open_objects(s3_url.replace("sunshine:", "nobody:") + "/photos?secure=0"))


def test_store_that_is_gone_is_busy() -> None:
    check_refused(open_objects(f"s3://key:secret@127.0.0.1:{free_port()}/photos?secure=0"))


@pytest.mark.parametrize(
    ("status", "body"), [(500, b""), (502, b"<html>bad gateway</html>"), (200, b"hello"), (403, b"")]
)
def test_store_that_talks_nonsense_is_busy(status: int, body: bytes) -> None:
    class Nonsense(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST = answer

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        objects = open_objects(f"s3://key:secret@127.0.0.1:{server.server_port}/photos?secure=0")
        try:
            if status == 200:
                with pytest.raises(NotFound, match="is damaged and is not shown"):
                    objects.get("0" * 64)
            else:
                check_refused(objects)
        finally:
            server.shutdown()
            thread.join()


def test_two_processes_may_make_the_bucket(s3_url: str, tmp_path: Path) -> None:
    url = f"{s3_url}/both-{tmp_path.name.replace('_', '-').lower()}?secure=0"
    first, second = open_objects(url), open_objects(url)
    assert second.get(first.put(PHOTO)) == first.get(second.put(PHOTO)) == PHOTO


def test_secret_with_signs_of_an_address_is_understood() -> None:
    objects = open_objects("s3://k%40y:s%2Fe%3Ac@host.example:9000/photos")
    provider = objects.client._provider.retrieve()  # type: ignore[attr-defined]
    assert (provider.access_key, provider.secret_key) == ("k@y", "s/e:c")


@pytest.mark.parametrize("url", ["s3://key:secret@host", "s3:///photos", "s3://"])
def test_address_without_host_or_bucket_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="host or bucket is missing"):
        open_objects(url)
