"""Organisations and their numbers: kinds, credit codes (USCC), licences. Doubts are told, never block (R20)."""

import re
from enum import StrEnum

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_11_10

from trace.domain.failures import N_


class OrganisationKind(StrEnum):
    """What an organisation does in the chain."""

    FARM = "farm"
    COOPERATIVE = "cooperative"
    SLAUGHTERHOUSE = "slaughterhouse"
    PROCESSOR = "processor"
    WHOLESALER = "wholesaler"
    SUPERMARKET = "supermarket"
    CANTEEN = "canteen"
    DRUG_MAKER = "drug_maker"
    DRUG_DISTRIBUTOR = "drug_distributor"
    PHARMACY = "pharmacy"
    PHARMACY_HEADQUARTERS = "pharmacy_headquarters"
    REGULATOR = "regulator"
    PLATFORM = "platform"


PRODUCERS = frozenset({OrganisationKind.FARM, OrganisationKind.COOPERATIVE})
# Farms and co-operatives need no licence to sell what they grow (农产品质量安全法 Art. 55-56).
UNLICENSED = PRODUCERS | {OrganisationKind.REGULATOR, OrganisationKind.PLATFORM}
DRUG_TRADE = frozenset(
    {
        OrganisationKind.DRUG_MAKER,
        OrganisationKind.DRUG_DISTRIBUTOR,
        OrganisationKind.PHARMACY,
        OrganisationKind.PHARMACY_HEADQUARTERS,
    }
)


class LicenceKind(StrEnum):
    """Licences an operator shows."""

    FOOD_PRODUCTION = "food_production_licence"  # 食品生产许可证 SC...
    FOOD_BUSINESS = "food_business_licence"  # 食品经营许可证 JY...
    DRUG = "drug_licence"  # 药品经营许可证
    DRUG_PRODUCTION = "drug_production_licence"  # 药品生产许可证
    SLAUGHTER = "slaughter_licence"  # 定点屠宰证
    BUSINESS = "business_licence"  # 营业执照


# GB 32100-2015: no I O S V Z; 2 + 6 region digits + 10
_USCC = re.compile(r"^[0-9A-HJ-NP-RTUW-Y]{2}\d{6}[0-9A-HJ-NP-RTUW-Y]{10}$")
_FOOD_LICENCE = re.compile(r"^(SC|JY)\d{14}$")
# Since 2024: province character, A-D, A or B, nine digits; before: 宁 + [1-4] + 2 + 4 digits (-nnn)
_DRUG_LICENCE = re.compile(r"^[\u4e00-\u9fa5](?:[A-D][AB]\d{9}|[1-4A-D][A-Z]?\d{6,7}(?:-\d{1,3})?)$")

SHAPE = N_("{number} does not look like a {kind}; check it against the document.")
CHECK_DIGIT = N_("The check digit of {number} is wrong; check it against the document (a few real numbers fail).")


def is_uscc_shape(text: str) -> bool:
    """Whether a text has the shape of a 统一社会信用代码 (GB 32100-2015)."""
    return bool(_USCC.match(text))


def is_uscc_digit_right(text: str) -> bool:
    """Whether the last character of a USCC is its check character (GB 32100-2015, weights 3^i mod 31)."""
    try:
        return str(uscc.calc_check_digit(text[:17])) == text[17]
    except (ValidationError, ValueError, IndexError):
        return False


def is_food_licence(text: str) -> bool:
    """Whether a text has the shape of a food production or business licence number."""
    return bool(_FOOD_LICENCE.match(text))


def is_food_licence_digit_right(text: str) -> bool:
    """Whether the last digit is ISO 7064 MOD 11,10 over the 13 before: 8 of 10 real numbers pass, so it only warns."""
    return bool(mod_11_10.is_valid(text[2:]))


def is_drug_licence(text: str) -> bool:
    """Whether a text has the shape of a drug distribution licence number (it has no check digit)."""
    return bool(_DRUG_LICENCE.match(text))


def normalised_number(text: str) -> str:
    """A credit code or licence number without blanks and hyphens at odd places, letters upper case."""
    return re.sub(r"\s", "", text).upper()


def check_uscc(number: str) -> list[tuple[str, dict[str, str]]]:
    """Doubts about a USCC as (translatable text, values); none is an empty list."""
    if not is_uscc_shape(number):
        return [(SHAPE, {"number": number, "kind": "USCC"})]
    return [] if is_uscc_digit_right(number) else [(CHECK_DIGIT, {"number": number})]


def check_licence(kind: LicenceKind, number: str) -> list[tuple[str, dict[str, str]]]:
    """Doubts about a licence number as (translatable text, values); kinds without a known shape have none."""
    if kind in (LicenceKind.FOOD_PRODUCTION, LicenceKind.FOOD_BUSINESS):
        if not is_food_licence(number):
            return [(SHAPE, {"number": number, "kind": kind.value})]
        return [] if is_food_licence_digit_right(number) else [(CHECK_DIGIT, {"number": number})]
    if kind is LicenceKind.DRUG and not is_drug_licence(number):
        return [(SHAPE, {"number": number, "kind": kind.value})]
    if kind is LicenceKind.BUSINESS:
        return check_uscc(number)
    return []
