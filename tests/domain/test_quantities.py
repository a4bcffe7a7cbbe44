"""A quantity as it stands on a paper: a number and a unit, or none; and which papers are one."""

from decimal import Decimal

import pytest

from trace.domain.paper_use import PassedOn, Use, counted, room, shares
from trace.domain.papers import CertificateKind, number_key, paper_key
from trace.domain.quantities import parse_quantity

K = CertificateKind


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("500 kg", "500", "KGM"),
        ("500公斤", "500", "KGM"),
        ("1,200斤", "600", "KGM"),
        ("１，２００．５ 千克", "1200.5", "KGM"),
        ("1.2吨", "1200", "KGM"),
        ("3两", "0.15", "KGM"),
        ("750ml", "0.75", "LTR"),
        ("300 枚", "300", "EA"),
    ],
)
def test_a_plain_quantity_is_a_number_and_a_unit(text: str, amount: str, unit: str) -> None:
    assert parse_quantity(text) == (Decimal(amount), unit)


@pytest.mark.parametrize(
    "text",
    ["", "500", "kg", "约500kg", "500kg左右", "500-600kg", "10×25kg", "20箱", "20件", "1,20kg", "0kg", "-5kg",
     "5 kg kg", "1e3kg", "999999999吨", "0.0000001kg", "五百公斤", "٥kg", "500kg\x00", "9" * 5000 + "kg", "1.000,5 kg"],
)  # fmt: skip
def test_what_is_not_plainly_a_quantity_is_none(text: str) -> None:
    assert parse_quantity(text) is None


def test_one_paper_has_one_key_however_it_is_typed() -> None:
    def key(number: str, issuer: str, kind: CertificateKind = K.COMMITMENT, qr: str = "") -> str | None:
        return paper_key(kind, number, issuer, qr)

    assert key("HGZ-2026/17", "张家农场（演示）") == key("ｈｇｚ 2026 17", "张家农场(演示)") is not None
    assert key("17", "张家农场") != key("17", "李家农场")
    assert key("17", "某所", K.QUARANTINE) == key("17", "某某所", K.QUARANTINE)  # the state numbers them
    assert key("17", "某所", K.QUARANTINE) != key("17", "某所", K.ENTRY)
    assert key("1O", "a") != key("10", "a")  # letters are never digits
    assert key("17", "a", qr="x") == key("18", "b", K.ENTRY, qr=" x ") != number_key(K.COMMITMENT, "17", "a")
    assert key(" - ", "a") is key("", "a") is None


def test_what_is_passed_on_counts_beyond_what_came_whatever_the_order() -> None:
    farm, wholesaler, shop = 1, 2, 3
    came, went = Use(wholesaler, farm, 300), Use(shop, wholesaler, 500)
    for uses in ([came, went], [went, came]):
        assert counted(uses, PassedOn.EXCESS) == 500
        assert counted(uses, PassedOn.ALL) == 800
    assert counted([came, Use(shop, wholesaler, 300)], PassedOn.EXCESS) == 300
    assert counted([Use(shop, None, 7), Use(shop, None, 8)], PassedOn.EXCESS) == 15
    assert room(300, [came], wholesaler, PassedOn.EXCESS) == 300  # what it has may go on
    assert room(300, [came], farm, PassedOn.EXCESS) == 0
    assert room(300, [came], wholesaler, PassedOn.ALL) == 0


def test_a_line_fills_its_papers_in_order_and_what_is_too_much_stands_on_one() -> None:
    assert shares(150, [100, 100]) == [100, 50]
    assert shares(250, [100, 100]) == [100, 150]
    assert shares(250, [100, None, 100]) == [100, 50, 100]
    assert shares(50, [0, 0]) == [0, 50]
    assert shares(50, [None]) == [50]
