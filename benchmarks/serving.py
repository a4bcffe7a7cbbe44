"""The service as people start it, `./run serve`, in processes of its own: started, called, killed, stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from tests.servers import free_port

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 900.0  # seconds that a start may take on a machine that does much else
# What tells that no answer came, or not the whole of it: nobody knows then whether the request was carried out.
NO_ANSWER = (OSError, HTTPException)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Whatever SIGTERM does is done after the block: a process that is just being started would be left behind."""
    told: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        for number in told:
            signal.raise_signal(number)


class Service:
    """`./run serve` over a data folder and a database: a group of processes that can be killed as one."""

    def __init__(self, data: Path, database_url: str, **settings: str):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SUNSHINE_")}
        told = {"SUNSHINE_DATA": str(data), "SUNSHINE_DATABASE_URL": database_url, "SUNSHINE_DEMO": "0"}
        self._environ = kept | told | settings
        self._log = data / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> float:
        """Start it: after so many seconds it answers. Raises `RuntimeError`, with its last words, if it never does."""
        self.port, begun = free_port(), time.monotonic()
        with self._log.open("ab") as log, _undisturbed():
            self._process = subprocess.Popen(
                [ROOT / "run", "serve", "--port", str(self.port)],
                env=self._environ, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        while time.monotonic() < begun + _PATIENCE and self._process.poll() is None:
            try:
                Caller(self.port).get("/health/live")
            except NO_ANSWER:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(0.05)  # or it ends
            else:
                return time.monotonic() - begun
        self.kill()
        raise RuntimeError(f"the service did not start: {self._log.read_text(errors='replace')[-2_000:]}")

    def processes(self) -> list[psutil.Process]:
        """All that live of the group: the server, its workers, and who reads photos for them."""
        if self._process is None:
            return []
        found = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self._process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def kill(self) -> None:
        """Kill the whole group at once (SIGKILL); returns when nothing of it lives."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        psutil.wait_procs(self.processes())
        self._process.wait()
        self._process = None

    def stop(self) -> int:
        """Tell it to stop, and wait: its exit status."""
        if self._process is None:
            return 0
        os.kill(self._process.pid, signal.SIGTERM)
        status = self._process.wait(timeout=_PATIENCE)
        self.kill()
        return status


class Caller:
    """One client of a service, with a connection that it keeps; `key` is its API key."""

    def __init__(self, port: int, key: str = ""):
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str) -> tuple[int, bytes]:
        """(status, body); raises one of `NO_ANSWER` where none came, or not the whole."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, data: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
        """(status, body); raises one of `NO_ANSWER` where none came, or not the whole."""
        return self._ask("POST", path, data, {"Content-Type": content_type})

    def _ask(self, method: str, path: str, data: bytes | None, more: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, path, data, self._headers | more)
        answer = self._connection.getresponse()
        return answer.status, answer.read()
