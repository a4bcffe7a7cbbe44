"""The worker's part of retention: pictures of prescriptions whose time is over are erased, key by key (R15)."""

import structlog
from sqlalchemy.orm import Session

from storage.jobs import Job
from trace.services.prescription_images import erase
from trace.workplace import LeaseLost, Workplace

log = structlog.get_logger()


def erase_picture(at: Workplace, taken: Job) -> None:
    """Erase a picture whose time is over; one whose time was extended meanwhile waits again."""
    if at.store.write(_erase, taken, at):
        log.info("erased", what="prescription image")


def _erase(session: Session, taken: Job, at: Workplace) -> bool:
    """Whether it was erased, in one transaction with the end of the job."""
    erased = erase(session, taken, now=at.local())
    if erased is None:
        raise LeaseLost
    return erased
