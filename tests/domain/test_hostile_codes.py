"""Hostile and generated texts: each gives a code or `Invalid`, and what it names is canonical."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trace.domain import uris
from trace.domain.codes import CodeKind, parse_code
from trace.domain.failures import Invalid

GTIN = "06901234567892"
CLASS = f"https://id.gs1.org/01/{GTIN}"
DRUG = "83857930000879766660"
K = CodeKind


class TestHostileTexts:
    @pytest.mark.parametrize(
        "text", ["\x00", "6901028075763\x00", "a\x1bb", "\ud800", "https://example.cn/\udfff", "\x85"]
    )
    def test_control_characters_and_lone_surrogates_are_refused(self, text: str) -> None:
        with pytest.raises(Invalid, match=r"U\+"):
            parse_code(text)

    def test_more_than_8000_characters_are_refused_and_8000_are_not(self) -> None:
        with pytest.raises(Invalid, match="8000 characters; 8001 came"):
            parse_code("1" * 8_001)
        assert parse_code("1" * 8_000).kind is K.UNKNOWN

    @pytest.mark.parametrize(
        "text", ["", " ", "\r\n", "NaN", "nan", "Infinity", "-1", "1e999", "0x10", "None", "null", "é", "阳光"]
    )
    def test_what_is_nothing_is_unknown(self, text: str) -> None:
        assert parse_code(text).kind is K.UNKNOWN

    @pytest.mark.parametrize(
        "text",
        [
            "http:/t/" * 1_000,
            "http://x/t/" * 720,
            "http://x/t/]Q3" * 570,
            "https://x/?code=" * 490,
            "http://x/t/" + "%25" * 2_600,
            "https://id.gs1.org/01/" + "%2525" * 1_500,
            "(" * 8_000,
            "(01)" * 2_000,
            "01" * 4_000,
            "urn:epc:id:sgtin:" + "." * 7_900,
            "https://id.gs1.org" + "/01" * 2_600,
            "https://" + "/" * 7_900,
            "\x1d" * 8_000,
            "]d2" * 2_600,
            "-" * 8_000,
            "药品标识码" + " " * 7_900,
        ],
    )
    def test_texts_made_to_nest_end(self, text: str) -> None:
        assert parse_code(text).uri is None


PIECES = st.sampled_from(
    ["https://", "http://", "urn:epc:id:", "id.gs1.org", uris.PRIVATE,
     "/01/", "/10/", "/21/", "/00/", "/8003/", "/414/",
     "/t/", "/drug/obj/", "/drug/class/", "/eartag/obj/", "/product/lot/", "/obj/", "/lot/", "?code=", "&id=", "#", "%",
     "%2F", "%00", "%FF", "%E7%95%AA", ".", "..", "*", "sgtin:", "lgtin:", "sscc:", "sgln:", "grai:", "giai:",
     "6901234", "056789", GTIN, DRUG, "]d2", "]C1", "(01)", "(10)", "(17)", "(00)", "(3103)", "270200",
     "\x1d", "01", "10", "21",
     "91640502MA7TE5T19M", "SC", "JY", "宁", "药品标识码：", "８", "-", " ", "\n", "番茄", "合格证", "A1", "²", "٣"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join),
    st.text(alphabet="0123456789", min_size=6, max_size=24),
)


@given(TEXTS)
@example("https://id.gs1.org/01/²")
@example("urn:epc:id:sscc:²²²²²²².²²²²²²²²²²")
def test_a_text_gives_a_code_or_invalid_and_what_it_names_is_canonical(text: str) -> None:
    try:
        code = parse_code(text)
    except Invalid:
        return
    for uri in filter(None, (code.uri, code.class_uri, code.lot_uri)):
        assert uris.canonical_uri(uri) == uri
        assert uris.uri_kind(uri) is not uris.UriKind.OTHER
        uri.encode()
    if code.class_uri:
        assert uris.uri_kind(code.class_uri) is uris.UriKind.CLASS
    if code.lot_uri:
        assert uris.uri_kind(code.lot_uri) is uris.UriKind.LOT
    if code.uri:
        assert parse_code(code.uri).uri == code.uri


LOT_NUMBERS = st.text(alphabet="AB01./%-+ _~?#&=番茄批（）", min_size=1, max_size=20)
CLASSES = st.sampled_from([CLASS, uris.drug_class_uri("8385793"), uris.private_uri("product", "class", "a.b/c%2Ed")])


@given(LOT_NUMBERS, CLASSES)
def test_what_we_make_is_understood_again(number: str, class_uri: str) -> None:
    lot = uris.lot_uri(class_uri, number)
    code = parse_code(lot)
    assert (code.uri, code.lot_uri, code.class_uri, code.lot) == (lot, lot, class_uri, number)
    for uri in (
        uris.crate_uri(number),
        uris.place_uri(number),
        uris.party_uri(number),
        uris.transaction_uri("po", number),
    ):
        assert parse_code(uri).uri == uri


@given(st.from_regex(r"8[0-9]{19}", fullmatch=True) | st.from_regex(r"[1237][0-9]{14}", fullmatch=True))
def test_an_instances_uri_is_the_code_on_it(digits: str) -> None:
    code = parse_code(digits)
    if code.uri:
        assert parse_code(code.uri) == replace(code, text=parse_code(code.uri).text)
