"""The rows of a stock-taking's result as its pages show them."""

from collections.abc import Mapping, Sequence
from typing import Any


def rows_alike(things: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What differs in the same way of one lot is one row, with its packs: {..., codes}."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for thing in things:
        key = (thing["outcome"], thing["gone"], thing["product"], thing["lot_number"] or thing["uri"])
        row = rows.setdefault(key + (() if thing["code"] else (thing["uri"],)), {**thing, "codes": []})
        row["codes"] += [thing["code"]] if thing["code"] else []
    return list(rows.values())
