"""A server that is told to stop finishes what it began, and takes nothing new: a real process over a real store."""

import json
import signal
import socket
import sqlite3
from pathlib import Path
from typing import Any

import psutil

import storage
from tests.servers import wait_for_port
from tests.test_cli import serving
from tests.town import Town
from tests.web.epcis.conftest import document, event
from trace import clock
from trace.cli import STOP_SECONDS
from trace.domain.permissions import Role
from trace.services.keys import issue_key


def key_for(data: Path) -> str:
    """A key of a shop in a new store in the data folder."""
    url = f"sqlite:///{data / 'sunshine.db'}"
    storage.prepare(url)
    store = storage.open_store(url)
    shop = Town(store, clock.now()).organisation()
    key = store.write(issue_key, role=Role.CLERK, organisation_id=shop.organisation, now=clock.now(), label="stopping")
    store.close()
    return key


def begin_capture(port: int, key: str, body: bytes) -> socket.socket:
    """A capture whose view is reading the body: the server says so (RFC 9110, 10.1.1), and we send half."""
    there = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = (
        "POST /epcis/v2/capture HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        "Expect: 100-continue",
        f"Content-Length: {len(body)}",
    )
    there.sendall("\r\n".join((*head, "", "")).encode())
    assert there.recv(100).startswith(b"HTTP/1.1 100 ")
    there.sendall(body[: len(body) // 2])
    return there


def wait_until_refused(port: int) -> None:
    """Return when nobody listens on the port any more."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return


def test_what_was_begun_is_finished_and_kept_and_nothing_new_is_taken(tmp_path: Path) -> None:
    key, bodies = key_for(tmp_path), [json.dumps(document(event())).encode() for _ in range(2)]
    with serving(tmp_path, SUNSHINE_DEMO="0") as (process, port):
        wait_for_port(port)
        begun = [begin_capture(port, key, body) for body in bodies]
        # Somebody else writes: both captures are slow, because SQLite has one writer.
        other = sqlite3.connect(tmp_path / "sunshine.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        process.send_signal(signal.SIGTERM)
        wait_until_refused(port)
        for there, body in zip(begun, bodies, strict=True):
            there.sendall(body[len(body) // 2 :])
        assert process.poll() is None, "it waits for what it began"
        other.execute("COMMIT")
        for there in begun:
            with there, there.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 202 Accepted\r\n"
        assert process.wait(timeout=60) == 0
        assert other.execute("SELECT count(*) FROM event").fetchone() == (2,)
        other.close()


def test_server_that_is_told_to_stop_while_it_starts_stops(tmp_path: Path) -> None:
    key_for(tmp_path)
    with serving(tmp_path, SUNSHINE_DEMO="0") as (process, _):
        server = psutil.Process(process.pid)
        while not any("sqlalchemy" in region.path for child in server.children() for region in maps_of(child)):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=STOP_SECONDS / 2) == 0


def maps_of(process: psutil.Process) -> list[Any]:
    """The files that a process has loaded; none of one that has only just begun, or has ended."""
    try:
        return list(process.memory_maps())
    except psutil.Error:
        return []
