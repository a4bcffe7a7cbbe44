"""The commitment certificate (承诺达标合格证): for which goods, what its printed forms say, how it is recognised.

农业农村部令 2025 年第 4 号: Art. 3 (scope), Art. 14 (contents); 农产品质量安全法 Art. 39 (who mixes or re-packs issues
a new one). What the certificate itself says is Chinese, whoever reads it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from trace.domain.papers import CommitmentBasis, Severity
from trace.domain.rules.book import Rules

TITLE = "承诺达标合格证"  # stands plain beside the QR code, too
BASES: Mapping[CommitmentBasis, str] = {
    CommitmentBasis.CONTROL: "质量安全控制符合要求",
    CommitmentBasis.SELF_TEST: "自行检测合格",
    CommitmentBasis.COMMISSIONED_TEST: "委托检测合格",
}
_UNITS = {"KGM": "kg", "GRM": "g", "LTR": "L", "EA": "件"}  # as the printed forms write them
# The public page of a certificate that was issued here, whatever domain it is served from: 130 random bits name it.
_ADDRESS = re.compile(r"https?://[^/?#]+(?:/[^?#]*)?/c/([0-9a-hjkmnp-tv-z]{26})/?(?:[?#].*)?", re.IGNORECASE)


class State(StrEnum):
    """How a certificate that was issued here stands."""

    VALID = "valid"
    REVOKED = "revoked"
    REPLACED = "replaced"  # by a later one of the same issuer


class LabelSize(StrEnum):
    """The paper of label printers that certificates are laid out for, in millimetres."""

    SMALL = "60x40"
    LARGE = "80x60"


def certificate_id_of(text: str) -> str | None:
    """The public id in the address of a certificate's page; None for any other text."""
    found = _ADDRESS.fullmatch(text.strip())
    return found[1].lower() if found else None


def is_in_scope(category: str, rules: Rules) -> bool:
    """Whether goods of a category are certified this way on the day of the rules (Art. 3): meat, for one, is not."""
    entry = rules.entry("commitment.scope")
    return entry is not None and category in entry.value["categories"]


def has_to_renew(kind: str, rules: Rules) -> bool:
    """Whether an organisation of this kind may not pass on what it mixed or re-packed without a new certificate (R6).

    农产品质量安全法 Art. 39; which kinds count as purchasers, and from which day, is the rule book's.
    """
    entry = rules.entry("commitment.renewal")
    return entry is not None and entry.value["severity"] == Severity.BLOCK and kind in entry.value["kinds"]


def quantity_text(amount: Decimal, unit: str) -> str:
    """`40 kg`: an amount in a unit of UN/ECE Recommendation 20 as the certificate writes it."""
    return f"{amount.normalize():f} {_UNITS.get(unit, unit)}"
