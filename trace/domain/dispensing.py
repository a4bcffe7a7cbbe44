"""The counter of a pharmacy: may this pack, or so many units of it, be sold now (R7, R8)?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from trace.domain.drugs import DrugClass
from trace.domain.failures import N_, Conflict, Failure, Invalid, NotFound
from trace.domain.products import Category
from trace.domain.rules.book import Rules
from trace.domain.uris import GS1

# Our extensions on the events of the counter: how many of a pack's smallest units (拆零), and which sale comes back.
UNITS_EXTENSION = "sunshine:units"
RETURN_EXTENSION = "sunshine:returns"
REASON_EXTENSION = "sunshine:reason"
SOLD_HERE = N_("The code {code} was dispensed here already, at {time}. One code is sold once: look at the box again.")


_UNCLASSED = frozenset({DrugClass.HERBAL_PIECES, DrugClass.HERBAL_GRANULES})  # neither Rx nor OTC by their file


class NoCodeReason(StrEnum):
    """Why packs are sold without trace codes (无码库; 医保发〔2025〕7号)."""

    LEGACY = "legacy"
    DAMAGED = "damaged"
    EXEMPT = "exempt"


class Verdict(StrEnum):
    """What the counter is told of a scanned code."""

    READY = "ready"
    OPEN = "open"  # sold in parts; the rest of it may be
    SOLD = "sold"
    HELD = "held"
    EXPIRED = "expired"
    GONE = "gone"  # was here, and is no more
    NOT_HERE = "not_here"
    NO_DRUG = "no_drug"
    NOT_SOLD = "not_sold"  # of a class that no shop sells


@dataclass(frozen=True, slots=True)
class Opened:
    """A pack that is sold in parts: how many units it has, how many of them are sold and not returned."""

    units: int
    unit_name: str
    sold: int
    use_by: date | None

    @property
    def left(self) -> int:
        """How many units are still in it."""
        return self.units - self.sold


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack as a shop's records have it: `on_hand`, `held` or `out` (sold), its `lot` and `product`, its sales.

    `lot` has number, produced_on, expires_on; `product` name, category, prescription, drug_class, split_units,
    split_unit_name. `sold_elsewhere`: another shop sold it or units of it, and has not got them back.
    """

    code: str
    uri: str
    item: int | None = None
    on_hand: bool = False
    held: bool = False
    out: bool = False
    lot: Mapping[str, Any] | None = None
    product: Mapping[str, Any] = field(default_factory=dict)
    sold_at: datetime | None = None
    opened: Opened | None = None
    sold_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a pack cannot be sold: what the counter shows, and the failure a sale ends in."""

    verdict: Verdict
    kind: type[Failure]
    message: str
    values: Mapping[str, Any]

    def failure(self, field_name: str) -> Failure:
        """The failure, at the field that names the pack."""
        return self.kind(self.message, field=field_name, **self.values)


def find_refusal(pack: Pack, *, day: date, rules: Rules, units: int | None = None) -> Refusal | None:
    """Why a pack, or `units` of it, cannot be sold on a day; None where it can. The gravest reason comes first."""
    refusal = _not_there(pack)
    if refusal is not None or pack.lot is None:
        return refusal
    refusal = find_lot_refusal(pack.code, pack.lot, pack.product, day=day, rules=rules)
    if refusal is not None:
        return refusal
    return _whole(pack) if units is None else _parts(pack, units, day)


def _not_there(pack: Pack) -> Refusal | None:
    if pack.sold_at is not None:
        return Refusal(
            Verdict.SOLD,
            Conflict,
            SOLD_HERE,
            {"code": pack.code, "time": pack.sold_at.isoformat(timespec="minutes")},
        )
    if pack.lot is None:
        text = N_("The code {code} was never logged here. Log the delivery it came with first.")
        return Refusal(Verdict.NOT_HERE, NotFound, text, {"code": pack.code})
    # The sale of some units was declared wrong after the last had gone: they are still in the box.
    if pack.on_hand or (pack.out and pack.opened is not None and pack.opened.left > 0):
        return None
    if pack.held:
        text = N_("The pack {code} is held and cannot be sold.")
        return Refusal(Verdict.HELD, Conflict, text, {"code": pack.code})
    if pack.out and pack.opened is not None:
        text = N_("All {units} {unit_name} of the pack {code} are sold.")
        values = {"code": pack.code, "units": pack.opened.units, "unit_name": pack.opened.unit_name}
        return Refusal(Verdict.SOLD, Conflict, text, values)
    return Refusal(Verdict.GONE, Conflict, N_("The pack {code} is no longer in stock here."), {"code": pack.code})


def find_lot_refusal(
    code: str, lot: Mapping[str, Any], product: Mapping[str, Any], *, day: date, rules: Rules
) -> Refusal | None:
    """Why nothing of a lot may be sold on a day (R7), or nothing of its product in any shop."""
    if product["category"] != Category.DRUG:
        return Refusal(Verdict.NO_DRUG, Invalid, N_("{code} is no drug; sell it at the station."), {"code": code})
    if lot["expires_on"] is not None and lot["expires_on"] < day:
        text = N_("The pack {code} expired on {day}; an expired drug is never sold (药品管理法 Art. 98).")
        values = {"code": code, "day": lot["expires_on"].isoformat()}
        return Refusal(Verdict.EXPIRED, Conflict, text, values)
    if lot["produced_on"] is not None and lot["produced_on"] > day:
        text = N_("The pack {code} was made on {day} and not sold before. Correct the time of the sale.")
        values = {"code": code, "day": lot["produced_on"].isoformat()}
        return Refusal(Verdict.NOT_SOLD, Invalid, text, values)
    if product["drug_class"] in rules.value("dispensing.never")["classes"]:
        text = N_("{product} is not sold in shops: {drug_class}.")
        values = {"product": product["name"], "drug_class": product["drug_class"]}
        return Refusal(Verdict.NOT_SOLD, Conflict, text, values)
    if not product["prescription"] and product["drug_class"] not in _UNCLASSED:
        # Unknown is not OTC: who sells it cannot know whether R10 wants a pharmacist.
        text = N_("The drug file does not say whether {product} is Rx, OTC A or OTC B. Add it to the file first.")
        return Refusal(Verdict.NOT_SOLD, Conflict, text, {"product": product["name"]})
    return None


def _whole(pack: Pack) -> Refusal | None:
    if pack.opened is None:
        return None
    text = N_("The pack {code} is open: {left} of {units} {unit_name} are left. Say how many of them are sold.")
    opened = pack.opened
    values = {"code": pack.code, "left": opened.left, "units": opened.units, "unit_name": opened.unit_name}
    return Refusal(Verdict.OPEN, Conflict, text, values)


def _parts(pack: Pack, units: int, day: date) -> Refusal | None:
    left = pack.opened.left if pack.opened is not None else pack.product["split_units"]
    values = {"code": pack.code, "product": pack.product["name"], "units": units, "left": left}
    if left is None:
        text = N_("The file does not say how many units a pack of {product} has. Add it to the drug's file first.")
        return Refusal(Verdict.READY, Conflict, text, values)
    if units > left:
        text = N_("{units} of the pack {code} were asked for, and {left} are left in it.")
        return Refusal(Verdict.OPEN, Conflict, text, values)
    if pack.opened is not None and pack.opened.use_by is not None and pack.opened.use_by < day:
        text = N_("The open pack {code} was to be used until {day}; destroy what is left of it.")
        return Refusal(Verdict.EXPIRED, Conflict, text, values | {"day": pack.opened.use_by.isoformat()})
    return None


def use_by(day: date, expires_on: date | None, rules: Rules) -> date:
    """The last day on which parts of a pack opened on a day are sold: by the house's days, never past its expiry."""
    last = day + timedelta(days=int(rules.number("dispensing.open_days")))
    return min(last, expires_on) if expires_on is not None else last


def check_amounts(packs: Mapping[str, int], rules: Rules) -> Refusal | None:
    """Why so many packs of a class cannot go to one customer; `packs` is {drug class: packs}."""
    for name, most in rules.value("dispensing.most_packs").items():
        if packs.get(name, 0) > most:
            text = N_("At most {most} packs with {drug_class} go to one customer at once; {count} were scanned.")
            values = {"most": most, "drug_class": name, "count": packs[name]}
            return Refusal(Verdict.NOT_SOLD, Conflict, text, values)
    return None


def code_text(uri: str) -> str:
    """What is printed of a pack's code: the 20 digits, the maker's own text, a GS1 code with its brackets."""
    if uri.startswith(f"{GS1}/01/") and "/21/" in uri:
        gtin, _, serial = uri.removeprefix(f"{GS1}/01/").partition("/21/")
        return f"(01){gtin.partition('/')[0]}(21){unquote(serial)}"
    return unquote(uri.rpartition("/")[2])
