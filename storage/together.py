"""What PostgreSQL is told and nobody waits for goes with the next statement, in one round trip.

The BEGIN of a transaction and whose records it sees say nothing that anybody asks. Sent by themselves they are as many
ways to the server and back, which through a network take longer than what is done at their end. So they wait until a
statement comes, and go before it in libpq's pipeline mode: the server carries all out in turn, and of one that fails
nothing behind it. A transaction that asks nothing is never begun.
"""

from typing import Any, Self

from psycopg import Connection as PsycopgConnection
from psycopg import Cursor as PsycopgCursor
from psycopg.abc import Params, PQGen


class Connection(PsycopgConnection[Any]):
    """A connection whose next statement takes along what is to go `ahead` of it: commands without values, which change
    how the server goes on and answer nothing."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.ahead: list[bytes] = []
        self.cursor_factory = Cursor

    def commit(self) -> None:
        """As psycopg's; nothing is ahead of what never came."""
        self.ahead.clear()
        super().commit()

    def rollback(self) -> None:
        """Likewise."""
        self.ahead.clear()
        super().rollback()

    def _start_query(self) -> PQGen[None]:
        """Where psycopg itself begins a transaction, however a statement is sent: outside a pipeline it is a round trip
        for each command."""
        yield from super()._start_query()
        ahead, self.ahead = self.ahead, []
        for command in ahead:
            if self._pipeline:  # its own queue would be a packet for each
                self.pgconn.send_query_params(command, None)
                self._pipeline.result_queue.append(None)
            else:
                yield from self._exec_command(command)


class Cursor(PsycopgCursor[Any]):
    """A cursor of such a connection."""

    def execute(self, query: Any, params: Params | None = None, **how: Any) -> Self:
        """As psycopg's; several statements in one text cannot go in a pipeline."""
        if not self.connection.ahead or (not params and ";" in query):  # type: ignore[attr-defined]
            return super().execute(query, params, **how)
        with self.connection.pipeline():
            return super().execute(query, params, **how)
