"""The values of query parameters, read from a URL or a JSON body; a wrong one is refused (QueryParameterException)."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from trace.domain.characters import find_unreadable
from trace.domain.epcis.cbv import Kind, is_word, word_of
from trace.domain.epcis.extension_fields import moment_of, number_of
from trace.domain.epcis.predicates import Wanted
from trace.domain.failures import N_, Invalid
from trace.domain.uris import canonical_uri

MOST_VALUES = 1_000  # of one parameter: a day's packs of one desk, and still one look into an index each
LONGEST_VALUE = 2_000
_URI = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")
_TRUTHS = {True: True, False: False, "true": True, "false": False, "1": True, "0": False}  # True is 1, False is 0
# A `+` that a client did not escape arrives as a blank: 2026-11-24T06:12:09 08:00.
_LOST_PLUS = re.compile(r" (?=\d\d:\d\d$)")


def listed(parameter: str, raw: Any) -> list[Any]:
    """The values of a parameter that takes several; one alone is a list of one."""
    values = list(raw) if isinstance(raw, list | tuple) else [raw]
    if not values or any(value in ("", None) for value in values):
        raise Invalid(
            N_("{parameter} takes at least one value, and none of them empty."), field=parameter, parameter=parameter
        )
    if len(values) > MOST_VALUES:
        raise Invalid(
            N_("{parameter} takes at most {most} values; {count} came. Ask in several queries."),
            field=parameter,
            parameter=parameter,
            most=MOST_VALUES,
            count=len(values),
        )
    return values


def single(parameter: str, raw: Any) -> Any:
    """The one value of a parameter that takes no list."""
    values = list(raw) if isinstance(raw, list | tuple) else [raw]
    if len(values) != 1:
        raise Invalid(
            N_("{parameter} takes exactly one value; {count} came."),
            field=parameter,
            parameter=parameter,
            count=len(values),
        )
    return values[0]


def texts(parameter: str, raw: Any) -> list[str]:
    """Texts as they are."""
    return [_text(parameter, value) for value in listed(parameter, raw)]


def uris(parameter: str, raw: Any) -> list[str]:
    """URIs as they came."""
    values = texts(parameter, raw)
    for value in values:
        if not _URI.fullmatch(value):
            raise Invalid(
                N_("{parameter} takes URIs; {value} is none."), field=parameter, parameter=parameter, value=value[:120]
            )
        try:
            canonical_uri(value)
        except Invalid as fault:
            raise Invalid(fault.message, field=parameter, **fault.values) from fault
    return values


def identifiers(parameter: str, raw: Any) -> frozenset[str]:
    """URIs in their canonical form."""
    return frozenset(canonical_uri(value) for value in uris(parameter, raw))


def words(parameter: str, raw: Any, kind: Kind, namespaces: Mapping[str, str]) -> frozenset[str]:
    """Words of a standard vocabulary, bare, and private URIs; CURIEs of known prefixes become URIs."""
    return frozenset(word(parameter, value, kind, namespaces) for value in texts(parameter, raw))


def word(parameter: str, text: str, kind: Kind, namespaces: Mapping[str, str]) -> str:
    """One word of a standard vocabulary, or a private URI."""
    found = word_of(kind, text)
    prefix, colon, local = found.partition(":")
    if colon and prefix in namespaces and not local.startswith("//"):
        found = word_of(kind, namespaces[prefix] + local)
    if not is_word(kind, found) and not _URI.fullmatch(found):
        raise Invalid(
            N_("{parameter} takes words of the Core Business Vocabulary, and URIs of others; {value} is neither."),
            field=parameter,
            parameter=parameter,
            value=text[:120],
        )
    return found


def one_of(parameter: str, value: Any, choices: Sequence[str]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in choices:
        raise Invalid(
            N_("{parameter} takes one of {choices}; {value} came."),
            field=parameter,
            parameter=parameter,
            choices=", ".join(choices),
            value=str(value)[:120],
        )
    return value


def when(parameter: str, raw: Any) -> datetime:
    """A time with its offset."""
    value = single(parameter, raw)
    found = moment_of(_LOST_PLUS.sub("+", value)) if isinstance(value, str) else None
    if found is None:
        raise Invalid(
            N_("{parameter} takes a time with its offset, such as 2026-11-24T06:12:09.000+08:00; {value} came."),
            field=parameter,
            parameter=parameter,
            value=str(value)[:120],
        )
    return found


def numbers(parameter: str, raw: Any) -> list[Decimal]:
    """Numbers; in a URL they come as text."""
    return [_number(parameter, value) for value in listed(parameter, raw)]


def one_number(parameter: str, raw: Any) -> Decimal:
    """The one number of a parameter that takes no list."""
    return _number(parameter, single(parameter, raw))


def count(parameter: str, raw: Any) -> int:
    """A number of events, at least one."""
    value = single(parameter, raw)
    found = number_of(value)
    if found is None or found != int(found) or not 1 <= found < 10**9:
        raise Invalid(
            N_("{parameter} takes a whole number, at least 1; {value} came."),
            field=parameter,
            parameter=parameter,
            value=str(value)[:120],
        )
    return int(found)


def truth(parameter: str, raw: Any) -> bool:
    """True or false. `EXISTS_` parameters have no value of their own in the standard: null and 1 are true."""
    value = True if raw in (None, "") else single(parameter, raw)
    if not isinstance(value, str | int) or value not in _TRUTHS:
        raise Invalid(
            N_("{parameter} takes true or false; {value} came."),
            field=parameter,
            parameter=parameter,
            value=str(value)[:120],
        )
    return _TRUTHS[value]


def wanted(parameter: str, raw: Any) -> list[Wanted]:
    """Values for a field whose type only the event knows."""
    return [_wanted(parameter, value) for value in listed(parameter, raw)]


def one_ordered(parameter: str, raw: Any) -> Wanted:
    """The one number or time that greater and less compare with."""
    found = _wanted(parameter, single(parameter, raw))
    if not found.is_ordered:
        raise Invalid(
            N_("{parameter} takes a number, or a time with its offset; {value} came."),
            field=parameter,
            parameter=parameter,
            value=str(found.text)[:120],
        )
    return found


def _wanted(parameter: str, value: Any) -> Wanted:
    if isinstance(value, bool):
        return Wanted("true" if value else "false", None, None)
    if isinstance(value, int | Decimal | float):
        return Wanted(None, _number(parameter, value), None)
    text = _text(parameter, value)
    return Wanted(text, number_of(text), moment_of(_LOST_PLUS.sub("+", text)))


def _number(parameter: str, value: Any) -> Decimal:
    found = number_of(str(value) if isinstance(value, float) else value)
    if found is None or not Decimal(found).is_finite():
        raise Invalid(
            N_("{parameter} takes a number; {value} came."),
            field=parameter,
            parameter=parameter,
            value=str(value)[:120],
        )
    return Decimal(found)


def _text(parameter: str, value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_VALUE or find_unreadable(value):
        raise Invalid(
            N_("{parameter} takes texts of at most {most} characters without control characters; {value} came."),
            field=parameter,
            parameter=parameter,
            most=LONGEST_VALUE,
            value=(str(value) if find_unreadable(str(value)) is None else repr(value))[:120],
        )
    return value
