"""Digital Links as a resolver meets them: taken apart, judged by GS1's rules, walked up from pack to product."""

import pytest

from trace.domain.digital_links import QUALIFIERS, check_syntax, parse_digital_link, path_of, uris_of_levels
from trace.domain.failures import Invalid

GTIN = "06901234567892"
GOOD = (
    "00/106141412345678908",
    f"01/{GTIN}",
    f"01/{GTIN}/10/A1",
    f"01/{GTIN}/22/RED/10/A1/21/7",
    f"01/{GTIN}/235/TPX1",
    "253/9506000134376ABC",
    "255/95060001343761234",
    "401/9506000ABC",
    "402/95060001343760123",
    "414/9506000134376",
    "414/9506000134376/254/32a",
    "415/9506000134376/8020/INV1",
    "417/9506000134376",
    "8003/09506000134352ABC",
    "8004/9506000ABC123",
    "8006/095060001343520102/10/A1",
    "8010/9506000ABC-1/8011/12",
    "8013/1987654Ad4X4bL5ttr2310c2K",
    "8017/950600013437612342",
    "8018/950600013437612342/8019/1",
)
BAD = (
    f"01/{GTIN}/foo",
    f"01/{GTIN}/10/A1/foo",
    f"01/{GTIN}/10/A1/10/A1",
    f"01/{GTIN}/21/7/10/A1",
    f"01/{GTIN}/8011/5",
    f"01/{GTIN}/10",
    f"01/{GTIN}/10/" + "x" * 21,
    f"01/{GTIN}/10/番茄",
    f"01/{GTIN}/10/",
    f"01/{GTIN}/10//21/1",
    "01/06901234567893",
    "01/0690123456789２",
    "01/gtin",
    "00/106141412345678907",
    "414/9506000134377",
    "8003/09506000134353ABC",
    "8003/19506000134352ABC",
    "402/95060001343760124",
    "401/\x01",
)


@pytest.mark.parametrize("path", GOOD)
def test_a_good_link_passes_and_comes_back_as_it_was(path: str) -> None:
    link = parse_digital_link(path)
    check_syntax(link)
    assert path_of(link) == path
    assert path_of(parse_digital_link(f"/{path}/")) == path


@pytest.mark.parametrize("path", BAD)
def test_what_gs1_does_not_allow_is_refused_with_a_sentence(path: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_syntax(parse_digital_link(path))
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("path", ["", "/", "01", "01/", "02/06901234567892", "gtin/06901234567892", "x/y", "\x00"])
def test_a_path_without_key_and_value_is_refused(path: str) -> None:
    with pytest.raises(Invalid, match="primary key"):
        parse_digital_link(path)


def test_every_key_is_among_the_good_examples() -> None:
    assert {path.partition("/")[0] for path in GOOD} == QUALIFIERS.keys()


def test_a_short_gtin_is_filled_up_to_fourteen_digits() -> None:
    assert path_of(parse_digital_link("01/96385074/10/A1")) == "01/00000096385074/10/A1"


def test_a_slash_that_the_server_decoded_stays_a_part_of_the_lot_number() -> None:
    link = parse_digital_link(f"01/{GTIN}/10/2026/11/A/21/7")
    assert dict(link.elements) == {"01": GTIN, "10": "2026/11/A", "21": "7"}
    assert path_of(link) == f"01/{GTIN}/10/2026%2F11%2FA/21/7"
    assert link.stray == "11"


def test_a_pack_is_walked_up_to_its_lot_and_its_product() -> None:
    base = f"https://id.gs1.org/01/{GTIN}"
    levels = uris_of_levels(parse_digital_link(f"01/{GTIN}/22/RED/10/A1/21/7"))
    assert levels == (f"{base}/21/7", f"{base}/10/A1", base)
