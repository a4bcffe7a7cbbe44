"""The worker's part of exports: making the night's files, sending them, asking whether they are held.

No transaction is open while something is sent. A crash at any moment leaves the job's lease to run out; a file whose
answer was lost is asked for before it is sent again (`trace.services.export_sending`).
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from storage import jobs
from storage.again import is_out_of_reach
from storage.jobs import Job
from trace.domain.exports import Outcome, State, Verdict
from trace.domain.failures import N_, Failure
from trace.services.export_files import ASK, BUILD, Made, make_files
from trace.services.export_sending import (
    ANSWER_BYTES,
    LEASE,
    Errand,
    Pace,
    begin_sending,
    end_round,
    end_sending,
    go_on,
    next_to_ask,
    next_to_send,
    note_answer,
    note_asked,
    note_failure,
    note_held,
    note_sent,
    pace_of,
    try_again,
)
from trace.services.exports import export_seal
from trace.services.job_failing import OURS, retry_or_bury
from trace.services.sealing import Seal
from trace.services.webhooks import Answer, Sending, Undelivered, exchange, parse_destination
from trace.workplace import LeaseLost, Workplace

NOT_TAKEN = N_("The other side takes nothing at this moment.")
log = structlog.get_logger()


def take_step(at: Workplace, taken: Job) -> None:
    """Make a target's files, send one, or ask for one."""
    with at.store.reading() as session:
        pace = pace_of(session, taken.subject, now=at.local(), kind=taken.kind)
    try:
        _Step(at, export_seal(at.secret_key)).take(taken, pace)
    except LeaseLost:
        raise
    except Exception as fault:
        if pace is not None:
            again = _try_again_soon if is_out_of_reach(fault) else try_again
            at.store.write(again, taken, pace, Failure(OURS), now=at.now())
        raise


@dataclass(frozen=True, slots=True)
class _Step:
    """A step of the work on exports, with the seal of their secrets."""

    at: Workplace
    seal: Seal

    def take(self, taken: Job, pace: Pace | None) -> None:
        """Take it, whichever it is."""
        if pace is None:
            self.at.store.write(jobs.finish, taken)
        elif taken.kind == BUILD:
            made = self.at.store.write(_make, taken, pace, now=self.at.local())
            log.info("exports_made", target=taken.subject, files=made.files, records=made.records)
        elif taken.kind == ASK:
            self._ask(taken, pace)
        else:
            self._send(taken, pace)

    # ---- sending ---------------------------------------------------------------------------------------------------

    def _send(self, taken: Job, pace: Pace) -> None:
        try:
            with self.at.store.reading() as session:
                errand = next_to_send(session, taken.subject, seal=self.seal, now=self.at.local())
        except Failure as failure:  # a secret that does not open: nothing goes out until it is entered anew
            self.at.store.write(_wait_for_tonight, taken, pace, failure, now=self.at.now())
            return
        if errand is None:
            self.at.store.write(end_sending, taken, now=self.at.now())
            return
        self.at.store.write(_begin_sending, taken, errand, now=self.at.now())
        try:
            state, locked = self._hand_over(errand)
        except Failure as failure:  # the network's, or an address that is no longer allowed
            self.at.store.write(_note_undelivered, taken, pace, errand, failure, now=self.at.now())
            log.warning("export_undelivered", target=taken.subject, file=errand.file.public_id)
            return
        log.info("export_answered", target=taken.subject, file=errand.file.public_id, state=state)
        if state is State.QUEUED and not locked:
            self.at.store.write(try_again, taken, pace, Failure(NOT_TAKEN), now=self.at.now())
        else:
            now = self.at.now()
            self.at.store.write(go_on, taken, due_at=pace.tonight if locked else now + pace.between, now=now)

    def _hand_over(self, errand: Errand) -> tuple[State, bool]:
        """Ask first where an earlier attempt may have arrived, then send: the state, and whether we are not let in."""
        if errand.file.attempts:
            state, outcome = self._ask_for(errand)
            if state is not State.QUEUED or outcome in (Outcome.AGAIN, Outcome.LOCKED):
                return state, outcome is Outcome.LOCKED
        answer = self._exchange(errand, errand.adapter.send(errand.letter, self.at.local()))
        verdict = errand.adapter.read(answer.status, answer.body)
        state = self.at.store.write(_note_sent, errand, answer, verdict, now=self.at.now())
        return state, verdict.outcome is Outcome.LOCKED

    def _ask_for(self, errand: Errand) -> tuple[State, Outcome]:
        """The state of a file after asking for it, and what the answer meant: unknown where there is none to ask."""
        destination = parse_destination(errand.address, private=self.at.private)
        question = errand.adapter.ask(errand.letter, destination, self.at.local())
        if question is None:
            return State(errand.file.state), Outcome.UNKNOWN
        answer = self._exchange(errand, question)
        verdict = errand.adapter.read_held(answer.status, answer.body, errand.letter.bill)
        return self.at.store.write(_note_held, errand, answer, verdict, now=self.at.now()), verdict.outcome

    def _exchange(self, errand: Errand, sending: Sending) -> Answer:
        destination = parse_destination(errand.address, private=self.at.private)
        return exchange(destination, sending, private=self.at.private, most=ANSWER_BYTES)

    # ---- asking ----------------------------------------------------------------------------------------------------

    def _ask(self, taken: Job, pace: Pace) -> None:
        """Ask for one file, and go on with the next in a moment: not faster than the other side takes calls."""
        try:
            with self.at.store.reading() as session:
                errand = next_to_ask(session, taken.subject, seal=self.seal, now=self.at.local())
            if errand is not None:
                self._ask_for(errand)
        except Undelivered as failure:
            self.at.store.write(try_again, taken, pace, failure, now=self.at.now())
            return
        except Failure as failure:
            now = self.at.now()
            self.at.store.write(retry_or_bury, taken, failure, due_at=pace.tonight, now=now)
            return
        if errand is None:
            self.at.store.write(_end_round, taken, pace, now=self.at.now())
        else:
            now = self.at.now()
            self.at.store.write(_note_asked, taken, errand, due_at=now + pace.between, now=now)


# ---- what is kept of a step, each in one transaction ---------------------------------------------------------------


def _make(session: Session, taken: Job, pace: Pace, *, now: datetime) -> Made:
    made = make_files(session, taken.subject, now=now)
    if not go_on(session, taken, due_at=pace.tonight, now=now):
        raise LeaseLost
    return made


def _try_again_soon(session: Session, taken: Job, pace: Pace, failure: Failure, *, now: datetime) -> None:
    """When the database is there again, which no night is waited for."""
    retry_or_bury(session, taken, failure, due_at=now + pace.pause, now=now)


def _begin_sending(session: Session, taken: Job, errand: Errand, *, now: datetime) -> None:
    if not begin_sending(session, taken, errand, until=now + LEASE, now=now):
        raise LeaseLost


def _wait_for_tonight(session: Session, taken: Job, pace: Pace, failure: Failure, *, now: datetime) -> None:
    note_failure(session, taken.subject, str(failure))
    retry_or_bury(session, taken, failure, due_at=pace.tonight, now=now)


def _note_undelivered(
    session: Session, taken: Job, pace: Pace, errand: Errand, failure: Failure, *, now: datetime
) -> None:
    note_answer(session, errand, str(failure), now=now)
    note_failure(session, taken.subject, str(failure))
    try_again(session, taken, pace, failure, now=now)


def _note_sent(session: Session, errand: Errand, answer: Answer, verdict: Verdict, *, now: datetime) -> State:
    note_answer(session, errand, answer, now=now)
    return note_sent(session, errand, verdict, now=now)


def _note_held(session: Session, errand: Errand, answer: Answer, verdict: Verdict, *, now: datetime) -> State:
    note_answer(session, errand, answer, now=now)
    return note_held(session, errand, verdict, now=now)


def _note_asked(session: Session, taken: Job, errand: Errand, *, due_at: datetime, now: datetime) -> None:
    note_asked(session, taken.subject, errand.file.id)
    if not go_on(session, taken, due_at=due_at, now=now):  # another one's round is somewhere else
        raise LeaseLost


def _end_round(session: Session, taken: Job, pace: Pace, *, now: datetime) -> None:
    if not end_round(session, taken, pace, now=now):
        raise LeaseLost
