"""Maintenance checks of drugs (养护检查): which lots are looked at more often, and when each is due."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from trace.domain.rules.book import Rules


class CareOutcome(StrEnum):
    """What a look at a lot came to."""

    GOOD = "good"
    HELD = "held"  # there is a doubt: off the shelf, until it is decided


class KeyReason(StrEnum):
    """Why a lot is looked at more often (重点养护)."""

    STORAGE = "storage"  # what spoils easily: cold drugs
    CLASS = "drug_class"  # herbal pieces
    NEAR_EXPIRY = "near_expiry"
    OPEN_PACKS = "open_packs"


@dataclass(frozen=True, slots=True)
class InCare:
    """A lot of a drug that is in stock: since when it is looked after (its last check, or the day it came)."""

    since: date
    storage: str = ""
    drug_class: str = ""
    near_expiry: bool = False
    open_packs: bool = False


def key_reasons(lot: InCare, rules: Rules) -> tuple[KeyReason, ...]:
    """Why a lot is looked at more often than others; none for most."""
    key = rules.value("care.key")
    found = (
        (KeyReason.STORAGE, lot.storage in key["storages"]),
        (KeyReason.CLASS, lot.drug_class in key["classes"]),
        (KeyReason.NEAR_EXPIRY, lot.near_expiry and key["near_expiry"]),
        (KeyReason.OPEN_PACKS, lot.open_packs and key["open_packs"]),
    )
    return tuple(reason for reason, holds in found if holds)


def due_on(lot: InCare, reasons: Iterable[KeyReason], rules: Rules) -> date:
    """The day a lot is due for its next look (GSP: regularly; the days stand in the rule book)."""
    entry = "care.key" if any(True for _ in reasons) else "care.check"
    return lot.since + timedelta(days=rules.value(entry)["days"])
