"""JSON as strictly as it should be: no NaN, no doubled keys, no depth that breaks the stack, no fractions as floats."""

import json
import math
import re
from decimal import Decimal
from itertools import accumulate
from typing import Any

from flask.json.provider import DefaultJSONProvider

from trace.domain.failures import N_, Failure, TooLarge

MAX_DEPTH = 64  # EPCIS extensions nest; nothing honest nests deeper
MAX_DIGITS = 40  # of one number; the fields bound it further
# Three bytes of `{},` become a hundred in memory, and each costs its way through a schema: 20 MB of them would take
# half a gigabyte, or minutes. The most that a form of ours takes are 500 lines and 5,000 codes.
MOST_VALUES = 100_000
MOST_IN_DOCUMENT = 1_000_000  # of an EPCIS document, as of its XML: an honest one of 20 MB has fewer

_NO_MARKS = bytes(set(range(256)) - set(b'"[]{}'))
_STRING = re.compile(rb'"[^"]*"')
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1, ord('"'): 0}


class StrictJSONProvider(DefaultJSONProvider):
    """Flask's JSON, reading strictly and writing Decimal as a number."""

    ensure_ascii = False
    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Parse; raises ValueError (Flask makes it a 400) for anything a strict reader refuses, `TooLarge` for more
        values than any request has."""
        text = s.decode("utf-8") if isinstance(s, bytes) else s
        check_depth(text)
        check_values(text.encode("utf-8", "surrogatepass"), MOST_VALUES)
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


def check_values(data: bytes, most: int) -> None:
    """Raise `TooLarge` for JSON that may hold more values than so many; told from its marks, before one is made."""
    if len(data) > most and data.count(b",") + data.count(b"{") + data.count(b"[") > most:
        raise TooLarge(
            N_("The JSON has more than {most} values: send it in parts. Nothing was recorded."), most=f"{most:,}"
        )


def check_depth(text: str) -> None:
    """Raise ValueError for text that nests deeper than MAX_DEPTH; a scan that cannot itself run out of stack.

    Only whole-text operations, so that it costs less than the parsing itself. A backslash outside of a string stops
    the parser, so that what it might hide here is never parsed.
    """
    marks = text.encode("utf-8", "surrogatepass")
    if b"\\" in marks:
        marks = marks.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes with nothing between them that counts: a string without brackets, or two strings that become one.
    marks = marks.translate(None, _NO_MARKS).replace(b'""', b"")
    marks = _STRING.sub(b"", marks)
    if max(accumulate(map(_STEP.__getitem__, marks)), default=0) > MAX_DEPTH:
        raise ValueError(f"JSON nests deeper than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a JSON object names a key twice")
    if not is_encodable("".join(found)):  # an answer names the fields that it refuses
        raise ValueError("a key of a JSON object holds half of a pair of surrogates")
    return found


def is_encodable(text: str) -> bool:
    """Whether a text can be sent and stored: half of a pair of surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")


def _decimal(text: str) -> Decimal:
    # Length and size come first: the Decimal of an exponent of twenty digits is an error of its own.
    if len(text) > MAX_DIGITS or not math.isfinite(float(text)):
        raise ValueError(f"the number {text[:MAX_DIGITS]} is out of range")
    try:
        return Decimal(text)
    except ArithmeticError:
        raise ValueError(f"the number {text} is out of range") from None


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"the number {text[:MAX_DIGITS]}... is out of range")
    return int(text)


def bad_json(fault: Exception) -> Failure:
    """A 400 whose sentence says what is wrong with the JSON."""
    return Failure(N_("The body is not JSON that can be read: {fault}."), fault=str(fault))
