"""A read replica: another PostgreSQL server that follows the primary and answers looks in its place.

It is always a little behind. How far is told by positions in the primary's log (PostgreSQL's LSN, here whole numbers of
bytes): who changed something is told the position after it, brings it along, and is answered by the replica when that
has come so far. Everybody else's changes are seen after three seconds at most. Where the replica is gone, or too far
behind, the primary answers, as if there were no replica.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError, TimeoutError

from storage.pulse import SILENCE, Pulse

PATIENCE = 0.2  # seconds for which a look waits until the replica has come to its position
POLL = 0.004  # seconds between two questions how far it has come
SAMPLED = 1.0  # seconds after which the primary is asked anew how far it is
REST = 5.0  # seconds for which nobody asks a replica that is gone
CATCHING_UP = 1.0  # seconds for which nobody asks a replica that is behind

OK, BEHIND, GONE, STRANGE = "ok", "behind", "gone", "strange"
FAILED = "failed"  # a look that the replica began and could not finish
OUT_OF_TIME = "57014"  # PostgreSQL's query_canceled: longer than `storage.store.Store.within` allows
_REACHED = "position reached"  # in Connection.info: this server had come so far, and does not go back
# What COMMIT waited for is on the disk; where it does not wait, what is only in memory counts, too. The position up to
# which is written, not the one where the next entry begins: that may lie behind a page's head, where a replica of a
# primary at rest never comes.
_POSITION = """
SELECT CASE current_setting('synchronous_commit')
       WHEN 'off' THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn"""
_REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() - '0/0'::pg_lsn END"
_IDENTITY = "SELECT system_identifier::text, current_database()::text FROM pg_control_system()"
log = structlog.get_logger()


class ReplicaLeft(Exception):
    """The replica does not answer this look, the primary has to; `why` is behind, gone, strange or failed."""

    def __init__(self, why: str):
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Seen:
    """How far the primary was, and when that was asked (seconds of the replica's clock)."""

    position: int
    at: float


class Question:
    """How far is the primary: measured by the time that passes for who waits, whatever clock looks go by."""

    def __init__(self) -> None:
        self.since, self.is_over, self.is_answered = time.monotonic(), threading.Event(), False

    def left(self) -> float:
        """Seconds for which it is still waited for."""
        return max(0.0, self.since + SILENCE - time.monotonic())


class Replica:
    """The replica of a primary, and what is known of both. Safe for many threads.

    `engine` and `primary` connect to the two servers, `pulse` is the primary's; `state` is what the last look found:
    ok, behind, gone or strange.
    """

    def __init__(
        self,
        engine: Engine,
        primary: Engine,
        pulse: Pulse,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ):
        self.engine, self.primary, self.pulse, self.state = engine, primary, pulse, OK
        self._clock, self._pause = clock, pause
        self._until = float("-inf")  # nobody asks before
        self._seen = (Seen(0, float("-inf")),) * 2
        self._asking, self._changing = threading.Lock(), threading.Lock()
        self._question = Question()
        self._question.is_over.set()  # nobody is asking the primary
        self._unanswered = float("-inf")  # since when the primary should have answered, by time.monotonic
        self._identity: tuple[str, str] | None = None

    @contextmanager
    def caught_up(self, wanted: int | None) -> Iterator[Connection]:
        """A connection to the replica, which has come to the position `wanted` (None: to where the primary is now).

        Who wants no position of their own is not kept waiting by a primary that does not answer. Raises `ReplicaLeft`,
        also where the block cannot finish what it began on the replica: the primary can.
        """
        self._check_rest()
        try:
            needed = self._needed(wanted)
        except SQLAlchemyError as fault:  # of the primary
            raise ReplicaLeft(FAILED) from fault
        try:
            with self._connected() as connection:
                self._wait(connection, needed)
                yield connection
        except DataError:  # what was asked is wrong, wherever it is asked
            raise
        except (DBAPIError, TimeoutError) as fault:
            if getattr(getattr(fault, "orig", None), "sqlstate", None) == OUT_OF_TIME:  # dear for the primary, too
                raise
            if isinstance(fault, DBAPIError) and fault.connection_invalidated:
                self._rest(GONE, REST)
            log.warning("replica_failed", kind=type(getattr(fault, "orig", fault)).__name__)
            raise ReplicaLeft(FAILED) from fault

    def position(self) -> int:
        """How far the primary is: whatever was committed before is in front of it. Raises DBAPIError."""
        with self.primary.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return int(connection.exec_driver_sql(_POSITION).scalar_one())

    def find_position(self) -> int | None:
        """How far the primary is; None where it does not tell."""
        try:
            return self.position()
        except SQLAlchemyError:
            return None

    def lag(self) -> int:
        """By how many bytes of the log the replica is behind now; raises `ReplicaLeft` where nobody can say."""
        with self._connected() as connection:
            return max(0, self.position() - _replayed(connection))

    def is_primary_silent(self) -> bool:
        """Whether the primary does not answer, as far as is known: found out within `SILENCE`, at once later on.

        One that is busy, and says late how far it is, is not: it answers late.
        """
        with suppress(ReplicaLeft):
            self._floor()
        return self._is_silent()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()
        self.primary.dispose()

    def _check_rest(self) -> None:
        """Raise `ReplicaLeft` while the replica is left alone; then one asks, and the others wait for what it finds."""
        with self._changing:
            if self._clock() < self._until:
                raise ReplicaLeft(self.state)
            if self.state != OK:
                self._until = self._clock() + REST

    def _rest(self, state: str, seconds: float) -> None:
        with self._changing:
            changed, self.state, self._until = self.state != state, state, self._clock() + seconds
        if changed:
            log.warning("replica_left", why=state)

    def _back(self) -> None:
        if self.state != OK:
            with self._changing:
                self.state, self._until = OK, float("-inf")
            log.info("replica_back")

    def _needed(self, wanted: int | None) -> int:
        """Up to where a look must see. A position that the primary has not come to is none of its: made up, or from
        before it was restored to an earlier state. Nothing would ever come to it; then it is where the primary is now.
        """
        floor = self._floor()
        if wanted is None:
            if self._is_silent():
                raise ReplicaLeft(FAILED)
            return max(floor, self.position())
        if wanted > self._seen[1].position and not self._is_silent():
            wanted = min(wanted, self.position())
        return max(floor, wanted)

    def _floor(self) -> int:
        """What every look must see: where the primary was one to three seconds ago.

        A primary that does not answer acknowledges nothing either: then it is what it was. It is asked by a thread of
        its own, because a machine that vanished keeps whoever asks it waiting for many seconds. Raises `ReplicaLeft`
        where it answers, and takes too long to say this.
        """
        if self._clock() - self._seen[1].at >= SAMPLED:
            question = self._ask()
            if not self._is_silent() and not question.is_over.wait(question.left()):
                self._leave_unanswered(question)
            if not self._is_silent() and not question.is_answered:
                raise ReplicaLeft(FAILED)
        return self._seen[0].position

    def _ask(self) -> Question:
        """Ask the primary how far it is, unless that is being asked."""
        with self._asking:
            if self._question.is_over.is_set() and self._clock() - self._seen[1].at >= SAMPLED:
                question = Question()
                threading.Thread(target=self._sample, args=(question,), daemon=True).start()
                self._question = question  # of a thread that could not begin nobody waits for an answer, now or later
            return self._question

    def _sample(self, question: Question) -> None:
        now, older = self._clock(), self._seen[1]
        try:
            fresh = Seen(self.position(), now)
        except SQLAlchemyError:
            self._leave_unanswered(question)
        else:
            self._seen = (older if now - older.at < 2 * SAMPLED else fresh), fresh
            question.is_answered = True
        finally:
            question.is_over.set()

    def _is_silent(self) -> bool:
        """Whether the primary refused to say how far it is, or did not in time, and said nothing else meanwhile; or who
        waited for something else found that it says nothing.
        """
        return self.pulse.is_silent or self._unanswered > self.pulse.heard

    def _leave_unanswered(self, question: Question) -> None:
        since = time.monotonic() - (0.0 if question.left() else SILENCE)  # who refuses at once is gone, not busy
        was_silent, self._unanswered = self._is_silent(), since
        if not was_silent and self._is_silent():
            log.warning("primary_silent")

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection on which every statement is its own transaction, to a replica of our primary."""
        try:
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except (DBAPIError, TimeoutError):
            self._rest(GONE, REST)
            raise ReplicaLeft(GONE) from None
        with connection:
            if _REACHED not in connection.info and not self._is_ours(connection):
                connection.invalidate()
                self._rest(STRANGE, REST)
                raise ReplicaLeft(STRANGE)
            yield connection

    def _is_ours(self, connection: Connection) -> bool:
        """Whether a server is a copy of our primary: another one's positions, and records, mean nothing here."""
        if self._identity is None:
            with self.primary.connect().execution_options(isolation_level="AUTOCOMMIT") as there:
                self._identity = _identity(there)
        return _identity(connection) == self._identity and _replayed(connection) >= 0

    def _wait(self, connection: Connection, needed: int) -> None:
        """Return when the server has come to a position; raises `ReplicaLeft` when it takes too long."""
        reached, end = connection.info[_REACHED], self._clock() + PATIENCE
        while reached < needed:
            reached = _replayed(connection)
            if reached < 0:
                self._rest(STRANGE, REST)
                raise ReplicaLeft(STRANGE)
            if reached < needed and self._clock() >= end:
                if reached < self._seen[0].position:  # for everybody, not only for who changed something just now
                    self._rest(BEHIND, CATCHING_UP)
                raise ReplicaLeft(BEHIND)
            if reached < needed:
                self._pause(POLL)
        self._back()


def _identity(connection: Connection) -> tuple[str, str]:
    row = connection.exec_driver_sql(_IDENTITY).one()
    return row[0], row[1]


def _replayed(connection: Connection) -> int:
    """How far a replica has come, -1 for a server that is none (any more)."""
    found = connection.exec_driver_sql(_REPLAYED).scalar_one()
    reached = -1 if found is None else int(found)
    connection.info[_REACHED] = reached
    return reached
