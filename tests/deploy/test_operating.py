"""What docs/operating.md tells people to type does what it says, on real servers."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import storage
from storage.store import driver_url
from storage.tenancy import EVERYTHING
from tests.conftest import ROOT
from tests.deploy.document import ALL_BLOCKS, TEXT, Machine
from tests.servers import NOBODY, CannotRun, free_port, postgres
from tests.town import Town
from trace.cli import cli
from trace.config import SETTINGS_TABLE

COMMANDS = {*cli.commands, "serve", "scan", "test", "check", "bench", "setup", "worker"}


def test_every_command_setting_and_file_that_the_document_names_is_there() -> None:
    named = set(re.findall(r"\./run ([a-z]+)", TEXT))
    assert named - COMMANDS == set()
    assert {"backup", "restore", "doctor", "worker"} <= named
    assert set(re.findall(r"SUNSHINE_[A-Z_]+", TEXT)) - {name for name, _, _ in SETTINGS_TABLE} == set()
    files = set(re.findall(r"(?<![\w/])deploy/[\w./-]*\w", TEXT))
    assert {name for name in files if not (ROOT / name).exists()} == {"deploy/compose.env"}, "made from its example"


def test_every_block_of_commands_is_a_script() -> None:
    for block in ALL_BLOCKS:
        said = subprocess.run(["bash", "-n", "-c", block], capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, ""), block


def test_installation_that_is_backed_up_and_restored_as_told_is_well(tmp_path: Path) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    url = f"sqlite:///{data / 'sunshine.db'}"
    data.mkdir()
    storage.prepare(url)
    store = storage.open_store(url)
    with closing(store):
        town = Town(store)
        shop = town.organisation()
        lot = town.lot(shop, town.product(shop))
        machine = Machine(
            tmp_path,
            {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path), "SUNSHINE_DATA": str(data)},
            {"/var/lib/sunshine-trace": str(data), "/var/backups/sunshine-trace": str(backups)},
        )
        assert "1 events" in machine.run("backup")
    key = (data / "secret_key").read_text()
    said = machine.run("restore")
    assert "systemctl stop sunshine-trace" in said
    assert "were brought back and checked" in said
    assert "ok       store: database" in said
    assert (data / "secret_key").read_text() == key
    assert (tmp_path / "data.before" / "sunshine.db").exists(), "what was there is kept"
    store = storage.open_store(url)
    with closing(store):
        assert Town(store).stock(shop, lot)[0] == 100


# ---- PostgreSQL ----------------------------------------------------------------------------------------------------


class Server(Machine):
    """A PostgreSQL server and who runs it."""

    url: str
    data: Path

    def control(self, *words: str) -> None:
        """Call pg_ctl over the server's data."""
        subprocess.run(
            ["pg_ctl", "-D", self.data, "-w", *words],
            cwd=self.home, env=self.environ, user=self.user, group=self.user, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    def ask(self, statement: str) -> object:
        """What one statement answers."""
        engine = create_engine(f"{driver_url(self.url)}/postgres", isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                return connection.execute(text(statement)).scalar_one()
        finally:
            engine.dispose()


@contextmanager
def server(url: str) -> Iterator[Server]:
    """Whoever runs the PostgreSQL server at the address, with folders for its archive and base backups."""
    engine = create_engine(f"{driver_url(url)}/postgres")
    with engine.connect() as connection:
        data = Path(connection.execute(text("SHOW data_directory")).scalar_one())
    engine.dispose()
    user = NOBODY if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="sunshine-deploy-", dir="/tmp"))
    programs = Path(f"/proc/{(data / 'postmaster.pid').read_text().split()[0]}/exe").resolve().parent
    environ = {
        "PATH": f"{home / 'bin'}:{programs}:/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8",
        "PGHOST": "127.0.0.1", "PGPORT": url.rpartition(":")[2], "PGUSER": "postgres",
    }  # fmt: skip
    try:
        shutil.copytree(ROOT / "deploy" / "postgresql", home / "deploy" / "postgresql")
        folders = {
            "/var/lib/postgresql/18/main": str(data),
            "/var/backups/postgresql": str(home / "kept"),
            "/opt/sunshine-trace": str(home),
        }
        made = Server(home, environ, folders, user)
        made.url, made.data = url, data
        if user is not None:
            for path in (home, *home.rglob("*")):
                os.chown(path, user, user)
            home.chmod(0o755)
        yield made
    finally:
        for path in (home, data.with_name(f"{data.name}.before")):
            shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """A PostgreSQL server of this file's own."""
    try:
        with postgres() as url, server(url) as made:
            yield made
    except CannotRun as reason:
        pytest.skip(str(reason))


def test_replica_is_copied_once_and_follows(running: Server) -> None:
    scripts, data, port = running.home / "deploy" / "postgresql", running.home / "replica", str(free_port())
    password = "letters' and \\more"
    environ = running.environ | {"REPLICATION_PASSWORD": password, "PGPASSWORD": "lettersanddigits"}
    environ |= {"PGDATA": str(data), "PRIMARY": f"host=127.0.0.1 port={running.environ['PGPORT']} user=replication"}
    as_user: dict[str, Any] = {"cwd": running.home, "env": environ, "user": running.user, "group": running.user}
    subprocess.run([scripts / "replication.sh"], check=True, **as_user)
    half = running.home / "replica.half"  # of a start that was killed
    for folder in (half, data):
        folder.mkdir()
        if running.user is not None:
            os.chown(folder, running.user, running.user)
    (half / "PG_VERSION").write_text("18")
    line = [scripts / "start-replica", "-p", port, "-k", str(running.home), "-c", "max_connections=200"]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **as_user) as replica:
        try:
            ready = ["bash", "-c", f"until pg_isready --quiet --port={port}; do sleep 0.1; done"]
            subprocess.run(ready, check=True, timeout=120, **as_user)
            subprocess.run(["psql", "-qc", "CREATE TABLE seen AS SELECT 42"], check=True, **as_user)
            position = running.ask("SELECT pg_current_wal_lsn()::text")
            there = f"psql --port={port} -Atc \"SELECT pg_last_wal_replay_lsn() >= '{position}'\""
            come = [
                "bash",
                "-c",
                f"until [ \"$({there})\" = t ]; do sleep 0.1; done; psql --port={port} -Atc 'TABLE seen'",
            ]
            seen = subprocess.run(come, check=True, timeout=120, stdout=subprocess.PIPE, text=True, **as_user)
        finally:
            replica.send_signal(signal.SIGQUIT)
    assert seen.stdout == "42\n"
    assert not half.exists()
    assert running.ask("SELECT slot_name::text FROM pg_replication_slots") == "replica"
    assert running.ask("SELECT pg_drop_replication_slot('replica')::text") == ""


def test_postgresql_comes_back_to_the_moment_before_a_mistake(running: Server) -> None:
    running.run("names", "archive")
    running.control("restart")
    assert "CREATE DATABASE" in running.run("roles")
    url = running.url.replace("postgres@", "sunshine@") + "/sunshine"
    storage.prepare(url.replace("sunshine@", "sunshine_owner@"), "sunshine")
    store = storage.open_store(url).seeing(EVERYTHING)
    with closing(store):
        town = Town(store)
        shop = town.organisation()
        product = town.product(shop)
        lots = [town.lot(shop, product)]
        assert "successfully verified" in running.run("names", "base-backup")
        lots.append(town.lot(shop, product))
        moment = running.ask("SELECT clock_timestamp()::text")
        lots.append(town.lot(shop, product))
        running.run("names", "base-backup")  # it holds the mistake, and is of no use for what came before
        (running.home / "kept" / "base" / ".new").mkdir()  # and one was killed
        running.ask("SELECT pg_switch_wal()::text")
    options = shlex.split((running.data / "postmaster.opts").read_text())[1:]
    running.control("stop", "-m", "fast")  # it archives what is left before it ends
    running.run("names", "recover", MOMENT=str(moment))
    running.control("-t", "60", "-o", shlex.join(options), "start")
    running.run("names", "recovered")
    assert running.ask("SELECT pg_is_in_recovery()") is False
    store = storage.open_store(url).seeing(EVERYTHING)
    with closing(store):
        town = Town(store)
        assert [town.stock(shop, lot)[0] for lot in lots] == [100, 100, 0]
        assert town.lot(shop, product), "and it goes on from there"
    running.run("names", "base-backup", "forget")
    assert len(list((running.home / "kept" / "base").glob("[!.]*"))) == 3
    with pytest.raises(AssertionError, match="no base backup was whole then"):
        running.run("names", "recover", MOMENT="2026-01-01 00:00:00+08")
    assert running.data.is_dir(), "nothing was moved away"
    assert running.ask("SELECT failed_count FROM pg_stat_archiver") == 0
