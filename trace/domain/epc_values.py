"""EPC URNs (TDS 2.0 section 6) as values of application identifiers.

The company prefix needs no table in this direction; the other one is `trace.domain.epc_urns`.
"""

import re
from functools import lru_cache

from trace.domain.characters import unescaped
from trace.domain.checks import check_digit
from trace.domain.failures import N_, Invalid


def parse_epc_urn(uri: str) -> dict[str, str] | None:
    """{application identifier: value} of an EPC URN, its key first; None where it names no GS1 key.

    Raises `Invalid` for a URN whose parts do not fit together.
    """
    _, _, form, scheme, value = [*uri.split(":", 4), "", ""][:5]
    if form not in ("id", "class", "idpat") or scheme == "adi":  # whose part number may be empty; no key of GS1
        return None
    parts = value.split(".", 1 if scheme in ("giai", "ginc") else 2)  # these references may have dots
    # A company prefix of twelve digits leaves no digit for the location, the asset type or the document type.
    whole = re.fullmatch(r"[0-9]{12}", parts[0]) is not None
    fields = ["" if number == 1 and whole and not part else _field(part, uri) for number, part in enumerate(parts)]
    if form == "idpat":
        one_class = len(fields) == 3 and fields[2].endswith("*") and "*" not in fields[:2]
        return _from_pattern(scheme, fields, uri) if one_class else None
    if len(fields) == 2:
        return _from_pair(scheme, fields, uri)
    return _from_triple(scheme, fields, uri) if len(fields) == 3 else None


def _from_pattern(scheme: str, fields: list[str], uri: str) -> dict[str, str] | None:
    """A pattern for all serial numbers of a class names the class (TDS 2.0 section 8)."""
    if scheme == "itip" and re.fullmatch(r"[0-9]{2}\.[0-9]{2}\.\*", fields[2]):
        return {"8006": _gtin(fields, uri) + fields[2][:2] + fields[2][3:5]}
    match scheme if fields[2] == "*" else "":
        case "sgtin":
            return {"01": _gtin(fields, uri)}
        case "grai":
            return {"8003": "0" + _twelve(fields, uri)}
        case "gdti" | "sgcn":
            return {"253" if scheme == "gdti" else "255": _twelve(fields, uri)}
        case "cpi":
            return {"8010": fields[0] + fields[1]}
    return None


def _from_pair(scheme: str, fields: list[str], uri: str) -> dict[str, str] | None:
    match scheme:
        case "sscc":
            return {"00": _checked(fields[1][:1] + fields[0] + fields[1][1:], 17, uri)}
        case "pgln":
            return {"417": _twelve(fields, uri)}
        case "giai":
            return {"8004": fields[0] + fields[1]}
        case "ginc":
            return {"401": fields[0] + fields[1]}
        case "gsin":
            return {"402": _checked(fields[0] + fields[1], 16, uri)}
        case "gsrn" | "gsrnp":
            return {"8018" if scheme == "gsrn" else "8017": _checked(fields[0] + fields[1], 17, uri)}
    return None


def _from_triple(scheme: str, fields: list[str], uri: str) -> dict[str, str] | None:
    match scheme:
        case "sgtin" | "lgtin" | "upui":
            qualifier = {"sgtin": "21", "lgtin": "10", "upui": "235"}[scheme]
            return {"01": _gtin(fields, uri), qualifier: fields[2]}
        case "sgln":
            place = {"414": _twelve(fields, uri)}
            return place if fields[2] == "0" else place | {"254": fields[2]}
        case "grai":
            return {"8003": "0" + _twelve(fields, uri) + fields[2]}
        case "gdti" | "sgcn":
            return {"253" if scheme == "gdti" else "255": _twelve(fields, uri) + fields[2]}
        case "cpi":
            return {"8010": fields[0] + fields[1], "8011": fields[2]}
        case "itip" if match := re.fullmatch(r"([0-9]{2})\.([0-9]{2})\.(.+)", fields[2], re.DOTALL):
            return {"8006": _gtin(fields, uri) + match[1] + match[2], "21": match[3]}
    return None


def _field(escaped: str, uri: str) -> str:
    text = unescaped(escaped)
    if text is None:
        raise Invalid(N_("{uri} is no EPC: a part of it is empty or holds bytes that are no text."), uri=uri[:120])
    return text


@lru_cache(maxsize=16_384)
def gtin_of(item: str) -> str:
    """The GTIN of thirteen digits written as `company prefix.item reference`."""
    return _gtin(item.split("."), item)


def _gtin(fields: list[str], uri: str) -> str:
    return _checked(fields[1][:1] + fields[0] + fields[1][1:], 13, uri)


def _twelve(fields: list[str], uri: str) -> str:
    return _checked(fields[0] + fields[1], 12, uri)


def _checked(body: str, length: int, uri: str) -> str:
    if len(body) != length or not (body.isascii() and body.isdigit()):
        raise Invalid(
            N_("{uri} is no EPC: {length} digits of company prefix and reference were wanted, {body} came."),
            uri=uri[:120],
            length=length,
            body=body[:40],
        )
    return body + check_digit(body)
