"""A correction as it was asked for, for the API and the pages."""

from typing import Any

from trace.services.arrivals import Decision
from trace.services.corrections import LineCorrection


def correction_of(payload: dict[str, Any]) -> LineCorrection:
    """What a line should say, of a checked body."""
    said = payload["decision"]
    decision = Decision(said) if said else None
    return LineCorrection(payload["amount"], decision, payload["produced_on"], payload["expires_on"])
