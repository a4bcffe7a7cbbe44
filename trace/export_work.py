"""The worker's part of exports: making the night's files, sending them, asking whether they are held.

No transaction is open while something is sent. A crash at any moment leaves the job's lease to run out; a file whose
answer was lost is asked for before it is sent again (`trace.services.export_sending`).
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import structlog
from sqlalchemy.orm import Session

from storage import jobs
from storage.jobs import Job
from storage.store import Store
from trace.domain.exports import Outcome, State, Verdict
from trace.domain.failures import Failure
from trace.services.export_files import ASK, BUILD, Made, make_files
from trace.services.export_sending import (
    ANSWER_BYTES,
    Errand,
    Pace,
    begin_sending,
    end_round,
    end_sending,
    export_waits,
    go_on,
    next_to_ask,
    next_to_send,
    note_answer,
    note_asked,
    note_failure,
    note_held,
    note_sent,
    pace_of,
    take_export,
    try_again,
)
from trace.services.sealing import Seal
from trace.services.webhooks import Answer, Sending, Undelivered, exchange, parse_destination

LEASE = timedelta(minutes=5)  # longer than a question and a sending take
log = structlog.get_logger()


class LeaseLost(Exception):
    """Another worker took over; what this one did is rolled back."""


@dataclass(frozen=True, slots=True)
class ExportWork:
    """What is needed to work on exports: the store, the clock of the pharmacies, the seal, who may be spoken to."""

    store: Store
    now: Callable[[], datetime]
    zone: tzinfo
    seal: Seal
    private: bool

    def work_once(self) -> bool:
        """Take one step of the work that has waited longest; False if none waits."""
        with self.store.reading() as session:
            if not export_waits(session, now=self.now()):
                return False
        now = self.now()
        taken = self.store.write(take_export, now=now, lease=str(uuid.uuid4()), until=now + LEASE)
        if taken is None:
            return False
        with self.store.reading() as session:
            pace = pace_of(session, taken.subject, now=self._local(), kind=taken.kind)
        try:
            self._step(taken, pace)
        except LeaseLost:
            log.warning("export_lost", target=taken.subject)
        except Exception:
            if pace is not None:
                self.store.write(try_again, taken, pace, now=self.now(), said="")
            raise
        return True

    def _local(self) -> datetime:
        return self.now().astimezone(self.zone)

    def _step(self, taken: Job, pace: Pace | None) -> None:
        if pace is None:
            self.store.write(jobs.finish, taken)
        elif taken.kind == BUILD:
            made = self.store.write(_make, taken, pace, now=self._local())
            log.info("exports_made", target=taken.subject, files=made.files, records=made.records)
        elif taken.kind == ASK:
            self._ask(taken, pace)
        else:
            self._send(taken, pace)

    # ---- sending ---------------------------------------------------------------------------------------------------

    def _send(self, taken: Job, pace: Pace) -> None:
        try:
            with self.store.reading() as session:
                errand = next_to_send(session, taken.subject, seal=self.seal, now=self._local())
        except Failure as failure:  # a secret that does not open: nothing goes out until it is entered anew
            self.store.write(_wait_for_tonight, taken, pace, said=str(failure))
            return
        if errand is None:
            self.store.write(end_sending, taken, now=self.now())
            return
        self.store.write(_begin_sending, taken, errand, until=self.now() + LEASE)
        try:
            state, locked = self._hand_over(errand)
        except Failure as failure:  # the network's, or an address that is no longer allowed
            said = str(failure)
            self.store.write(_note_undelivered, taken, pace, errand, said=said, now=self.now())
            log.warning("export_undelivered", target=taken.subject, file=errand.file.public_id)
            return
        log.info("export_answered", target=taken.subject, file=errand.file.public_id, state=state)
        if state is State.QUEUED and not locked:
            self.store.write(try_again, taken, pace, now=self.now(), said="")
        else:
            self.store.write(go_on, taken, due_at=pace.tonight if locked else self.now() + pace.between)

    def _hand_over(self, errand: Errand) -> tuple[State, bool]:
        """Ask first where an earlier attempt may have arrived, then send: the state, and whether we are not let in."""
        if errand.file.attempts:
            state, outcome = self._ask_for(errand)
            if state is not State.QUEUED or outcome in (Outcome.AGAIN, Outcome.LOCKED):
                return state, outcome is Outcome.LOCKED
        answer = self._exchange(errand, errand.adapter.send(errand.letter, self._local()))
        verdict = errand.adapter.read(answer.status, answer.body)
        state = self.store.write(_note_sent, errand, answer, verdict, now=self.now())
        return state, verdict.outcome is Outcome.LOCKED

    def _ask_for(self, errand: Errand) -> tuple[State, Outcome]:
        """The state of a file after asking for it, and what the answer meant: unknown where there is none to ask."""
        destination = parse_destination(errand.address, private=self.private)
        question = errand.adapter.ask(errand.letter, destination, self._local())
        if question is None:
            return State(errand.file.state), Outcome.UNKNOWN
        answer = self._exchange(errand, question)
        verdict = errand.adapter.read_held(answer.status, answer.body, errand.letter.bill)
        return self.store.write(_note_held, errand, answer, verdict, now=self.now()), verdict.outcome

    def _exchange(self, errand: Errand, sending: Sending) -> Answer:
        destination = parse_destination(errand.address, private=self.private)
        return exchange(destination, sending, private=self.private, most=ANSWER_BYTES)

    # ---- asking ----------------------------------------------------------------------------------------------------

    def _ask(self, taken: Job, pace: Pace) -> None:
        """Ask for one file, and go on with the next in a moment: not faster than the other side takes calls."""
        try:
            with self.store.reading() as session:
                errand = next_to_ask(session, taken.subject, seal=self.seal, now=self._local())
            if errand is not None:
                self._ask_for(errand)
        except Undelivered as failure:
            self.store.write(try_again, taken, pace, now=self.now(), said=str(failure))
            return
        except Failure:
            self.store.write(go_on, taken, due_at=pace.tonight)
            return
        if errand is None:
            self.store.write(end_round, taken, pace, now=self.now())
        else:
            self.store.write(_note_asked, taken, errand, due_at=self.now() + pace.between)


# ---- what is kept of a step, each in one transaction ---------------------------------------------------------------


def _make(session: Session, taken: Job, pace: Pace, *, now: datetime) -> Made:
    made = make_files(session, taken.subject, now=now)
    if not go_on(session, taken, due_at=pace.tonight):
        raise LeaseLost
    return made


def _begin_sending(session: Session, taken: Job, errand: Errand, *, until: datetime) -> None:
    if not begin_sending(session, taken, errand, until=until):
        raise LeaseLost


def _wait_for_tonight(session: Session, taken: Job, pace: Pace, *, said: str) -> None:
    note_failure(session, taken.subject, said)
    go_on(session, taken, due_at=pace.tonight)


def _note_undelivered(session: Session, taken: Job, pace: Pace, errand: Errand, *, said: str, now: datetime) -> None:
    note_answer(session, errand, said, now=now)
    note_failure(session, taken.subject, said)
    try_again(session, taken, pace, now=now, said=said)


def _note_sent(session: Session, errand: Errand, answer: Answer, verdict: Verdict, *, now: datetime) -> State:
    note_answer(session, errand, answer, now=now)
    return note_sent(session, errand, verdict, now=now)


def _note_held(session: Session, errand: Errand, answer: Answer, verdict: Verdict, *, now: datetime) -> State:
    note_answer(session, errand, answer, now=now)
    return note_held(session, errand, verdict, now=now)


def _note_asked(session: Session, taken: Job, errand: Errand, *, due_at: datetime) -> None:
    note_asked(session, taken.subject, errand.file.id)
    go_on(session, taken, due_at=due_at)
