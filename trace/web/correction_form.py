"""A correction as it was asked for, for the API and the pages."""

from typing import Any

from trace.services.arrivals import Decision
from trace.services.corrections import LineCorrection


def correction_of(payload: dict[str, Any]) -> LineCorrection:
    """What a line should say, of a checked body."""
    decision = Decision(payload["decision"]) if payload["decision"] else None
    said = {name: payload[name] for name in ("amount", "produced_on", "expires_on", "price")}
    return LineCorrection(decision=decision, **said)
