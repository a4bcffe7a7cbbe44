"""Ten people send large files at once: they lie on the disk, and no more of them are in memory than are being read."""

import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore

import pytest

from scanners import workers
from tests.conftest import Databases
from tests.scanners.drawing import file_of, on_paper, symbol
from tests.web.conftest import API, Demo, demonstration

BOUNDARY = "two-and-twenty-dashes"
MANY = 10
SIZE = 8 * 1024 * 1024  # bytes of a file


@pytest.fixture
def demo(databases: Databases, tmp_path: Path) -> Iterator[Demo]:
    """The demonstration on SQLite: where the bytes lie is not the database's affair."""
    with demonstration(databases, "sqlite", tmp_path) as made:
        yield made


def padded_png() -> bytes:
    """A photo of a code that is small but for a chunk of data that is no picture."""
    png = file_of(on_paper(symbol("6901234567892", "EAN13")), "PNG")
    chunk = b"stUf" + bytes(SIZE - len(png))
    length, check = (len(chunk) - 4).to_bytes(4, "big"), zlib.crc32(chunk).to_bytes(4, "big")
    return png[:33] + length + chunk + check + png[33:]


def send_at_once(demo: Demo, path: str, field: str, data: bytes, where: Path) -> tuple[list[int], int]:
    """The statuses of ten uploads at once, and how many bytes were in memory at most."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="sent"\r\n\r\n'
    where.write_bytes(head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode())
    headers = demo.headers("clerk") | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    headers["Content-Length"] = str(where.stat().st_size)

    def send(_number: int) -> int:
        with where.open("rb") as body:
            return demo.app.test_client().post(API + path, headers=headers, input_stream=body).status_code

    demo.get("/stock")  # what a first request loads is no upload's
    tracemalloc.start()
    try:
        with ThreadPoolExecutor(MANY) as people:
            statuses = list(people.map(send, range(MANY)))
        return statuses, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_papers_pass_through_to_the_object_store(demo: Demo, tmp_path: Path) -> None:
    data = b"%PDF-1.7\n" + bytes(SIZE)
    statuses, most = send_at_once(demo, "/objects", "file", data, tmp_path / "body")
    assert statuses == [201] * MANY
    assert most < 3 * SIZE, f"{most / SIZE:.1f} of {MANY} files"


def test_photos_wait_for_their_turn_on_the_disk(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_turns", BoundedSemaphore(1))
    monkeypatch.setattr(workers, "_places", BoundedSemaphore(MANY))
    statuses, most = send_at_once(demo, "/scans", "photo", padded_png(), tmp_path / "body")
    assert statuses == [201] * MANY
    assert most < 4 * SIZE, f"{most / SIZE:.1f} of {MANY} files"
