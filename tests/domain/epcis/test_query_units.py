"""Amounts that a query asks for in one unit and events say in another."""

from decimal import Decimal
from typing import Any

import pytest

from tests.domain.epcis.questions import LGTIN, finds


def with_report(**fields: Any) -> dict[str, Any]:
    return {"type": "ObjectEvent", "sensorElementList": [{"sensorReport": [fields]}]}


@pytest.mark.parametrize(
    ("value", "unit", "parameters"),
    [
        (Decimal("98.6"), "FAH", {"EQ_value_CEL": [37]}),
        (Decimal("310.15"), "KEL", {"EQ_value_FAH": [Decimal("98.6")]}),
        (-40, "FAH", {"EQ_value_CEL": [-40]}),
        (33, "FAH", {"GT_value_CEL": 0}),
        (0, "KEL", {"LT_value_CEL": -273}),
        (2500, "GRM", {"EQ_value_KGM": [Decimal("2.5")], "LT_value_LBR": 6, "GT_value_LBR": 5}),
        (1, "MTR", {"EQ_value_CMT": [100], "EQ_value_MMT": [1000]}),
        (36, "KMH", {"EQ_value_MTS": [10]}),
        (50, "P1", {"EQ_value_59": [500_000]}),
        (Decimal("12.1"), "A93", {"EQ_value_GP": [12_100]}),
        (1, "ATM", {"EQ_value_KPA": [Decimal("101.325")]}),
        (180, "DD", {"GT_value_C81": Decimal("3.1415"), "LT_value_C81": Decimal("3.1416")}),
    ],
)
def test_value_is_compared_in_the_unit_asked_for(value: Any, unit: str, parameters: dict[str, Any]) -> None:
    assert finds(parameters, with_report(value=value, uom=unit))


@pytest.mark.parametrize(
    ("value", "found"),
    [(32, True), (Decimal("33.8"), True), (Decimal("1830.2"), True), (33, False), (31, False), (1832, False)],
)
def test_one_of_a_thousand_values_is_found_in_another_unit(value: Any, found: bool) -> None:
    values = [str(degrees) for degrees in (*range(500, 1_000), *range(500))]
    assert finds({"EQ_value_CEL": values}, with_report(value=value, uom="FAH")) is found
    assert not finds({"EQ_value_CEL": values}, with_report(value=value, uom="KGM"))


def test_spread_of_temperatures_has_no_zero_to_shift() -> None:
    event = with_report(sDev=1, uom="CEL", value=1)
    assert finds({"EQ_sDev_FAH": [Decimal("1.8")], "EQ_sDev_KEL": [1]}, event)
    assert finds({"EQ_value_FAH": [Decimal("33.8")]}, event)


@pytest.mark.parametrize("unit", ["MTR", "KGM", "FAH", "XYZ"])
def test_units_of_another_kind_never_match(unit: str) -> None:
    event = with_report(value=10, uom=unit)
    others = [code for code in ("MTR", "KGM", "CEL", "QQ") if code != unit and (code, unit) != ("CEL", "FAH")]
    for code in others:
        for comparison in ("GE", "LT"):
            assert not finds({f"{comparison}_value_{code}": 0}, event)


def test_torque_is_no_energy() -> None:
    assert not finds({"EQ_value_JOU": [1]}, with_report(value=1, uom="NU"))


def test_unit_that_is_in_no_table_is_compared_with_itself() -> None:
    assert finds({"EQ_value_XYZ": [10]}, with_report(value=10, uom="XYZ"))


def test_amount_without_a_unit_has_none_to_compare() -> None:
    event = {"quantityList": [{"epcClass": LGTIN, "quantity": 10}]}
    assert finds({"EQ_quantity": [10]}, event)
    assert not finds({"EQ_quantity_H87": [10]}, event)
    assert finds({"EQ_quantity_GRM": [10_000]})


def test_number_beyond_all_measure_is_no_fault() -> None:
    assert not finds({"GT_value_MTR": 1}, with_report(value=Decimal("1e999999"), uom="KMT"))
