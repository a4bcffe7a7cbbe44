"""Whether the identifiers in an event are what they claim to be: EPC URNs, GS1 Digital Links, UUIDs, event hashes.

EPC URNs follow GS1's Tag Data Standard 2.0 (TDS) section 6, Digital Links the GS1 General Specifications section 3;
CBV 2.0 section 8 says which of them may stand where. Any other URI is a private identifier and taken as it is.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache

from schemas.epcis.faults import Fault, shown
from trace.domain.characters import unescaped
from trace.domain.checks import is_check_digit_right
from trace.domain.failures import N_
from trace.domain.uris import DIGITAL_LINK, GS1, KEYS

MOST_URI = 2_048


class Level(StrEnum):
    """What an identifier at a place may name; the values are the formats of the exported JSON Schema."""

    ANY = "gs1-identifier"
    EVENT = "event-id"  # CBV 2.0 section 8.9: keys of GS1 identify no events
    OBJECT = "gs1-object"  # one thing, with a serial number: EPCIS 2.0 section 7.3.3.1
    CLASS = "gs1-class"  # a class or a lot of things: EPCIS 2.0 section 7.3.3.3


# An enumeration's attribute takes its time, and these are asked for millions of times.
_ANY, _EVENT, _OBJECT, _CLASS = Level
_PREFIX = "([0-9]{6,12})"

_ESCAPE = "%(?:[2-6][0-9A-Fa-f]|7[0-9A-Ea-e])"  # of a printable character of ASCII


def _text(most: int) -> str:
    """A serial number or lot of 1 to `most` characters (TDS table A-1), escaped or not; most need no escapes."""
    plain = '[^%/?#&"<>]'
    return f"(?:{plain}{{1,{most}}}|(?:{plain}|{_ESCAPE}){{1,{most}}})"


# Scheme: its form behind `urn:epc:id:`, and how many digits company prefix and reference have together (0: any).
_OBJECTS = {
    "sgtin": (rf"{_PREFIX}\.([0-9]{{1,7}})\.{_text(20)}", 13),
    "sscc": (rf"{_PREFIX}\.([0-9]{{5,11}})", 17),
    "sgln": (rf"{_PREFIX}\.([0-9]{{0,6}})\.{_text(20)}", 12),
    "grai": (rf"{_PREFIX}\.([0-9]{{0,6}})\.{_text(16)}", 12),
    "giai": (rf"{_PREFIX}\.{_text(24)}", 0),
    "gsrn": (rf"{_PREFIX}\.([0-9]{{5,11}})", 17),
    "gsrnp": (rf"{_PREFIX}\.([0-9]{{5,11}})", 17),
    "gdti": (rf"{_PREFIX}\.([0-9]{{0,6}})\.{_text(17)}", 12),
    "cpi": (rf"{_PREFIX}\.(?:[0-9A-Z-]|%23|%2F){{1,24}}\.[0-9]{{1,12}}", 0),
    "sgcn": (rf"{_PREFIX}\.([0-9]{{0,6}})\.[0-9]{{1,12}}", 12),
    "ginc": (rf"{_PREFIX}\.{_text(24)}", 0),
    "gsin": (rf"{_PREFIX}\.([0-9]{{4,10}})", 16),
    "itip": (rf"{_PREFIX}\.([0-9]{{1,7}})\.[0-9]{{2}}\.[0-9]{{2}}\.{_text(20)}", 13),
    "upui": (rf"{_PREFIX}\.([0-9]{{1,7}})\.{_text(28)}", 13),
    "pgln": (rf"{_PREFIX}\.([0-9]{{0,6}})", 12),
    "gid": (r"[0-9]+\.[0-9]+\.[0-9]+", 0),
    "usdod": (r"[0-9A-HJ-NP-Z]{5,6}\.[0-9]+", 0),
    "adi": (r"[0-9A-HJ-NP-Z]{5,6}\.(?:[0-9A-Z-]|%2F){0,32}\.(?:%23)?(?:[0-9A-Z-]|%2F){1,30}", 0),
    "bic": (r"[A-Z]{4}[0-9]{7}", 0),
    "imovn": (r"[0-9]{7}", 0),
}
_CLASSES = {"lgtin": (rf"{_PREFIX}\.([0-9]{{1,7}})\.{_text(20)}", 13)}
_PATTERNS = {
    "sgtin": (rf"{_PREFIX}\.([0-9]{{1,7}})\.\*", 13),
    "grai": (rf"{_PREFIX}\.([0-9]{{0,6}})\.\*", 12),
    "gdti": (rf"{_PREFIX}\.([0-9]{{0,6}})\.\*", 12),
    "sgcn": (rf"{_PREFIX}\.([0-9]{{0,6}})\.\*", 12),
    "cpi": (rf"{_PREFIX}\.(?:[0-9A-Z-]|%23|%2F){{1,24}}\.\*", 0),
    "itip": (rf"{_PREFIX}\.([0-9]{{1,7}})\.(?:[0-9]{{2}}\.[0-9]{{2}}|\*\.\*)\.\*", 13),
    "upui": (rf"{_PREFIX}\.([0-9]{{1,7}})\.\*", 13),
}
_URNS = {
    (form, scheme): (re.compile(pattern), digits)
    for form, schemes in (("id", _OBJECTS), ("class", _CLASSES), ("idpat", _PATTERNS))
    for scheme, (pattern, digits) in schemes.items()
}
_HOME = GS1 + "/"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HASH = re.compile(r"ni:///sha-256;[0-9a-f]{64}\?ver=CBV[0-9.]+")  # CBV 2.0 section 8.9


def _item(digits: int) -> str:
    """Company prefix and reference of so many digits together: no pattern of Rust's looks ahead to count them."""
    return f"(?:{'|'.join(rf'[0-9]{{{prefix}}}[.][0-9]{{{digits - prefix}}}' for prefix in range(6, 13))})"


# What nearly all identifiers look like, right to the last digit: patterns of Python's and Rust's alike.
_SERIAL = "[A-Za-z0-9-]{1,20}"
USUAL: Mapping[Level, str] = {
    Level.ANY: rf"urn:epc:id:(?:sgln:{_item(12)}[.]{_SERIAL}|pgln:{_item(12)}|sscc:{_item(17)})"
    "|urn:epcglobal:cbv:bt:[0-9]{13}:[A-Za-z0-9-]{1,40}",
    Level.EVENT: rf"urn:uuid:{_UUID.pattern}|ni:///sha-256;[0-9a-f]{{64}}\?ver=CBV2[.]0",
    Level.OBJECT: rf"urn:epc:id:(?:sgtin:{_item(13)}[.]{_SERIAL}|sscc:{_item(17)})",
    Level.CLASS: rf"urn:epc:class:lgtin:{_item(13)}[.]{_SERIAL}",
}
# A key of a class names one thing only with one of these behind it, or with more digits than the class has.
_SERIALS = {"01": frozenset({"21", "235"}), "8006": frozenset({"21"}), "8010": frozenset({"8011"})}
_CLASS_DIGITS = {"253": 13, "255": 13, "8003": 14}

_NOT_AN_OBJECT = N_("{uri} names a class or a lot: those stand in a list of quantities, single things stand here.")
_NOT_A_CLASS = N_("{uri} names a single thing; here stands a class or a lot.")


def is_event_id(uri: str) -> bool:
    """Whether nothing is wrong with an identifier of an event."""
    return find_identifier_fault(uri, _EVENT) is None


def is_object(uri: str) -> bool:
    """Whether nothing is wrong with an identifier of a single thing."""
    return find_identifier_fault(uri, _OBJECT) is None


def is_class(uri: str) -> bool:
    """Whether nothing is wrong with an identifier of a class or lot."""
    return find_identifier_fault(uri, _CLASS) is None


def is_identifier(uri: str) -> bool:
    """Whether nothing is wrong with an identifier of a place, a party, a document or whatever else."""
    if not uri.startswith(("urn:epc:", "http")):
        return find_identifier_fault(uri, _ANY) is None
    # Places and parties come again and again; a text that is refused shall not fill the cache.
    return len(uri) > MOST_URI or _is_right(uri)


# What the compiled schema asks of every identifier that is not `USUAL`, by format.
FORMATS: Mapping[str, Callable[[str], bool]] = {
    Level.ANY: is_identifier,
    Level.EVENT: is_event_id,
    Level.OBJECT: is_object,
    Level.CLASS: is_class,
}


@lru_cache(maxsize=16_384)
def _is_right(uri: str) -> bool:
    return find_identifier_fault(uri, _ANY) is None


def find_identifier_fault(uri: str, level: Level) -> Fault | None:
    """What is wrong with an identifier at such a place; the path of the fault is empty."""
    if len(uri) > MOST_URI:  # refused for its length, and too long to look at
        return None
    if uri.startswith("urn:uuid:"):
        return None if _UUID.fullmatch(uri, 9) else Fault("", N_("{uri} is no UUID."), {"uri": shown(uri)})
    if level is _EVENT:
        if not uri.startswith("ni:///sha-256;") or _HASH.fullmatch(uri):
            return None
        return Fault("", N_("{uri} is no event hash of CBV 2.0."), {"uri": shown(uri)})
    if uri.startswith("urn:epc:"):
        return _urn_fault(uri, level)
    return _link_fault(uri, level) if uri.startswith("http") else None


def _urn_fault(uri: str, level: Level) -> Fault | None:
    parts = uri.split(":", 4)
    form, scheme, value = parts[2:] if len(parts) == 5 else (parts[2], "", "")
    if form == "raw":  # a tag that nobody could decode (TDS section 12); whatever it says is right
        return None
    pattern, wanted = _URNS.get((form, scheme), (None, 0))
    if pattern is None:
        return Fault("", N_("{uri} is of no scheme that the Tag Data Standard has for EPCs."), {"uri": shown(uri)})
    found = pattern.fullmatch(value)
    if found is None:
        message = N_("{uri} is not what the Tag Data Standard calls {scheme}: a part is missing, too long or misspelt.")
        return Fault("", message, {"uri": shown(uri), "scheme": scheme})
    if wanted and found.end(2) != wanted + 1:  # the two parts and the dot between them
        message = N_("{uri} is no EPC: company prefix and reference have {wanted} digits together, {came} came.")
        return Fault("", message, {"uri": shown(uri), "wanted": str(wanted), "came": str(found.end(2) - 1)})
    return _level_fault(uri, level, form == "id")


def _link_fault(uri: str, level: Level) -> Fault | None:
    key, value, *qualifiers = _link_parts(uri)
    if key not in KEYS:
        return None
    message, names_object = _judge_key(key, value, uri.startswith(_HOME))
    if message is None:
        return None
    if message:
        return Fault("", message, {"uri": shown(uri), "value": shown(value), "key": key})
    if "%" in uri and any("%" in part and unescaped(part) is None for part in qualifiers[1::2]):
        return Fault("", N_("{uri} is no GS1 Digital Link: escapes in it are no text."), {"uri": shown(uri)})
    if qualifiers and key in _SERIALS:
        names_object = not _SERIALS[key].isdisjoint(qualifiers[::2])
    return _level_fault(uri, level, names_object)


def _link_parts(uri: str) -> list[str]:
    """Key, value, qualifier, value ... of a Digital Link, still escaped; two empty texts where it is none."""
    if uri.startswith(_HOME):
        path = re.split("[?#]", uri, maxsplit=1)[0] if "?" in uri or "#" in uri else uri
        return [*path.split("/")[3:], ""]
    found = DIGITAL_LINK.match(uri)
    return ["", ""] if found is None else [found[1], found[2], *found[3].split("/")[1:]]


@lru_cache(maxsize=16_384)
def _judge_key(key: str, escaped: str, at_home: bool) -> tuple[str | None, bool]:
    """(what is wrong with a GS1 key and its value, whether they name a single thing without any qualifier).

    What is wrong is a template, empty for nothing, and None where a foreign address has such a number by chance.
    """
    value = unescaped(escaped[:MOST_URI]) or ""
    shape, checked = KEYS[key]
    digits = value.zfill(14) if key == "01" and len(value) in (8, 12, 13) else value
    if not shape.fullmatch(digits):
        return N_("{uri} is no GS1 Digital Link: {value} is no value of {key}.") if at_home else None, False
    if checked and not is_check_digit_right(digits[:checked]):
        return N_("The check digit in {uri} is wrong: read it again."), False
    return "", key not in _SERIALS and len(digits) > _CLASS_DIGITS.get(key, 0)


def _level_fault(uri: str, level: Level, names_object: bool) -> Fault | None:
    if level is _ANY or names_object == (level is _OBJECT):
        return None
    return Fault("", _NOT_AN_OBJECT if level is _OBJECT else _NOT_A_CLASS, {"uri": shown(uri)})
