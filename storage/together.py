"""What PostgreSQL is told and nobody waits for goes with the next statement, in one round trip.

The BEGIN of a transaction, whose records it sees, and rows that are only added say nothing that anybody asks. Sent by
themselves they are as many ways to the server and back, which through a network take longer than what is done at their
end. So they wait until a statement comes, or the COMMIT, and go before it in libpq's pipeline mode: the server carries
all out in turn, and of one that fails nothing behind it, no COMMIT either. What one raises, the statement raises that
took it along. A transaction that asks nothing is never begun.

The driver's own pipeline waits after each statement that it is given for what may have come by then, which takes a
quarter more of the processor, and more where threads wait for each other: here all is sent, and then read.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from psycopg import Connection as PsycopgConnection
from psycopg import Cursor as PsycopgCursor
from psycopg import Error, ProgrammingError
from psycopg._preparing import Key, Prepare
from psycopg._queries import PostgresQuery
from psycopg.abc import Params, PQGen
from psycopg.errors import InFailedSqlTransaction
from psycopg.generators import fetch_many, send
from psycopg.pq import TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

Ahead = bytes | tuple[str, Sequence[Any]]  # a command without values, or a statement with them


class Connection(PsycopgConnection[Any]):
    """A connection whose next statement takes along what is to go `ahead` of it."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.ahead: list[Ahead] = []
        self.cursor_factory = Cursor

    def has_failed(self) -> bool:
        """Whether a statement of the transaction failed, so that nothing of it can be kept."""
        return bool(self.pgconn.transaction_status == TransactionStatus.INERROR)

    def is_over(self) -> bool:
        """Whether no transaction is open, and none begins with the next statement."""
        return not self.ahead and self.pgconn.transaction_status == TransactionStatus.IDLE

    def commit(self) -> None:
        """As psycopg's, and what was to go ahead is kept, too; without a statement nothing was begun.

        Whatever it raises, the transaction is over: the server passes by a COMMIT behind what failed. Raises
        `InFailedSqlTransaction` where a statement failed before it, of which the server says nothing at its COMMIT.
        """
        if self.has_failed():
            self.rollback()
            raise InFailedSqlTransaction("a statement failed, so that nothing of its transaction is kept")
        if not any(isinstance(one, tuple) for one in self.ahead):
            self.ahead.clear()
            self._end(super().commit)
            return
        try:
            self.execute("COMMIT", prepare=False)
        except BaseException:
            if not self.closed:
                self.rollback()
            raise

    def rollback(self) -> None:
        """As psycopg's, of what was to go ahead as well."""
        self.ahead.clear()
        self._end(super().rollback)

    def _end(self, end: Callable[[], None]) -> None:
        # Where nothing is open psycopg asks nothing either, but waits for that: it would pass for an answer.
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            end()

    def _start_query(self) -> PQGen[None]:
        """Where psycopg itself begins a transaction. What sends its statement in another way than `Cursor` does
        (COPY, a cursor of the server, one statement for many) has sent before it what is ahead, each by itself.

        Raises `ProgrammingError` outside a transaction: each would have ended before the statement, and a sight too."""
        yield from super()._start_query()
        ahead, self.ahead = self.ahead, []
        if ahead and self.pgconn.transaction_status == TransactionStatus.IDLE and not _begins(ahead[0]):
            raise ProgrammingError(
                "In a glance each statement is sent by itself, with values where it has a semicolon."
            )
        for one in ahead:
            if isinstance(one, tuple):
                yield from self.cursor()._execute_gen(*one)
            else:
                yield from self._exec_command(one)


class _Query(NamedTuple):
    """A statement that a cursor can send; `prepare` as psycopg has it."""

    cursor: "Cursor"
    query: PostgresQuery
    prepare: bool | None


class _Sent(NamedTuple):
    """A statement that was sent, under this name where it is prepared; `key` is that of one not met before."""

    cursor: "Cursor"
    prepare: Prepare
    name: bytes
    key: Key | None


class Cursor(PsycopgCursor[Any]):
    """A cursor of such a connection."""

    _conn: Connection

    def _execute_gen(
        self, query: Any, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> PQGen[None]:
        """As psycopg's; several statements in one text cannot go in a pipeline."""
        connection, ahead = self._conn, self._conn.ahead
        if not ahead or (not params and ";" in query) or binary is not None or connection._pipeline:
            yield from super()._execute_gen(query, params, prepare=prepare, binary=binary)
            return
        connection.ahead, queries = [], list[bytes | _Query]()
        try:
            for one in ahead:
                queries.append(one if isinstance(one, bytes) else (yield from Cursor(connection)._ready(*one)))
            queries.append((yield from self._ready(query, params, prepare)))
        except BaseException:
            connection.ahead = ahead  # nothing was sent
            raise
        yield from self._send_together(queries)
        yield from connection._prepared.maintain_gen(connection)

    def _ready(self, query: Any, params: Params | None, prepare: bool | None = None) -> PQGen[_Query]:
        yield from self._start_query(query)
        return _Query(self, self._convert_query(query, params), prepare)

    def _send_together(self, queries: Iterable[bytes | _Query]) -> PQGen[None]:
        """Send all, then read the answers; raises the first fault, which ended what came behind it."""
        server, prepared = self._pgconn, self._conn._prepared
        answers, done = list[PGresult](), list[tuple[_Sent, list[PGresult]]]()
        try:
            server.enter_pipeline_mode()
            sent = [_send(server, one) for one in queries]
            server.pipeline_sync()
            yield from send(server)
            for one in sent:
                if one is not None and one.prepare is Prepare.SHOULD:
                    answers += yield from fetch_many(server)
                results = yield from fetch_many(server)
                answers += results
                if one is not None:
                    done.append((one, results))
            yield from fetch_many(server)  # of the end
            server.exit_pipeline_mode()
        except BaseException:
            server.finish()  # nobody knows what would come next
            if answers:  # the server may have said why it ended the connection
                self._check_results(answers)
            raise
        try:
            self._check_results(answers)
        except Error:
            # What is noted as prepared may not be, and what is may be the fault: a plan for tables as they were.
            prepared.clear()
            if server.transaction_status == TransactionStatus.IDLE:  # else its ROLLBACK has the server forget them
                yield from prepared.maintain_gen(self._conn)
            raise
        for one, results in done:
            if one.key is not None:
                prepared.validate(one.key, one.prepare, one.name, results)
            one.cursor._set_results(results)


def _begins(one: Ahead) -> bool:
    return isinstance(one, bytes) and one.startswith(b"BEGIN")


def _send(server: PGconn, one: bytes | _Query) -> _Sent | None:
    if isinstance(one, bytes):
        server.send_query_params(one, None)
        return None
    cursor, query, prepare = one
    prepared = cursor._conn._prepared
    shall, name = prepared.get(query, prepare)
    # Noted before it is answered, as in psycopg's own pipeline: the same once more behind it is not prepared once more.
    key = prepared.maybe_add_to_cache(query, shall, name)
    if shall is Prepare.NO:
        cursor._execute_send(query, force_extended=True)
    else:
        if shall is Prepare.SHOULD:
            cursor._send_prepare(name, query)
        cursor._send_query_prepared(name, query)
    return _Sent(cursor, shall, name, key)
