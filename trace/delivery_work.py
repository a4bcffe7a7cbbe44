"""The worker's part of subscriptions: one round read, sent, and written down (`trace.services.rounds`)."""

from http import HTTPStatus

import structlog

from storage import jobs
from storage.jobs import Job
from trace.domain.failures import N_, Failure
from trace.services.job_failing import OURS
from trace.services.rounds import LEASE, MOST_EVENTS, Round, end_round, fail_round, read_round
from trace.services.webhooks import Undelivered, deliver, parse_destination
from trace.workplace import Workplace

log = structlog.get_logger()


def deliver_round(at: Workplace, taken: Job) -> None:
    """Send what is new for a subscription; what fails is told at it, and tried again."""
    try:
        _carry_out(at, taken)
    except Failure as failure:
        _fail(at, taken, failure)
    except Exception:
        _fail(at, taken, Failure(OURS))
        raise


def _carry_out(at: Workplace, taken: Job) -> None:
    most = MOST_EVENTS
    while True:
        with at.store.reading() as session:
            found = read_round(session, taken, most=most)
        if found is None:  # its subscription is gone, and should have taken the job along
            at.store.write(jobs.finish, taken)
            return
        status = _send(at, found) if found.due else None
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(found.documents) > 1:
            most = len(found.documents) // 2  # "asks the server to send EPCIS events in smaller batches"
            continue
        if status is not None and not 200 <= status < 300:
            raise Undelivered(N_("The receiver answered {status}."), status=status)
        kept = at.store.write(end_round, found, sent=status is not None, now=at.now(), zone=at.zone)
        if status is not None:
            log.info("delivered", subscription=found.subscription.public_id, events=len(found.documents), kept=kept)
        return


def _send(at: Workplace, found: Round) -> int:
    """The receiver's status. The lease is renewed first: reading may have taken its time."""
    if not at.keep(found.job, LEASE):
        raise Undelivered(N_("Another worker took over."))
    row, now = found.subscription, at.now()
    destination = parse_destination(row.dest, private=at.private)
    return deliver(destination, found.body(now), token=row.signature_token, private=at.private, now=now)


def _fail(at: Workplace, taken: Job, failure: Failure) -> None:
    kept = at.store.write(fail_round, taken, failure, now=at.now(), jitter=at.jitter())
    log.warning("undelivered", job=taken.subject, kind=type(failure).__name__, attempt=taken.attempts + 1, kept=kept)
