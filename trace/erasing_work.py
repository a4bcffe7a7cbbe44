"""The worker's part of retention: pictures of prescriptions whose time is over are erased, key by key (R15)."""

import uuid
from collections.abc import Callable
from datetime import datetime, tzinfo

import structlog

from storage.store import Store
from trace.services.prescription_images import erase_one, erasing_waits

log = structlog.get_logger()


def work_on_erasing(kept: Store, *, now: Callable[[], datetime], zone: tzinfo) -> bool:
    """Erase the picture that has waited longest; False if there is none."""
    moment = now().astimezone(zone)
    with kept.reading() as session:
        if not erasing_waits(session, now=moment):
            return False
    done = kept.write(erase_one, now=moment, lease=str(uuid.uuid4()))
    if done:
        log.info("erased", what="prescription image")
    return done
