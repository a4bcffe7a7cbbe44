"""Administrative divisions (GB/T 2260): all of Ningxia, and the provinces; read from `data/regions.csv`."""

import csv
from functools import cache
from importlib import resources


@cache
def regions() -> dict[str, str]:
    """{six-digit code: Chinese name}."""
    text = (resources.files("trace.domain") / "data" / "regions.csv").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {row["code"]: row["name"] for row in csv.DictReader(lines)}


def is_known_region(code: str) -> bool:
    """Whether a county code can exist: listed, or of a province we do not list by county."""
    if code in regions():
        return True
    return not code.startswith("64") and f"{code[:2]}0000" in regions() and code[2:] != "0000"


def region_name(code: str) -> str:
    """`宁夏 中卫市 沙坡头区` for 640502; the code itself where nothing is known."""
    names = [regions().get(part) for part in (code[:2] + "0000", code[:4] + "00", code)]
    found = [name for name in dict.fromkeys(names) if name]
    return " ".join(found) or code
