"""What the reader gives: the symbology decides where digits alone could be several things."""

from datetime import date

import pytest

from trace.domain.codes import CodeKind, find_code, parse_code

GTIN = "06901234567892"
K = CodeKind


@pytest.mark.parametrize("symbology", ["EAN-13", "ITF", "Code128", "QR", "DataMatrix", "PDF417"])
def test_thirteen_digits_with_a_right_check_digit_are_a_product_in_every_symbol(symbology: str) -> None:
    assert parse_code("6901028075763", symbology=symbology).gtin == "06901028075763"


@pytest.mark.parametrize("symbology", ["Code128", "Code39", "Codabar", "Code93", "ITF", "QR", "DataMatrix"])
@pytest.mark.parametrize("text", ["20260101", "614141000036", "6901028075764"])
def test_a_day_or_a_parcel_in_another_symbol_is_no_product(text: str, symbology: str) -> None:
    assert parse_code(text, symbology=symbology).kind is K.UNKNOWN


def test_a_case_of_a_chinese_product_is_no_national_drug_code() -> None:
    assert parse_code("86901234567898", symbology="ITF", identifier="]I1").kind is K.GTIN
    assert parse_code("86900001000019").kind is K.NATIONAL_DRUG_CODE


@pytest.mark.parametrize("symbology", ["GS1-128", "DataBar", "DataBarExp"])
def test_an_engine_that_tells_no_identifier_is_understood_all_the_same(symbology: str) -> None:
    assert parse_code(f"01{GTIN}", symbology=symbology, identifier="").gtin == GTIN


@pytest.mark.parametrize(
    ("text", "symbology", "plu", "measure"),
    [
        ("2112345015002", "EAN-13", "12345", "01500"),
        ("0212345015001", "EAN-13", "12345", "01500"),
        ("212345015001", "UPC-A", "12345", "01500"),
        ("20123451", "EAN-8", "012345", None),
    ],
)
def test_numbers_that_shops_give_out_name_no_product_of_all(
    text: str, symbology: str, plu: str, measure: str | None
) -> None:
    code = parse_code(text, symbology=symbology)
    assert (code.kind, code.plu, code.measure, code.class_uri, code.warnings) == (K.IN_STORE, plu, measure, None, ())


@pytest.mark.parametrize("identifier", ["]C1", "]d2", "]Q3"])
def test_lot_and_dates_without_a_product_name_nothing_and_are_kept(identifier: str) -> None:
    code = parse_code("10A1\x1d17270228", identifier=identifier)
    assert (code.kind, code.uri, code.lot_uri, code.gtin) == (K.UNKNOWN, None, None, None)
    assert (code.lot, code.expires_on) == ("A1", date(2027, 2, 28))


def test_what_begins_like_an_aim_prefix_inside_a_read_symbol_is_its_text() -> None:
    assert parse_code("]d2x hello", symbology="QR", identifier="]Q1").text == "]d2x hello"


@pytest.mark.parametrize("text", ["", "\x00\x01\x02", "x" * 8_001])
def test_bytes_that_are_no_text_are_no_code(text: str) -> None:
    assert find_code(text, symbology="DataMatrix", identifier="]d1") is None
