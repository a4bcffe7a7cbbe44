"""Photos are read in worker processes that can be killed: a crash in a C library costs one answer, not the service.

At most as many photos are decoded at once as there are cores; a few wait, and beyond that people are told to try
again, because a queue that only grows answers nobody in time.
"""

import ctypes
import os
import resource
import signal
import threading
import time
from concurrent.futures import TimeoutError as FutureTimeout
from multiprocessing import get_context
from multiprocessing.util import Finalize
from typing import cast

from pebble import ProcessExpired, ProcessPool

from scanners import opencv, zbar, zxing
from scanners.intake import check_header, open_picture
from scanners.ladder import climb
from scanners.values import PhotoReading
from trace.domain.failures import N_, Busy, Failure, Invalid

CORES = os.cpu_count() or 1
WAITING = 4 * CORES
DECODE_SECONDS = 10.0  # for opening a 40-megapixel picture on a busy machine, beside the reading budget
MEMORY = 2 * 1024**3  # bytes of data a worker may hold: four times what the largest photo takes
PHOTOS_A_WORKER = 2_000  # then it is replaced, so that a leak in a C library never adds up

_pool: ProcessPool | None = None
_pool_lock = threading.Lock()
_places = threading.BoundedSemaphore(CORES + WAITING)


def available_engines() -> dict[str, str | None]:
    """{engine: None if it can be used, else why not}."""
    return {module.NAME: module.unavailable() for module in (zxing, zbar, opencv)}


def read_file(data: bytes, *, seconds: float = 1.5) -> tuple[PhotoReading, ...]:
    """Every barcode in an uploaded photo or scan, page by page, within a reading budget of `seconds` a page.

    Raises `TooLarge`, `Unsupported` or `Invalid` for what is no photo within the limits (from the header, before any
    worker sees it), `Invalid` if reading crashed or took too long, `Busy` if too many photos are waiting.
    """
    check_header(data)
    if not _places.acquire(blocking=False):
        raise Busy(N_("Too many photos are being read just now. Try again in a few seconds."))
    try:
        future = _workers().schedule(read_here, args=(data, seconds), timeout=seconds + DECODE_SECONDS)
        outcome = future.result()
    except (FutureTimeout, ProcessExpired, OSError) as fault:
        raise Invalid(
            N_("The photo could not be read ({fault}). Take it again, closer and with more light."),
            field="photo",
            fault=type(fault).__name__,
        ) from fault
    finally:
        _places.release()
    if isinstance(outcome, Failure):
        raise outcome
    return cast(tuple[PhotoReading, ...], outcome)


def read_here(data: bytes, seconds: float) -> tuple[PhotoReading, ...] | Failure:
    """Read a photo in this process (the workers' task). Failures are given back: they keep their fields that way."""
    started = time.monotonic()
    try:
        picture = open_picture(data)
    except Failure as failure:
        return _portable(failure)
    ascent = climb(picture.grey, seconds=seconds)
    reading = PhotoReading(
        readings=ascent.readings,
        doubtful=ascent.doubtful,
        page=1,
        pages=1,
        width=picture.width,
        height=picture.height,
        media_type=picture.media_type,
        clean=picture.clean,
        clean_media_type=picture.clean_media_type,
        milliseconds=(time.monotonic() - started) * 1000,
    )
    return (reading,)


def _portable(failure: Failure) -> Failure:
    failure.__cause__ = failure.__context__ = None
    return failure


def _workers() -> ProcessPool:
    global _pool  # noqa: PLW0603 - one pool a process, made when the first photo comes
    with _pool_lock:
        if _pool is None or not _pool.active:
            _pool = ProcessPool(
                max_workers=CORES,
                max_tasks=PHOTOS_A_WORKER,
                initializer=_settle_in,
                initargs=(os.getpid(),),
                context=get_context("spawn"),
            )
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
        pool.join(timeout=5)


def _settle_in(parent: int) -> None:
    """In a new worker: die with the parent, ignore Ctrl-C (the parent decides), hold a bounded amount of memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    libc = ctypes.CDLL(None)
    libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
