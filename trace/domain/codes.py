"""Any scanned or typed text becomes a typed identifier: what is this, and which thing does it name?

The dispatch for bare digits follows the field's practice: 8 + 19 digits is a 药品追溯码, 15 digits with a known county
an ear tag, 13 digits starting 2 an in-store code, and so on. Misreads are reported, never repaired: no letter is mapped
to a digit, no check digit is invented for codes that have none.
"""

import re
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

from trace.domain import chinese_codes, gs1_codes, uris
from trace.domain.characters import (
    FNC1,
    check_readable,
    compacted,
    find_unreadable,
    half_width,
    trimmed,
    without_blanks,
)
from trace.domain.checks import is_check_digit_right
from trace.domain.code_values import Code, CodeKind
from trace.domain.commitment import certificate_id_of
from trace.domain.failures import Invalid

__all__ = ["Code", "CodeKind", "find_code", "parse_code"]

MAX_LENGTH = 8_000  # a QR code holds at most 7,089 digits (ISO/IEC 18004)

# AIM identifiers (ISO/IEC 15424) of symbols whose FNC1 says: GS1 element strings inside.
_GS1_IDENTIFIERS = frozenset({"]d2", "]C1", "]e0", "]Q3", "]J1"})
# Symbologies that hold nothing else, for engines that tell no identifier.
_GS1_SYMBOLOGIES = frozenset({"GS1-128", "DataBar", "DataBarExp"})
# Bare digits in these (or typed under one) are a GTIN by definition. In any other symbol 8 or 12 digits are a day, a
# parcel, a member's card: only 13 or 14 with a right check digit are taken for one there.
_GTIN_SYMBOLOGIES = frozenset({None, "EAN-13", "EAN-8", "UPC-A", "UPC-E"})
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_LINK = re.compile(r"https?://|urn:", re.IGNORECASE)
_CERTIFICATE_WORDS = ("hgz", "hegezheng", "certificate", "cert", "合格证", "jianyi", "quarantine")
# The query keys under which links of trace platforms carry a code.
_CODE_KEYS = ("code", "c", "id", "tracecode", "traceCode", "drugcode", "zsm")
_OWN_PAGE = re.compile(r"/t/(.+)", re.DOTALL)  # our public page, whatever domain it is served from


def parse_code(text: str, *, symbology: str | None = None, identifier: str | None = None) -> Code:
    """What a scanned or typed text is.

    `symbology` ("EAN-13", "DataMatrix" ...) and `identifier` (AIM, "]d2") help where the text alone is ambiguous.
    Never fails on a readable text: what is not recognised is UNKNOWN. Raises `Invalid` for text over 8,000
    characters, with control characters other than FNC1, tab and line ends, or with lone surrogates.
    """
    check_readable(text, limit=MAX_LENGTH)
    raw = trimmed(text)
    prefix = _AIM.match(raw) if identifier is None else None  # our own engines tell it beside the text, never inside
    if prefix:
        raw, identifier = raw[3:], prefix[0]
    if _LINK.match(raw):
        return _parse_link(raw)
    return _parse_text(raw, symbology, identifier)


def find_code(text: str, *, symbology: str | None = None, identifier: str | None = None) -> Code | None:
    """What a symbol's text is, or None where it holds bytes that are no text (then its text is empty or unreadable)."""
    try:
        return parse_code(text, symbology=symbology, identifier=identifier) if text else None
    except Invalid:
        return None


def _parse_text(raw: str, symbology: str | None = None, identifier: str | None = None) -> Code:
    """A text that is no link."""
    clean = half_width(raw)
    is_gs1 = identifier in _GS1_IDENTIFIERS or (not identifier and symbology in _GS1_SYMBOLOGIES)
    if is_gs1 or FNC1 in clean or gs1_codes.is_bracketed(clean):
        return gs1_codes.parse_element_string(trimmed(clean.strip(FNC1)))
    return _parse_plain(clean, raw, symbology)


def _parse_plain(clean: str, raw: str, symbology: str | None) -> Code:
    """A bare text: digits by their number and start, else licences and credit codes by their shape."""
    compact = compacted(clean)
    if compact.isascii() and compact.isdigit():
        found = _parse_digits(compact, symbology)
    else:
        found = chinese_codes.parse_printed_drug_code(clean) or chinese_codes.parse_party_number(clean)
    if found is None and gs1_codes.looks_like_element_string(without_blanks(clean)):
        found = gs1_codes.parse_element_string(without_blanks(clean))
    if found:
        return found
    # Certificates without an address: the QR must say what it is in words (农业农村部令 2025 年第 4 号); kept as read.
    return Code(CodeKind.CERTIFICATE_QR, raw) if "合格证" in clean else Code(CodeKind.UNKNOWN, clean)


def _parse_digits(digits: str, symbology: str | None) -> Code | None:
    match len(digits):
        case 8 | 12 | 13 | 14 if not _may_be_gtin(digits, symbology):
            return None
        case 8 if symbology == "UPC-E":
            return gs1_codes.parse_upc_e(digits)
        case 8 | 12 | 13 if gs1_codes.is_in_store(digits):
            return gs1_codes.parse_in_store(digits)
        case 14 if digits.startswith("869") and symbology is None:  # printed; in a symbol it is a case of a 69... GTIN
            return chinese_codes.parse_national_drug_code(digits)
        case 8 | 12 | 13 | 14:
            return gs1_codes.parse_gtin(digits)
        case 15:
            return chinese_codes.parse_fifteen(digits)
        case 18:
            return _parse_eighteen(digits, symbology)
        case 20:
            return chinese_codes.parse_drug_code(digits) or chinese_codes.parse_circulation_code(digits)
    return None


def _may_be_gtin(digits: str, symbology: str | None) -> bool:
    return symbology in _GTIN_SYMBOLOGIES or (len(digits) > 12 and is_check_digit_right(digits))


def _parse_eighteen(digits: str, symbology: str | None) -> Code | None:
    """A scale label, an SSCC or an all-digit credit code: of every ten credit codes one passes the SSCC's check."""
    if digits[0] == "2" and symbology in (None, "Code128", "ITF"):
        return gs1_codes.parse_scale_label(digits)
    if chinese_codes.is_certain_uscc(digits):
        return chinese_codes.parse_party_number(digits)
    sscc = gs1_codes.parse_sscc(digits)
    if sscc.warnings and chinese_codes.is_plausible_uscc(digits):
        return chinese_codes.parse_party_number(digits)
    return None if sscc.warnings else sscc


def _parse_link(text: str) -> Code:
    """A link: an identifier (Digital Link, EPC URN, ours), our public page, a link that carries a code, an address."""
    link = _with_lower_host(text)
    try:
        uri = uris.canonical_uri(link)
        split = urlsplit(link)
    except (Invalid, ValueError):
        return Code(CodeKind.URL, text)
    code = _parse_identifier(uri, link)
    page = _OWN_PAGE.fullmatch(split.path)
    if code is None and page:
        code = _parse_inner(unquote(page[1]))
    return code or _parse_address(text, split.query)


def _with_lower_host(text: str) -> str:
    """QR codes are smaller in capitals, so links come as HTTPS://ID.GS1.ORG/...: scheme and host mean the same."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text[:4].lower() + text[4:]
    host = re.split("[/?#]", rest, maxsplit=1)[0]
    return f"{scheme.lower()}://{host.lower()}{rest[len(host) :]}"


def _parse_identifier(uri: str, link: str) -> Code | None:
    """The code behind a canonical URI; None where it identifies nothing. `link` may add dates in its query."""
    kind = uris.uri_kind(uri)
    if kind is uris.UriKind.OTHER:
        return None
    if uri.startswith(uris.GS1 + "/"):
        return _parse_gs1_uri(uri, link)
    if uri.startswith(uris.PRIVATE + "/"):
        return _parse_private_uri(uri, kind)
    return Code(CodeKind.OWN_LINK, link, uri=uri, lot_uri=uri if kind is uris.UriKind.LOT else None)


def _parse_gs1_uri(uri: str, link: str) -> Code:
    # What the link says beyond its identity (the lot of a serial number, dates) is kept too.
    said = uris.parse_digital_link(link) or uris.parse_digital_link(uri) or {}
    query = parse_qs(urlsplit(link).query)
    dates = {ai: query[ai][0] for ai in ("11", "15", "17") if ai in query}
    code = gs1_codes.code_of_values(dates | said, link) or Code(CodeKind.OWN_LINK, link)
    return replace(code, uri=uri)


def _parse_private_uri(uri: str, kind: uris.UriKind) -> Code | None:
    scheme, _, escaped = uris.split_private_uri(uri)
    value = unquote(escaped or "")
    if kind is uris.UriKind.INSTANCE and scheme in ("drug", "eartag"):
        parse = chinese_codes.parse_drug_code if scheme == "drug" else chinese_codes.parse_ear_tag
        return parse(value)
    code = Code(CodeKind.OWN_LINK, uri, uri=uri)
    if kind is not uris.UriKind.LOT:
        return code
    number = unquote((escaped or "").partition(".")[2])
    return replace(code, class_uri=uris.class_uri_of(uri), lot_uri=uri, lot=number)


def _parse_inner(text: str) -> Code | None:
    """The code that a link carries, if it names a thing beyond doubt; links in links are looked into once only."""
    if find_unreadable(text):
        return None
    if _LINK.match(text):
        link = _with_lower_host(text)
        try:
            return _parse_identifier(uris.canonical_uri(link), link)
        except (Invalid, ValueError):
            return None
    code = _parse_text(text)
    return code if code.uri and not code.warnings else None


def _parse_address(text: str, query: str) -> Code:
    """A link that is no identifier: it may carry a code, be a certificate's page, or just be an address."""
    if certificate_id_of(text):
        return Code(CodeKind.CERTIFICATE_QR, text)
    plain = unquote(text)
    drug = chinese_codes.find_drug_code(plain)
    if drug:
        return drug
    if any(word in plain.lower() for word in _CERTIFICATE_WORDS):
        return Code(CodeKind.CERTIFICATE_QR, text)
    carried = parse_qs(query)
    codes = (_parse_inner(value) for key in _CODE_KEYS for value in carried.get(key, ()))
    return next((code for code in codes if code), Code(CodeKind.URL, text))
