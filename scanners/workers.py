"""Photos are read in worker processes that can be killed: a crash in a C library costs one answer, not the service.

At most as many photos are decoded at once as there are cores; a few wait, and beyond that people are told to try
again, because a queue that only grows answers nobody in time. Who waits does so on the disk: an upload is in memory
while it is its turn, and what was made of it until the caller has put it aside.
"""

import ctypes
import os
import resource
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from multiprocessing import active_children, get_context
from multiprocessing.util import Finalize
from typing import BinaryIO, cast

import cv2
from pebble import ProcessExpired, ProcessPool

from scanners import opencv, pdf, zbar, zxing
from scanners.intake import KINDS, Picture, check_header, check_size, is_memory, open_pictures, too_much
from scanners.ladder import climb
from scanners.sight import PATIENCE
from scanners.values import Ascent, PhotoReading
from trace.domain.failures import N_, Busy, Failure, Invalid

CORES = os.cpu_count() or 1
WAITING = min(2 * CORES, 8)  # each holds a thread of the server, which has more (`trace.cli.THREADS`)
DECODE_SECONDS = 10.0  # for opening a 40-megapixel picture on a busy machine, beside the reading budget
# A file that had so much of its time on a core, and is not read, never will be; one that had less met a busy machine
# (or a clock that was put ahead: pebble goes by it), and is read another time.
OF_A_CORE = 0.9
PAGED = frozenset({KINDS["TIFF"], KINDS["PDF"]})
PAGES_IN_FULL = 8  # as many pages have the whole reading budget; those of a longer file share it
# Bytes of data a worker may hold. Some 40 MB of that are never touched, and code takes as much: under 400 MB in all.
# The largest photo of the dearest kind takes 345.
MEMORY = 384 * 1024**2
NARROWEST = 10  # pixels of a picture's shorter side; no engine finds a code in less, and scaling would leave nothing
NOTHING = Ascent((), (), ())
LARGE_BLOCK = 1024**2  # bytes from which memory goes back to the system as soon as it is let go
WORKER = "pebble_pool_worker"  # what pebble calls its processes
PHOTOS_A_WORKER = 2_000  # then it is replaced, so that a leak in a C library never adds up

_pool: ProcessPool | None = None
_pool_lock = threading.Lock()
_places = threading.BoundedSemaphore(CORES + WAITING)
_turns = threading.BoundedSemaphore(CORES)


def available_engines() -> dict[str, str | None]:
    """{engine: None if it can be used, else why not}."""
    return {module.NAME: module.unavailable() for module in (zxing, zbar, opencv)}


def available_formats() -> dict[str, str | None]:
    """{kind of file that needs a library of its own: None if it can be read, else why not}."""
    return {"pdf": pdf.unavailable()}


def read_file(data: bytes, *, seconds: float = 1.5) -> tuple[PhotoReading, ...]:
    """Every barcode in an uploaded photo or scan, page by page, within a reading budget of `seconds` a page.

    All pages of a file together have the budget of `PAGES_IN_FULL` pages: those of a longer file share it, and what one
    does not use goes to the next. Opening pages has `DECODE_SECONDS` in all; a file that is not read by the end of both
    is given up. Raises `TooLarge`, `Unsupported` or `Invalid` for what is no photo within the limits (as far as its
    first bytes tell, before any worker sees it), `Invalid` if reading crashed or is too much work, `Busy` if too many
    photos are waiting or the machine had no time for this one.
    """
    with reading(BytesIO(data), seconds=seconds) as pages:
        return pages


@contextmanager
def reading(file: BinaryIO, *, seconds: float) -> Iterator[tuple[PhotoReading, ...]]:
    """The pages of a seekable file, as `read_file` gives them, while it is its turn: as many blocks run at once as
    there are cores, so that as many uploads and their pages are in memory. Raises what `read_file` raises."""
    check_size(file.seek(0, SEEK_END))
    if not _places.acquire(blocking=False):
        raise Busy(N_("Too many photos are being read just now. Try again in a few seconds."))
    try:
        with _turns:
            file.seek(0)
            yield _read(file.read(), seconds)
    finally:
        _places.release()


def _read(data: bytes, seconds: float) -> tuple[PhotoReading, ...]:
    paged = check_header(data) in PAGED
    bound = PATIENCE * seconds * (PAGES_IN_FULL if paged else 1) + DECODE_SECONDS
    try:
        task = _workers().schedule(_read_or_die, args=(data, seconds, bound * OF_A_CORE), timeout=bound)
        outcome = task.result()
    except ProcessExpired as fault:
        raise _too_much_work() if fault.exitcode == -signal.SIGPROF else _unreadable(fault) from fault
    # An OSError: there is no room for another process, or none for its data. A RuntimeError: the pool broke, of itself;
    # the next photo finds another.
    except (FutureTimeout, OSError, RuntimeError) as fault:
        text = N_("The machine had no time to read this photo; nothing is wrong with it. Try again in a few seconds.")
        raise Busy(text, field="photo") from fault
    if isinstance(outcome, Failure):
        raise outcome
    return cast(tuple[PhotoReading, ...], outcome)


def _read_or_die(data: bytes, seconds: float, work: float) -> tuple[PhotoReading, ...] | Failure:
    """In a worker: what `read_here` gives; the process dies (SIGPROF) when it has worked so many seconds at it.

    Also within a C library, where nothing else could interrupt it.
    """
    signal.setitimer(signal.ITIMER_PROF, work)
    try:
        return read_here(data, seconds)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def read_here(data: bytes, seconds: float) -> tuple[PhotoReading, ...] | Failure:
    """Read a file in this process (the workers' task). Failures are given back: they keep their fields that way."""
    read: list[PhotoReading] = []
    started, left = time.monotonic(), seconds * PAGES_IN_FULL
    try:
        for picture in open_pictures(data):
            before = time.monotonic()
            budget = min(seconds, left / (picture.pages - len(read)))
            ascent = climb(picture.grey, seconds=budget) if min(picture.grey.shape) >= NARROWEST else NOTHING
            left -= time.monotonic() - before
            read.append(_as_reading(picture, ascent, (time.monotonic() - started) * 1000))
            started = time.monotonic()
    except Failure as failure:
        return _portable(failure)
    except Exception as fault:  # noqa: BLE001 - whatever a picture does to the reader is its own answer, told in the log
        if is_memory(fault):
            return too_much()
        traceback.print_exc()
        return _unreadable(fault)
    return tuple(read)


def _unreadable(fault: BaseException) -> Invalid:
    return Invalid(
        N_("The photo could not be read ({fault}). Take it again, closer and with more light."),
        field="photo",
        fault=type(fault).__name__,
    )


def _too_much_work() -> Invalid:
    return Invalid(
        N_("The photo takes too long to read. Take it again, of the code alone, or send fewer pages at once."),
        field="photo",
    )


def _as_reading(picture: Picture, ascent: Ascent, milliseconds: float) -> PhotoReading:
    return PhotoReading(
        readings=ascent.readings,
        doubtful=ascent.doubtful,
        page=picture.page,
        pages=picture.pages,
        width=picture.width,
        height=picture.height,
        media_type=picture.media_type,
        clean=picture.clean,
        clean_media_type=picture.clean_media_type,
        milliseconds=milliseconds,
    )


def _portable(failure: Failure) -> Failure:
    failure.__cause__ = failure.__context__ = None
    return failure


def _workers() -> ProcessPool:
    global _pool  # noqa: PLW0603 - one pool a process, made when the first photo comes
    with _pool_lock:
        if _pool is None or not _pool.active:
            os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when numpy is loaded: each thread would hold 100 MB of data
            _pool = ProcessPool(
                max_workers=CORES,
                max_tasks=PHOTOS_A_WORKER,
                initializer=_settle_in,
                initargs=(os.getpid(),),
                context=get_context("spawn"),
            )
            # Ctrl-C is the parent's to decide: workers inherit its blocking by way of the threads that start here, and
            # so are deaf to it from their first moment, before `_settle_in` has them ignore it.
            heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                _pool.active  # noqa: B018 - asking starts the pool
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, heard)
            # Not atexit: a server's forked worker ends without it, and would wait for these processes for ever.
            Finalize(None, close, exitpriority=100)
        return _pool


def close() -> None:
    """Stop the workers; the next photo starts new ones."""
    global _pool
    with _pool_lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.stop()
        for process in active_children():  # one that is still starting would miss what is taken away now, and tell it
            if process.name == WORKER:
                process.kill()
        pool.join(timeout=5)


def _settle_in(parent: int) -> None:
    """In a new worker: die with the parent, ignore Ctrl-C (the parent decides), hold a bounded amount of memory.

    One thread each: there are as many workers as cores, so a second thread only takes from the other photo.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    cv2.setNumThreads(1)
    if hasattr(libc, "mallopt"):  # glibc: else what pictures leave behind is kept in pieces, and counts as held
        libc.mallopt(-3, LARGE_BLOCK)  # M_MMAP_THRESHOLD
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
