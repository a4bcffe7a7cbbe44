"""The worker's part of photos and papers: locks that the law asks for, what nobody needs, what waits in the spool.

Each object is judged in a short reading transaction; the object store is spoken to while none is open.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby
from operator import itemgetter

import structlog

from storage.jobs import Job
from storage.objects import NoLock, ObjectStore, spool_of
from trace.domain.failures import Failure, NotFound
from trace.services.object_keeping import (
    LEASE,
    Verdict,
    forget,
    judge_due,
    keeping_on,
    note_missing,
    note_verdict,
    rows_after,
)
from trace.workplace import LeaseLost, Workplace

PAGE = 1_000  # names compared between two renewals of the lease
SPOOLED = timedelta(hours=1)  # after which an object that waits in the spool is looked at again
log = structlog.get_logger()


def keep_objects(at: Workplace, taken: Job) -> None:
    """Look at every object whose time has come: lock it, remove it, or see that the store has it.

    What the store cannot be asked at the moment is asked when the job is tried again: the first that is not answered
    ends this one, nothing is written down of it.
    """
    while at.objects is not None:
        with at.store.reading() as session:
            verdicts = judge_due(session, now=at.local())
        if not verdicts:
            return
        for verdict in verdicts:
            _carry_out(at, at.objects, verdict)
        if not at.keep(taken, LEASE):
            raise LeaseLost


def _carry_out(at: Workplace, objects: ObjectStore, verdict: Verdict) -> None:
    if verdict.spent:
        if at.store.write(forget, verdict.sha256, now=at.local()):
            _remove(at, objects, verdict.sha256)
        return
    spool = spool_of(objects)
    if spool is not None and spool.spool.has(verdict.sha256):  # it is locked when it has come to its store
        verdict, missing = replace(verdict, until=None, look_again_at=at.now() + SPOOLED), False
    else:
        missing = not _lock(objects, verdict)
    if missing:
        log.error("object_missing", sha256=verdict.sha256)
    at.store.write(note_verdict, verdict, missing=missing, now=at.local())


def _lock(objects: ObjectStore, verdict: Verdict) -> bool:
    """Lock an object where a record asks for it; whether it is there."""
    if verdict.until is None:
        return objects.has(verdict.sha256)
    try:
        objects.lock(verdict.sha256, verdict.until)
    except NoLock as failure:  # our own rows keep us from removing it; ./run doctor tells of the bucket
        log.warning("object_not_locked", sha256=verdict.sha256, kind=type(failure).__name__)
    except NotFound:
        return False
    return True


def _remove(at: Workplace, objects: ObjectStore, sha256: str) -> None:
    with at.store.reading() as session:
        grace = keeping_on(session, at.local().date()).grace
    if objects.remove(sha256, now=at.now(), grace=grace):
        log.info("object_removed", sha256=sha256)


def sweep_objects(at: Workplace, taken: Job) -> None:
    """Compare the store with the database, name by name: bytes that no row knows are removed after the grace, unless
    they are locked; rows whose bytes are not there are told.

    A crash between storing a photo and recording it leaves such bytes, a disk that lost something such rows.
    """
    if at.objects is None:
        return
    with at.store.reading() as session:
        grace = keeping_on(session, at.local().date()).grace
    begun = at.now()
    at.objects.tidy(before=begun - grace)
    stored = ((one.sha256, one.stored_at, True) for one in at.objects.listed())
    for number, (name, found) in enumerate(groupby(merge(stored, _rows(at)), key=itemgetter(0)), start=1):
        places = {in_store: moment for _, moment, in_store in found}
        if False not in places and places[True] < begun - grace:
            _remove(at, at.objects, name)
        # What was stored before the listing began and is not in it, nor in the spool or the old place, is lost.
        if True not in places and places[False] < begun and not at.objects.has(name):
            log.error("object_missing", sha256=name)
            at.store.write(note_missing, name, now=at.now())
        if number % PAGE == 0 and not at.keep(taken, LEASE):
            raise LeaseLost


def _rows(at: Workplace) -> Iterator[tuple[str, datetime, bool]]:
    """(name, when it was stored, False) of every object that the database knows, in the order of the names."""
    after = ""
    while True:
        with at.store.reading() as session:
            page = rows_after(session, after, most=PAGE)
        for name, stored_at in page:
            yield name, stored_at, False
        if len(page) < PAGE:
            return
        after = page[-1][0]


def move_spooled(objects: ObjectStore | None) -> int:
    """Bring what waits on this machine to its store, until nothing waits or the store does not answer; how many came.

    No job tells of it: another machine does not see this one's disk. So each worker looks for itself.
    """
    spool, moved = (None if objects is None else spool_of(objects)), 0
    try:
        while spool is not None and spool.move():
            moved += 1
    except (Failure, OSError) as fault:
        log.warning("objects_wait", kind=type(fault).__name__)
    if moved:
        log.info("objects_moved", objects=moved)
    return moved
