"""A real streaming replica of a test's PostgreSQL server."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from storage.store import driver_url
from tests.servers import NOBODY, QUICK, free_port, quick_folder


@contextmanager
def replica_of(server: str) -> Iterator[str]:
    """A server that follows the one at an address (without database): its address. Both run as the same user."""
    port, user = free_port(), NOBODY if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="sunshine-pg-", dir=quick_folder(), ignore_cleanup_errors=True) as home:
        if user is not None:
            os.chown(home, user, user)
        data = f"{home}/data"
        programs = Path(f"/proc/{_process_of(server)}/exe").resolve().parent
        as_user: dict[str, Any] = {"user": user, "group": user, "cwd": home, "stdout": subprocess.DEVNULL}
        as_user["env"] = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": home}
        copy = [programs / "pg_basebackup", "-D", data, "-d", f"{server}/postgres", "-c", "fast", "-X", "stream", "-R"]
        subprocess.run([*copy, "--no-sync"], check=True, **as_user)
        settings = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c max_connections=200"
        settings += "".join(f" -c {setting}" for setting in QUICK.split())
        start = [programs / "pg_ctl", "-D", data, "-w", "-t", "60", "-o", settings, "-l", f"{home}/log", "start"]
        subprocess.run(start, check=True, **as_user)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}"
        finally:
            stop_server(data, programs, as_user)


def stop_server(data: str, programs: Path, as_user: dict[str, Any]) -> None:
    """End a server at once, if it still runs."""
    subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=False, **as_user)


def _process_of(server: str) -> int:
    engine = create_engine(driver_url(f"{server}/postgres"))
    with engine.connect() as connection:
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
    engine.dispose()
    return int((folder / "postmaster.pid").read_text().split()[0])


@contextmanager
def standing_still(replica: Engine) -> Iterator[None]:
    """While the block runs, the replica takes what the primary sends and shows none of it."""
    as_one = replica.execution_options(isolation_level="AUTOCOMMIT")
    with as_one.connect() as connection:
        connection.execute(text("SELECT pg_wal_replay_pause()"))
        while connection.scalar(text("SELECT pg_get_wal_replay_pause_state()")) != "paused":
            pass
    try:
        yield
    finally:
        with as_one.connect() as connection:
            connection.execute(text("SELECT pg_wal_replay_resume()"))
