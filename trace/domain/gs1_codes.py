"""GS1 codes: bare digits under a barcode, element strings with application identifiers, values of a Digital Link.

Section numbers are those of the GS1 General Specifications.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from biip import ParseConfig, ParseError
from biip.gs1_element_strings import GS1ElementString
from biip.gs1_messages import GS1Message

from trace.domain import uris
from trace.domain.characters import half_width
from trace.domain.checks import IdentifierWarning, Reason, check_gs1_digit, is_check_digit_right
from trace.domain.code_values import Code, CodeKind
from trace.domain.epcis.vocabulary import KILOGRAM, PIECE
from trace.domain.failures import N_

_BRACKETED = re.compile(r"\([0-9]{2,4}\)")
_LENIENT = ParseConfig(gs1_element_strings_verify_date=False)  # a wrong date is told as a doubt; the rest still counts
_DATES = {"11": "produced_on", "15": "expires_on", "17": "expires_on"}  # 17 after 15: use-by outdoes best-before
# Keys other than the GTIN, in the order in which they say what a label is on.
_KEY_KINDS = (("00", CodeKind.SSCC), ("8003", CodeKind.GRAI), ("8004", CodeKind.GIAI), ("414", CodeKind.GLN))


def parse_gtin(digits: str) -> Code:
    """The product behind 8, 12, 13 or 14 digits; a wrong check digit is a doubt."""
    padded = digits.zfill(14)
    uri = uris.gtin_uri(padded)
    return Code(CodeKind.GTIN, digits, uri=uri, class_uri=uri, gtin=padded, warnings=check_gs1_digit(digits))


def parse_upc_e(digits: str) -> Code:
    """The product behind the 8 digits of a UPC-E (5.2.2.4.2: zeros that were left out are put back)."""
    return replace(parse_gtin(_expanded_upc_e(digits)), text=digits)


def is_in_store(digits: str) -> bool:
    """Whether 8, 12 or 13 digits are of the ranges that shops give out themselves (1.4: RCN-8, RCN-12, RCN-13)."""
    return digits[0] == "2" or (len(digits) == 13 and digits.startswith("02"))


def parse_in_store(digits: str) -> Code:
    """A shop's own code. 12 or 13 digits: 2 + 5 digits of PLU + 5 of weight or price + check (GB/T 18283); 8: a PLU."""
    plu, measure = (digits[1:7], None) if len(digits) == 8 else (digits[-11:-6], digits[-6:-1])
    return Code(CodeKind.IN_STORE, digits, plu=plu, measure=measure, warnings=check_gs1_digit(digits))


def parse_scale_label(digits: str) -> Code:
    """A scale's 18-digit code: 2 + 5 digits of PLU + 5 of weight + 5 of price + check."""
    return Code(CodeKind.SCALE_LABEL, digits, plu=digits[2:7], measure=digits[7:12], warnings=check_gs1_digit(digits))


def parse_sscc(digits: str) -> Code:
    """The logistic unit behind 18 digits; a wrong check digit is a doubt."""
    return Code(CodeKind.SSCC, digits, uri=uris.key_uri("00", digits), warnings=check_gs1_digit(digits))


def is_bracketed(text: str) -> bool:
    """Whether a text is written as under a barcode for people: (01)..."""
    return _BRACKETED.match(text) is not None


def looks_like_element_string(text: str) -> bool:
    """Whether a bare text is an element string whose FNC1 the scanner did not send: (00) or (01) and a right key."""
    if len(text) == 20 and text.startswith("00"):
        return is_check_digit_right(text[2:])
    return text.startswith("01") and len(text) > 16 and is_check_digit_right(text[2:16])


def parse_element_string(text: str) -> Code:
    """A GS1 element string (FNC1 as 0x1D) or its bracketed form; UNKNOWN with a doubt where it cannot be read.

    One that names nothing is UNKNOWN, too, but keeps the lot and dates it tells of what stands beside it.
    """
    try:
        if not text.isascii():
            raise ValueError("it holds characters that GS1 does not use")
        parse = GS1Message.parse_hri if is_bracketed(text) else GS1Message.parse
        elements = {element.ai.ai: element for element in parse(text, config=_LENIENT).element_strings}
    except (ParseError, ValueError) as fault:
        return Code(CodeKind.UNKNOWN, text, warnings=(_unreadable(fault),))
    values = {ai: element.value for ai, element in elements.items()}
    code = code_of_values(values, text)
    if code is None:
        told = Code(CodeKind.UNKNOWN, text, lot=values.get("10"), serial=values.get("21"))
        code = _with_dates(told, values)
    amount, unit = _amount(elements)
    return replace(code, amount=amount, unit=unit)


def code_of_values(values: Mapping[str, str], text: str) -> Code | None:
    """The thing that {application identifier: value} names, with its dates; None where they name none.

    A pallet's label says which goods are inside (02): the label is on the pallet, the goods are its class and lot.
    """
    code = _key_of_values(values, text)
    return None if code is None else _with_dates(code, values)


def elements_of(code: Code) -> dict[str, str]:
    """{application identifier: value} of what a code says in GS1's terms; of a link, its key with lot and serial."""
    text = half_width(code.text)
    try:
        if code.kind is not CodeKind.DRUG_TRACE_CODE and text.isascii() and not (text.isdigit() and len(text) < 15):
            parse = GS1Message.parse_hri if is_bracketed(text) else GS1Message.parse
            return {element.ai.ai: element.value for element in parse(text, config=_LENIENT).element_strings}
    except (ParseError, ValueError):
        pass
    said = {"01": code.gtin, "10": code.lot, "21": code.serial}
    return {ai: value for ai, value in said.items() if value is not None} if code.gtin else {}


def bracketed(code: Code) -> str | None:
    """What a code says in GS1's terms as it is printed for people, (01)...(10)...; None for a bare number or a link."""
    text = half_width(code.text)
    if code.kind is CodeKind.DRUG_TRACE_CODE or (text.isdigit() and len(text) < 15) or "://" in text:
        return None
    return "".join(f"({ai}){value}" for ai, value in elements_of(code).items()) or None


def _with_dates(code: Code, values: Mapping[str, str]) -> Code:
    found: dict[str, date | None] = {}
    doubts: list[IdentifierWarning] = []
    for ai, name in _DATES.items():
        if ai in values:
            day = _date(values[ai])
            found[name] = day or found.get(name)
            doubts += [] if day else [_no_date(values[ai])]
    return replace(
        code,
        produced_on=found.get("produced_on"),
        expires_on=found.get("expires_on"),
        warnings=(*code.warnings, *doubts),
    )


def _key_of_values(values: Mapping[str, str], text: str) -> Code | None:
    gtin, lot, serial = values.get("01") or values.get("02"), values.get("10"), values.get("21")
    class_uri = uris.gtin_uri(gtin) if gtin else None
    lot_uri = uris.gtin_uri(gtin, lot=lot) if gtin and lot else None
    for ai, kind in _KEY_KINDS:
        if ai in values and "01" not in values:
            code = Code(kind, text, uri=uris.key_uri(ai, values[ai]), class_uri=class_uri, lot_uri=lot_uri, gtin=gtin)
            checked = values[ai] if ai in ("00", "414") else ""
            return replace(code, lot=lot if gtin else None, warnings=check_gs1_digit(checked) if checked else ())
    if gtin is None:
        return None
    kind = CodeKind.SGTIN if serial else CodeKind.LGTIN if lot else CodeKind.GTIN
    uri = uris.gtin_uri(gtin, serial=serial) if serial else lot_uri or class_uri
    code = Code(kind, text, uri=uri, class_uri=class_uri, lot_uri=lot_uri, gtin=gtin, lot=lot, serial=serial)
    return replace(code, warnings=check_gs1_digit(gtin))


def _amount(elements: Mapping[str, GS1ElementString]) -> tuple[Decimal | None, str | None]:
    """Net weight in kilograms (310n), or a count of pieces (30, 37)."""
    weighed = next((e.decimal for ai, e in elements.items() if ai.startswith("310") and e.decimal is not None), None)
    if weighed is not None:
        return weighed, KILOGRAM
    counted = elements.get("30") or elements.get("37")
    return (Decimal(counted.value), PIECE) if counted else (None, None)


def _date(six: str) -> date | None:
    """YYMMDD as a day (3.4; the century by 7.12, day 00 is the month's last); None where the calendar has no such."""
    try:
        day: date | None = GS1ElementString.parse(f"17{six}", config=_LENIENT).date
    except (ParseError, ValueError):
        return None
    return day


def _no_date(six: str) -> IdentifierWarning:
    return IdentifierWarning(
        Reason.DATE, N_("{date} in this code is no date (YYMMDD): read it on the pack."), {"date": six[:20]}
    )


def _unreadable(fault: Exception) -> IdentifierWarning:
    return IdentifierWarning(
        Reason.GS1, N_("The GS1 identifier in this code could not be read: {fault}"), {"fault": str(fault)[:120]}
    )


def _expanded_upc_e(digits: str) -> str:
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
