"""The benchmark that kills the server: one round over a real server, and what its checks find in a damaged store."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import Connection, delete, insert, null, select, update
from sqlalchemy.orm import Session

import storage
from benchmarks import crash
from benchmarks.crash_checks import check_objects, check_store
from storage.store import Store
from storage.tables import (
    client_request,
    dispensing_head,
    event,
    event_document,
    event_item,
    event_key,
    object_owner,
    receipt_line,
    stock,
)
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store, dict[str, Any]]:
    """(data folder, store, figures) of a server that was killed once."""
    data = tmp_path_factory.mktemp("crash")
    url = f"sqlite:///{data / 'sunshine.db'}"
    figures = crash.measure(url, data, 1, answers=(25, 25))
    return data, storage.open_store(url), figures


def test_what_a_killed_server_acknowledged_is_there_once(after: tuple[Path, Store, dict[str, Any]]) -> None:
    _, _, figures = after
    assert figures["faults"] == []
    assert set(crash.COUNTED) <= figures.keys(), "a figure that is 0 is told, too"
    assert (figures["rounds"], figures["stopped with status"]) == (1, 0)
    assert figures["acknowledged"] >= 25
    assert figures["acknowledged"] + figures["not acknowledged"] == figures["requests"]["all"]
    assert figures["events at the end"] > figures["events captured"] > 0 < figures["packs sold"]
    assert crash.lines({"sqlite": figures})[-1] == "  0 faults"


def store_again(connection: Connection) -> None:
    """Event 1 once more, with a key of its own in another stage."""
    there = dict(connection.execute(select(event).where(event.c.id == 1)).mappings().one())
    connection.execute(insert(event).values(there | {"id": 999_999}))
    key = {"id_key": there["id_key"], "declarer": there["declarer"], "event": 999_999}
    [stage] = connection.scalars(select(event_key.c.stage).where(event_key.c.event == 1))
    connection.execute(insert(event_key).values(key | {"stage": 0 if stage else 1}))


DAMAGE: dict[str, Callable[[Connection], Any]] = {
    "events without a document": lambda c: c.execute(delete(event_document).where(event_document.c.event == 1)),
    "events whose key does not stand once": store_again,
    "events without a key": lambda c: c.execute(delete(event_key).where(event_key.c.event == 1)),
    "keys of no event": lambda c: c.execute(insert(event_key).values(stage=0, id_key=1, declarer=0, event=999_999)),
    "things of no event": lambda c: c.execute(insert(event_item).values(item=1, time=1, event=999_999, line=1, role=1)),
    "receipts without a line": lambda c: c.execute(delete(receipt_line)),
    "commands without an answer": lambda c: c.execute(update(client_request).values(answer=null())),
    "stock that does not add up": lambda c: c.execute(update(stock).values(came=stock.c.came + 1)),
    "packs whose sales are miscounted": lambda c: c.execute(update(dispensing_head).values(open_sales=2)),
    "scans of an object that is nobody's": lambda c: c.execute(delete(object_owner)),
}


@pytest.mark.parametrize("told", DAMAGE)
def test_damage_that_a_half_transaction_would_leave_is_found(
    after: tuple[Path, Store, dict[str, Any]], told: str
) -> None:
    _, store, _ = after
    with store.engine.connect() as connection, Session(connection) as session:
        DAMAGE[told](connection)
        assert [fault for fault in check_store(session) if fault.startswith(f"{told}: ")]
        connection.rollback()


def test_a_photo_that_is_gone_or_half_is_found(after: tuple[Path, Store, dict[str, Any]]) -> None:
    data, store, _ = after
    first, *_ = sorted((data / "objects").glob("??/*"))
    with store.reading() as session:
        assert list(check_objects(session, data / "objects")) == []
        whole = first.read_bytes()
        first.write_bytes(whole[:-1])
        assert list(check_objects(session, data / "objects")) == [f"the file {first} is not what its name says"]
        first.unlink()
        assert list(check_objects(session, data / "objects")) == [
            f"the object {first.parent.name}{first.name} has no file"
        ]


def processes_about(folder: Path) -> list[psutil.Process]:
    """Those that were told of a folder or are in it: servers over a store there, and who works for them."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if str(folder) in "\0".join([*process.cmdline(), *process.environ().values()]):
                found.append(process)
    return found


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder where PostgreSQL gets at it: as root, it runs as somebody else."""
    with tempfile.TemporaryDirectory(prefix="sunshine-bench-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_measurement_that_is_told_to_stop_takes_its_servers_with_it(open_folder: Path) -> None:
    line = [sys.executable, "-m", "benchmarks", "crash", "--store", "postgresql", "--rounds", "9"]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*line, "--folder", open_folder], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
    ) as bench:
        assert bench.stderr is not None
        for said in bench.stderr:
            if said.startswith("round 1 "):
                break
        names = {process.name() for process in processes_about(open_folder)}
        bench.send_signal(signal.SIGTERM)
        bench.stderr.read()
    left = [process.cmdline() for process in processes_about(open_folder)]
    assert "postgres" in names
    assert (bench.returncode, left) == (128 + signal.SIGTERM, [])
