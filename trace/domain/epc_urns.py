"""GS1 Digital Link to EPC URN (TDS 2.0 section 6), as far as the length of the GS1 company prefix is known.

A URN says where the company prefix ends, a Digital Link does not; GS1's table of prefix formats tells it for most
countries (`biip` carries it). The other direction needs no table: `trace.domain.uris.canonical_uri`.
"""

import re
from functools import lru_cache
from urllib.parse import quote

from biip.gs1_prefixes import GS1CompanyPrefix

from trace.domain.checks import is_check_digit_right
from trace.domain.uris import GS1, parse_digital_link

_SAFE = "!'()*+,-.:;=_"  # what a URN takes as it is of the 82 characters of an element string (TDS 2.0 table A-1)
_AI82 = re.compile(r"""[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]{1,30}""")
_AI39 = re.compile(r"[#\-/0-9A-Z]{1,30}")
_PREFIX_DIGITS = range(6, 13)  # TDS knows company prefixes of 6 to 12 digits
_GSRN = {"8017": "gsrnp", "8018": "gsrn"}
_DOCUMENT = {"253": ("gdti", 17), "255": ("sgcn", 12)}  # (scheme, most characters of the serial)


@lru_cache(maxsize=65_536)
def as_epc_urn(uri: str) -> str:
    """A canonical Digital Link as EPC URN; for a lot that is `urn:epc:class:lgtin:`, for a class `urn:epc:idpat:`.

    What has no URN stays as it is: a company prefix that GS1's table does not tell, a wrong check digit (a URN has
    none, so it would come back as another key), characters that an element string does not take, no GS1 key at all.
    """
    values = parse_digital_link(uri) if uri.startswith(GS1 + "/") else None
    return (values and _urn(values)) or uri


def _urn(values: dict[str, str]) -> str | None:
    ai, value = next(iter(values.items()))
    match ai:
        case "01":
            return _of_gtin(values, value)
        case "8006":
            return _of_piece(values, value)
        case "00" if is_check_digit_right(value):
            return _id("sscc", _split(value[1:-1]), lead=value[0])
        case "414" if is_check_digit_right(value):
            extension = values.get("254", "0")
            return _id("sgln", _split(value[:-1]), extension) if _fits(extension, 20) else None
        case "417" if is_check_digit_right(value):
            return _id("pgln", _split(value[:-1]))
        case "8017" | "8018" if is_check_digit_right(value):
            return _id(_GSRN[ai], _split(value[:-1]))
        case "8003" if value[0] == "0" and is_check_digit_right(value[1:14]):
            return _instance_or_all("grai", _split(value[1:13]), value[14:], 16)
        case "253" | "255" if is_check_digit_right(value[:13]):
            scheme, longest = _DOCUMENT[ai]
            return _instance_or_all(scheme, _split(value[:12]), value[13:], longest)
        case "402" if is_check_digit_right(value):
            return _id("gsin", _split(value[:-1]))
        case "401" | "8004":
            return _of_owner("ginc" if ai == "401" else "giai", value)
        case "8010":
            return _of_part(values, value)
    return None


def _of_gtin(values: dict[str, str], gtin: str) -> str | None:
    if not is_check_digit_right(gtin):
        return None
    parts = _split(gtin[1:-1])
    for ai, form, longest in (("21", "id:sgtin", 20), ("235", "id:upui", 28), ("10", "class:lgtin", 20)):
        if ai in values:
            fits = _fits(values[ai], longest)
            return _join(form, parts, values[ai], lead=gtin[0]) if fits else None
    return _join("idpat:sgtin", parts, "*", lead=gtin[0])


def _of_piece(values: dict[str, str], value: str) -> str | None:
    """An individual trade item piece: GTIN, number of the piece, how many there are."""
    gtin, piece, total = value[:14], value[14:16], value[16:]
    serial = values.get("21")
    if not is_check_digit_right(gtin) or "10" in values or (serial is not None and not _fits(serial, 20)):
        return None
    form = "idpat:itip" if serial is None else "id:itip"
    return _join(form, _split(gtin[1:-1]), f"{piece}.{total}", serial or "*", lead=gtin[0])


def _of_owner(scheme: str, value: str) -> str | None:
    """A key of a company prefix and what its owner put behind it."""
    parts = _split(value)
    return f"urn:epc:id:{scheme}:{parts[0]}.{_escape(parts[1])}" if parts and _fits(parts[1], 30) else None


def _of_part(values: dict[str, str], value: str) -> str | None:
    """A component or part: its reference takes other characters than serial numbers do (GS1 AI 8010)."""
    parts = _split(value)
    serial = values.get("8011")
    if not parts or not _AI39.fullmatch(parts[1]) or not re.fullmatch(r"[1-9][0-9]{0,11}|0", serial or "0"):
        return None
    named = (parts[0], _escape(parts[1]))
    return _join("idpat:cpi", named, "*") if serial is None else _id("cpi", named, serial)


def _instance_or_all(scheme: str, parts: tuple[str, str] | None, serial: str, longest: int) -> str | None:
    if not serial:
        return _join(f"idpat:{scheme}", parts, "*")
    return _id(scheme, parts, serial) if _fits(serial, longest) else None


def _split(value: str) -> tuple[str, str] | None:
    """(company prefix, the rest); None where GS1's table does not tell the prefix, or it is longer than the value."""
    digits = re.match(r"[0-9]*", value)
    found = GS1CompanyPrefix.extract(digits[0].ljust(14, "0")) if digits and digits[0] else None
    if found is None or len(found.value) not in _PREFIX_DIGITS or not value.startswith(found.value):
        return None
    if found.value.startswith("00000"):  # a GTIN-8 filled up: its prefix is no company's
        return None
    return found.value, value[len(found.value) :]


def _id(scheme: str, parts: tuple[str, str] | None, *more: str, lead: str = "") -> str | None:
    return _join(f"id:{scheme}", parts, *more, lead=lead)


def _join(form: str, parts: tuple[str, str] | None, *more: str, lead: str = "") -> str | None:
    """`lead` is the digit in front of the company prefix, which a URN puts in front of the reference."""
    if parts is None:
        return None
    tail = "".join(f".{text if text == '*' else _escape(text)}" for text in more)
    return f"urn:epc:{form}:{parts[0]}.{lead}{parts[1]}{tail}"


def _fits(text: str, longest: int) -> bool:
    return len(text) <= longest and _AI82.fullmatch(text) is not None


def _escape(text: str) -> str:
    return quote(text, safe=_SAFE)
