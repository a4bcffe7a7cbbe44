"""What PostgreSQL is told and nobody waits for goes with the next statement, in one round trip.

The BEGIN of a transaction, whose records it sees, and rows that are only added say nothing that anybody asks. Sent by
themselves they are as many ways to the server and back, which through a network take longer than what is done at their
end. So they wait until a statement comes, or the COMMIT, and go before it in libpq's pipeline mode: the server carries
all out in turn, and of one that fails nothing behind it, no COMMIT either. What one raises, the statement raises that
took it along. A transaction that asks nothing is never begun.
"""

from collections.abc import Sequence
from typing import Any, Self

from psycopg import Connection as PsycopgConnection
from psycopg import Cursor as PsycopgCursor
from psycopg import Error
from psycopg.abc import Params, PQGen

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
        except Error:
            if not self.closed:
                self.rollback()
            raise

    def rollback(self) -> None:
        """As psycopg's, of what was to go ahead as well."""
        self.ahead.clear()
        super().rollback()

    def _start_query(self) -> PQGen[None]:
        """Where psycopg itself begins a transaction, however a statement is sent: outside a pipeline it is a round trip
        for each command."""
        yield from super()._start_query()
        ahead, self.ahead = self.ahead, []
        for one in ahead:
            if isinstance(one, tuple):
                yield from self.cursor()._execute_gen(*one)
            elif self._pipeline:  # its own queue would be a packet for each
                self.pgconn.send_query_params(one, None)
                self._pipeline.result_queue.append(None)
            else:
                yield from self._exec_command(one)


class Cursor(PsycopgCursor[Any]):
    """A cursor of such a connection."""

    def execute(self, query: Any, params: Params | None = None, **how: Any) -> Self:
        """As psycopg's; several statements in one text cannot go in a pipeline."""
        if not self.connection.ahead or (not params and ";" in query):  # type: ignore[attr-defined]
            return super().execute(query, params, **how)
        with self.connection.pipeline():
            return super().execute(query, params, **how)
