"""Codes of Chinese law and trade: 药品追溯码, 本位码, 畜禽标识, 肉菜追溯码, credit codes and licences."""

import re

from trace.domain import uris
from trace.domain.checks import IdentifierWarning, Reason, check_gs1_digit
from trace.domain.code_values import Code, CodeKind
from trace.domain.failures import N_
from trace.domain.parties import (
    check_licence,
    check_uscc,
    is_legacy_registration,
    is_uscc_digit_right,
    is_uscc_shape,
    licence_kind_of,
    normalised_number,
)
from trace.domain.regions import is_known_region

_DRUG_CODE = re.compile(r"8[0-9]{19}")
_EAR_TAG = re.compile(r"[1237][0-9]{14}")
_PRINTED_DRUG_CODE = re.compile(r"药品标识码:?\s*([0-9]{7})\s*[,;]?\s*序列号:?\s*([0-9]{13})")
_DRUG_CODE_INSIDE = re.compile(r"(?<![0-9])8[0-9]{19}(?![0-9])")
# The digits a credit code begins with: 91-93 companies, self-employed, co-operatives, 1x organs, 5x civil bodies.
_USCC_HEAD = re.compile("9[123]|[15][0-9]")


def parse_drug_code(text: str) -> Code | None:
    """A 20-digit 药品追溯码 (码上放心): 7 of 药品标识码, 13 of serial, no check digit; None for another text."""
    if not _DRUG_CODE.fullmatch(text):
        return None
    return Code(
        CodeKind.DRUG_TRACE_CODE,
        text,
        uri=uris.drug_code_uri(text),
        class_uri=uris.drug_class_uri(text[:7]),
        drug_identifier=text[:7],
        serial=text[7:],
    )


def parse_printed_drug_code(text: str) -> Code | None:
    """The two numbers as they are printed on a pack: 药品标识码：8385793 序列号：0000879766660."""
    printed = _PRINTED_DRUG_CODE.fullmatch(text)
    return parse_drug_code(printed[1] + printed[2]) if printed else None


def find_drug_code(text: str) -> Code | None:
    """The first drug code inside a longer text, such as the address in a QR code."""
    found = _DRUG_CODE_INSIDE.search(text)
    return parse_drug_code(found[0]) if found else None


def parse_circulation_code(digits: str) -> Code | None:
    """The Ministry of Commerce's 20-digit 肉菜追溯码: begins with a province; its inside is uncertain, so opaque."""
    if not 11 <= int(digits[:2]) <= 65:
        return None
    return Code(CodeKind.CIRCULATION_CODE, digits, uri=uris.private_uri("circulation", "obj", digits))


def parse_national_drug_code(digits: str) -> Code:
    """A 14-digit 本位码: 86 9 + 5 company + 5 product + check digit as of a GTIN-14."""
    return Code(CodeKind.NATIONAL_DRUG_CODE, digits, class_uri=uris.gtin_uri(digits), warnings=check_gs1_digit(digits))


def parse_fifteen(digits: str) -> Code | None:
    """An ear tag; or, where only that fits, a registration number of before 2015. Unknown counties are a doubt."""
    tag = parse_ear_tag(digits)
    if (tag is None or tag.warnings) and is_legacy_registration(digits):
        return Code(CodeKind.LICENCE, digits)
    return tag


def parse_ear_tag(text: str) -> Code | None:
    """A 15-digit 畜禽标识: 1 species (1 pig, 2 cattle, 3 sheep, 7 sow) + 6 county + 8 serial, no check digit."""
    if not _EAR_TAG.fullmatch(text):
        return None
    county = text[1:7]
    doubts = () if is_known_region(county) else (_unknown_county(county),)
    return Code(CodeKind.EAR_TAG, text, uri=uris.ear_tag_uri(text), serial=text[7:], warnings=doubts)


def is_certain_uscc(digits: str) -> bool:
    """Whether 18 digits are a credit code beyond doubt: known authority, known county, right check character."""
    return is_plausible_uscc(digits) and is_uscc_digit_right(digits)


def is_plausible_uscc(digits: str) -> bool:
    """Whether 18 digits could be a credit code: known authority, known county."""
    return is_uscc_shape(digits) and _USCC_HEAD.match(digits) is not None and is_known_region(digits[2:8])


def parse_party_number(text: str) -> Code | None:
    """A credit code (GB 32100-2015) or the number of a food or drug licence; None for another text."""
    number = normalised_number(text)
    if is_uscc_shape(number):
        return Code(CodeKind.USCC, number, uri=uris.party_uri(number), warnings=check_uscc(number))
    kind = licence_kind_of(number)
    return Code(CodeKind.LICENCE, number, warnings=check_licence(kind, number)) if kind else None


def _unknown_county(county: str) -> IdentifierWarning:
    return IdentifierWarning(
        Reason.REGION, N_("The region {region} of this ear tag is not in the list of counties."), {"region": county}
    )
