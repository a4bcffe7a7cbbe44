"""By how much two scales may differ: a house rule of the rule book."""

from decimal import Decimal

from trace.domain.epcis.vocabulary import PIECE
from trace.domain.rules.book import Rules


def weighing_tolerance(unit: str | None, rules: Rules) -> Decimal:
    """The share by which the weight received may differ from the weight sent; none for what is counted."""
    return Decimal(0) if unit in (None, PIECE) else rules.number("weighing_tolerance")
