"""No statement of a session on PostgreSQL is carried out outside of its transaction, and so without its sight."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from psycopg.errors import ProgrammingError
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from storage.sending import send, send_along
from storage.store import Store
from storage.tables import ident
from storage.tenancy import across_organisations, server_of, sight_of
from tests.conftest import Databases, make_database

ADD = insert(ident).values(uri="a", kind=1)
ADD_ALONG = ("INSERT INTO ident (uri, kind) VALUES (%s, %s)", ("a", 1))
SEES = text("SELECT current_setting('sunshine.sees')")


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """A store on a fresh database of PostgreSQL's, seen as organisation 7."""
    with databases.opened(make_database(databases, "postgresql")) as opened:
        yield opened.seeing(sight_of(7))


def count(store: Store) -> int:
    """How many things there are."""
    with store.reading() as session:
        return int(session.scalar(text("SELECT count(*) FROM ident")) or 0)


def cannot_begin(session: Session) -> None:
    """Have the transaction's BEGIN fail, and pass over that."""
    server_of(session.connection()).ahead[0] = b"BEGIN TO BEGIN"
    with pytest.raises(DBAPIError):
        session.execute(text("SELECT 1"))


def cannot_begin_with_many(session: Session) -> None:
    """Likewise, with what the driver sends in another way."""
    server_of(session.connection()).ahead[0] = b"BEGIN TO BEGIN"
    with pytest.raises(DBAPIError):
        session.connection().exec_driver_sql("SELECT %s::int", [(1,), (2,)])


def end(session: Session) -> None:
    """End the transaction behind the session's back."""
    session.execute(text("SELECT 1"))
    session.execute(text("ROLLBACK"))


@pytest.mark.parametrize("ends", [cannot_begin, cannot_begin_with_many, end])
@pytest.mark.parametrize(
    "act", [lambda session: session.execute(ADD), lambda session: send(session, *ADD_ALONG)], ids=["execute", "send"]
)
def test_what_comes_behind_the_end_of_its_transaction_is_refused(
    store: Store, ends: Callable[[Session], None], act: Callable[[Session], object]
) -> None:
    with store.writing() as session:
        ends(session)
        with pytest.raises((ProgrammingError, DBAPIError), match="is over"):
            act(session)
        with pytest.raises(ProgrammingError, match="is over"):
            send_along(session, *ADD_ALONG)
        session.rollback()
        act(session)
        send_along(session, ADD_ALONG[0], ("b", 1))
    assert count(store) == 2


def test_what_failed_and_was_passed_over_is_told_at_the_end(store: Store) -> None:
    with pytest.raises(DBAPIError, match="nothing of its transaction is kept"), store.writing() as session:
        session.execute(ADD)
        with pytest.raises(DBAPIError):
            session.execute(text("SELECT nothing_of_the_kind"))
    assert count(store) == 0


def test_a_sight_that_was_told_behind_a_savepoint_is_told_again_where_that_is_rolled_back(store: Store) -> None:
    seen = list[str | None]()
    with store.reading() as session:
        with suppress(ZeroDivisionError), session.begin_nested():
            seen.append(session.scalar(SEES))
            with across_organisations(session, because="a test"):
                seen.append(session.scalar(SEES))
                assert 1 / 0
        with across_organisations(session, because="a test"):
            seen.append(session.scalar(SEES))
    assert seen == ["7", "all", "all"]


def test_what_was_to_go_along_behind_a_savepoint_that_is_rolled_back_is_never_sent(store: Store) -> None:
    with store.writing() as session:
        send_along(session, *ADD_ALONG)
        with pytest.raises(KeyError), session.begin_nested():
            send_along(session, "SELECT 1 / %s::int", (0,))
            raise KeyError
    assert count(store) == 1


def test_what_is_refused_before_it_asked_anything_since_a_commit_is_told_as_ever(store: Store) -> None:
    with pytest.raises(KeyError), store.writing() as session:
        session.execute(ADD)
        session.commit()
        session.begin()
        raise KeyError
    assert count(store) == 1


def test_a_statement_that_stands_alone_stands_in_no_transaction_and_sees_nothing(store: Store) -> None:
    with store.reading() as session:
        assert session.scalar(SEES) == "7"
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ident"))
        assert connection.scalar(SEES) == ""
