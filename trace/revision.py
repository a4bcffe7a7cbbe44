"""Which version of the program this is: the commit that its checkout is at."""

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def find_version(root: Path = ROOT) -> str:
    """The short name of the commit; "unknown" where there is no git, or no history (in an image)."""
    # The checkout is root's and whoever serves is not: git trusts nobody else's folder unless it is told to.
    line: list[Any] = ["git", "-c", f"safe.directory={root}", "-C", root, "rev-parse", "--short", "HEAD"]
    with suppress(OSError):
        return subprocess.run(line, capture_output=True, text=True, check=False).stdout.strip() or "unknown"  # noqa: S603
    return "unknown"
