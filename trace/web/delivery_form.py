"""A checked delivery body as the values `receive` takes; used by the API and by the pages."""

from typing import Any

from trace.services.receiving import Decision, Line, Supplier


def supplier_of(payload: dict[str, Any]) -> Supplier:
    """The supplier of a delivery."""
    return Supplier(payload["id"], payload["name"], payload["address"], payload["contact"])


def line_of(payload: dict[str, Any]) -> Line:
    """One line of a delivery."""
    values = {**payload, "decision": Decision(payload["decision"])}
    for name in ("codes", "certificates"):
        values[name] = tuple(values[name])
    for name in ("product", "code", "container"):
        values[name] = values[name] or None
    return Line(**values)
