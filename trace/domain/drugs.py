"""Drugs: classes with rules of their own, how they are stored, and how their trace codes name packs.

A 药品追溯码 comes in three forms (NHSA): 20 digits that begin with the 7-digit 药品标识码; GS1, (01) with (21); and
codes of the makers' own, known by how they begin and how long they are. None of them carries a check digit that is
public, so none is computed here, and what is not known is asked about, never repaired.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise, takewhile
from urllib.parse import unquote

from trace.domain.characters import half_width, trimmed
from trace.domain.checks import is_check_digit_right
from trace.domain.code_values import CodeKind
from trace.domain.codes import find_code
from trace.domain.uris import private_uri


class DrugClass(StrEnum):
    """Drugs that the law treats otherwise than most; which rule holds for which class stands in the rule book."""

    HERBAL_PIECES = "herbal_pieces"  # 中药饮片
    HERBAL_GRANULES = "herbal_granules"  # 中药配方颗粒
    NARCOTIC = "narcotic"  # 麻醉药品
    PSYCHOTROPIC_1 = "psychotropic_1"
    PSYCHOTROPIC_2 = "psychotropic_2"
    TOXIC = "toxic"  # 医疗用毒性药品
    RADIOACTIVE = "radioactive"
    PRECURSOR = "precursor"  # 药品类易制毒化学品
    EPHEDRINE = "ephedrine"  # 含特殊药品复方制剂: with ephedrine, codeine, diphenoxylate
    VACCINE = "vaccine"
    BLOOD_PRODUCT = "blood_product"


class Storage(StrEnum):
    """How a drug is stored (GSP); the degrees stand in the rule book."""

    ROOM = "room"  # 常温
    COOL = "cool"  # 阴凉
    COLD = "cold"  # 冷藏


class CodeForm(StrEnum):
    """What a scanned text is to a pharmacy."""

    TRACE_CODE = "trace_code"  # 20 digits of 码上放心
    GS1 = "gs1"  # (01) and (21)
    MAKER = "maker"  # a maker's own: known by its beginning, or of the right shape and unknown
    PRODUCT = "product"  # names a product and no pack: the barcode under the price
    LOT = "lot"  # names a lot and no pack
    CONTAINER = "container"  # SSCC, GRAI: a case or crate with a label of its own
    NONE = "none"  # nothing that names goods


PACKS = frozenset({CodeForm.TRACE_CODE, CodeForm.GS1, CodeForm.MAKER})
MAKER_CODES = private_uri("maker", "obj", "")  # what the URIs of all makers' own codes begin with
_MAKER = re.compile(r"[0-9A-Za-z\-./+]{8,100}")  # NHSA: a field of 100 characters
# What nothing else explains, or only by its shape; the rest is taken for a maker's code where the file knows it as one.
_OPAQUE = frozenset({CodeKind.UNKNOWN, CodeKind.CIRCULATION_CODE, CodeKind.EAR_TAG, CodeKind.LICENCE})
_CUT = re.compile(r"8(\d{17,18}|\d{20,21})")  # a code of 20 digits that lost or won one in reading: scanned again
# A maker's beginning shorter than this would claim the codes of everybody.
SHORTEST_PREFIX = 4
LONGEST_PREFIX = 20
LEVELS = 5  # of packs: the box, the bundle, the case, and what is around it
_CASCADE = re.compile(r"1(:[1-9][0-9]{0,5}){0,4}")
_APPROVAL = re.compile(
    r"国药准字[HZSBTFJ]\d{8}|国药准字[HZS][CJ]\d{8}|进口药品注册证号[HZS]\d{8}|医药产品注册证号[HZS]C\d{8}"
)
_NATIONAL = re.compile(r"869\d{11}")


@dataclass(frozen=True, slots=True)
class PackCode:
    """A scanned text as a pharmacy reads it, before the drug file is asked.

    `uri` is the pack (lot, container; None where the text names none), `class_uri` its product at one pack level, and
    `identifier` what the file knows that class by: 7 digits, or the URI of a GTIN. A maker's own code has neither.
    """

    text: str
    form: CodeForm
    uri: str | None = None
    class_uri: str | None = None
    identifier: str | None = None
    lot: str | None = None
    produced_on: date | None = None
    expires_on: date | None = None


def parse_pack_code(text: str) -> PackCode:
    """Read a scanned text; never fails: what names no goods has the form NONE."""
    if text.startswith(MAKER_CODES):
        text = unquote(text.removeprefix(MAKER_CODES))
    code = find_code(text)
    if code is None:
        return PackCode(text, CodeForm.NONE)
    said = (code.lot, code.produced_on, code.expires_on)
    if code.kind is CodeKind.DRUG_TRACE_CODE:
        return PackCode(text, CodeForm.TRACE_CODE, code.uri, code.class_uri, code.drug_identifier, *said)
    if code.kind is CodeKind.SGTIN:
        return PackCode(text, CodeForm.GS1, code.uri, code.class_uri, code.class_uri, *said)
    if code.kind in (CodeKind.SSCC, CodeKind.GRAI):
        return PackCode(text, CodeForm.CONTAINER, code.uri, code.class_uri, code.class_uri, *said)
    if code.lot_uri:
        return PackCode(text, CodeForm.LOT, code.lot_uri, code.class_uri, code.class_uri, *said)
    if code.gtin and not code.warnings:
        return PackCode(text, CodeForm.PRODUCT, None, code.class_uri, code.class_uri, *said)
    raw = trimmed(half_width(text))
    if code.kind in _OPAQUE and _MAKER.fullmatch(raw) and not _CUT.fullmatch(raw):
        return PackCode(raw, CodeForm.MAKER, maker_code_uri(raw))
    return PackCode(text, CodeForm.NONE)


def maker_code_uri(code: str) -> str:
    """One pack by its maker's own code."""
    return private_uri("maker", "obj", code)


def maker_text(code: PackCode) -> str | None:
    """What a text would read as a maker's own code; None where it has not the shape of one.

    Also for bare digits that look like something else (a GTIN, an ear tag): the file of makers' codes decides.
    """
    if code.form in (CodeForm.TRACE_CODE, CodeForm.GS1, CodeForm.LOT):
        return None
    raw = trimmed(half_width(code.text))
    return raw if _MAKER.fullmatch(raw) else None


def common_beginning(codes: Iterable[str]) -> str:
    """What these makers' codes all begin with, leaving room for a serial number: offered to the clerk, who decides."""
    codes = list(codes)
    room = min(LONGEST_PREFIX, min(map(len, codes), default=0) - SHORTEST_PREFIX)
    same = takewhile(lambda column: len(set(column)) == 1, zip(*codes, strict=False))
    return "".join(column[0] for column in same)[:room]


def is_maker_prefix(prefix: str, length: int) -> bool:
    """Whether a maker's codes can be known by this beginning and this length."""
    whole = 8 <= length <= 100 and SHORTEST_PREFIX <= len(prefix) <= min(LONGEST_PREFIX, length - 1)
    return whole and _MAKER.fullmatch(prefix.ljust(8, "0")) is not None


def is_drug_identifier(text: str) -> bool:
    """Whether a text is a 7-digit 药品标识码; the vendor's codes all begin with 8."""
    return len(text) == 7 and text.isascii() and text.isdigit() and text[0] == "8"


def parse_cascade(text: str) -> tuple[int, ...] | None:
    """Smallest packs in each level, from 1 upwards: "1:5:2500" -> (1, 5, 2500); None for what is no cascade.

    Each level holds whole packs of the level below.
    """
    if not _CASCADE.fullmatch(text):
        return None
    levels = tuple(int(part) for part in text.split(":"))
    fits = all(outer % inner == 0 and outer >= inner for inner, outer in pairwise(levels))
    return levels if fits else None


def is_approval_no(text: str) -> bool:
    """Whether a 批准文号 has one of the known shapes; real numbers may have others, so this warns only (R20)."""
    return _APPROVAL.fullmatch(text.replace(" ", "")) is not None


def is_national_drug_code(text: str) -> bool:
    """Whether 14 digits are a 本位码: 86 9, company, product, and the check digit of a GTIN-14; warns only (R20)."""
    return _NATIONAL.fullmatch(text) is not None and is_check_digit_right(text)
