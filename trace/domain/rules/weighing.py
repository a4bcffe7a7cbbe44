"""By how much two scales may differ: a house rule, dated in `data/house_rules.toml`."""

import tomllib
from decimal import Decimal
from functools import cache
from importlib import resources

from trace.domain.epcis.vocabulary import PIECE


def weighing_tolerance(unit: str | None) -> Decimal:
    """The share by which the weight received may differ from the weight sent; none for what is counted."""
    return Decimal(0) if unit in (None, PIECE) else _tolerance()


@cache
def _tolerance() -> Decimal:
    text = (resources.files("trace.domain") / "data" / "house_rules.toml").read_text(encoding="utf-8")
    return Decimal(tomllib.loads(text)["weighing_tolerance"]["value"])
