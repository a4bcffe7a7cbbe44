"""Whose records a transaction sees: the second line behind every WHERE (row-level security of PostgreSQL).

Every session is opened with a `Sight`: one organisation's, everybody's, or nothing. The statement that begins the
transaction tells it to the database, for that transaction only, so that no pooled connection carries it on; the policies
(`storage.row_security`) compare it with each row. Without a sight nothing is visible and nothing can be written. Where a
service lawfully looks or writes across organisations it says so, and why, in the narrowest place:
`across_organisations`. SQLite has no such policies: there the WHERE is the only line.

It guards against a WHERE that was forgotten, not against whoever can make the service send statements of their own.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

P = ParamSpec("P")
T = TypeVar("T")
SETTING = "sunshine.sees"  # of PostgreSQL: a number, "all", or empty
OPTION = "sunshine_sight"  # of an engine: the sight that its transactions begin with
_TELL = f"SELECT set_config('{SETTING}', %s, true)"
_SIGHT = "sight"  # in Session.info
_WANTED, _TOLD = "sight wanted", "sight told"  # in Connection.info


@dataclass(frozen=True, slots=True)
class Sight:
    """What a transaction may see and write: `text` is what the database is told."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no sight: the text stands in a statement as it is."""
        if not re.fullmatch("all|[0-9]*", self.text):
            raise ValueError("a sight is an organisation's number, all, or nothing")


NOTHING = Sight("")
EVERYTHING = Sight("all")  # workers, the command line, inspectors by their mandate


def sight_of(organisation: int) -> Sight:
    """The records of one organisation (`organisation.id`), and what everybody shares."""
    return Sight(str(organisation))


class SeeingSession(Session):
    """A session that tells the database whose records it may see."""

    def __init__(self, bind: Engine, sight: Sight, **more: Any):
        super().__init__(bind.execution_options(**{OPTION: sight}), **more)
        self.info[_SIGHT] = sight


@event.listens_for(SeeingSession, "after_begin")
def _want_at_begin(session: Session, _transaction: Any, connection: Connection) -> None:
    connection.info[_WANTED] = session.info[_SIGHT].text


@contextmanager
def across_organisations(session: Session, *, because: str) -> Iterator[None]:
    """See and write everybody's records within the block.

    `because` is for who reads the code: which law, or which purpose, needs other organisations' records here. The
    database is told before the next statement, so a block that asks nothing costs nothing.
    """
    if not because:
        raise ValueError("say why")
    before = session.info.get(_SIGHT, NOTHING)
    if before == EVERYTHING:
        yield
        return
    _change(session, EVERYTHING)
    try:
        yield
    finally:
        _change(session, before)


def across(*, because: str) -> Callable[[Callable[Concatenate[Session, P], T]], Callable[Concatenate[Session, P], T]]:
    """Mark a function, whose first argument is the session, that looks or writes across organisations throughout."""

    def mark(act: Callable[Concatenate[Session, P], T]) -> Callable[Concatenate[Session, P], T]:
        @wraps(act)
        def marked(session: Session, *args: P.args, **kwargs: P.kwargs) -> T:
            with across_organisations(session, because=because):
                return act(session, *args, **kwargs)

        return marked

    return mark


def see_as(session: Session, sight: Sight) -> None:
    """From here on see what `sight` sees: who it is for has just been found out. Who sees everything goes on so."""
    if session.info.get(_SIGHT, NOTHING) != EVERYTHING:
        _change(session, sight)


def _change(session: Session, sight: Sight) -> None:
    session.info[_SIGHT] = sight
    if session.in_transaction():
        session.connection().info[_WANTED] = sight.text


# ---- towards the database -------------------------------------------------------------------------------------------


def begin_with_sight(connection: Connection, begin: str) -> None:
    """Begin a transaction of PostgreSQL and tell it the sight of its engine, in one round trip."""
    sight: Sight = connection.get_execution_options().get(OPTION, NOTHING)
    connection.info[_WANTED] = connection.info[_TOLD] = sight.text
    # Two statements at once, so without parameters; `Sight` holds digits or a word of ours.
    command = f"{begin}; SET LOCAL {SETTING} = '{sight.text}'"
    connection.exec_driver_sql(command, execution_options={"no_parameters": True})


def tell_sight(connection: Connection) -> None:
    """Tell PostgreSQL a sight that changed within the transaction; before every statement, mostly nothing to do."""
    wanted = connection.info.get(_WANTED)
    if wanted != connection.info.get(_TOLD):
        connection.info[_TOLD] = wanted
        connection.exec_driver_sql(_TELL, (wanted,))


def forget_told(connection: Connection, *_more: Any) -> None:
    """A savepoint is rolled back, and what PostgreSQL was told since with it: it is told anew."""
    connection.info[_TOLD] = None
