"""Administrative divisions (GB/T 2260): names and whether a code can exist.

Ningxia and the provinces are our own list (`data/regions.csv`); for the counties elsewhere, abolished ones included
(an old ear tag keeps its county), the table that python-stdnum carries is asked.
"""

import csv
import re
from functools import cache, lru_cache
from importlib import resources

from stdnum import numdb

_DATED = re.compile(r"^\[\d*-(\d*)\]")  # stdnum writes "[1983-2002]新城区,[2003-]..."


@cache
def regions() -> dict[str, str]:
    """{six-digit code: Chinese name} of our own list."""
    text = (resources.files("trace.domain") / "data" / "regions.csv").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {row["code"]: row["name"] for row in csv.DictReader(lines)}


def find_region(code: str) -> str | None:
    """The name of one division by its six digits; None where it is not known."""
    return regions().get(code) or _elsewhere(code)


@lru_cache(maxsize=4_096)
def _elsewhere(code: str) -> str | None:
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    parts = [properties for _, properties in numdb.get("cn/loc").info(code)]
    names = [name for properties in parts for name in properties.get("county", "").split(",") if name]
    # The name in force now comes last; where all are abolished, the last one is still what the code meant.
    return _DATED.sub("", names[-1]) if names else None


def is_known_region(code: str) -> bool:
    """Whether a six-digit code names a division that exists or once existed."""
    return find_region(code) is not None


def is_known_province(code: str) -> bool:
    """Whether a code begins with the two digits of a province."""
    return f"{code[:2]}0000" in regions()


@lru_cache(maxsize=4_096)
def region_name(code: str) -> str:
    """`宁夏回族自治区 中卫市 沙坡头区` for 640502; the code itself where nothing is known."""
    names = [find_region(part) for part in (code[:2] + "0000", code[:4] + "00", code)]
    found = [name for name in dict.fromkeys(names) if name]
    return " ".join(found) or code
