"""JSON as strictly as it should be: no NaN, no doubled keys, no depth that breaks the stack, no fractions as floats."""

import json
import math
from decimal import Decimal
from typing import Any

from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import BadRequest

MAX_DEPTH = 64  # EPCIS extensions nest; nothing honest nests deeper
MAX_DIGITS = 40  # of one number; the fields bound it further


class StrictJSONProvider(DefaultJSONProvider):
    """Flask's JSON, reading strictly and writing Decimal as a number."""

    ensure_ascii = False
    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Parse; raises ValueError (Flask makes it a 400) for anything a strict reader refuses."""
        text = s.decode("utf-8") if isinstance(s, bytes) else s
        check_depth(text)
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_decimal,
            parse_int=_integer,
            **kwargs,
        )

    @staticmethod
    def default(o: Any) -> Any:
        """Decimals as numbers, dates as ISO text, the rest as Flask does."""
        if isinstance(o, Decimal):
            return int(o) if o == o.to_integral_value() else float(o)
        if hasattr(o, "isoformat"):
            return o.isoformat()
        return DefaultJSONProvider.default(o)


def check_depth(text: str) -> None:
    """Raise ValueError for text that nests deeper than MAX_DEPTH; a scan that cannot itself run out of stack."""
    depth = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"JSON nests deeper than {MAX_DEPTH} levels")
        elif character in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a JSON object names a key twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if len(text) > MAX_DIGITS or not math.isfinite(float(value)):
        raise ValueError(f"the number {text[:MAX_DIGITS]} is out of range")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"the number {text[:MAX_DIGITS]}... is out of range")
    return int(text)


def bad_json(fault: Exception) -> BadRequest:
    """A 400 whose sentence says what is wrong with the JSON."""
    return BadRequest(f"The body is not JSON that can be read: {fault}")
