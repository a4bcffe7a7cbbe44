"""What stands on each kind of paper: its fields and forms, as data in one place.

Which fields a paper should have follows from 农业农村部令 2025 年第 4 号 Art. 14 (commitment certificate), the notice
of 2025-09 on quarantine certificates, 药品经营质量管理规范 (drug test report, delivery note) and 食品安全法 Art. 92
(imports). A photo is filed first and transcribed later, so a wanted field that is missing is told, never refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from trace.domain.failures import N_, Invalid
from trace.domain.papers import CertificateKind, CommitmentBasis, CommitmentForm


class Shape(StrEnum):
    """What kind of value a field takes."""

    TEXT = "text"
    LONG_TEXT = "long_text"  # the raw content of a QR code: kept, nothing read out of it
    DAY = "day"
    YES = "yes"  # true or false
    BASES = "bases"  # one or more of `CommitmentBasis`, or of `OLD_BASES`


# 自我承诺, 质量安全内部控制合格: on the older form, beside the two that go on; the rule book says what they are now.
OLD_BASES = ("self_commitment", "internal_control")
SHAPES: Mapping[str, Shape] = {
    "approval_no": Shape.TEXT,
    "basis": Shape.BASES,
    "batch": Shape.TEXT,
    "conclusion": Shape.TEXT,
    "contact": Shape.TEXT,
    "customs_declaration_no": Shape.TEXT,
    "importer": Shape.TEXT,
    "inspected_on": Shape.DAY,
    "issuer_uscc": Shape.TEXT,
    "laboratory": Shape.TEXT,
    "lot": Shape.TEXT,
    "manufacturer": Shape.TEXT,
    "mark_number": Shape.TEXT,
    "origin": Shape.TEXT,
    "origin_region": Shape.TEXT,
    "plant_no": Shape.TEXT,
    "produced_on": Shape.DAY,
    "product_name": Shape.TEXT,
    "qr_payload": Shape.LONG_TEXT,
    "quantity": Shape.TEXT,
    "receiver": Shape.TEXT,
    "scope": Shape.TEXT,
    "shipped_on": Shape.DAY,
    "signature_present": Shape.YES,
    "slaughtered_on": Shape.DAY,
    "specification": Shape.TEXT,
    "statement_accepted": Shape.YES,
    "tested_for": Shape.TEXT,
    "tested_on": Shape.DAY,
}


@dataclass(frozen=True, slots=True)
class Content:
    """The fields of a kind of paper: those wanted, those it may have besides, and its printed forms."""

    wanted: tuple[str, ...]
    more: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All fields, the wanted ones first."""
        return self.wanted + self.more


OLDER_FORM = "older"  # of the commitment certificate, with the four bases of before 2026-02-01
K = CertificateKind
CONTENTS: Mapping[CertificateKind, Content] = {
    K.COMMITMENT: Content(
        ("product_name", "quantity", "origin", "contact", "basis", "statement_accepted"),
        ("origin_region", "issuer_uscc", "signature_present", "qr_payload"),
        (*(form.value for form in CommitmentForm), OLDER_FORM),
    ),
    K.QUARANTINE: Content(
        ("product_name", "quantity"),
        ("mark_number", "batch", "slaughtered_on", "origin", "qr_payload"),
        ("product", "product_a", "product_b", "animal_a", "animal_b"),
    ),
    K.MEAT_INSPECTION: Content(("product_name", "quantity", "slaughtered_on"), ("batch", "qr_payload")),
    K.ASF_REPORT: Content(("tested_on", "conclusion"), ("batch", "laboratory", "qr_payload")),
    K.ENTRY: Content(
        ("product_name", "importer", "customs_declaration_no", "lot", "produced_on"),
        ("origin", "plant_no", "quantity", "qr_payload"),
    ),
    K.DRUG_TEST_REPORT: Content(
        ("product_name", "batch", "conclusion"),
        ("specification", "manufacturer", "approval_no", "tested_on", "laboratory", "qr_payload"),
    ),
    K.DELIVERY_NOTE: Content(
        ("product_name", "quantity", "receiver", "shipped_on"),
        ("batch", "specification", "manufacturer", "qr_payload"),
    ),
    K.FACTORY: Content(
        ("product_name", "batch", "inspected_on"), ("produced_on", "specification", "conclusion", "qr_payload")
    ),
    K.TEST_REPORT: Content(
        ("product_name", "tested_for", "tested_on", "conclusion"), ("batch", "quantity", "laboratory", "qr_payload")
    ),
    K.RAPID_TEST: Content(("product_name", "tested_for", "tested_on", "conclusion"), ("batch", "quantity")),
    K.LICENCE: Content((), ("scope", "qr_payload")),
}


def checked_fields(kind: CertificateKind, form: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are kept (JSON values, empty ones left out).

    Raises `Invalid`, naming the field, for one that this kind of paper does not have, and for a form it does not have.
    """
    content = CONTENTS[kind]
    if form and form not in content.forms:
        raise Invalid(
            N_("A paper of the kind {kind} has no form {form}; its forms are: {forms}."),
            field="form",
            kind=kind.value,
            form=form,
            forms=", ".join(content.forms) or "-",
        )
    for name in fields:
        if name not in content.names:
            raise Invalid(
                N_("A paper of the kind {kind} has no field {name}; it has: {names}."),
                field=f"fields.{name}",
                kind=kind.value,
                name=name,
                names=", ".join(content.names),
            )
    return {name: _kept(value) for name, value in fields.items() if value not in (None, "", [])}


def missing_fields(kind: CertificateKind, fields: Mapping[str, Any]) -> list[str]:
    """The wanted fields that nobody has transcribed yet."""
    return [name for name in CONTENTS[kind].wanted if not fields.get(name)]


def _kept(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return sorted({CommitmentBasis(basis).value for basis in value})
    return value
