"""Does what a container engine and systemd would: runs the steps of the Containerfile and the lines of the units.

In folders of a test's own, in place of those that the files name. As root it does so as another user, who may change
nothing of the installation, where that one gets at this Python.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.servers import NOBODY

DEPLOY = ROOT / "deploy"
OPT = "/opt/sunshine-trace"


def instructions() -> list[tuple[str, str]]:
    """(instruction, what follows) of the Containerfile, lines that go on joined."""
    text = re.sub(r"(?m)^#.*\n", "", (DEPLOY / "Containerfile").read_text()).replace("\\\n", " ")
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in text.splitlines() if line.strip()]


def build(root: Path) -> None:
    """What the Containerfile does behind its WORKDIR, there.

    The environment is the tests', by its links: what pip is asked for has to be in it already, and nothing is fetched.
    """
    steps = instructions()
    begun = next(number for number, (name, _) in enumerate(steps) if name == "WORKDIR")
    assert steps[begun][1] == OPT
    root.mkdir()
    for name, words in steps[begun + 1 :]:
        if name == "USER":
            return
        assert name in ("COPY", "RUN"), name
        if name == "COPY":
            *sources, target = words.split()
            for source in sources:
                _copy(source, root, target)
        else:
            _carry_out(words, root)


def _copy(source: str, root: Path, target: str) -> None:
    """COPY, without what .dockerignore keeps back."""
    kept_back = [line[3:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("**/")]
    if (ROOT / source).is_dir():
        shutil.copytree(ROOT / source, root / target, ignore=shutil.ignore_patterns(*kept_back))
    else:
        assert target.endswith("/"), f"{target}: a folder, or it would be the file's new name"
        (root / target).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, root / target)


def _carry_out(words: str, root: Path) -> None:
    """RUN, but for the making of the environment: it is there, and pip only sees that nothing is missing in it."""
    if "-m venv" in words:
        (root / ".venv").mkdir()
        for part in ("bin", "lib", "pyvenv.cfg"):
            (root / ".venv" / part).symlink_to(Path(sys.prefix) / part)
    line = words.replace("python -m venv .venv", "true").replace("pip install", "pip install --dry-run --no-index")
    done = subprocess.run(
        ["sh", "-c", line], cwd=root, env=clean(), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert "Would install" not in done.stdout, done.stdout


def caddy_file(program: str) -> str:
    """The Caddyfile for this Caddy: of 2.6.2 some words are others, which the file's beginning tells."""
    text = (DEPLOY / "proxy" / "Caddyfile").read_text()
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    if not version.lstrip("v").startswith("2.6.2"):
        return text
    ((new, *old),) = (
        re.findall("`(.+?)`", line) for line in text.splitlines() if line.startswith("# With Caddy 2.6.2")
    )
    return re.sub(rf"(?m)^(\s*){new}$", rf"\g<1>{old[0]}\n\g<1>{old[1]}", text)


def clean(**more: str) -> dict[str, str]:
    """An environment with nothing of the test's own in it."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"} | more


@cache
def service_user() -> int | None:
    """Whom the service runs as: nobody, where we are root and nobody gets at this Python; else None, who we are."""
    if os.geteuid() != 0:
        return None
    try:
        subprocess.run([sys.executable, "-c", "import sqlalchemy"], user=NOBODY, group=NOBODY, check=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return None
    return NOBODY


@contextmanager
def started(line: list[str], user: int | None, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, killed with all its children when the block ends."""
    process = subprocess.Popen(line, user=user, group=user, start_new_session=True, **more)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True)
class Unit:
    """A systemd unit, as far as a supervisor of ours goes: how it starts, with which settings, how it stops."""

    name: str
    folders: Mapping[str, str]

    def values(self, key: str) -> list[str]:
        """What the unit says under a key, line by line."""
        text = (DEPLOY / "systemd" / self.name).read_text()
        for there, here in self.folders.items():
            text = text.replace(there, here)
        return re.findall(rf"(?m)^{key}=(.*)$", text)

    def value(self, key: str) -> str:
        """What it says once."""
        (value,) = self.values(key)
        return value

    def environ(self, **more: str) -> dict[str, str]:
        """The settings that it gives: its own lines and, above them, those of its files, as systemd has it."""
        told = dict(pair.split("=", 1) for line in self.values("Environment") for pair in shlex.split(line))
        for name in self.values("EnvironmentFile"):
            if name[0] != "-" or Path(name[1:]).exists():
                lines = Path(name.removeprefix("-")).read_text().splitlines()
                told |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        for name in self.values("UnsetEnvironment"):
            told.pop(name, None)
        return clean(**(told | more))

    @contextmanager
    def run(self, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        """The unit at work."""
        line, umask = shlex.split(self.value("ExecStart")), int(self.value("UMask"), 8)
        where = {"cwd": self.value("WorkingDirectory"), "env": self.environ(**more), "umask": umask}
        with started(line, service_user(), **where) as process:
            yield process

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """Tell it to stop, as the unit says, and wait for as long as it says: its exit status."""
        assert self.value("KillMode") == "mixed", "the first process alone is told"
        process.send_signal(signal.Signals[self.value("KillSignal")])
        return process.wait(timeout=int(self.value("TimeoutStopSec")))
