"""Single values as the pre-hash string of an event has them (CBV 2.0 section 8.9.2)."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from trace.domain.epcis import cbv
from trace.domain.epcis.cbv import Kind
from trace.domain.epcis.namespaces import GS1_PREFIXES
from trace.domain.failures import Invalid
from trace.domain.uris import GS1, PRIVATE, canonical_uri

_LONGEST_URI = 2_048  # characters; what is longer names nothing
_HIGHEST_EXPONENT = 400  # of a number that is written out; the validator lets no higher ones in
_OURS, _GS1S = f"{PRIVATE}/", f"{GS1}/"


def text_of(value: Any) -> str:
    """Any single value: texts without blanks around them, URNs of words and identifiers as URIs of the web."""
    if value.__class__ is not str:
        return "" if value is None else number_of(value)
    return _known_text(value) if len(value) <= _REMEMBERED else _text(value)


_REMEMBERED = 120  # characters of a text that is likely to come again: words, places, parties, what is seen twice


def _text(text: str) -> str:
    text = text.strip()
    # Our own identifiers are as they were sent for everybody else, so they are here.
    if text.startswith(("urn:epc:", "http")) and len(text) <= _LONGEST_URI and not text.startswith(_OURS):
        try:
            text = canonical_uri(text)  # keeps what it found
        except Invalid:
            return text
        if "%" in text and text.startswith(_GS1S):
            # GS1 Digital Link 1.2, table 7-1, tells which signs a value has escaped: these three are not among them.
            return text.replace("%27", "'").replace("%3B", ";").replace("%3D", "=")
    elif text.startswith(("urn:epcglobal:cbv:", "cbv:", "gs1:", "epcis:")):
        prefix, _, rest = text.partition(":")
        return _WORDS.get(text) or (text if prefix == "urn" else GS1_PREFIXES[prefix] + rest)
    return text


_known_text = lru_cache(maxsize=65_536)(_text)


def number_of(value: Any) -> str:
    """A number without trailing zeros, exponent or sign of zero; `true` and `false` as XML writes them."""
    kind = value.__class__
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    try:
        number = value if kind is Decimal else Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)
    if not number.is_finite() or abs(number.adjusted()) > _HIGHEST_EXPONENT:
        return str(value)
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def time_of(text: str) -> str:
    """A time in UTC with milliseconds, rounded up where the fourth decimal is 5 or more; what is no time as it is."""
    match = _USUAL_TIME.fullmatch(text)
    if match is None:
        return _unusual_time(text.strip())
    minute, second, fraction, offset = match.groups("")
    milliseconds = int(f"{fraction[:3]:0<3}") + (fraction[3:4] >= "5")
    in_utc = _minute(minute, offset)
    if milliseconds == 1_000 or in_utc is None:
        return _unusual_time(text)
    return f"{in_utc}:{second}.{milliseconds:03d}Z"


# All but the seconds is the same for many events. Offsets are of whole minutes.
_USUAL_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}):([0-5][0-9])(?:\.([0-9]+))?(Z|[+-][0-9:]{5})")


@lru_cache(maxsize=16_384)
def _minute(minute: str, offset: str) -> str | None:
    """A minute with an offset as minute in UTC; None for what is none."""
    try:
        return datetime.fromisoformat(minute + offset).astimezone(UTC).isoformat(timespec="minutes")[:-6]
    except (ValueError, OverflowError):
        return None


def _unusual_time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return text
        rounded = moment.replace(microsecond=0) + timedelta(milliseconds=(moment.microsecond + 500) // 1_000)
        return rounded.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    except (ValueError, OverflowError):
        return text


def double_of(text: Any) -> str:
    """A text value that looks like a number as the generator of the vectors has it, see above."""
    try:
        number = float(text)
        return str(int(number)) if number == int(number) else str(number)
    except (TypeError, ValueError, OverflowError):
        return text_of(text)


def web_forms(kind: Kind) -> dict[str, str]:
    """{any form of a word: its web URI} of one kind."""
    return {form: cbv.web_uri(kind, word) for form, word in cbv.forms(kind).items()}


_WORDS = {form: uri for kind in Kind for form, uri in web_forms(kind).items() if ":" in form}
