"""What a MATCH_ parameter accepts: identifiers, and patterns for many of them (EPCIS 2.0 section 8.2.7.1.1).

A pattern is an EPC pure identity pattern (TDS 2.0 section 8), `urn:epc:idpat:sgtin:0614141.107346.*`. Its stars stand
at the end: all serial numbers of one item, all items of one company, all there are. It is matched against the canonical
form of an event's identifier, so an EPC URN and a Digital Link of one thing match alike: the pattern itself says how
long the company prefix is.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

from trace.domain.epcis.extension_fields import comparable
from trace.domain.failures import N_, Invalid
from trace.domain.uris import GS1, canonical_uri

_PATTERN = "urn:epc:idpat:"
# How the canonical URI of a key is built of company prefix, reference and what follows. In each row: how many digits
# prefix and reference have together, whether the reference's first digit stands before the prefix (an indicator or
# extension digit), and the URI before and after these digits and their check digit. `%` is a serial number.
_NUMBERED: dict[str, tuple[int, bool, str, str]] = {
    "sgtin": (13, True, f"{GS1}/01/", "/21/%"),
    "lgtin": (13, True, f"{GS1}/01/", "/10/%"),
    "upui": (13, True, f"{GS1}/01/", "/235/%"),
    "sscc": (17, True, f"{GS1}/00/", ""),
    "sgln": (12, False, f"{GS1}/414/", "(?:/254/%)?"),
    "pgln": (12, False, f"{GS1}/417/", ""),
    "grai": (12, False, f"{GS1}/8003/0", "%"),
    "gdti": (12, False, f"{GS1}/253/", "%"),
    "sgcn": (12, False, f"{GS1}/255/", "%"),
    "gsrn": (17, False, f"{GS1}/8018/", ""),
    "gsrnp": (17, False, f"{GS1}/8017/", ""),
}
# Classes: the same keys without a serial number.
_CLASSES = {"sgtin": "", "grai": "", "gdti": "", "sgcn": ""}
_UNNUMBERED = {"giai": f"{GS1}/8004/", "cpi": f"{GS1}/8010/"}
_FIELDS = {"sscc": 2, "pgln": 2, "gsrn": 2, "gsrnp": 2, "giai": 2}


def matcher(parameter: str, values: Iterable[str], *, classes: bool) -> Callable[[str], bool]:
    """Whether an identifier, as an event has it, is one of these values or fits one of these patterns.

    `classes` is for the MATCH_ parameters of EPC classes: there a pattern fits classes, not instances. Raises `Invalid`
    for a pattern that is none.
    """
    identifiers = frozenset(canonical_uri(value) for value in values if not is_pattern(value))
    patterns = [_expression(parameter, value, classes=classes) for value in values if is_pattern(value)]
    if not patterns:
        return lambda uri: comparable(uri) in identifiers
    every = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))

    def matches(uri: str) -> bool:
        canonical = comparable(uri)
        return canonical in identifiers or every.fullmatch(canonical) is not None or every.fullmatch(uri) is not None

    return matches


def identifiers_in(values: Iterable[str], *, classes: bool) -> frozenset[str] | None:
    """The canonical URIs that values name one by one; None where a pattern among them stands for many.

    For classes, the pattern of all serial numbers of one item is that item's class.
    """
    found = frozenset(canonical_uri(value) for value in values if classes or not is_pattern(value))
    patterns = any(is_pattern(uri) for uri in found) or (not classes and any(is_pattern(value) for value in values))
    return None if patterns else found


def is_pattern(value: str) -> bool:
    """Whether a value is a pure identity pattern."""
    return value.startswith(_PATTERN)


def _expression(parameter: str, value: str, *, classes: bool) -> str:
    """A regular expression for the canonical URIs that a pattern means."""
    scheme, _, rest = value[len(_PATTERN) :].partition(":")
    known = scheme in _NUMBERED or scheme in _UNNUMBERED
    count = _FIELDS.get(scheme, 3)
    fields = rest.split(".", count - 1) if known else rest.split(".")
    stars = [field == "*" for field in fields]
    wrong = (
        not scheme
        or not all(fields)
        or stars != sorted(stars)
        or any("*" in field for field in fields if field != "*")
        or (known and len(fields) != count)
    )
    if wrong:
        raise Invalid(
            N_(
                "{parameter} takes EPC patterns such as urn:epc:idpat:sgtin:0614141.107346.*, with stars at the end"
                " only; {value} is none."
            ),
            field=parameter,
            parameter=parameter,
            value=value[:120],
        )
    if scheme in _NUMBERED:
        return _numbered(scheme, fields, classes=classes)
    if scheme in _UNNUMBERED:
        return _unnumbered(scheme, fields, classes=classes)
    # Another scheme (gid, usdod, adi, bic, imovn, itip): matched where the event has it as URN.
    form = "urn:epc:(?:class|idpat)" if classes else "urn:epc:id"
    return f"{form}:{re.escape(scheme)}:" + r"\.".join("[^.]+" if f == "*" else re.escape(f) for f in fields)


def _numbered(scheme: str, fields: list[str], *, classes: bool) -> str:
    length, indicator, before, after = _NUMBERED[scheme]
    if classes and scheme in _CLASSES:
        after = _CLASSES[scheme]
    prefix, reference = fields[0], fields[1]
    digits = "[0-9]"
    if prefix == "*":
        body = f"{digits}{{{length}}}"
    elif reference == "*":
        left = length - len(prefix) - indicator
        body = (digits if indicator else "") + re.escape(prefix) + f"{digits}{{{max(left, 0)}}}"
    elif indicator:
        body = re.escape(reference[0] + prefix + reference[1:])
    else:
        body = re.escape(prefix + reference)
    serial = fields[2] if len(fields) > 2 else ""
    return re.escape(before) + body + digits + _tail(scheme, serial, after)


def _tail(scheme: str, serial: str, after: str) -> str:
    if serial == "*":
        return after.replace("%", "[^/]+")
    if scheme == "sgln" and serial == "0":  # no extension: the place itself
        return ""
    if scheme == "sgln":
        after = "/254/%"
    return after.replace("%", re.escape(quote(serial, safe="-._~")))


def _unnumbered(scheme: str, fields: list[str], *, classes: bool) -> str:
    """An asset or a part: its reference has letters, and nothing ends where the company prefix does."""
    start = re.escape(_UNNUMBERED[scheme]) + ("[0-9]{6,12}" if fields[0] == "*" else re.escape(fields[0]))
    start += "[^/]+" if fields[1] == "*" else re.escape(quote(fields[1], safe="-._~"))
    if scheme == "giai" or classes:
        return start
    return start + "/8011/" + ("[^/]+" if fields[2] == "*" else re.escape(fields[2]))
