"""A checked body of an acceptance as the values its services take; used by the API and by the pages."""

from collections.abc import Mapping
from typing import Any

from trace.services.acceptance_rows import MORE, NewLine

_OWN = ("product", "amount", "lot_number", "produced_on", "expires_on", "price")


def new_line(payload: Mapping[str, Any]) -> NewLine:
    """One line of a delivery note."""
    own = {name: payload[name] for name in _OWN if name in payload}
    return NewLine(**own, more={name: _kept(payload[name]) for name in MORE if name in payload})


def changes_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What changes of an acceptance, as `trace.services.acceptance.change` takes it."""
    lines = {
        line["line"]: {name: _kept(value) if name in MORE else value for name, value in line.items() if name != "line"}
        for line in payload["lines"]
    }
    transport = payload.get("transport")
    told = None if transport is None else {name: _kept(value) for name, value in transport.items()}
    return {"lines": lines, "delivery_note": payload.get("delivery_note"), "transport": told}


def _kept(value: Any) -> Any:
    """A value as JSON keeps it: decimals and moments as text."""
    return value if value is None or isinstance(value, str | bool | list) else _text(value)


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else f"{value:f}"
