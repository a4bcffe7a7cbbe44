"""Identifiers as URIs: the forms CBV 2.0 section 8 allows, made canonical so that equal things have equal URIs.

GS1 keys are GS1 Digital Link URIs on id.gs1.org (`https://id.gs1.org/01/06901234567892/10/A1`); Chinese codes and our
own things follow the CBV template for private identifiers on a domain of ours
(`https://<domain>/<scheme>/obj/<code>`, `/lot/`, `/class/`, `/loc/`, `/party/`, `/bt/`).
"""

import os
import re
from enum import IntEnum
from functools import lru_cache
from urllib.parse import quote, unquote

from trace.domain.characters import unescaped
from trace.domain.checks import check_digit, is_check_digit_right
from trace.domain.epc_values import gtin_of, parse_epc_urn
from trace.domain.failures import N_, Invalid
from trace.domain.named_links import numbered

GS1 = "https://id.gs1.org"
# A constant of a store: every identifier in it carries this domain, so it is read once and never changed.
PRIVATE_DOMAIN = os.environ.get("SUNSHINE_ID_DOMAIN", "id.sunshine-trace.example")
PRIVATE = f"https://{PRIVATE_DOMAIN}"


class UriKind(IntEnum):
    """What kind of thing a URI names; stored with every identifier, never renumber."""

    OTHER = 0
    INSTANCE = 1
    LOT = 2
    CLASS = 3
    CONTAINER_UNIT = 4  # SSCC: one logistic unit, not used again
    RETURNABLE = 5  # GRAI, GIAI, our crates: used again and again
    PLACE = 6
    PARTY = 7
    TRANSACTION = 8


_SAFE = "-._~"  # the characters a Digital Link path segment keeps as they are (RFC 3986 unreserved)
_PRIVATE_KINDS = {
    "obj": UriKind.INSTANCE,
    "lot": UriKind.LOT,
    "class": UriKind.CLASS,
    "loc": UriKind.PLACE,
    "party": UriKind.PARTY,
    "bt": UriKind.TRANSACTION,
}
CRATES = "crate"  # scheme of our own re-usable containers

# GS1 keys by application identifier: the shape of the value (GS1 General Specifications 3), and how many of its first
# digits end in a check digit (0: it has none).
KEYS = {
    "00": (re.compile(r"[0-9]{18}"), 18),
    "01": (re.compile(r"[0-9]{14}"), 14),
    "253": (re.compile(r"[0-9]{13}.{0,17}"), 13),
    "255": (re.compile(r"[0-9]{13,25}"), 13),
    "401": (re.compile(r"[0-9]{4}.{0,26}"), 0),
    "402": (re.compile(r"[0-9]{17}"), 17),
    "414": (re.compile(r"[0-9]{13}"), 13),
    "417": (re.compile(r"[0-9]{13}"), 13),
    "8003": (re.compile(r"[0-9]{14}.{0,16}"), 14),
    "8004": (re.compile(r"[0-9]{4}.{0,26}"), 0),
    "8006": (re.compile(r"[0-9]{18}"), 14),
    "8010": (re.compile(r"[0-9]{4}.{0,26}"), 0),
    "8017": (re.compile(r"[0-9]{18}"), 18),
    "8018": (re.compile(r"[0-9]{18}"), 18),
}
# What a link may say besides the key; of those listed for a key, the first that is there is part of the identity.
_QUALIFIERS = frozenset({"10", "21", "22", "235", "254", "8011", "8019"})
_IDENTITY = {"01": ("21", "235", "10"), "8006": ("21", "10"), "414": ("254",), "8010": ("8011",)}
DIGITAL_LINK = re.compile(  # no empty segments: they made the search take the square of a long path's time
    rf"^https?://(?![^?#]*//)[^/?#]+(?:/[^?#]*?)?/({'|'.join(KEYS)})/([^/?#]+)((?:/[^/?#]+)*)/?(?:[?#].*)?$", re.DOTALL
)

# What nearly all identifiers are: links that are canonical as they stand, URNs of items that need no escapes, and of
# logistic units.
_AT_HOME = re.compile(rf"{GS1}/(?:01/[0-9]{{14}}(?:/(10|21)/[A-Za-z0-9._~-]+)?|(00)/[0-9]{{18}}|(41[47])/[0-9]{{13}})")
_ITEM_URN = re.compile(r"urn:epc:(?:id:sgtin|class:(lgtin)):([0-9]+\.[0-9]+)\.([A-Za-z0-9._~-]+)")
_UNIT_URN = re.compile(r"urn:epc:id:sscc:([0-9]+)\.([0-9])([0-9]*)")


@lru_cache(maxsize=65_536)
def uri_kind(uri: str) -> UriKind:
    """What kind of thing a canonical URI names; OTHER for anything not recognised."""
    home = _AT_HOME.fullmatch(uri)
    if home is not None:
        return _KIND_AT_HOME[home[home.lastindex] if home.lastindex else ""]
    if uri.startswith(GS1 + "/"):
        return _gs1_kind(parse_digital_link(uri) or {})
    if uri.startswith(PRIVATE + "/"):
        scheme, word, value = split_private_uri(uri)
        if value is None:
            return UriKind.OTHER
        return UriKind.RETURNABLE if (scheme, word) == (CRATES, "obj") else _PRIVATE_KINDS[word]
    return _foreign_kind(uri)


def _gs1_kind(values: dict[str, str]) -> UriKind:
    match next(iter(values), None):
        case "01" | "8006":
            if "21" in values or "235" in values:
                return UriKind.INSTANCE
            return UriKind.LOT if "10" in values else UriKind.CLASS
        case "8010":
            return UriKind.INSTANCE if "8011" in values else UriKind.CLASS
        case "8003":
            # A GRAI without serial names a type of crate: 14 digits and nothing more.
            return UriKind.RETURNABLE if len(values["8003"]) > 14 else UriKind.CLASS
        case ai:
            return _KIND_OF_KEY.get(ai or "", UriKind.OTHER)


_KIND_OF_KEY = {
    "00": UriKind.CONTAINER_UNIT,
    "253": UriKind.TRANSACTION,
    "255": UriKind.TRANSACTION,
    "401": UriKind.INSTANCE,
    "402": UriKind.INSTANCE,
    "414": UriKind.PLACE,
    "417": UriKind.PARTY,
    "8004": UriKind.RETURNABLE,
    "8017": UriKind.INSTANCE,
    "8018": UriKind.INSTANCE,
}


_KIND_AT_HOME = {name: _KIND_OF_KEY[name] for name in ("00", "414", "417")} | {
    "": UriKind.CLASS,
    "10": UriKind.LOT,
    "21": UriKind.INSTANCE,
}


def _foreign_kind(uri: str) -> UriKind:
    """Partners' private URIs by the CBV template: .../obj/..., .../lot/..., .../class/... (CBV 2.0 section 8)."""
    for word, kind in _PRIVATE_KINDS.items():
        if f"/{word}/" in uri:
            return kind
    if uri.startswith("urn:epc:id:"):
        return UriKind.INSTANCE
    return UriKind.INSTANCE if uri.startswith("urn:uuid:") else UriKind.OTHER


def gtin_uri(gtin14: str, *, lot: str | None = None, serial: str | None = None) -> str:
    """A GTIN's class, one of its lots (`lot`) or one of its instances (`serial`; the lot is then no part of it)."""
    base = f"{GS1}/01/{gtin14}"
    if serial is not None:
        return f"{base}/21/{quote(serial, safe=_SAFE)}"
    return base if lot is None else f"{base}/10/{quote(lot, safe=_SAFE)}"


def key_uri(ai: str, value: str) -> str:
    """Another GS1 key by its application identifier: 00 SSCC, 8003 GRAI, 8004 GIAI, 414 place, 417 party."""
    return f"{GS1}/{ai}/{quote(value, safe=_SAFE)}"


def private_uri(scheme: str, kind: str, value: str) -> str:
    """A private identifier of ours by the CBV template; `kind` is obj, lot, class, loc, party or bt."""
    return f"{PRIVATE}/{scheme}/{kind}/{quote(value, safe=_SAFE)}"


def drug_code_uri(code: str) -> str:
    """One drug package by its 20-digit 药品追溯码."""
    return private_uri("drug", "obj", code)


def drug_class_uri(identifier: str) -> str:
    """A drug product at one pack level by its 7-digit 药品标识码."""
    return private_uri("drug", "class", identifier)


def ear_tag_uri(tag: str) -> str:
    """One animal by its 15-digit 畜禽标识."""
    return private_uri("eartag", "obj", tag)


def crate_uri(code: str) -> str:
    """One re-usable crate by the code on it."""
    return private_uri(CRATES, "obj", code)


def place_uri(code: str) -> str:
    """A place of an organisation."""
    return private_uri("place", "loc", code)


def party_uri(code: str) -> str:
    """An organisation by its USCC or our public id."""
    return private_uri("org", "party", code)


def transaction_uri(type_: str, number: str) -> str:
    """A business document (delivery note, certificate ...) by its type and number."""
    return private_uri(type_, "bt", number)


def lot_uri(class_uri: str, number: str) -> str:
    """A lot of a product class: `/10/` behind a GTIN, `/lot/<class>.<number>` for a private class.

    Raises `Invalid` where the URI names no product class (a type of crate is none), or the number is empty.
    """
    if not number:
        raise Invalid(N_("A lot has a number; none came for {uri}."), uri=class_uri[:120])
    if class_uri.startswith(f"{GS1}/01/") and uri_kind(class_uri) is UriKind.CLASS:
        return f"{class_uri}/10/{quote(number, safe=_SAFE)}"
    head, word, value = class_uri.rpartition("/class/")
    if not word or uri_kind(class_uri) is not UriKind.CLASS:
        raise Invalid(N_("A lot belongs to a product class; {uri} is none."), uri=class_uri[:120])
    # The class value ends at the first dot: its own dots are escaped, a lot number may have any.
    return f"{head}/lot/{value.replace('.', '%2E')}.{quote(number, safe=_SAFE)}"


def class_uri_of(uri: str) -> str | None:
    """The product class a lot or instance URI belongs to, where the URI itself tells."""
    if uri.startswith(f"{GS1}/01/"):
        return f"{GS1}/01/{uri[len(GS1) + 4 :].split('/', 1)[0]}"
    if uri.startswith(PRIVATE + "/") and "/lot/" in uri:
        head, _, value = uri.partition("/lot/")
        return f"{head}/class/{value.split('.', 1)[0].replace('%2E', '.')}"
    if uri.startswith(f"{PRIVATE}/drug/obj/"):
        return drug_class_uri(uri.rpartition("/")[2][:7])
    return None


def lot_uri_of_instance(epc: str, number: str) -> str | None:
    """The lot an instance belongs to, given its lot number; None where its class cannot be told from the URI."""
    class_uri = class_uri_of(epc)
    return lot_uri(class_uri, number) if class_uri and uri_kind(epc) is UriKind.INSTANCE else None


@lru_cache(maxsize=65_536)
def canonical_uri(uri: str) -> str:
    """The one form of an identifier that is stored: EPC URNs and other Digital Links become Digital Link on id.gs1.org.

    GS1 forms are equal if they name the same key (CBV 2.0 section 8); ours are equal if they differ in escapes only.
    What is neither stays exactly as it is. Raises `Invalid` for an EPC URN whose parts do not fit together, TypeError
    for what is no text.
    """
    if not isinstance(uri, str):
        raise TypeError(f"an identifier is a text, {str(uri)[:40]} is none")
    if uri.startswith(PRIVATE + "/"):
        return _canonical_private(uri)
    if uri.startswith("urn:epc:"):
        item = _ITEM_URN.fullmatch(uri)
        if item is not None and len(item[2]) == 14:
            return f"{GS1}/01/{gtin_of(item[2])}/{'10' if item[1] else '21'}/{item[3]}"
        unit = _UNIT_URN.fullmatch(uri)
        if unit is not None and len(body := unit[2] + unit[1] + unit[3]) == 17:
            return f"{GS1}/00/{body}{check_digit(body)}"
        values = parse_epc_urn(uri)
    else:
        values = None if _AT_HOME.fullmatch(uri) else parse_digital_link(uri)
    return uri if values is None else _gs1_uri(values)


def parse_digital_link(uri: str) -> dict[str, str] | None:
    """{application identifier: value} of a GS1 Digital Link's path, its key first; None where it is none.

    On id.gs1.org any check digit is taken (the code may be printed like that); elsewhere only a right one tells a
    Digital Link from a web address that has such numbers in its path.
    """
    match = DIGITAL_LINK.match(uri)
    if match is None and (other := numbered(uri)) is not uri:
        match = DIGITAL_LINK.match(other)
    parts = [match[1], match[2], *match[3].split("/")[1:]] if match else []
    texts = [unescaped(part) for part in parts[1::2]]
    values = {ai: text for ai, text in zip(parts[::2], texts, strict=False) if text is not None}
    if not values or len(values) * 2 != len(parts) or not set(list(values)[1:]) <= _QUALIFIERS:
        return None
    ai = parts[0]
    if ai == "01" and len(values[ai]) in (8, 12, 13):
        values[ai] = values[ai].zfill(14)
    shape, checked = KEYS[ai]
    if not shape.fullmatch(values[ai]):
        return None
    at_home = uri.startswith(GS1 + "/")
    return values if at_home or is_check_digit_right(values[ai][:checked]) or not checked else None


def split_private_uri(uri: str) -> tuple[str, str, str | None]:
    """(scheme, kind word, value as it is escaped) of an identifier of ours; the value is None where it is none."""
    scheme, _, rest = uri[len(PRIVATE) + 1 :].partition("/")
    word, _, tail = rest.partition("/")
    value = re.split("[?#]", tail, maxsplit=1)[0]
    known = bool(scheme) and word in _PRIVATE_KINDS and unescaped(value) is not None
    return scheme, word, value if known else None


def _canonical_private(uri: str) -> str:
    scheme, word, value = split_private_uri(uri)
    if value is None:
        return uri
    # Only the first dot of a lot parts class and number; the class's own dots are escaped (see `lot_uri`).
    if word != "lot":
        return private_uri(scheme, word, unquote(value))
    head, dot, number = value.partition(".")
    class_part = quote(unquote(head), safe=_SAFE).replace(".", "%2E")
    return f"{PRIVATE}/{scheme}/lot/{class_part}{dot}{quote(unquote(number), safe=_SAFE)}"


def _gs1_uri(values: dict[str, str]) -> str:
    ai = next(iter(values))
    kept = next((name for name in _IDENTITY.get(ai, ()) if name in values), None)
    if kept == "254" and values[kept] == "0":  # "no extension" (TDS 2.0 section 6.3.3)
        kept = None
    return key_uri(ai, values[ai]) + (f"/{kept}/{quote(values[kept], safe=_SAFE)}" if kept else "")
