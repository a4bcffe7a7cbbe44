"""Wrong readings that were seen on damaged, covered and cut codes, each with the rule that keeps it from being told."""

import numpy as np
import pytest

from scanners.bars import has_quiet_zones
from scanners.evidence import Case, Evidence
from scanners.ladder import climb
from scanners.values import Doubt, Reading
from tests.scanners.drawing import Grey, grey, on_paper, symbol

PLACE = ((100, 100), (300, 100), (300, 200), (100, 200))
WITHIN = ((150, 130), (290, 130), (290, 180), (150, 180))


def reading(text: str, symbology: str, engine: str = "zxing", corners: tuple = PLACE) -> Reading:
    return Reading(text, symbology, "", corners, engine, text.encode())


def evidence(*attempts: tuple[Reading, str]) -> Evidence:
    gathered = Evidence()
    for one, preparation in attempts:
        gathered.add([one], preparation)
    return gathered


@pytest.mark.parametrize(("text", "symbology"), [("93287609", "EAN-8"), ("13FVZ", "Code39"), ("4810", "Codabar")])
def test_one_engine_on_several_pictures_of_the_whole_is_one_witness(text: str, symbology: str) -> None:
    # Seen where a bar was painted over: zxing misreads it the same way, however the photo is prepared.
    one = reading(text, symbology)
    assert evidence((one, "plain"), (one, "evened"), (one, "turned-20")).believed() == []
    assert evidence((one, "plain"), (one, "strip 0.55 0.003")).believed() == [one]


def test_an_aztec_rune_is_doubtful_however_often_it_is_read() -> None:
    # Seen in a QR code of which a part is cut off: "165", laid straight too. Goods bear none.
    rune = Reading("165", "Aztec", "]zC", PLACE, "zxing", b"165")
    found = evidence((rune, "plain"), (rune, "straight"))
    assert found.believed() == []
    assert [one.doubt for one in found.doubtful()] == [Doubt.ALONE]


def scratched(text: str, digits: int, white: int) -> tuple[Grey, float]:
    """An ITF of which the wide bar before its last `digits` and what is beside it is white, and where that ends."""
    picture = grey(symbol(text, "ITF", scale=3)).copy()
    row = picture[picture.shape[0] // 4] < 128
    begins = np.flatnonzero(row[1:] & ~row[:-1]) + 1
    begin = int(begins[-2 - 5 * digits // 2])  # five bars a pair of digits, two of the stop
    picture[:, begin - white : begin] = 255
    return picture, begin


def test_a_part_of_an_interleaved_code_beside_a_scratch_is_a_fragment() -> None:
    picture, begin = scratched("45473580914464", digits=8, white=15)
    right = int(np.flatnonzero(picture[picture.shape[0] // 4] < 128).max())
    y = picture.shape[0] // 3
    part = reading("80914464", "ITF", corners=((begin, y), (right, y), (right, y + 1), (begin, y + 1)))
    assert not has_quiet_zones(picture, part)


def test_where_bars_lean_a_scan_line_along_their_rim_does_not_hide_that_they_go_on() -> None:
    picture, begin = scratched("45473580914464", digits=8, white=15)
    height, width = picture.shape
    leaning = np.full((height + 120, width), 255, np.uint8)
    for x in range(width):
        leaning[x // 6 : x // 6 + height, x] = picture[:, x]
    y = int(np.flatnonzero(leaning[:, begin + 1] < 128).max()) - 1  # further to the left bars end above
    right = int(np.flatnonzero(picture[height // 4] < 128).max())
    part = reading("80914464", "ITF", corners=((begin, y), (right, y), (right, y + 1), (begin, y + 1)))
    assert not has_quiet_zones(leaning, part)


def test_an_interleaved_code_that_ends_at_the_border_of_the_photo_is_a_fragment() -> None:
    picture = grey(symbol("8091446412", "ITF", scale=3))
    dark = np.flatnonzero(picture[picture.shape[0] // 3] < 128)
    left, right, y = int(dark.min()), int(dark.max()), picture.shape[0] // 3
    whole = reading("8091446412", "ITF", corners=((left, y), (right, y), (right, y + 1), (left, y + 1)))
    assert has_quiet_zones(picture, whole)
    assert not has_quiet_zones(np.ascontiguousarray(picture[:, : right + 5]), whole)


def test_a_leaning_interleaved_code_on_white_paper_has_quiet_zones() -> None:
    photo = on_paper(symbol("070429", "ITF", scale=3), degrees=9, size=(500, 400))
    assert [r.text for r in climb(grey(photo), seconds=60).readings] == ["070429"]


def test_fourteen_interleaved_digits_with_a_wrong_check_digit_are_doubtful_whoever_read_them() -> None:
    attempts = [(reading("59130473993475", "ITF", engine), "plain") for engine in ("zxing", "zbar")]
    assert evidence(*attempts).believed() == []
    assert [one.doubt for one in evidence(*attempts).doubtful()] == [Doubt.CHECK_DIGIT]


def test_linear_codes_of_two_kinds_read_equally_often_off_the_same_bars_are_both_doubtful() -> None:
    rivals = [reading("4810", "Codabar"), reading("13FVZ", "Code39")]
    attempts = [(one, preparation) for one in rivals for preparation in ("plain", "strip 0.55")]
    assert evidence(*attempts).believed() == []
    assert [one.doubt for one in evidence(*attempts).doubtful()] == [Doubt.DISPUTED, Doubt.DISPUTED]
    assert evidence(*attempts, (reading("4810", "Codabar", "zbar"), "around")).believed() == rivals[:1]


def test_of_one_place_the_longest_doubtful_reading_is_told_and_short_lines_of_print_are_not() -> None:
    long, part, print_ = reading("70918419", "ITF"), reading("709184", "ITF", corners=WITHIN), reading("7091", "ITF")
    told = evidence((part, "plain"), (long, "plain"), (print_, "plain")).doubtful()
    assert [(one.reading.text, one.doubt) for one in told] == [("70918419", Doubt.ALONE)]


def test_a_shadow_across_an_itf_neither_hides_it_nor_makes_a_part_of_it_a_code() -> None:
    drawn = np.asarray(on_paper(symbol("16905333877422", "ITF"), degrees=-4), dtype=np.float64)
    shade = np.where(np.arange(drawn.shape[1]) < drawn.shape[1] * 0.42, 0.5, 1.0)
    ascent = climb(np.clip(drawn * shade, 0, 255).astype(np.uint8), seconds=60)
    assert [reading.text for reading in ascent.readings] == ["16905333877422"]
    assert ascent.doubtful == ()


@pytest.mark.parametrize(
    ("cuts", "is_fragment"),
    [
        ([("zbar", True), ("zxing", False)], False),  # an upright box about a leaning code
        ([("zxing", True), ("zxing", False), ("zxing", False)], False),  # a line that slipped off leaning bars
        ([("zxing", True), ("zxing", False)], True),
        ([("zbar", True)], True),
        ([], False),
    ],
)
def test_an_interleaved_code_is_a_fragment_if_as_many_looks_or_more_say_so(
    cuts: list[tuple[str, bool]], is_fragment: bool
) -> None:
    assert Case(reading("070429", "ITF"), cuts=cuts).is_fragment is is_fragment
