"""Administrative divisions: what exists, what existed, what never did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trace.domain.regions import find_region, is_known_province, is_known_region, region_name, regions


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("640000", "宁夏回族自治区"),
        ("640500", "中卫市"),
        ("640502", "沙坡头区"),
        ("640521", "中宁县"),
        ("640522", "海原县"),
    ],
)
def test_zhongwei_and_its_counties_have_their_names(code: str, name: str) -> None:
    assert find_region(code) == name


def test_counties_of_other_provinces_and_abolished_ones_are_known() -> None:
    assert find_region("110105") == "朝阳区"
    assert is_known_region("642101")  # 吴忠市 of 银南地区, until 1998


@pytest.mark.parametrize(
    "code", ["", "6405", "999999", "640599", "64050a", "６４０５０２", "6405021", "²²²²²²", "\x00" * 6, "640502\n"]
)
def test_what_is_no_division_is_not_known(code: str) -> None:
    assert find_region(code) is None
    assert not is_known_region(code)


@given(st.text(max_size=8))
def test_any_text_is_looked_up_without_stumbling(code: str) -> None:
    assert is_known_region(code) == (find_region(code) is not None)
    assert isinstance(region_name(code), str)


def test_a_name_says_province_city_and_county_once_each() -> None:
    assert region_name("640502") == "宁夏回族自治区 中卫市 沙坡头区"
    assert region_name("640500") == "宁夏回族自治区 中卫市"
    assert region_name("640000") == "宁夏回族自治区"
    assert region_name("999999") == "999999"


def test_every_listed_division_lies_in_a_listed_province() -> None:
    assert all(len(code) == 6 and is_known_province(code) for code in regions())
    assert not is_known_province("990000")
