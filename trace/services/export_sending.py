"""Sending the files of a target, one after the other, and asking afterwards whether they are held.

Steps for `trace.export_work`, each in a transaction of its own and none while something is sent. A file is queued until
somebody answered, and `attempts` is counted before it is sent: so a file with attempts and without an answer may have
arrived, and is asked for before it is sent again. Every answer is kept, whoever holds the lease by then: it was given.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage import jobs
from storage.jobs import Job
from storage.tables import export_answer, export_file, export_target
from trace.domain.exports import Kind, Outcome, State, Verdict, next_at
from trace.domain.failures import Failure
from trace.domain.rules.book import Rules
from trace.services.export_adapters import ADAPTERS, LOCATION, Adapter, Letter, kept_text
from trace.services.export_files import ASK, SEND, lock_target, put_step
from trace.services.exports import LOST, NOT_HELD, about_target
from trace.services.job_failing import retry_or_bury
from trace.services.rulebook import rules_on
from trace.services.sealing import Seal
from trace.services.webhooks import Answer

LEASE = timedelta(minutes=5)  # longer than a question and a sending take
ANSWER_BYTES = 1_000_000  # of an answer are read and kept
_ASKED = "asked"  # in `export_target.reached`: up to which file this round has asked
_STILL_WORKING = 10  # pauses between two looks at what they are still working on


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and for how long: by the rule book (`export.retry`, `export.reach`), and when the night's work is due.

    `asked_since`: what was sent before is not asked about any more.
    """

    times: int
    pause: timedelta
    between: timedelta
    tonight: datetime
    asked_since: datetime


@dataclass(frozen=True, slots=True)
class Errand:
    """A file to send or to ask about, with all that is needed to do it without the store."""

    file: Row[*tuple[Any, ...]]
    address: str
    adapter: Adapter
    letter: Letter
    already: tuple[str, ...]
    lost_times: int


def pace_of(session: Session, target: int, *, now: datetime, kind: str) -> Pace | None:
    """The pace for a target; None if there is no such target any more."""
    row = session.execute(select(export_target.c.organisation).where(export_target.c.id == target)).one_or_none()
    if row is None:
        return None
    rules = rules_on(session, now.date(), row.organisation)
    retry, nightly = rules.value("export.retry"), rules.value("export.nightly")
    clock = nightly["reconcile" if kind == ASK else "build"]
    return Pace(
        retry["times"],
        timedelta(seconds=retry["pause_seconds"]),
        timedelta(seconds=1) / retry["calls_a_second"],
        next_at(now, clock),
        _asked_since(rules, now),
    )


def _asked_since(rules: Rules, now: datetime) -> datetime:
    return now - timedelta(days=rules.value("export.reach")["reconcile_days"])


def next_to_send(session: Session, target: int, *, seal: Seal, now: datetime) -> Errand | None:
    """The file that has waited longest for its answer; None where nothing is to be sent.

    Raises `Unopened` where the target's secret cannot be opened any more.
    """
    waits = (export_file.c.target == target) & (export_file.c.state == State.QUEUED)
    row = session.execute(select(export_file).where(waits).order_by(export_file.c.id).limit(1)).one_or_none()
    return _errand(session, row, seal=seal, now=now)


def next_to_ask(session: Session, target: int, *, seal: Seal, now: datetime) -> Errand | None:
    """The next file of this round that was taken and is not reconciled; None where the round has ended."""
    owner = session.execute(select(export_target).where(export_target.c.id == target)).one_or_none()
    if owner is None:
        return None
    rules = rules_on(session, now.date(), owner.organisation)
    query = (
        select(export_file)
        .where(
            export_file.c.target == target,
            export_file.c.state.in_((State.SENT, State.CONFIRMED)),
            export_file.c.id > owner.reached.get(_ASKED, 0),
            export_file.c.sent_at >= _asked_since(rules, now),
        )
        .order_by(export_file.c.id)
        .limit(1)
    )
    return _errand(session, session.execute(query).one_or_none(), seal=seal, now=now)


def _errand(session: Session, row: Row[*tuple[Any, ...]] | None, *, seal: Seal, now: datetime) -> Errand | None:
    if row is None:
        return None
    target = session.execute(select(export_target).where(export_target.c.id == row.target)).one()
    if not target.enabled or not target.address:
        return None
    rules = rules_on(session, now.date(), target.organisation)
    secret = seal.open(target.secret, about=about_target(target.public_id)).decode() if target.secret else ""
    last = (
        select(export_answer.c.body)
        .where(export_answer.c.export_file == row.id, export_answer.c.status.is_not(None))
        .order_by(export_answer.c.id.desc())
    )
    # The place to ask at was named when the file was taken, and is not repeated by the answers since.
    named = session.scalars(last.where(export_answer.c.body.startswith(LOCATION)).limit(1)).first() or ""
    letter = Letter(
        row.bill, bytes(row.content), row.media_type, row.created_at, target.account, secret,
        rules.value("export.methods"), named,
    )  # fmt: skip
    words = tuple(rules.value("export.answers")["already"])
    lost_times = rules.value("export.retry")["lost_times"]
    return Errand(row, target.address, ADAPTERS[Kind(target.kind)], letter, words, lost_times)


def begin_sending(session: Session, taken: Job, errand: Errand, *, until: datetime, now: datetime) -> bool:
    """Count the attempt and keep the lease; False, to be rolled back, where another worker took over."""
    mine = (export_file.c.id == errand.file.id) & (export_file.c.state == State.QUEUED)
    session.execute(update(export_file).where(mine).values(attempts=export_file.c.attempts + 1))
    return jobs.extend(session, taken, until=until, now=now)


def note_answer(session: Session, errand: Errand, answer: Answer | str, *, now: datetime) -> None:
    """Keep what was said, or, where nobody answered, why."""
    status, body = (None, answer) if isinstance(answer, str) else (answer.status, kept_text(answer))
    session.execute(insert(export_answer).values(export_file=errand.file.id, answered_at=now, status=status, body=body))


def note_sent(session: Session, errand: Errand, verdict: Verdict, *, now: datetime) -> State:
    """The state of a file after the answer to it. The update is guarded by the state it had.

    "We have this bill already" is no refusal where an earlier attempt may have arrived, or did and was not found when
    one asked for it; at the first one it is.
    """
    held = any(word.casefold() in verdict.message.casefold() for word in errand.already)
    if verdict.outcome is Outcome.REFUSED and held and (errand.file.attempts or errand.file.sent_at is not None):
        verdict = Verdict(Outcome.CONFIRMED, verdict.code, verdict.message)
    said = " ".join(part for part in (verdict.code, verdict.message) if part)
    states: dict[Outcome, tuple[State, dict[str, Any]]] = {
        Outcome.CONFIRMED: (State.CONFIRMED, {"sent_at": now, "settled_at": now, "last_error": None}),
        Outcome.TAKEN: (State.SENT, {"sent_at": now, "last_error": None}),
        Outcome.REFUSED: (State.REFUSED, {"sent_at": now, "settled_at": now, "last_error": said}),
    }
    state, values = states.get(verdict.outcome, (State.QUEUED, {"last_error": said}))
    _change(session, errand, state, values)
    if state is State.SENT:
        jobs.drop(session, kind=ASK, subject=errand.file.target)
        put_step(session, errand.file, ASK, due_at=now + timedelta(seconds=30), now=now)
    return state


def note_held(session: Session, errand: Errand, verdict: Verdict, *, now: datetime) -> State:
    """The state of a file after one asked for it: held is reconciled, missing is queued again, a few times.

    `export.retry` says how often: what the other side takes every day and loses every night is a person's to ask about.
    """
    was = State(errand.file.state)
    said = " ".join(part for part in (verdict.code, verdict.message) if part)
    state = was
    values: dict[str, Any] = {}
    if verdict.outcome is Outcome.CONFIRMED:
        state = State.CONFIRMED if was is State.QUEUED else State.RECONCILED
        values = {"settled_at": now, "last_error": None} | ({"sent_at": now} if was is State.QUEUED else {})
    elif verdict.outcome is Outcome.TAKEN and was is State.QUEUED:
        state, values = State.SENT, {"sent_at": now, "last_error": None}
    elif verdict.outcome is Outcome.REFUSED:
        state, values = State.REFUSED, {"settled_at": now, "last_error": said}
    elif verdict.outcome is Outcome.MISSING and was is not State.QUEUED:
        lost = errand.file.lost + 1
        if lost >= errand.lost_times:
            state, values = State.REFUSED, {"settled_at": now, "last_error": LOST}
        else:
            state, values = State.QUEUED, {"attempts": 0, "settled_at": None, "last_error": NOT_HELD}
            put_step(session, errand.file, SEND, due_at=now, now=now)
        values["lost"] = lost
    if values:
        _change(session, errand, state, values)
    return state


def _change(session: Session, errand: Errand, state: State, values: dict[str, Any]) -> None:
    same = (export_file.c.id == errand.file.id) & (export_file.c.state == errand.file.state)
    session.execute(update(export_file).where(same).values(state=state, **values))


def note_failure(session: Session, target: int, said: str) -> None:
    """Show at the file in front why nothing is sent, where it is not the other side that said so."""
    waits = (export_file.c.target == target) & (export_file.c.state == State.QUEUED)
    first = select(export_file.c.id).where(waits).order_by(export_file.c.id).limit(1).scalar_subquery()
    session.execute(update(export_file).where(export_file.c.id == first).values(last_error=said))


def go_on(session: Session, taken: Job, *, due_at: datetime, now: datetime) -> bool:
    """Go on with the same work at a time."""
    return jobs.reschedule(session, taken, due_at=due_at, now=now)


def try_again(session: Session, taken: Job, pace: Pace, failure: Failure, *, now: datetime) -> bool:
    """After a failure of the network: in a moment, and after so many times in a row tonight.

    Never again by itself once the patience of the rule book is over.
    """
    tonight = taken.attempts % (pace.times + 1) == pace.times
    due_at = pace.tonight if tonight else now + pace.pause
    return retry_or_bury(session, taken, failure, due_at=due_at, now=now)


def leave_until_tonight(session: Session, target: int, kind: str, *, now: datetime) -> None:
    """Somebody gave a step up: it is due again at its time of the day, as if nothing had failed."""
    pace = pace_of(session, target, now=now, kind=kind)
    jobs.drop(session, kind=kind, subject=target)
    row = session.execute(select(export_target).where(export_target.c.id == target)).one_or_none()
    if pace is not None and row is not None:
        jobs.put(session, kind=kind, subject=target, due_at=pace.tonight, now=now, organisation=row.organisation)


def end_sending(session: Session, taken: Job, *, now: datetime) -> bool:
    """Nothing is to be sent any more, or, where a maker was quicker, something is again.

    The target's lock lines up with `make_files`: its files are seen here, or it finds the job gone and puts it anew.
    """
    row = lock_target(session, taken.subject)
    waits = (export_file.c.target == taken.subject) & (export_file.c.state == State.QUEUED)
    more = session.execute(select(export_file.c.id).where(waits).limit(1)).one_or_none()
    if row is not None and row.enabled and row.address and more is not None:
        return jobs.reschedule(session, taken, due_at=now, now=now)
    return jobs.finish(session, taken)


def note_asked(session: Session, target: int, file: int | None) -> None:
    """Remember how far this round of questions is; None: it has ended. The target's lock keeps makers out."""
    row = lock_target(session, target)
    if row is not None:
        reached = {name: value for name, value in row.reached.items() if name != _ASKED}
        reached |= {} if file is None else {_ASKED: file}
        session.execute(update(export_target).where(export_target.c.id == target).values(reached=reached))


def end_round(session: Session, taken: Job, pace: Pace, *, now: datetime) -> bool:
    """This round of questions has ended: the next is tonight, or soon where they are still working on something.

    What they never ended within the days that one asks is a person's to settle.
    """
    note_asked(session, taken.subject, None)
    working = select(export_file.c.id).where(
        export_file.c.target == taken.subject,
        export_file.c.state == State.SENT,
        export_file.c.sent_at >= pace.asked_since,
    )
    still = session.execute(working.limit(1)).one_or_none() is not None
    soon = now + _STILL_WORKING * pace.pause
    due_at = min(soon, pace.tonight) if still else pace.tonight
    return jobs.reschedule(session, taken, due_at=due_at, now=now)
