"""Any scanned or typed text becomes a typed identifier: what is this, and which thing does it name?

The dispatch for bare digits follows the field's practice: 8 + 19 digits is a 药品追溯码, 15 digits with a known county
an ear tag, 13 digits starting 2 an in-store code, and so on. Misreads are reported, never repaired: no letter is mapped
to a digit, no check digit is invented for codes that have none.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from biip import ParseConfig, ParseError
from biip.gs1_messages import GS1Message

from trace.domain import uris
from trace.domain.failures import N_, Invalid
from trace.domain.parties import (
    is_drug_licence,
    is_food_licence,
    is_food_licence_digit_right,
    is_uscc_digit_right,
    is_uscc_shape,
)
from trace.domain.regions import is_known_region

MAX_LENGTH = 8_000  # a QR code holds at most 7,089 digits (ISO/IEC 18004)
FNC1 = "\x1d"


class CodeKind(StrEnum):
    """What a text is."""

    GTIN = "gtin"
    LGTIN = "lgtin"  # GTIN with a lot
    SGTIN = "sgtin"  # GTIN with a serial number
    SSCC = "sscc"
    GRAI = "grai"
    GIAI = "giai"
    GLN = "gln"
    DRUG_TRACE_CODE = "drug_trace_code"
    EAR_TAG = "ear_tag"
    IN_STORE = "in_store"
    SCALE_LABEL = "scale_label"
    CIRCULATION_CODE = "circulation_code"
    NATIONAL_DRUG_CODE = "national_drug_code"
    USCC = "uscc"
    LICENCE = "licence"
    CERTIFICATE_QR = "certificate_qr"
    OWN_LINK = "own_link"  # an identifier of this service
    URL = "url"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CodeWarning:
    """A doubt about a code: translatable text and its values. It is shown, it does not block (R20)."""

    message: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Code:
    """A text and what it names.

    `uri` is the thing itself (None for a text that names none), `class_uri` its product class, `lot_uri` the lot it
    names or belongs to. Amounts come from GS1 variable-measure identifiers only; what the digits of an in-store code
    mean is the shop's own affair (`plu`, `measure`: five digits each, meaning by the shop's profile).
    """

    kind: CodeKind
    text: str
    uri: str | None = None
    class_uri: str | None = None
    lot_uri: str | None = None
    gtin: str | None = None
    lot: str | None = None
    serial: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None
    amount: Decimal | None = None
    unit: str | None = None
    drug_identifier: str | None = None
    plu: str | None = None
    measure: str | None = None
    warnings: tuple[CodeWarning, ...] = ()


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_PRINTED_DRUG_CODE = re.compile(r"^药品标识码[::]?\s*(\d{7})\s*[,,;;]?\s*序列号[::]?\s*(\d{13})$")
_DRUG_IN_URL = re.compile(r"(?<!\d)(8\d{19})(?!\d)")
_CODE_KEYS = ("code", "c", "id", "tracecode", "traceCode", "drugcode", "zsm")
_CERTIFICATE_WORDS = ("hgz", "hegezheng", "certificate", "cert", "合格证", "jianyi", "quarantine")
_DOUBTS = {
    "check": N_("The check digit of {text} is wrong: read it again, or confirm that it is printed like this."),
    "region": N_("The region {region} of this ear tag is not in the list of counties."),
    "gs1": N_("The GS1 identifier in this code could not be read: {fault}"),
}


def parse_code(text: str, *, symbology: str | None = None, identifier: str | None = None) -> Code:
    """What a scanned or typed text is.

    `symbology` ("EAN-13", "DataMatrix" ...) and `identifier` (AIM, "]d2") help where the text alone is ambiguous.
    Never fails on a readable text: what is not recognised is UNKNOWN. Raises `Invalid` for text over 8,000
    characters, with control characters other than FNC1, or with lone surrogates.
    """
    clean = _normalised(text)
    if identifier and identifier in ("]d2", "]C1", "]e0", "]Q3", "]J1"):
        return _gs1(clean) or Code(CodeKind.UNKNOWN, clean)
    if clean[:3] in ("]d2", "]C1", "]e0", "]Q3", "]J1"):
        clean = clean[3:]
        return _gs1(clean) or Code(CodeKind.UNKNOWN, clean)
    if clean.startswith(("http://", "https://", "urn:")):
        return _from_link(clean)
    if FNC1 in clean or (clean.startswith("(") and ")" in clean):
        return _gs1(clean) or Code(CodeKind.UNKNOWN, clean)
    return _plain(clean, symbology)


def _normalised(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise Invalid(N_("A code has at most {limit} characters; {came} came."), limit=MAX_LENGTH, came=len(text))
    clean = text.strip("\r\n\t \u3000\ufeff").lstrip(FNC1)
    for character in clean:
        if character != FNC1 and unicodedata.category(character) in ("Cc", "Cs"):
            raise Invalid(
                N_("A code has no control characters; U+{point} came. Scan it again."), point=f"{ord(character):04X}"
            )
    # GS1 lot and serial numbers may hold full-width-free ASCII only, so this changes no identity.
    return clean.translate(_FULL_WIDTH).strip()


def _plain(text: str, symbology: str | None) -> Code:
    """A bare text: digits by their number and start, else licences and credit codes by their shape."""
    printed = _PRINTED_DRUG_CODE.match(text)
    if printed:
        return _drug(printed[1] + printed[2], text)
    compact = re.sub(r"[\s\-]", "", text)
    if compact.isascii() and compact.isdigit():
        reader = _BY_LENGTH.get(len(compact))
        found = reader(compact, symbology) if reader else None
        return found or _maybe_gs1(compact) or Code(CodeKind.UNKNOWN, text)
    if is_uscc_shape(compact.upper()):
        right = is_uscc_digit_right(compact.upper())
        return Code(
            CodeKind.USCC,
            compact.upper(),
            uri=uris.party_uri(compact.upper()),
            warnings=() if right else (_doubt("check", text=compact.upper()),),
        )
    if is_food_licence(compact.upper()):
        right = is_food_licence_digit_right(compact.upper())
        doubts = () if right else (_doubt("check", text=compact.upper()),)
        return Code(CodeKind.LICENCE, compact.upper(), warnings=doubts)
    if is_drug_licence(compact.upper()):
        return Code(CodeKind.LICENCE, compact.upper())
    return Code(CodeKind.UNKNOWN, text)


def _twenty(digits: str, _symbology: str | None) -> Code | None:
    if digits[0] == "8":
        return _drug(digits, digits)
    if digits[:2] == "00" and digits[2:][-1] == uris.check_digit(digits[2:-1]):
        return _gs1(digits)  # AI (00) and an SSCC without FNC1
    if 11 <= int(digits[:2]) <= 65:
        # Ministry of Commerce meat-and-vegetable circulation code: its inner structure is not certain, so it is opaque.
        return Code(CodeKind.CIRCULATION_CODE, digits, uri=uris.private_uri("circulation", "obj", digits))
    return None


def _drug(digits: str, text: str) -> Code:
    if not re.fullmatch(r"8\d{19}", digits):
        return Code(CodeKind.UNKNOWN, text)
    return Code(
        CodeKind.DRUG_TRACE_CODE,
        digits,
        uri=uris.drug_code_uri(digits),
        class_uri=uris.drug_class_uri(digits[:7]),
        drug_identifier=digits[:7],
        serial=digits[7:],
    )


def _eighteen(digits: str, symbology: str | None) -> Code | None:
    if digits[0] == "2" and symbology in (None, "Code128", "EAN-13", "ITF"):
        # 2 prefix + 5 PLU + 5 weight + 5 price + 1 check
        return Code(CodeKind.SCALE_LABEL, digits, plu=digits[2:7], measure=digits[7:12], warnings=_check_doubt(digits))
    if digits[-1] == uris.check_digit(digits[:-1]):
        return Code(CodeKind.SSCC, digits, uri=uris.key_uri("00", digits))
    if is_uscc_shape(digits):
        return Code(
            CodeKind.USCC,
            digits,
            uri=uris.party_uri(digits),
            warnings=() if is_uscc_digit_right(digits) else (_doubt("check", text=digits),),
        )
    return None


def _fifteen(digits: str, _symbology: str | None) -> Code | None:
    if digits[0] not in "1237":
        return None
    known = is_known_region(digits[1:7])
    return Code(
        CodeKind.EAR_TAG,
        digits,
        uri=uris.ear_tag_uri(digits),
        serial=digits[7:],
        warnings=() if known else (_doubt("region", region=digits[1:7]),),
    )


def _fourteen(digits: str, _symbology: str | None) -> Code | None:
    if digits.startswith("869"):
        return Code(CodeKind.NATIONAL_DRUG_CODE, digits, class_uri=uris.gtin_uri(digits), warnings=_check_doubt(digits))
    return _gtin(digits)


def _thirteen(digits: str, _symbology: str | None) -> Code | None:
    if digits[0] == "2":
        return Code(CodeKind.IN_STORE, digits, plu=digits[2:7], measure=digits[7:12], warnings=_check_doubt(digits))
    return _gtin(digits)


def _gtin(digits: str, _symbology: str | None = None) -> Code | None:
    padded = digits.zfill(14)
    uri = uris.gtin_uri(padded)
    return Code(CodeKind.GTIN, digits, uri=uri, class_uri=uri, gtin=padded, warnings=_check_doubt(digits))


def _eight(digits: str, symbology: str | None) -> Code | None:
    if symbology == "UPC-E":
        known = _gtin(_expanded_upc_e(digits))
        return replace(known, text=digits) if known else None
    return _gtin(digits)


_BY_LENGTH: dict[int, Callable[[str, str | None], Code | None]] = {
    8: _eight,
    12: _gtin,
    13: _thirteen,
    14: _fourteen,
    15: _fifteen,
    18: _eighteen,
    20: _twenty,
}


def _expanded_upc_e(digits: str) -> str:
    """The 12 digits of the UPC-A that 8 digits of a UPC-E stand for (GS1 General Specifications 5.2.2.4.2)."""
    system, body, check, last = digits[0], digits[1:7], digits[7], digits[6]
    if last in "012":
        middle = body[:2] + last + "0000" + body[2:5]
    elif last == "3":
        middle = body[:3] + "00000" + body[3:5]
    elif last == "4":
        middle = body[:4] + "00000" + body[4]
    else:
        middle = body[:5] + "0000" + last
    return system + middle + check


def _check_doubt(digits: str) -> tuple[CodeWarning, ...]:
    return () if digits[-1] == uris.check_digit(digits[:-1]) else (_doubt("check", text=digits),)


def _doubt(name: str, **values: str) -> CodeWarning:
    return CodeWarning(_DOUBTS[name], values)


def _maybe_gs1(digits: str) -> Code | None:
    """Digits that begin with (01) and a right GTIN are a GS1 element string whose FNC1 the scanner did not send."""
    if len(digits) > 16 and digits.startswith("01") and digits[15] == uris.check_digit(digits[2:15]):
        return _gs1(digits)
    return None


def _gs1(text: str) -> Code | None:
    """A GS1 element string (FNC1 as 0x1D) or its bracketed human-readable form."""
    config = ParseConfig(gs1_element_strings_verify_date=False)
    try:
        parse = GS1Message.parse_hri if text.startswith("(") else GS1Message.parse
        message = parse(text, config=config)
    except (ParseError, ValueError) as fault:
        return Code(CodeKind.UNKNOWN, text, warnings=(_doubt("gs1", fault=str(fault)[:120]),))
    values = {element.ai.ai: element for element in message.element_strings}
    base = _gs1_key({ai: element.value for ai, element in values.items()}, text)
    if base is None:
        return Code(CodeKind.UNKNOWN, text)
    faults = [e.gtin_error or e.sscc_error or e.gln_error for e in values.values()]
    doubts = tuple(_doubt("check", text=base.text) for fault in faults if fault)
    measured = next((e for e in values.values() if e.ai.ai.startswith("310") and e.decimal is not None), None)
    counted = values.get("30") or values.get("37")
    amount, unit = (measured.decimal, "KGM") if measured else (Decimal(counted.value) if counted else None, "EA")
    return replace(
        base,
        produced_on=values["11"].date if "11" in values else None,
        expires_on=next((values[ai].date for ai in ("17", "15") if ai in values), None),
        amount=amount,
        unit=unit if amount is not None else None,
        warnings=doubts,
    )


def _gs1_key(values: dict[str, str], text: str) -> Code | None:
    """The thing a set of application identifiers names: {AI: value}."""
    gtin = values.get("01") or values.get("02")
    if gtin:
        lot, serial = values.get("10"), values.get("21")
        class_uri = uris.gtin_uri(gtin)
        lot_uri = uris.gtin_uri(gtin, lot=lot) if lot else None
        kind = CodeKind.SGTIN if serial else CodeKind.LGTIN if lot else CodeKind.GTIN
        uri = uris.gtin_uri(gtin, serial=serial) if serial else lot_uri or class_uri
        return Code(kind, text, uri=uri, class_uri=class_uri, lot_uri=lot_uri, gtin=gtin, lot=lot, serial=serial)
    for ai, kind in (("00", CodeKind.SSCC), ("8003", CodeKind.GRAI), ("8004", CodeKind.GIAI), ("414", CodeKind.GLN)):
        if ai in values:
            return Code(kind, text, uri=uris.key_uri(ai, values[ai]), serial=None)
    return None


def parse_uri(uri: str) -> Code:
    """The code behind an identifier URI; raises `Invalid` for a text that is no identifier of a thing."""
    code = _from_link(_normalised(uri))
    if code.uri is None:
        raise Invalid(N_("{uri} names no thing: an identifier URI was wanted."), uri=uri[:120])
    return code


def _from_link(text: str) -> Code:
    """A link: an identifier (Digital Link, EPC URN, ours), a code carried by a link, or just an address."""
    try:
        uri = uris.canonical_uri(text)
        split = urlsplit(text)
    except (Invalid, ValueError):
        return Code(CodeKind.URL, text)
    if uri.startswith(uris.GS1 + "/"):
        return _from_gs1_uri(uri, text)
    if uri.startswith(uris.PRIVATE + "/"):
        return _from_private_uri(uri)
    own_page = re.fullmatch(r"/t/(.+)", split.path)
    if own_page:
        inner = unquote(own_page[1])
        return parse_code(inner) if not inner.startswith(("http", "urn")) else _from_link(inner)
    for key in _CODE_KEYS:
        for value in parse_qs(split.query).get(key, ()):
            found = parse_code(value) if not value.startswith(("http", "urn")) else None
            if found and found.uri:
                return found
    drug = _DRUG_IN_URL.search(text)
    if drug:
        return _drug(drug[1], drug[1])
    if uris.uri_kind(uri) is not uris.UriKind.OTHER:
        return Code(CodeKind.OWN_LINK, text, uri=uri, lot_uri=uri if uris.uri_kind(uri) is uris.UriKind.LOT else None)
    lowered = unquote(text).lower()
    kind = CodeKind.CERTIFICATE_QR if any(word in lowered for word in _CERTIFICATE_WORDS) else CodeKind.URL
    return Code(kind, text)


def _from_gs1_uri(uri: str, text: str) -> Code:
    parts = uri[len(uris.GS1) + 1 :].split("/")
    values = {ai: unquote(value) for ai, value in zip(parts[::2], parts[1::2], strict=False)}
    query = parse_qs(urlsplit(text).query) if text.startswith("http") else {}
    values |= {ai: found[0] for ai, found in query.items() if ai in ("10", "17", "11", "15") and ai not in values}
    # The lot may stand before the serial in the path of an uncompressed link.
    inner = re.search(r"/10/([^/?#]+)", urlsplit(text).path) if text.startswith("http") else None
    if inner:
        values.setdefault("10", unquote(inner[1]))
    base = _gs1_key(values, text) or Code(CodeKind.OWN_LINK, text, uri=uri)
    return replace(base, uri=uri, expires_on=_six_digits(values.get("17")), produced_on=_six_digits(values.get("11")))


def _six_digits(text: str | None) -> date | None:
    if text is None:
        return None
    found = _gs1("17" + text)
    return found.expires_on if found else None


def _from_private_uri(uri: str) -> Code:
    scheme, _, rest = uri[len(uris.PRIVATE) + 1 :].partition("/")
    value = unquote(rest.partition("/")[2])
    kind = uris.uri_kind(uri)
    if scheme == "drug" and kind is uris.UriKind.INSTANCE:
        return _drug(value, value)
    if scheme == "eartag":
        return replace(_fifteen(value, None) or Code(CodeKind.OWN_LINK, value), uri=uri)
    return Code(
        CodeKind.OWN_LINK,
        uri,
        uri=uri,
        class_uri=uris.class_uri_of(uri) if kind is uris.UriKind.LOT else None,
        lot_uri=uri if kind is uris.UriKind.LOT else None,
        lot=value.partition(".")[2] if kind is uris.UriKind.LOT else None,
    )
