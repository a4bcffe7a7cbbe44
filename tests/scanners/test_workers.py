"""Reading in worker processes: one that hangs or dies costs one answer, and the next photo is read."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from pebble.pool.base_pool import PoolStatus
from PIL import Image

from scanners import pixels, read_file, workers
from scanners.values import Ascent
from tests.scanners import hostile
from tests.scanners.drawing import file_of, on_paper, png_of_size, symbol
from trace.domain.failures import Busy, Failure, Invalid, TooLarge

EAN = "6901234567892"
# How granian runs the service: a forked process that ends by returning, not through the interpreter's exit.
FORKED = """
import multiprocessing, sys
from pathlib import Path

def serve():
    from scanners import read_file
    assert read_file(Path(sys.argv[1]).read_bytes(), seconds=5)[0].readings

if __name__ == "__main__":
    server = multiprocessing.get_context("fork").Process(target=serve)
    server.start()
    server.join()
    sys.exit(server.exitcode)
"""


@pytest.fixture(scope="module", autouse=True)
def pool() -> Iterator[None]:
    """The workers of this module, gone when it ends."""
    yield
    workers.close()


@pytest.fixture(scope="module")
def easy() -> bytes:
    """A photo that is read at once."""
    return file_of(on_paper(symbol(EAN, "EAN13")))


@pytest.fixture(scope="module")
def endless() -> bytes:
    """The largest photo that is accepted, of noise: opening and reading it takes seconds on any machine."""
    noise = np.random.default_rng(2).integers(0, 2, (5_000, 8_000), dtype=np.uint8) * 255
    return file_of(Image.fromarray(noise).convert("1"), "PNG", compress_level=1)


def texts(photo: bytes) -> list[str]:
    return [reading.text for reading in read_file(photo, seconds=5)[0].readings]


def our_workers() -> list[psutil.Process]:
    """The worker processes, not Python's own helper beside them."""
    return [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


def worker_with_a_large_photo() -> psutil.Process:
    """The worker that holds the largest photo: no other has so much memory, one that just starts even less."""
    while True:
        for worker in our_workers():
            if worker.memory_info().rss > 140 * 1024 * 1024:
                return worker


def test_a_photo_is_read_with_its_size_and_its_kept_picture(easy: bytes) -> None:
    (photo,) = read_file(easy, seconds=5)
    assert [reading.text for reading in photo.readings] == [EAN]
    assert (photo.width, photo.height, photo.media_type) == (1000, 700, "image/jpeg")
    assert photo.clean.startswith(b"\xff\xd8")


def test_a_worker_that_hangs_is_killed_and_the_next_photo_is_read(
    easy: bytes, endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts(easy)
    before = {worker.pid for worker in our_workers()}
    with monkeypatch.context() as patch:
        patch.setattr(workers, "OF_A_CORE", 0.02)
        with pytest.raises(Invalid, match=r"takes too long to read\. Take it again") as refused:
            read_file(endless, seconds=0.1)
    assert refused.value.field == "photo"
    assert texts(easy) == [EAN]
    assert before - {worker.pid for worker in our_workers()}, "the worker that hung is still there"


def begin_reading(photo: bytes) -> tuple[threading.Thread, list[Failure]]:
    """Have a photo read beside the test: the thread that does, and the failures that it is told."""
    told: list[Failure] = []

    def read() -> None:
        try:
            read_file(photo, seconds=60)
        except Failure as failure:
            told.append(failure)

    reader = threading.Thread(target=read)
    reader.start()
    return reader, told


def test_a_photo_that_got_no_time_is_told_to_come_again_and_its_worker_is_replaced(
    easy: bytes, endless: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts(easy)
    (reader, told), present = begin_reading(endless), time.time
    slow = worker_with_a_large_photo()
    with monkeypatch.context() as patch:  # its time is up by the clock, and it had next to none of it
        patch.setattr(time, "time", lambda: present() + 3600)
        reader.join()
    assert [(type(failure), failure.field) for failure in told] == [(Busy, "photo")]
    assert "nothing is wrong with it. Try again" in str(told[0])
    assert texts(easy) == [EAN]
    assert not slow.is_running()


def test_a_worker_that_dies_is_replaced_and_the_caller_is_told(easy: bytes, endless: bytes) -> None:
    texts(easy)
    reader, told = begin_reading(endless)
    worker_with_a_large_photo().kill()
    reader.join()
    assert [type(failure) for failure in told] == [Invalid]
    assert "could not be read (ProcessExpired)" in str(told[0])
    assert texts(easy) == [EAN]


def test_more_photos_than_can_wait_are_asked_to_come_again(easy: bytes) -> None:
    places = workers.CORES + workers.WAITING
    for _ in range(places):
        assert workers._places.acquire(blocking=False)
    try:
        with pytest.raises(Busy, match="Try again in a few seconds"):
            read_file(easy)
    finally:
        workers._places.release(places)
    assert texts(easy) == [EAN]


def test_a_refused_photo_gives_its_place_back(easy: bytes) -> None:
    cut = easy[: len(easy) // 2]
    for _ in range(workers.CORES + workers.WAITING + 1):
        with pytest.raises(Invalid, match="cut short"):
            read_file(cut)
    assert texts(easy) == [EAN]


def test_what_is_over_the_limits_reaches_no_worker() -> None:
    workers.close()
    with pytest.raises(TooLarge):
        read_file(png_of_size(20_000, 20_000))
    assert our_workers() == []


def test_closing_leaves_no_worker_and_the_next_photo_starts_new_ones(easy: bytes) -> None:
    texts(easy)
    workers.close()
    assert our_workers() == []
    assert texts(easy) == [EAN]


def test_a_photo_whose_workers_broke_is_told_to_come_again_and_finds_new_ones(
    easy: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = workers._workers()
    broken._context.status = PoolStatus.ERROR
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(workers, "_workers", lambda: broken)  # it broke after it was looked at
        with pytest.raises(Busy):
            read_file(easy)
    assert read_file(easy)[0].readings
    broken.stop()
    broken.join(timeout=5)


def test_a_server_process_that_read_photos_ends_when_it_is_told_to(easy: bytes, tmp_path: Path) -> None:
    (tmp_path / "serve.py").write_text(FORKED)
    (tmp_path / "photo.jpg").write_bytes(easy)
    command = [sys.executable, tmp_path / "serve.py", tmp_path / "photo.jpg"]
    # It waited for its idle workers for ever: a stop of the service hung until somebody killed it.
    assert subprocess.run(command, check=False, timeout=60).returncode == 0


def test_a_worker_may_not_take_more_memory_than_a_photo_needs(easy: bytes) -> None:
    texts(easy)
    limits = {worker.rlimit(psutil.RLIMIT_DATA) for worker in our_workers() if worker.cpu_times().user}
    assert limits == {(workers.MEMORY, workers.MEMORY)}


def test_the_largest_photo_leaves_its_worker_under_400_megabytes(easy: bytes) -> None:
    stripes = Image.new("RGB", (8_000, 5_000), "white")
    stripes.paste(symbol(EAN, "EAN13", scale=8), (600, 600))
    (photo,) = read_file(file_of(stripes, "JPEG"), seconds=0.1)
    assert photo.width * photo.height <= pixels.READ_PIXELS
    for worker in our_workers():
        status = Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii")
        assert int(status.partition("VmHWM:")[2].split()[0]) < 400 * 1024


def test_a_scan_that_brings_its_worker_down_costs_one_answer(easy: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = hostile.pdf_of_nested_forms(10, 10)
    with monkeypatch.context() as patch:
        patch.setattr(workers, "DECODE_SECONDS", 0.5)
        with pytest.raises(Failure) as refused:
            read_file(bomb, seconds=0.01)
    assert refused.value.field == "photo"
    assert texts(easy) == [EAN]


def test_the_pages_of_a_long_scan_share_the_budget_of_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[float] = []

    def climb(_: object, *, seconds: float) -> Ascent:
        budgets.append(seconds)
        return workers.NOTHING

    monkeypatch.setattr(workers, "climb", climb)
    blank = Image.new("L", (20, 20), 255)
    for pages in (8, 16):
        workers.read_here(file_of(blank, "TIFF", save_all=True, append_images=[blank] * (pages - 1)), 2.0)
    assert (min(budgets[:8]), budgets[8], budgets[-1]) == (
        pytest.approx(2.0, abs=0.1), pytest.approx(1.0, abs=0.1), 2.0
    )  # fmt: skip


def test_many_photos_at_once_are_each_answered_with_their_own(easy: bytes) -> None:
    codes = [str(number) for number in range(80000000000000000000, 80000000000000000006)]
    photos = [file_of(on_paper(symbol(code, "Code128"))) for code in codes]
    answers: dict[int, list[str]] = {}
    readers = [threading.Thread(target=lambda n=n: answers.update({n: texts(photos[n])})) for n in range(len(photos))]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert [answers[n] for n in range(len(codes))] == [[code] for code in codes]
