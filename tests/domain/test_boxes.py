"""Which codes are on one box: joined where it is unambiguous, never a value that no code says."""

from datetime import date
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trace.domain.boxes import Box, Sighting, join, reading_order
from trace.domain.codes import Code, CodeKind, parse_code

EAN, OTHER_EAN, CASE = "6901234567892", "6901028075763", "16901234567899"
DRUG, OTHER_DRUG = "83857930000879766660", "83857930000879766661"
GTIN = f"0{EAN}"
FACTS = ("gtin", "lot", "serial", "produced_on", "expires_on", "amount", "unit", "drug_identifier")


@cache
def parsed(text: str, symbology: str) -> Code:
    return parse_code(text, symbology=symbology)


def seen(
    text: str, x: int, y: int, symbology: str = "", *, width: int = 300, height: int = 100, product: str | None = None
) -> Sighting:
    """A code at a place; the symbology is the usual one of such a text."""
    symbology = symbology or ("EAN-13" if len(text) == 13 else "GS1-128" if text.startswith("(") else "Code128")
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return Sighting(parsed(text, symbology), symbology, corners, product)


def together(*sightings: Sighting) -> list[tuple[int, ...]]:
    """The positions that are on one box, box by box."""
    return [box.sightings for box in join(sightings)]


def test_a_product_beside_its_lot_and_date_is_one_box_that_says_all_three() -> None:
    (box,) = join([seen(EAN, 0, 0), seen("(10)A1(17)270131", 0, 130)])
    assert (box.sightings, box.code.kind, box.code.gtin, box.code.lot) == ((0, 1), CodeKind.LGTIN, GTIN, "A1")
    assert box.code.expires_on == date(2027, 1, 31)
    assert box.code.lot_uri == f"https://id.gs1.org/01/{GTIN}/10/A1"
    assert parse_code(box.code.text) == box.code  # what is written for people says the same again


def test_lot_and_date_in_two_further_symbols_join_the_same_box() -> None:
    (box,) = join([seen("(17)270131", 0, 260), seen("(10)A1", 0, 130), seen(f"(01){GTIN}", 0, 0)])
    assert (box.code.gtin, box.code.lot, box.code.expires_on) == (GTIN, "A1", date(2027, 1, 31))


def test_a_drug_code_beside_the_products_number_is_one_pack_by_its_drug_code() -> None:
    matrix = seen(f"(01){GTIN}(10)A1(17)270131", 330, 0, "DataMatrix", width=90)
    (box,) = join([seen(DRUG, 0, 0), matrix])
    assert (box.code.kind, box.code.text, box.code.gtin) == (CodeKind.DRUG_TRACE_CODE, DRUG, GTIN)
    assert (box.code.lot, box.code.serial, box.code.uri) == ("A1", DRUG[7:], parse_code(DRUG).uri)


def test_a_pallets_label_is_one_pallet_with_what_is_on_it() -> None:
    content = seen(f"(02){GTIN}(17)270131(37)48", 0, 0)
    (box,) = join([content, seen("(10)A1", 0, 130), seen("(00)069012340000000016", 0, 260)])
    assert (box.code.kind, box.code.uri) == (CodeKind.SSCC, "https://id.gs1.org/00/069012340000000016")
    assert (box.code.lot_uri, box.code.amount) == (f"https://id.gs1.org/01/{GTIN}/10/A1", 48)
    assert together(seen(EAN, 0, 0), content) == [(0,), (1,)]  # a pack beside the label of a pallet


@pytest.mark.parametrize("text", [EAN, DRUG, f"(01){GTIN}(10)A1", "https://example.org/x", "(00)069012340000000016"])
def test_one_content_in_two_symbols_of_one_box_is_one_thing(text: str) -> None:
    (box,) = join([seen(text, 0, 0), seen(text, 330, 0, "QR", width=100)])
    assert (box.sightings, box.code) == ((0, 1), parse_code(text))


def test_two_boxes_with_the_same_code_are_two() -> None:
    assert together(seen(EAN, 0, 0), seen(EAN, 0, 110)) == [(0,), (1,)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (EAN, OTHER_EAN),
        (DRUG, OTHER_DRUG),
        (EAN, f"(01)0{OTHER_EAN}(10)A1"),
        (EAN, f"(01){CASE}"),  # the pack's number on its case: two levels
        (f"(01){GTIN}(10)A1", f"(01){GTIN}(10)B2(17)270131"),
        (EAN, "https://example.org/x"),
        ("(10)A1", "(17)270131"),  # of which product?
        (EAN, "(00)069012340000000016"),
    ],
)
def test_what_contradicts_or_has_nothing_to_do_with_it_stays_apart(one: str, other: str) -> None:
    assert together(seen(one, 0, 0), seen(other, 0, 110, "DataMatrix")) == [(0,), (1,)]


def test_codes_of_two_products_of_the_file_are_on_two_boxes() -> None:
    assert together(seen(DRUG, 0, 0, product="a"), seen(EAN, 0, 110, product="b")) == [(0,), (1,)]
    assert together(seen(DRUG, 0, 0, product="a"), seen(EAN, 0, 110, product="a")) == [(0, 1)]


def test_what_lies_too_far_away_stays_apart() -> None:
    assert together(seen(EAN, 0, 0), seen("(10)A1", 0, 400)) == [(0,), (1,)]


def test_a_lot_between_two_products_belongs_to_neither_for_sure() -> None:
    assert together(seen(EAN, 0, 0), seen("(10)A1", 0, 150), seen(OTHER_EAN, 0, 300)) == [(0,), (1,), (2,)]
    assert together(seen(EAN, 0, 0), seen("(10)A1", 0, 120), seen(OTHER_EAN, 0, 320)) == [(0, 1), (2,)]


def test_forty_boxes_each_keep_their_own_codes() -> None:
    boxes = [(column * 700, row * 420) for row in range(8) for column in range(5)]
    codes = [seen(f"8385793{n:013d}", x, y + 140, width=400) for n, (x, y) in enumerate(boxes)]
    numbers = [seen(EAN, x + 150, y, width=240, height=80) for x, y in boxes]
    assert together(*codes, *numbers) == [(n, n + 40) for n in range(40)]


def test_places_are_read_row_by_row_from_left_to_right() -> None:
    places = [seen(EAN, x, y).corners for x, y in ((900, 30), (10, 210), (0, 0), (500, 190), (450, 12))]

    assert [places[n][0][0] for n in reading_order(places)] == [0, 450, 900, 10, 500]


# ---- laws ----------------------------------------------------------------------------------------------------------

TEXTS = [
    EAN, OTHER_EAN, DRUG, OTHER_DRUG, f"(01){GTIN}", f"(01){GTIN}(10)A1", f"(01){GTIN}(10)B2(17)270131", "(10)A1",
    "(10)B2(17)270131", "(17)270630", "(21)S9", f"(01){GTIN}(21)S9", "(30)24", "(00)069012340000000016", "hello",
    f"(02){GTIN}(37)48", f"(00)069012340000000016(02){GTIN}(10)A1",
    f"https://id.gs1.org/01/{GTIN}/10/A1", "2112345015002", "91640502MA7TE5T19M",
]  # fmt: skip
sightings = st.lists(
    st.builds(
        seen,
        st.sampled_from(TEXTS),
        st.integers(0, 12).map(lambda n: n * 60),
        st.integers(0, 12).map(lambda n: n * 60),
        st.sampled_from(["", "DataMatrix", "QR"]),
        width=st.sampled_from([60, 200, 300]),
        product=st.sampled_from([None, None, "a", "b"]),
    ),
    max_size=9,
)


def told(box: Box, photo: list[Sighting]) -> dict[str, set[Any]]:
    """{fact: every value that a code on the box tells}."""
    members = [photo[n] for n in box.sightings]
    found = {name: {getattr(m.code, name) for m in members} - {None} for name in FACTS}
    return found | {"product": {m.product for m in members} - {None}}


@settings(max_examples=80, deadline=None)
@given(sightings)
def test_joining_never_invents_a_value_and_every_code_is_on_one_box(photo: list[Sighting]) -> None:
    boxes = join(photo)
    assert sorted(n for box in boxes for n in box.sightings) == list(range(len(photo)))
    for box in boxes:
        values = told(box, photo)
        for name in FACTS:
            assert getattr(box.code, name) in values[name] | {None}


@settings(max_examples=80, deadline=None)
@given(sightings)
def test_joining_never_joins_contradicting_codes_nor_the_same_symbol_twice(photo: list[Sighting]) -> None:
    for box in join(photo):
        drug = any(photo[n].code.kind is CodeKind.DRUG_TRACE_CODE for n in box.sightings)
        for name, values in told(box, photo).items():
            # A drug's code has a serial number of its own beside the one that GS1 gives the pack.
            assert len(values) <= (2 if drug and name == "serial" else 1), name
        for one, other in combinations([photo[n] for n in box.sightings], 2):
            assert (one.symbology, one.code.text) != (other.symbology, other.code.text)


@settings(max_examples=80, deadline=None)
@given(sightings.flatmap(lambda photo: st.tuples(st.just(photo), st.permutations(range(len(photo))))))
def test_joining_does_not_depend_on_the_order(drawn: tuple[list[Sighting], list[int]]) -> None:
    photo, order = drawn
    as_given = {(frozenset(box.sightings), box.code) for box in join(photo)}
    shuffled = join([photo[n] for n in order])
    assert {(frozenset(order[n] for n in box.sightings), box.code) for box in shuffled} == as_given
