"""Organisations and their numbers: kinds, credit codes (USCC), licences. Doubts are told, never block (R20)."""

import re
from enum import StrEnum

from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_10

from trace.domain.characters import compacted, without_blanks
from trace.domain.checks import IdentifierWarning, Reason, wrong_digit
from trace.domain.failures import N_
from trace.domain.regions import is_known_region


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
PHARMACIES = frozenset({OrganisationKind.PHARMACY, OrganisationKind.PHARMACY_HEADQUARTERS})
DRUG_TRADE = PHARMACIES | {OrganisationKind.DRUG_MAKER, OrganisationKind.DRUG_DISTRIBUTOR}

# Who may have shops of its own (organisation.headquarters): what it may do for them is `trace.services.chain`.
CHAIN_HEADS = frozenset({OrganisationKind.PHARMACY_HEADQUARTERS, OrganisationKind.SUPERMARKET})


class LicenceKind(StrEnum):
    """Licences an operator shows."""

    FOOD_PRODUCTION = "food_production_licence"  # 食品生产许可证 SC...
    FOOD_BUSINESS = "food_business_licence"  # 食品经营许可证 JY...
    DRUG = "drug_licence"  # 药品经营许可证
    DRUG_PRODUCTION = "drug_production_licence"  # 药品生产许可证
    SLAUGHTER = "slaughter_licence"  # 定点屠宰证
    BUSINESS = "business_licence"  # 营业执照


# What entitles to supply drugs, and food (R2): a business licence (营业执照) alone entitles to neither.
DRUG_LICENCES = frozenset({LicenceKind.DRUG, LicenceKind.DRUG_PRODUCTION})
FOOD_LICENCES = frozenset({LicenceKind.FOOD_PRODUCTION, LicenceKind.FOOD_BUSINESS, LicenceKind.SLAUGHTER})

# GB 32100-2015: no I O S V Z; 2 + 6 region digits + 10
_USCC = re.compile("[0-9A-HJ-NP-RTUW-Y]{2}[0-9]{6}[0-9A-HJ-NP-RTUW-Y]{10}")
_LICENCES = {
    LicenceKind.FOOD_PRODUCTION: re.compile("SC[0-9]{14}"),
    # YB: sellers of pre-packed food only are filed (备案), not licensed.
    LicenceKind.FOOD_BUSINESS: re.compile("(?:JY|YB)[0-9]{14}"),
    # Since 2024: province character, A-D, A or B, nine digits; before: 宁 + [1-4] + 2 + 4 digits (-nnn)
    LicenceKind.DRUG: re.compile("[\u4e00-\u9fa5](?:[A-D][AB][0-9]{9}|[1-4A-D][A-Z]?[0-9]{6,7}(?:-[0-9]{1,3})?)"),
}

_SHAPE = N_("{number} does not look like a {kind}; check it against the document.")


def is_uscc_shape(text: str) -> bool:
    """Whether a text has the shape of a 统一社会信用代码 (GB 32100-2015)."""
    return _USCC.fullmatch(text) is not None


def is_uscc_digit_right(text: str) -> bool:
    """Whether the last character of a USCC is its check character (GB 32100-2015, weights 3^i mod 31)."""
    return is_uscc_shape(text) and bool(uscc.calc_check_digit(text[:17]) == text[17])


def is_legacy_registration(digits: str) -> bool:
    """Whether 15 digits are a registration number of before 2015: a known county, ISO 7064 MOD 11,10 over all."""
    return is_known_region(digits[:6]) and bool(mod_11_10.is_valid(digits))


def licence_kind_of(number: str) -> LicenceKind | None:
    """The kind of licence whose numbers look like this one."""
    return next((kind for kind, shape in _LICENCES.items() if shape.fullmatch(number)), None)


def normalised_number(text: str) -> str:
    """A credit code or licence number in half width, without blanks, letters upper case.

    Hyphens go where they were put in for the eye; they stay where they are part of the number (宁1050001-01).
    """
    number = without_blanks(text).upper()
    bare = compacted(number)
    known = is_uscc_shape(bare) or licence_kind_of(bare) is not None
    return bare if known and licence_kind_of(number) is None else number


def check_uscc(number: str) -> tuple[IdentifierWarning, ...]:
    """The doubts about a USCC: its shape, or its check character (real ones fail)."""
    if not is_uscc_shape(number):
        return (_odd_shape(number, "USCC"),)
    return () if is_uscc_digit_right(number) else (wrong_digit(number),)


def check_licence(kind: LicenceKind, number: str) -> tuple[IdentifierWarning, ...]:
    """The doubts about a licence number; kinds without a known shape have none.

    The check digit of SC and JY numbers is ISO 7064 MOD 11,10 over the 13 digits before it: 8 of 10 real numbers
    pass, so it only warns. YB numbers and drug licences are not known to have one.
    """
    if kind is LicenceKind.BUSINESS:
        return () if is_legacy_registration(number) else check_uscc(number)
    shape = _LICENCES.get(kind)
    if shape is not None and not shape.fullmatch(number):
        return (_odd_shape(number, kind.value),)
    checked = number.startswith(("SC", "JY")) and shape is not None
    return (wrong_digit(number),) if checked and not mod_11_10.is_valid(number[2:]) else ()


def _odd_shape(number: str, kind: str) -> IdentifierWarning:
    return IdentifierWarning(Reason.SHAPE, _SHAPE, {"number": number, "kind": kind})
