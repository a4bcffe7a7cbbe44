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

from trace.domain.failures import N_, Invalid

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


# The characters a Digital Link path segment keeps as they are (RFC 3986 unreserved).
_SAFE = "-._~"
_PRIVATE_KINDS = {
    "obj": UriKind.INSTANCE,
    "lot": UriKind.LOT,
    "class": UriKind.CLASS,
    "loc": UriKind.PLACE,
    "party": UriKind.PARTY,
    "bt": UriKind.TRANSACTION,
}
CRATES = "crate"  # scheme of our own re-usable containers
_DIGITAL_LINK = re.compile(
    r"^https?://[^/?#]+(?:/[^?#]*?)?/(01|00|8003|8004|414|417|253|255|8006|8010|8017|8018)/([^/?#]+)((?:/[^/?#]+)*)/?(?:[?#].*)?$"
)
_QUALIFIERS = {"10", "21", "22", "235", "254"}


@lru_cache(maxsize=65_536)
def uri_kind(uri: str) -> UriKind:
    """What kind of thing a canonical URI names; OTHER for anything not recognised."""
    if uri.startswith(GS1 + "/"):
        return _gs1_kind(uri[len(GS1) + 1 :])
    if uri.startswith(PRIVATE + "/"):
        parts = uri[len(PRIVATE) + 1 :].split("/", 2)
        if len(parts) < 3:
            return UriKind.OTHER
        if parts[0] == CRATES and parts[1] == "obj":
            return UriKind.RETURNABLE
        return _PRIVATE_KINDS.get(parts[1], UriKind.OTHER)
    return _foreign_kind(uri)


def _gs1_kind(path: str) -> UriKind:
    parts = path.split("/")
    match parts[0]:
        case "01" | "8006":
            if "21" in parts[2::2]:
                return UriKind.INSTANCE
            return UriKind.LOT if "10" in parts[2::2] else UriKind.CLASS
        case "00":
            return UriKind.CONTAINER_UNIT
        case "8003":
            # A GRAI without serial names a type of crate: 14 digits and nothing more.
            return UriKind.RETURNABLE if len(unquote(parts[1])) > 14 else UriKind.CLASS
        case "8004":
            return UriKind.RETURNABLE
        case "414":
            return UriKind.PLACE
        case "417":
            return UriKind.PARTY
        case "253" | "255":
            return UriKind.TRANSACTION
        case "8010" | "8017" | "8018":
            return UriKind.INSTANCE
    return UriKind.OTHER


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

    Raises `Invalid` where the URI names no class.
    """
    if uri_kind(class_uri) is not UriKind.CLASS:
        raise Invalid(N_("A lot belongs to a product class; {uri} is none."), uri=class_uri)
    if class_uri.startswith(f"{GS1}/01/"):
        return f"{class_uri}/10/{quote(number, safe=_SAFE)}"
    head, _, value = class_uri.rpartition("/class/")
    # The class value ends at the first dot: its own dots are escaped twice, a lot number may have any.
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

    GS1 forms are equal if they name the same key (CBV 2.0 section 8). What is no GS1 key stays exactly as it is.
    Raises `Invalid` for an EPC URN whose parts do not fit together.
    """
    if uri.startswith(PRIVATE + "/"):
        return uri
    if uri.startswith("urn:epc:"):
        return _from_urn(uri)
    match = _DIGITAL_LINK.match(uri)
    if match is None:
        return uri
    return _from_digital_link(match, uri)


def _from_digital_link(match: re.Match[str], uri: str) -> str:
    ai, value, rest = match[1], unquote(match[2]), match[3].strip("/")
    parts = rest.split("/") if rest else []
    if len(parts) % 2:
        return uri
    qualifiers = {key: unquote(val) for key, val in zip(parts[::2], parts[1::2], strict=True)}
    if not set(qualifiers) <= _QUALIFIERS:
        return uri
    if ai == "01":
        if not value.isdigit() or len(value) not in (8, 12, 13, 14):
            return uri
        return gtin_uri(value.zfill(14), lot=qualifiers.get("10"), serial=qualifiers.get("21"))
    extension = qualifiers.get("254")
    return key_uri(ai, value) + (f"/254/{quote(extension, safe=_SAFE)}" if ai == "414" and extension else "")


def check_digit(digits: str) -> str:
    """The GS1 mod-10 check digit of the digits before it (GS1 General Specifications 7.9)."""
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits)))
    return str(-total % 10)


def _from_urn(uri: str) -> str:
    """EPC URN to Digital Link (TDS 2.0): the company prefix needs no table in this direction."""
    parts = uri.split(":")
    scheme, value = parts[3] if len(parts) > 4 else "", ":".join(parts[4:])
    fields = [unquote(part) for part in value.split(".", 2)]
    if uri.startswith(("urn:epc:idpat:", "urn:epc:pat:")):
        if scheme == "sgtin" and len(fields) == 3 and fields[2] == "*":
            return gtin_uri(_gtin(fields, uri))
        return uri
    match scheme, len(fields):
        case "sgtin", 3:
            return gtin_uri(_gtin(fields, uri), serial=fields[2])
        case "lgtin", 3:
            return gtin_uri(_gtin(fields, uri), lot=fields[2])
        case "sscc", 2:
            body = fields[1][:1] + fields[0] + fields[1][1:]
            return key_uri("00", _checked(body, 17, uri))
        case "sgln", 3:
            base = key_uri("414", _checked(fields[0] + fields[1], 12, uri))
            return base if fields[2] == "0" else f"{base}/254/{quote(fields[2], safe=_SAFE)}"
        case "pgln", 2:
            return key_uri("417", _checked(fields[0] + fields[1], 12, uri))
        case "grai", 3:
            return key_uri("8003", "0" + _checked(fields[0] + fields[1], 12, uri) + fields[2])
        case "giai", 2 | 3:
            return key_uri("8004", fields[0] + ".".join(fields[1:]))
    return uri


def _gtin(fields: list[str], uri: str) -> str:
    return _checked(fields[1][:1] + fields[0] + fields[1][1:], 13, uri)


def _checked(body: str, length: int, uri: str) -> str:
    if len(body) != length or not body.isdigit():
        raise Invalid(
            N_("{uri} is no EPC: {length} digits of company prefix and reference were wanted, {body} came."),
            uri=uri[:120],
            length=length,
            body=body[:40],
        )
    return body + check_digit(body)
