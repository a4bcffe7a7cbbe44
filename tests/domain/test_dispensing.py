"""May this pack, or so many units of it, be sold now (R7, R8)? Case by case."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from trace.domain.dispensing import Opened, Pack, Verdict, check_amounts, code_text, find_refusal, use_by
from trace.domain.rules.book import shipped

DAY = date(2026, 11, 24)
RULES = shipped().on(DAY)
LOT = {"item": 1, "number": "B1", "expires_on": DAY, "produced_on": None, "uri": "lot"}
DRUG = {
    "name": "测试片", "category": "drug", "prescription": "otc_b", "drug_class": None,
    "split_units": 10, "split_unit_name": "片",
}  # fmt: skip
PACK = Pack("81", "uri", 7, on_hand=True, lot=LOT, product=DRUG)
OPENED = Opened(10, "片", 4, DAY)
SOLD_AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pack", "units", "verdict"),
    [
        (PACK, None, None),  # the last day counts
        (replace(PACK, lot=LOT | {"expires_on": None}), None, None),
        (replace(PACK, lot=LOT | {"expires_on": DAY - timedelta(days=1)}), None, Verdict.EXPIRED),
        (replace(PACK, lot=LOT | {"produced_on": DAY}), None, None),
        (
            replace(PACK, lot=LOT | {"produced_on": DAY + timedelta(days=1)}),
            None,
            Verdict.NOT_SOLD,
        ),  # a sale dated back
        (replace(PACK, lot=None, product={}), None, Verdict.NOT_HERE),
        (replace(PACK, on_hand=False), None, Verdict.GONE),
        (replace(PACK, on_hand=False, held=True), None, Verdict.HELD),
        (replace(PACK, on_hand=False, out=True, sold_at=SOLD_AT), None, Verdict.SOLD),
        (replace(PACK, sold_at=SOLD_AT), None, Verdict.SOLD),  # sold, and here again: not the same box
        (replace(PACK, product=DRUG | {"category": "fruit"}), None, Verdict.NO_DRUG),
        (replace(PACK, product=DRUG | {"prescription": None}), None, Verdict.NOT_SOLD),  # nobody knows whether it is Rx
        (replace(PACK, product=DRUG | {"prescription": None, "drug_class": "herbal_pieces"}), None, None),
        (replace(PACK, product=DRUG | {"drug_class": "narcotic"}), None, Verdict.NOT_SOLD),
        (replace(PACK, product=DRUG | {"drug_class": "psychotropic_1"}), None, Verdict.NOT_SOLD),
        (replace(PACK, product=DRUG | {"drug_class": "psychotropic_2"}), None, None),
        (replace(PACK, opened=OPENED), None, Verdict.OPEN),
        (PACK, 10, None),
        (PACK, 11, Verdict.OPEN),
        (replace(PACK, product=DRUG | {"split_units": None}), 1, Verdict.READY),  # the file does not say of how many
        (replace(PACK, opened=OPENED), 6, None),
        (replace(PACK, opened=OPENED), 7, Verdict.OPEN),
        (replace(PACK, opened=replace(OPENED, use_by=DAY - timedelta(days=1))), 1, Verdict.EXPIRED),
        (replace(PACK, on_hand=False, out=True, opened=replace(OPENED, sold=10)), 1, Verdict.SOLD),
        (replace(PACK, on_hand=False, out=True, opened=OPENED), 1, None),  # a sale of units was declared wrong
        (replace(PACK, on_hand=False, held=True, opened=OPENED), 1, Verdict.HELD),
        (replace(PACK, on_hand=False, opened=OPENED), 1, Verdict.GONE),  # destroyed, or sent back
    ],
)
def test_a_pack_is_sold_or_the_reason_is_said(pack: Pack, units: int | None, verdict: Verdict | None) -> None:
    refusal = find_refusal(pack, day=DAY, rules=RULES, units=units)
    assert (refusal.verdict if refusal else None) == verdict
    if refusal is not None:
        assert refusal.message.format(**refusal.values)
        assert refusal.failure("codes.0").field == "codes.0"


def test_an_open_pack_is_sold_from_for_the_houses_days_and_never_past_its_expiry() -> None:
    assert use_by(DAY, None, RULES) == DAY + timedelta(days=180)
    assert use_by(DAY, DAY + timedelta(days=9), RULES) == DAY + timedelta(days=9)


@pytest.mark.parametrize(("packs", "refused"), [({}, False), ({"ephedrine": 2}, False), ({"ephedrine": 3}, True)])
def test_two_packs_with_ephedrine_go_to_one_customer(packs: dict[str, int], refused: bool) -> None:
    assert (check_amounts(packs, RULES) is not None) is refused


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("https://id.example/drug/obj/81234567890123456789", "81234567890123456789"),
        ("https://id.gs1.org/01/06901028075763/21/A%2F1", "(01)06901028075763(21)A/1"),
        ("https://id.example/maker/obj/AB%2B1", "AB+1"),
    ],
)
def test_a_code_is_printed_as_it_stands_on_the_box(uri: str, text: Any) -> None:
    assert code_text(uri) == text
