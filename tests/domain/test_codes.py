"""Any text becomes a typed identifier: shapes, check digits, how texts really arrive."""

from datetime import date
from decimal import Decimal
from urllib.parse import quote

import pytest

from trace.domain import uris
from trace.domain.checks import Reason, check_digit
from trace.domain.codes import Code, CodeKind, parse_code

GTIN = "06901234567892"
CLASS = f"https://id.gs1.org/01/{GTIN}"
DRUG = "83857930000879766660"
K = CodeKind


def kind_of(text: str, **hints: str) -> CodeKind:
    return parse_code(text, **hints).kind


def reasons(code: Code) -> list[Reason]:
    return [warning.reason for warning in code.warnings]


# Synthetic values that pass their check digits, and real ones as printed.
VALID = [
    ("91640502MA7TE5T19M", K.USCC, uris.party_uri("91640502MA7TE5T19M")),
    ("92640521MA7TE5T27X", K.USCC, uris.party_uri("92640521MA7TE5T27X")),
    ("93640522MA7TE5T354", K.USCC, uris.party_uri("93640522MA7TE5T354")),
    ("SC10464050200016", K.LICENCE, None),
    ("SC10164052100018", K.LICENCE, None),
    ("JY16405020000016", K.LICENCE, None),
    ("JY26405210000022", K.LICENCE, None),
    ("YB16405020000017", K.LICENCE, None),  # filed, not licensed; no check digit is known
    ("琼AA898000001", K.LICENCE, None),
    ("琼CA898510001", K.LICENCE, None),
    ("宁1050001", K.LICENCE, None),
    ("宁1050001-01", K.LICENCE, None),
    ("640502000000019", K.LICENCE, None),  # registration number of before 2015
    ("96385074", K.GTIN, "https://id.gs1.org/01/00000096385074"),
    ("614141000036", K.GTIN, "https://id.gs1.org/01/00614141000036"),
    ("6901028075763", K.GTIN, "https://id.gs1.org/01/06901028075763"),
    ("16901234567899", K.GTIN, "https://id.gs1.org/01/16901234567899"),
    ("2112345015002", K.IN_STORE, None),
    ("211234501500012500", K.SCALE_LABEL, None),
    ("86900001000019", K.NATIONAL_DRUG_CODE, None),
    (DRUG, K.DRUG_TRACE_CODE, uris.drug_code_uri(DRUG)),
    ("64050012345670000001", K.CIRCULATION_CODE, uris.private_uri("circulation", "obj", "64050012345670000001")),
    ("164050212345678", K.EAR_TAG, uris.ear_tag_uri("164050212345678")),
    ("264052112345678", K.EAR_TAG, uris.ear_tag_uri("264052112345678")),
    ("364052212345678", K.EAR_TAG, uris.ear_tag_uri("364052212345678")),
    ("764050212345678", K.EAR_TAG, uris.ear_tag_uri("764050212345678")),
    ("069012340000000016", K.SSCC, uris.key_uri("00", "069012340000000016")),
]


@pytest.mark.parametrize(("text", "kind", "uri"), VALID, ids=[text for text, _, _ in VALID])
def test_each_identifier_is_told_by_its_shape_without_doubt(text: str, kind: CodeKind, uri: str | None) -> None:
    code = parse_code(text)
    assert (code.kind, code.uri, code.text, code.warnings) == (kind, uri, text, ())


FULL_WIDTH = {**{c: chr(ord(c) + 0xFEE0) for c in "0123456789ABCDEFGHJKLMNPQRSTUWXYZ-"}, " ": "\u3000"}


def full_width(text: str) -> str:
    return "".join(FULL_WIDTH.get(character, character) for character in text)


@pytest.mark.parametrize(
    "arrives",
    [
        full_width,
        str.lower,
        lambda text: f"  {text}\r\n",
        lambda text: f"\ufeff{text}\t",
        lambda text: f"{text[:4]} {text[4:8]}\u3000{text[8:]}",
        lambda text: f"{text[:7]}\u00a0{text[7:]}",
        lambda text: f"]E0{text}",
    ],
    ids=["full width", "lower case", "blank ends", "byte order mark", "blanks", "no-break space", "AIM prefix"],
)
@pytest.mark.parametrize(("text", "kind", "uri"), VALID, ids=[text for text, _, _ in VALID])
def test_odd_characters_around_and_inside_change_nothing(arrives, text: str, kind: CodeKind, uri: str | None) -> None:
    code = parse_code(arrives(text))
    assert (code.kind, code.uri, code.text) == (kind, uri, text)


@pytest.mark.parametrize("hyphen", ["-", "－", "‐", "–", "−"])
def test_hyphens_put_in_for_the_eye_are_taken_out(hyphen: str) -> None:
    assert parse_code(f"8385793{hyphen}0000879766660").text == DRUG
    assert parse_code(f"690{hyphen}1028075763").uri == "https://id.gs1.org/01/06901028075763"
    assert parse_code(f"91640502{hyphen}MA7TE5T19M").text == "91640502MA7TE5T19M"


@pytest.mark.parametrize(
    "text", ["69O1028075763", "690I028075763", "8385793OOOO879766660", "l64050212345678", "SC1O464050200016"]
)
def test_no_letter_is_taken_for_a_digit(text: str) -> None:
    code = parse_code(text)
    assert (code.kind, code.uri) == (K.UNKNOWN, None)


@pytest.mark.parametrize("text", ["٦٩٠١٠٢٨٠٧٥٧٦٣", "6901028075²6³", "८३८५७९३००००८७९७६६६६०"])
def test_digits_of_other_scripts_are_no_digits_of_a_code(text: str) -> None:
    assert parse_code(text).kind is K.UNKNOWN


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("91350211M0000XUF46", K.USCC),  # a real one
        ("SC10464050200017", K.LICENCE),
        ("JY16405020000017", K.LICENCE),
        ("6901028075764", K.GTIN),
        ("96385075", K.GTIN),
        ("2112345015003", K.IN_STORE),
        ("211234501500012501", K.SCALE_LABEL),
        ("86900001000010", K.NATIONAL_DRUG_CODE),
    ],
)
def test_a_wrong_check_digit_is_told_and_blocks_nothing(text: str, kind: CodeKind) -> None:
    code = parse_code(text)
    assert (code.kind, reasons(code)) == (kind, [Reason.CHECK_DIGIT])
    assert text in str(code.warnings[0])


class TestDrugCodes:
    def test_a_drug_code_has_an_identifier_of_seven_digits_and_a_serial_of_thirteen(self) -> None:
        code = parse_code(DRUG)
        assert (code.drug_identifier, code.serial) == ("8385793", "0000879766660")
        assert code.class_uri == uris.drug_class_uri("8385793")

    @pytest.mark.parametrize(
        "text",
        [
            "药品标识码：8385793 序列号：0000879766660",
            "药品标识码:8385793序列号:0000879766660",
            "药品标识码：８３８５７９３，序列号：００００８７９７６６６６０",
            "药品标识码：8385793\r\n序列号：0000879766660",
            f"https://www.mashangfangxin.com/q/{DRUG}",
            f"http://qr.example.cn/?trace={DRUG}&v=2",
            f"HTTPS://QR.EXAMPLE.CN/{DRUG}",
            f"https://qr.example.cn/s?zsm=%20{DRUG}",
        ],
    )
    def test_a_drug_code_is_found_as_it_is_printed_and_in_addresses(self, text: str) -> None:
        assert parse_code(text) == parse_code(DRUG)

    def test_a_longer_number_in_an_address_is_no_drug_code(self) -> None:
        assert kind_of(f"https://qr.example.cn/{DRUG}1") is K.URL

    @pytest.mark.parametrize("text", ["8" * 19, "8" * 21, "7" * 20, "66" + "0" * 18, "09" + "1" * 18])
    def test_other_lengths_and_beginnings_are_unknown(self, text: str) -> None:
        assert kind_of(text) is K.UNKNOWN


class TestEarTags:
    def test_an_unknown_county_is_a_doubt(self) -> None:
        code = parse_code("199999912345678")
        assert (code.kind, reasons(code)) == (K.EAR_TAG, [Reason.REGION])
        assert code.uri == uris.ear_tag_uri("199999912345678")

    def test_an_abolished_county_is_no_doubt(self) -> None:
        assert parse_code("164210112345678").warnings == ()  # 银南地区, until 1998

    @pytest.mark.parametrize("first", "045689")
    def test_other_species_are_no_ear_tags(self, first: str) -> None:
        assert kind_of(first + "64050212345678") is not K.EAR_TAG


class TestEighteenDigits:
    def test_beginning_with_2_it_is_a_scale_label_with_plu_and_measure(self) -> None:
        code = parse_code("211234501500012500", symbology="Code128")
        assert (code.kind, code.plu, code.measure, code.uri) == (K.SCALE_LABEL, "12345", "01500", None)

    def test_in_a_gs1_symbol_it_is_no_scale_label(self) -> None:
        sscc = "26901234000000001"
        assert kind_of(sscc + check_digit(sscc), symbology="DataMatrix") is K.SSCC

    def test_a_credit_code_of_digits_is_one_even_where_the_check_of_an_sscc_passes(self) -> None:
        both = next(
            number
            for number in (f"91640502{n:010d}" for n in range(5_000))
            if not parse_code(number).warnings and number[17] == check_digit(number[:17])
        )
        assert kind_of(both) is K.USCC

    def test_what_is_neither_is_unknown(self) -> None:
        assert kind_of("069012340000000015") is K.UNKNOWN


class TestInStoreCodes:
    def test_digits_mean_what_the_shop_says_and_name_no_product_of_all(self) -> None:
        code = parse_code("2112345015002")
        assert (code.plu, code.measure, code.uri, code.class_uri, code.amount) == ("12345", "01500", None, None, None)

    def test_a_upc_e_is_told_by_its_symbology(self) -> None:
        assert parse_code("01234565", symbology="UPC-E").gtin == "00012345000065"
        assert parse_code("04252614", symbology="UPC-E").gtin == "00042100005264"
        assert parse_code("96385074", symbology="EAN-8").gtin == "00000096385074"


class TestElementStrings:
    @pytest.mark.parametrize(
        "text",
        [
            f"(01){GTIN}(17)270228(10)A1-b",
            f"（01）{GTIN}（17）270228（10）A1-b",
            f"]d201{GTIN}1727022810A1-b",
            f"]C101{GTIN}1727022810A1-b",
            f"]Q301{GTIN}1727022810A1-b",
            f"\x1d01{GTIN}1727022810A1-b",
            f"01{GTIN}10A1-b\x1d17270228",
            f"01{GTIN}10A1-b\x1d17270228\x1d\r\n",
            f"01{GTIN}1727022810A1-b",  # a scanner that sends neither prefix nor FNC1
            f"01{GTIN} 17270228 10A1-b",
        ],
    )
    def test_lot_and_expiry_are_read_however_they_arrive(self, text: str) -> None:
        code = parse_code(text)
        assert (code.kind, code.gtin, code.lot, code.expires_on) == (K.LGTIN, GTIN, "A1-b", date(2027, 2, 28))
        assert (code.uri, code.class_uri, code.lot_uri) == (f"{CLASS}/10/A1-b", CLASS, f"{CLASS}/10/A1-b")
        assert code.warnings == ()

    def test_the_scanners_own_word_that_it_is_gs1_counts(self) -> None:
        assert parse_code(f"01{GTIN}10A1", identifier="]d2").lot == "A1"
        assert parse_code("11270228", identifier="]d2").kind is K.UNKNOWN  # a date names nothing

    def test_fnc1_parts_lot_from_serial(self) -> None:
        code = parse_code(f"]d201{GTIN}10A1\x1d21S9")
        assert (code.kind, code.lot, code.serial) == (K.SGTIN, "A1", "S9")
        assert (code.uri, code.lot_uri) == (f"{CLASS}/21/S9", f"{CLASS}/10/A1")
        assert "\x1d" in code.text

    @pytest.mark.parametrize(
        ("six", "day"), [("270200", date(2027, 2, 28)), ("280200", date(2028, 2, 29)), ("271200", date(2027, 12, 31))]
    )
    def test_day_00_is_the_end_of_the_month(self, six: str, day: date) -> None:
        assert parse_code(f"(01){GTIN}(17){six}").expires_on == day

    @pytest.mark.parametrize("six", ["270230", "270431", "270229"])
    def test_a_date_that_the_calendar_does_not_have_is_told_and_the_rest_counts(self, six: str) -> None:
        code = parse_code(f"(01){GTIN}(17){six}(10)A1")
        assert (code.lot, code.expires_on, reasons(code)) == ("A1", None, [Reason.DATE])

    def test_use_by_outdoes_best_before(self) -> None:
        code = parse_code(f"(01){GTIN}(17)270228(15)270101(11)260901")
        assert (code.expires_on, code.produced_on) == (date(2027, 2, 28), date(2026, 9, 1))

    def test_net_weight_and_count_are_exact_amounts(self) -> None:
        weighed = parse_code(f"(01){GTIN}(3103)001250(10)A1")
        assert (weighed.amount, weighed.unit) == (Decimal("1.250"), "KGM")
        counted = parse_code(f"(01){GTIN}(30)24")
        assert (counted.amount, counted.unit) == (Decimal(24), "EA")

    def test_a_wrong_check_digit_inside_is_a_doubt(self) -> None:
        code = parse_code("(01)06901234567893(10)A1")
        assert (code.lot, reasons(code)) == ("A1", [Reason.CHECK_DIGIT])

    def test_a_pallets_label_names_the_pallet_and_tells_what_is_on_it(self) -> None:
        code = parse_code(f"(00)069012340000000016(02){GTIN}(10)A1(37)48")
        assert (code.kind, code.uri) == (K.SSCC, uris.key_uri("00", "069012340000000016"))
        assert (code.class_uri, code.lot_uri, code.amount) == (CLASS, f"{CLASS}/10/A1", Decimal(48))

    @pytest.mark.parametrize(
        ("text", "kind", "uri"),
        [
            ("(00)069012340000000016", K.SSCC, "https://id.gs1.org/00/069012340000000016"),
            ("00069012340000000016", K.SSCC, "https://id.gs1.org/00/069012340000000016"),
            ("(8003)06901234000009A1", K.GRAI, "https://id.gs1.org/8003/06901234000009A1"),
            ("(8004)6901234A1", K.GIAI, "https://id.gs1.org/8004/6901234A1"),
            ("(414)6901234000009", K.GLN, "https://id.gs1.org/414/6901234000009"),
        ],
    )
    def test_other_keys(self, text: str, kind: CodeKind, uri: str) -> None:
        code = parse_code(text)
        assert (code.kind, code.uri, code.warnings) == (kind, uri, ())

    @pytest.mark.parametrize(
        "text", ["(99999)1", "(01)123", "(01)", f"(01){GTIN}(17)271301", f"]d201{GTIN}番茄", "]d2", "\x1d", "(10)A1"]
    )
    def test_what_cannot_be_read_or_names_nothing_is_unknown(self, text: str) -> None:
        assert (parse_code(text).kind, parse_code(text).uri) == (K.UNKNOWN, None)

    def test_hyphens_of_a_lot_number_stay(self) -> None:
        assert parse_code(f"01{GTIN}1012-34-5").lot == "12-34-5"


class TestLinks:
    @pytest.mark.parametrize(
        "text",
        [
            f"https://id.gs1.org/01/{GTIN}/10/A1?17=270228",
            f"https://id.gs1.org/01/{GTIN}/10/A1?17=270228&linkType=all#top",
            f"HTTPS://ID.GS1.ORG/01/{GTIN}/10/A1?17=270228",
            f"http://brand.example.cn/shop/01/{GTIN}/10/A1?17=270228",
            "https://id.gs1.org/01/6901234567892/10/A1?17=270228",
        ],
    )
    def test_a_digital_link_names_its_lot_on_any_domain(self, text: str) -> None:
        code = parse_code(text)
        assert (code.kind, code.uri, code.gtin, code.lot) == (K.LGTIN, f"{CLASS}/10/A1", GTIN, "A1")
        assert code.expires_on == date(2027, 2, 28)

    def test_a_digital_link_with_serial_still_tells_its_lot(self) -> None:
        code = parse_code(f"https://id.gs1.org/01/{GTIN}/10/A%2F1/21/10")
        assert (code.uri, code.lot_uri, code.serial) == (f"{CLASS}/21/10", f"{CLASS}/10/A%2F1", "10")

    @pytest.mark.parametrize(
        ("urn", "kind", "uri"),
        [
            ("urn:epc:id:sgtin:6901234.056789.S9", K.SGTIN, f"{CLASS}/21/S9"),
            ("urn:epc:class:lgtin:6901234.056789.A1", K.LGTIN, f"{CLASS}/10/A1"),
            ("urn:epc:idpat:sgtin:6901234.056789.*", K.GTIN, CLASS),
            ("urn:epc:id:sscc:6901234.0000000001", K.SSCC, "https://id.gs1.org/00/069012340000000016"),
            ("urn:epc:id:grai:6901234.00000.A1", K.GRAI, "https://id.gs1.org/8003/06901234000009A1"),
            ("urn:epc:id:giai:6901234.A1", K.GIAI, "https://id.gs1.org/8004/6901234A1"),
            ("urn:epc:id:sgln:6901234.00000.0", K.GLN, "https://id.gs1.org/414/6901234000009"),
        ],
    )
    def test_an_epc_urn_is_the_same_thing(self, urn: str, kind: CodeKind, uri: str) -> None:
        code = parse_code(urn)
        assert (code.kind, code.uri, code.warnings) == (kind, uri, ())

    @pytest.mark.parametrize(
        "inner", [DRUG, "164050212345678", f"{CLASS}/10/A1", uris.crate_uri("K-7"), f"(01){GTIN}(10)A1"]
    )
    def test_our_public_page_is_the_code_on_it(self, inner: str) -> None:
        assert parse_code(f"https://trace.example.cn/t/{quote(inner, safe='')}").uri == parse_code(inner).uri

    @pytest.mark.parametrize(
        "text",
        [
            "https://www.nx-agri.example.cn/hgz?id=640502202611240001",
            "https://www.nx-agri.example.cn/hgz?id=12345678",
            "https://example.cn/承诺达标合格证/1",
            "https://example.cn/%E5%90%88%E6%A0%BC%E8%AF%81/1",
            "http://jianyi.example.cn/q/1234567890",
            "承诺达标合格证\n产品名称：番茄\n数量：500公斤\n承诺主体：示例合作社",
        ],
    )
    def test_a_certificates_qr_is_kept_as_it_is_and_nothing_is_read_out_of_it(self, text: str) -> None:
        code = parse_code(text)
        assert (code.kind, code.text, code.uri, code.gtin) == (K.CERTIFICATE_QR, text, None, None)

    def test_a_known_query_key_carries_a_code(self) -> None:
        assert parse_code("https://shop.example.cn/p?code=6901028075763").gtin == "06901028075763"

    @pytest.mark.parametrize(
        "text",
        [
            "https://example.cn/",
            "https://example.cn/p?id=20240501",  # a date, not a GTIN with a wrong check digit
            "https://example.cn/01/20240501",
            "https://example.cn/news/00/abc",
            "https://example.cn/414/42",
            "https://id.gs1.org/8003",
            "https://id.gs1.org/01/abc",
            "https://id.gs1.org/01/06901234567892/10",
            f"{uris.PRIVATE}/eartag/obj/",
            f"{uris.PRIVATE}/eartag/obj/1",
            f"{uris.PRIVATE}/drug/obj/123",
            f"{uris.PRIVATE}/drug",
            f"{CLASS}/10/%00",
            f"{CLASS}/10/%FF",
            "https://example.cn/p?code=%00",
            "https://example.cn/t/%00",
            "http://[",
            "urn:epc:id:sgtin:6901234.5.1",
            "urn:epc:",
            "urn:isbn:9787111075660",
        ],
    )
    def test_an_address_or_a_broken_identifier_names_nothing(self, text: str) -> None:
        code = parse_code(text)
        assert (code.kind, code.uri, code.lot_uri) == (K.URL, None, None)
