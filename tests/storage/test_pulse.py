"""A server that says nothing is given up, one that is busy or refuses is not."""

import itertools
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg.errors import ConnectionTimeout, OperationalError
from sqlalchemy import text

from storage import open_store, pulse
from storage.pulse import Pulse
from tests.conftest import Databases, make_database


@pytest.fixture
def mute() -> Iterator[dict[str, object]]:
    """The address of a server that lets everybody in and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield {"host": "127.0.0.1", "port": listener.getsockname()[1], "connect_timeout": 2}


def test_statement_that_takes_long_is_waited_for(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SILENCE", 0.05)
    store = open_store(make_database(databases, "postgresql"))
    with store.reading() as session:
        assert session.scalar(text("SELECT 7 FROM pg_sleep(0.5)")) == 7
    store.close()


@pytest.mark.parametrize("ahead", [[], [b"BEGIN"]])
def test_statement_that_takes_long_to_be_sent_is_waited_for(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, ahead: list[bytes]
) -> None:
    monkeypatch.setattr(pulse, "SILENCE", 0.01)
    with closing(Pulse().connect(conninfo=make_database(databases, "postgresql"), autocommit=True)) as connection:
        connection.ahead += ahead
        assert connection.execute("SELECT length(%s)", ("x" * 20_000_000,)).fetchone() == (20_000_000,)


def test_of_a_server_that_says_nothing_one_waits_and_the_others_are_told_at_once(mute: dict[str, object]) -> None:
    felt = Pulse()
    with pytest.raises(ConnectionTimeout):
        felt.connect(**mute)
    with felt._asking, pytest.raises(OperationalError, match="says nothing"):
        felt.connect(**mute)
    assert not felt.beats(), "and who waits for an answer is told what was found"


def test_server_that_lets_nobody_in_and_answers_others_is_busy(mute: dict[str, object]) -> None:
    felt = Pulse()
    felt.hear()
    with pytest.raises(ConnectionTimeout):
        felt.connect(**mute)
    assert felt.beats()


def test_server_that_answers_somebody_is_silent_to_nobody(mute: dict[str, object]) -> None:
    felt = Pulse()
    with pytest.raises(ConnectionTimeout):
        felt.connect(**mute)
    assert felt.is_silent
    felt.hear()
    assert not felt.is_silent


def test_server_that_refuses_says_something(mute: dict[str, object]) -> None:
    felt = Pulse(itertools.count(step=2).__next__)
    with pytest.raises(ConnectionTimeout):
        felt.connect(**mute)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = listener.getsockname()[1]
    with pytest.raises(OperationalError, match="refused"):
        felt.connect(**mute | {"port": nobody})
    assert felt.beats()


def test_server_that_was_asked_nothing_has_said_nothing(databases: Databases) -> None:
    url = make_database(databases, "postgresql")
    store = open_store(url, url)
    assert store.replica is not None
    with store.replica.engine.connect() as connection:
        kept = connection.connection.dbapi_connection
        assert isinstance(kept, pulse.Connection)
    kept.pulse.heard = 0.0
    with store.replica.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        assert connection.connection.dbapi_connection is kept
        assert kept.pulse.heard == 0, "each look that begins would have the others wait on"
    assert kept.pulse.heard == 0, "nor does it ask anything as it ends"
    with store.replica.engine.connect() as connection, connection.begin():
        pass
    assert kept.pulse.heard == 0
    with store.replica.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        assert kept.pulse.heard > 0
    store.close()
