"""What PostgreSQL is told and nobody waits for goes with the next statement, in one round trip.

The BEGIN of a transaction, whose records it sees, and rows that are only added say nothing that anybody asks. Sent by
themselves they are as many ways to the server and back, which through a network take longer than what is done at their
end. So they wait until a statement comes, or the COMMIT, and go before it in libpq's pipeline mode: the server carries
all out in turn, and of one that fails nothing behind it, no COMMIT either. What one raises, the statement raises that
took it along. A transaction that asks nothing is never begun.

The driver's own pipeline waits after each statement that it is given for what may have come by then, which takes a
quarter more of the processor, and more where threads wait for each other: here all is sent, and then read.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from psycopg import Connection as PsycopgConnection
from psycopg import Cursor as PsycopgCursor
from psycopg import ProgrammingError
from psycopg._preparing import Prepare
from psycopg.abc import Params, PQGen
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

Ahead = bytes | tuple[str, Sequence[Any]]  # a command without values, or a statement with them


class Connection(PsycopgConnection[Any]):
    """A connection whose next statement takes along what is to go `ahead` of it."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.ahead: list[Ahead] = []
        self.cursor_factory = Cursor

    def commit(self) -> None:
        """As psycopg's, and what was to go ahead is kept, too; without a statement nothing was begun.

        Whatever it raises, the transaction is over: the server passes by a COMMIT behind what failed.
        """
        if not any(isinstance(one, tuple) for one in self.ahead):
            self.ahead.clear()
            super().commit()
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
        super().rollback()

    def _start_query(self) -> PQGen[None]:
        """Where psycopg itself begins a transaction. What sends its statement in another way than `Cursor` does
        (COPY, a cursor of the server, one statement for many) has sent before it what is ahead, a trip for each.

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
    """A statement that is ready to be sent by a cursor: under this name, where it is or shall be prepared."""

    cursor: "Cursor"
    query: Any
    prepare: Prepare
    name: bytes


class Cursor(PsycopgCursor[Any]):
    """A cursor of such a connection."""

    _conn: Connection

    def _execute_gen(
        self, query: Any, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> PQGen[None]:
        """As psycopg's; several statements in one text cannot go in a pipeline."""
        connection = self._conn
        ahead, several = connection.ahead, not params and ";" in query
        if not ahead or several or binary is not None or connection._pipeline:
            yield from super()._execute_gen(query, params, prepare=prepare, binary=binary)
            return
        connection.ahead = []
        queries: list[bytes | _Query] = []
        try:
            for one in ahead:
                queries.append(one if isinstance(one, bytes) else (yield from Cursor(connection)._ready(*one)))
            queries.append((yield from self._ready(query, params, prepare)))
        except BaseException:
            connection.ahead = ahead  # nothing was sent
            raise
        yield from self._send_together(queries)
        self._last_query = query
        yield from connection._prepared.maintain_gen(connection)

    def _ready(self, query: Any, params: Params | None, prepare: bool | None = None) -> PQGen["_Query"]:
        yield from self._start_query(query)
        converted = self._convert_query(query, params)
        return _Query(self, converted, *self._get_prepared(converted, prepare))

    def _send_together(self, queries: Iterable[bytes | _Query]) -> PQGen[None]:
        """Send all, then read the answers; raises the first fault, which ended what came behind it."""
        server, answers = self._pgconn, []
        try:
            server.enter_pipeline_mode()
            for one in queries:
                server.send_query_params(one, None) if isinstance(one, bytes) else _send(one)
            server.pipeline_sync()
            yield from send(server)
            for one in queries:
                is_prepared = isinstance(one, bytes) or one.prepare is not Prepare.SHOULD
                prepared = None if is_prepared else (yield from fetch_many(server))
                answers.append((one, prepared, (yield from fetch_many(server))))
            yield from fetch_many(server)  # of the end
            server.exit_pipeline_mode()
        except BaseException:
            server.finish()  # nobody knows what would come next
            raise
        for one, prepared, results in answers:
            for result in (*(prepared or ()), *results):
                if result.status == ExecStatus.FATAL_ERROR:
                    raise error_from_result(result, encoding=server._encoding)
            if not isinstance(one, bytes):
                _take(one, results)


def _begins(one: Ahead) -> bool:
    return isinstance(one, bytes) and one.startswith(b"BEGIN")


def _send(one: _Query) -> None:
    cursor, query, prepare, name = one
    if prepare is Prepare.NO:
        cursor._execute_send(query, force_extended=True)
        return
    if prepare is Prepare.SHOULD:
        cursor._send_prepare(name, query)
    cursor._send_query_prepared(name, query)


def _take(one: _Query, results: list[PGresult]) -> None:
    """Note what was prepared, and give a cursor what its statement answered."""
    cursor, query, prepare, name = one
    known = cursor._conn._prepared
    key = known.maybe_add_to_cache(query, prepare, name)
    if key is not None:
        known.validate(key, prepare, name, results)
    cursor._check_results(results)
    cursor._set_results(results)
