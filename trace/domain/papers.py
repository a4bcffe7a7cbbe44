"""Certificates and the papers each category of goods needs on arrival (rule R3).

Which paper a category needs is data with a source and a date (`trace.domain.rules.book`): the law changed on
2026-01-01 (meat) and 2026-02-01 (commitment certificates) and will change again. A receipt is judged by the rules of
its own day.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from trace.domain.rules.book import Rules


class CertificateKind(StrEnum):
    """Papers that travel with goods or prove who may sell them."""

    COMMITMENT = "commitment_certificate"  # 承诺达标合格证
    QUARANTINE = "quarantine_certificate"  # 动物检疫合格证明
    MEAT_INSPECTION = "meat_inspection_certificate"  # 肉品品质检验合格证
    ASF_REPORT = "asf_report"  # 非洲猪瘟检测报告
    ENTRY = "entry_certificate"  # 入境货物检验检疫证明
    DRUG_TEST_REPORT = "drug_test_report"  # 药品检验报告书
    DELIVERY_NOTE = "delivery_note"  # 随货同行单
    FACTORY = "factory_certificate"  # 出厂检验合格证
    TEST_REPORT = "test_report"  # 检测报告
    RAPID_TEST = "rapid_test"  # 快检合格
    LICENCE = "licence"


class CommitmentForm(StrEnum):
    """样式一 by the producer, 样式二 by the purchaser who mixes or re-packs (order 2025-4)."""

    PRODUCER = "producer"
    PURCHASER = "purchaser"


class CommitmentBasis(StrEnum):
    """承诺依据: exactly three (农业农村部令 2025 年第 4 号, in force 2026-02-01)."""

    CONTROL = "control"  # 质量安全控制符合要求
    SELF_TEST = "self_test"  # 自行检测合格
    COMMISSIONED_TEST = "commissioned_test"  # 委托检测合格


STATEMENTS: Mapping[CommitmentForm, str] = {
    # The wording of the two printed forms (农业农村部令 2025 年第 4 号); never translated on the certificate itself.
    CommitmentForm.PRODUCER: "未使用禁用农药、兽药及其他化合物；使用的常规农药、兽药残留不超标。",
    CommitmentForm.PURCHASER: (
        "已按规定收取并保存该批次农产品承诺达标合格证或者其他质量安全合格证明；未违规使用保鲜剂、防腐剂、添加剂等。"
    ),
}


class Severity(StrEnum):
    """What a finding asks for: refuse or override, keep apart until settled, or take note."""

    BLOCK = "block"
    HOLD = "hold"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One group of papers of which any one satisfies, with where it is written."""

    any_of: tuple[CertificateKind, ...]
    severity: Severity
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: the rule, how grave, and the words (translatable templates that `values` fill).

    `source` is the clause, `remedy` what to do now ("" where the message says it).
    """

    rule: str
    severity: Severity
    message: str
    values: Mapping[str, str]
    source: str
    remedy: str = ""

    def __str__(self) -> str:
        return self.message.format(**self.values)

    def as_dict(self) -> dict[str, Any]:
        """As it is kept in a receipt and answered by the API."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "message": self.message,
            "values": dict(self.values),
            "source": self.source,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Paper:
    """What matters of a certificate for judging goods."""

    kind: CertificateKind
    issued_on: date
    valid_until: date | None = None
    form: str = ""
    revoked: bool = False
    of_batch: str = ""  # the slaughter batch it was written for, where the goods were cut from that; "" for their own


def requirements_for(category: str, rules: Rules) -> tuple[Requirement, ...]:
    """The paper groups a category needs on the day of these rules, gravest first."""
    groups = [
        Requirement(
            tuple(CertificateKind(kind) for kind in entry.value["any_of"]),
            Severity(entry.value["severity"]),
            entry.source,
        )
        for entry in rules.under("papers.")
        if category in entry.value["categories"] and entry.value["any_of"]
    ]
    return tuple(sorted(groups, key=lambda group: list(Severity).index(group.severity)))


def is_valid_on(paper: Paper, day: date) -> bool:
    """Valid on the day of receipt: issued by then, not expired, not revoked."""
    return paper.issued_on <= day and (paper.valid_until is None or day <= paper.valid_until) and not paper.revoked


@dataclass(frozen=True, slots=True)
class PaperState:
    """One requirement and how it stands: the kind that satisfies it, or what is wrong."""

    requirement: Requirement
    satisfied_by: CertificateKind | None
    expired: tuple[CertificateKind, ...]


def paper_states(
    category: str, papers: Iterable[Paper], rules: Rules, *, again_on: date | None = None
) -> list[PaperState]:
    """Present or missing: every group the category needs on the day of these rules.

    `again_on` is the later day on which held goods are judged again: what was valid when they came may have ended
    since, and a paper that they waited for is dated after it.
    """
    papers, days = list(papers), {rules.day, again_on or rules.day}
    states = []
    for requirement in requirements_for(category, rules):
        wanted = [p for p in papers if p.kind in requirement.any_of]
        valid = [p.kind for p in wanted if any(is_valid_on(p, day) for day in days)]
        stale = tuple(p.kind for p in wanted if not any(is_valid_on(p, day) for day in days))
        states.append(PaperState(requirement, valid[0] if valid else None, () if valid else stale))
    return states


# Papers whose number the state issues in one series: the same number is the same paper, however its issuer is written.
_NUMBERED_BY_THE_STATE = frozenset({CertificateKind.QUARANTINE, CertificateKind.ENTRY})


def paper_key(kind: CertificateKind, number: str, issuer: str, qr_payload: str) -> str | None:
    """The same text (64 hexadecimal digits) for one paper, whoever files it; None where it has neither QR nor number.

    The QR text where there is one, to the character: nothing is read out of it. Else the kind with its number.
    """
    if qr_payload.strip():
        return _digest("qr", qr_payload.strip())
    return number_key(kind, number, issuer)


def number_key(kind: CertificateKind, number: str, issuer: str) -> str | None:
    """The key of a paper's number: with its issuer, unless the state numbers all such papers in one series.

    Blanks, dashes, brackets and the width of letters are no part of a number or a name; letters are never digits.
    """
    plain = _plain(number)
    if not plain:
        return None
    return _digest("number", kind.value, plain, "" if kind in _NUMBERED_BY_THE_STATE else _plain(issuer))


def alone_key(public_id: str) -> str:
    """The key of a paper with neither QR nor number: that of one filing, known to nobody else."""
    return _digest("alone", public_id)


def same_number(one: str, other: str) -> bool:
    """Whether two transcriptions name the same batch or paper number; an empty one names none."""
    return bool(_plain(one)) and _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).upper() if c.isalnum())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
