"""The commands of docs/operating.md, taken out of it and run as they stand there."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```bash run=(\S+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
ALL_BLOCKS = re.findall(r"^```bash[^\n]*\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
# `./run` would first bring the environment to what the lock files say; the tests run in one that is.
RUN = '#!/bin/sh\nPYTHONPATH="{root}" exec "{python}" -m trace.cli "$@"\n'
SYSTEMCTL = '#!/bin/sh\necho "systemctl $*"\n'


@dataclass
class Machine:
    """Where the document's commands are run: with folders of the test's own in place of those that it names."""

    home: Path
    environ: dict[str, str]
    folders: Mapping[str, str]
    user: int | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A folder that looks like the checkout: `./run`, and a systemctl that only says what it was told."""
        for name, text in (("run", RUN.format(root=ROOT, python=sys.executable)), ("bin/systemctl", SYSTEMCTL)):
            path = self.home / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)

    def run(self, *names: str, **environ: str) -> str:
        """Run blocks of the document one after the other in one shell; what they said. Whatever fails ends it."""
        script = "set -euo pipefail\n" + "".join(BLOCKS[name] for name in names)
        for there, here in self.folders.items():
            script = script.replace(there, here)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.home, env=self.environ | environ, user=self.user, group=self.user,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{names}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr
