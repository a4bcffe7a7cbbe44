"""The ladder on drawn photos: what must be read, as what, and what must not be believed."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from scanners.ladder import RUNGS, climb
from scanners.rungs import Rung, When, confirmed
from scanners.values import Doubt, Reading
from tests.scanners.drawing import Grey, grey, on_paper, symbol

GS1 = "(01)06901234567892(17)271231(10)AB12(21)77"
ELEMENTS = "01069012345678921727123110AB12\x1d2177"


def read(picture: Grey) -> list[Reading]:
    """With time enough for every rung, so that a busy machine reads the same."""
    return list(climb(picture, seconds=60).readings)


def test_noise_gives_nothing() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (600, 800), dtype=np.uint8)
    assert read(noise) == []


@pytest.mark.parametrize(
    ("kind", "text", "symbology", "told"),
    [
        ("EAN13", "6901234567892", "EAN-13", "6901234567892"),
        ("EAN8", "69012341", "EAN-8", "69012341"),
        ("UPCA", "036000291452", "UPC-A", "036000291452"),
        ("UPCE", "01234565", "UPC-E", "01234565"),
        ("Code128", "83857930000879766660", "Code128", "83857930000879766660"),
        ("ITF", "16901234567899", "ITF", "16901234567899"),
        ("Code39", "AB-1234", "Code39", "AB-1234"),
        ("Code93", "AB-1234", "Code93", "AB-1234"),
        ("PDF417", "中宁枸杞", "PDF417", "中宁枸杞"),
        ("QRCode", "承诺达标合格证 沙坡头区", "QR", "承诺达标合格证 沙坡头区"),
    ],
)
def test_a_clean_code_is_read_as_what_it_is(kind: str, text: str, symbology: str, told: str) -> None:
    (reading,) = read(grey(on_paper(symbol(text, kind))))
    assert (reading.text, reading.symbology) == (told, symbology)


@pytest.mark.parametrize(
    ("kind", "symbology", "identifier"),
    [("Code128", "GS1-128", "]C1"), ("DataMatrix", "DataMatrix", "]d2"), ("QRCode", "QR", "]Q3")],
)
def test_a_gs1_code_keeps_its_separator_as_0x1d(kind: str, symbology: str, identifier: str) -> None:
    (reading,) = read(grey(on_paper(symbol(GS1, kind, gs1=True, scale=2 if kind == "Code128" else 4))))
    assert (reading.text, reading.symbology, reading.identifier) == (ELEMENTS, symbology, identifier)


def test_an_extended_code_39_is_told_once_by_its_letters() -> None:
    # "+A" is how an extended Code 39 writes "a": ZBar tells the pair, zxing the letter.
    (reading,) = read(grey(on_paper(symbol("12+A+B", "Code39"))))
    assert (reading.text, reading.engine) == ("12ab", "zxing")


def test_two_codes_in_one_photo_are_both_read() -> None:
    photo = on_paper(symbol("6901234567892", "EAN13"), symbol("83857930000879766660", "Code128"))
    assert {reading.text for reading in read(grey(photo))} == {"6901234567892", "83857930000879766660"}


def test_two_boxes_with_the_same_code_are_two_readings() -> None:
    boxes = [symbol("6901234567892", "EAN13")] * 2
    readings = read(grey(on_paper(*boxes)))
    assert [reading.text for reading in readings] == ["6901234567892"] * 2
    assert {y // 350 for reading in readings for _, y in reading.corners} == {0, 1}


@pytest.mark.parametrize("degrees", [15, 90, 180, 270, -15])
@pytest.mark.parametrize(("kind", "text"), [("EAN13", "6901234567892"), ("QRCode", "中宁枸杞"), ("DataMatrix", "AB12")])
def test_a_turned_code_is_read(kind: str, text: str, degrees: float) -> None:
    assert [r.text for r in read(grey(on_paper(symbol(text, kind), degrees=degrees)))] == [text]


def test_a_code_read_on_a_turned_or_enlarged_picture_lies_where_it_is_in_the_photo() -> None:
    photo = on_paper(symbol("83857930000879766660", "Code128", scale=2), degrees=25)
    (reading,) = read(grey(photo))
    centre = np.mean(reading.corners, axis=0)
    assert np.abs(centre - np.array(photo.size) / 2).max() < 60


@pytest.mark.parametrize("degrees", [30, 45])
def test_of_several_codes_near_one_another_in_a_tilted_photo_each_is_read(degrees: float) -> None:
    # Upright boxes about tilted codes meet, the codes do not: none hides another, or says something else in its place.
    drawn = [symbol(f"8385793000087976666{number}", "Code128") for number in range(3)]
    beside = [symbol("6901234567892", "EAN13"), symbol("(01)06901234567892(10)A1", "DataMatrix", scale=4, gs1=True)]
    paper = Image.new("L", (760, 780), 230)
    for number, code in enumerate(drawn):
        paper.paste(code.crop((0, 0, code.width, int(code.height * 0.6))), (30, 20 + number * 170))
    for number, code in enumerate(beside):
        paper.paste(code, (60 + number * beside[0].width, 540 + 20 * number))
    photo = paper.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC, fillcolor=230)
    wanted = [f"8385793000087976666{number}" for number in range(3)] + ["6901234567892", "010690123456789210A1"]
    assert sorted(reading.text for reading in read(grey(photo))) == sorted(wanted)


def test_white_on_black_is_read() -> None:
    assert [r.text for r in read(255 - grey(on_paper(symbol("AB12", "DataMatrix", scale=6))))] == ["AB12"]


def test_a_dim_and_noisy_code_is_read() -> None:
    clean = grey(on_paper(symbol("6901234567892", "EAN13"))).astype(np.float64)
    dim = clean * 0.25 + 10 + np.random.default_rng(5).normal(0, 3, clean.shape)
    assert [r.text for r in read(np.clip(dim, 0, 255).astype(np.uint8))] == ["6901234567892"]


@pytest.mark.parametrize("blur", [2, 3, 4, 6])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("EAN13", "6901234567892"),
        ("EAN8", "69012341"),
        ("UPCE", "01234565"),
        ("ITF", "16901234567899"),
        ("Code128", "83857930000879766660"),
    ],
)
def test_the_more_blur_the_fewer_readings_and_never_a_wrong_one(kind: str, text: str, blur: int) -> None:
    photo = on_paper(symbol(text, kind, scale=2), size=(400, 150)).filter(ImageFilter.GaussianBlur(blur * 2 / 3))
    noise = np.random.default_rng(blur).normal(0, 6, (photo.height, photo.width))
    readings = read(np.clip(grey(photo) + noise, 0, 255).astype(np.uint8))
    assert {reading.text for reading in readings} <= {text}


def test_stripes_are_no_code() -> None:
    rng = np.random.default_rng(11)
    for _ in range(5):
        bars = np.repeat(rng.integers(0, 2, 200) * 200 + 20, 4).astype(np.uint8)
        assert read(np.tile(bars, (300, 1))) == []


def test_the_first_rung_runs_however_little_time_there_is() -> None:
    assert [r.text for r in climb(grey(on_paper(symbol("6901234567892", "EAN13"))), seconds=0).readings] == [
        "6901234567892"
    ]


def test_what_was_looked_at_a_second_time_is_not_looked_at_again() -> None:
    photo = on_paper(symbol("01234565", "UPCE", scale=2), size=(400, 150)).filter(ImageFilter.GaussianBlur(4 / 3))
    noise = np.random.default_rng(2).normal(0, 6, (photo.height, photo.width))
    again = [rung for rung in RUNGS if rung.attempt is confirmed][:1] * 2
    steps = climb(np.clip(grey(photo) + noise, 0, 255).astype(np.uint8), seconds=60, rungs=[RUNGS[0], *again]).steps
    assert all(step.found == () for step in steps[2:])


def test_a_rung_is_not_begun_without_the_time_it_takes_but_the_first_and_what_confirms_it_are() -> None:
    photo = grey(on_paper(symbol("6901234567892", "EAN13")))
    dear = Rung("dear", RUNGS[0].attempt, When.ALWAYS, 1000.0)
    cheap = Rung("cheap", RUNGS[0].attempt, When.ALWAYS)
    assert [step.rung for step in climb(photo, seconds=60, rungs=[RUNGS[0], dear, cheap]).steps] == [
        "zxing plain",
        "cheap",
    ]
    assert [step.rung for step in climb(photo, seconds=0, rungs=[dear, cheap, RUNGS[1]]).steps] == ["dear", "confirmed"]


@pytest.mark.parametrize("gap", [12, 30])
def test_boxes_with_the_same_code_are_two_however_near(gap: int) -> None:
    code = symbol("83857930000879766660", "Code128", scale=2)
    photo = Image.new("L", (code.width + 60, 2 * code.height + gap + 80), 255)
    photo.paste(code, (0, 40))
    photo.paste(code, (60, 40 + code.height + gap))
    assert [r.text for r in read(grey(photo))] == ["83857930000879766660"] * 2


@pytest.mark.parametrize("symbology", ["EAN-13", "Code128", "PDF417"])
@pytest.mark.parametrize("corners", [((500, 500),) * 4, ((-90, -90), (-60, -90), (-60, -80), (-90, -80))])
def test_what_an_engine_says_to_lie_beyond_the_border_is_no_crash(symbology: str, corners: tuple) -> None:
    def told(_: object) -> list[tuple[str, list[Reading]]]:
        return [("plain", [Reading("6901234567892", symbology, "", corners, "zbar", b"6901234567892")])]

    rungs = [Rung("told", told, When.ALWAYS), RUNGS[1]]
    assert climb(np.full((400, 400), 200, np.uint8), seconds=60, rungs=rungs).readings == ()


def test_what_needs_many_looks_gets_one_only_when_it_is_very_late() -> None:
    photo = grey(on_paper(symbol("AB-1234", "Code39")))
    late, early = (climb(photo, seconds=seconds, rungs=RUNGS[:2]) for seconds in (-10, 60))
    assert [reading.text for reading in early.readings] == ["AB-1234"]
    assert [step.rung for step in late.steps] == ["zxing plain", "confirmed"]
    assert [(one.reading.text, one.doubt) for one in late.doubtful] == [("AB-1234", Doubt.ALONE)]


def test_a_code_in_a_picture_longer_than_any_cameras_is_read_where_it_lies() -> None:
    # OpenCV maps no picture of 32,767 pixels and more a side.
    drawn = grey(symbol("6901234567892", "EAN13", scale=6))
    photo = np.full((500, 33_000), 230, np.uint8)
    photo[20 : 20 + min(drawn.shape[0], 460), 30_000 : 30_000 + drawn.shape[1]] = drawn[:460]
    (reading,) = climb(photo, seconds=60, rungs=RUNGS[:3]).readings
    assert reading.text == "6901234567892"
    assert abs(min(x for x, _ in reading.corners) - 30_000 - 60) < 20


def test_a_code_with_dirt_across_its_middle_is_one() -> None:
    photo = grey(on_paper(symbol("83857930000879766660", "Code128"), size=(700, 300))).copy()
    photo[140:160, 200:500] = 120
    assert [r.text for r in read(photo)] == ["83857930000879766660"]


@pytest.mark.parametrize("shape", [(1, 1), (10, 40_000), (40_000, 12)])
def test_a_picture_of_one_pixel_or_a_thread_is_read_as_nothing(shape: tuple[int, int]) -> None:
    assert read(np.zeros(shape, np.uint8)) == []


@pytest.mark.parametrize(("kind", "text"), [("EAN13", "6901234567892"), ("Code128", "83857930000879766660")])
def test_a_code_with_a_white_scratch_across_all_its_bars_is_one(kind: str, text: str) -> None:
    photo = grey(on_paper(symbol(text, kind), size=(900, 400))).copy()
    rows = np.flatnonzero((photo < 100).sum(axis=1) > 20)
    photo[rows.mean().astype(int) :][:8] = 230
    assert [reading.text for reading in read(photo)] == [text]


@pytest.mark.parametrize("gap", [24, 60])
@pytest.mark.parametrize(("kind", "text"), [("EAN13", "6901234567892"), ("Code128", "83857930000879766660")])
def test_equal_codes_exactly_one_above_the_other_are_two_findings(kind: str, text: str, gap: int) -> None:
    # zxing-cpp joins their scan lines into one tall symbol.
    drawn = symbol(text, kind, scale=2)
    bars = drawn.crop((0, 0, drawn.width, int(drawn.height * 0.7)))
    paper = Image.new("L", (drawn.width + 100, 2 * bars.height + gap + 100), 255)
    paper.paste(bars, (50, 50))
    paper.paste(bars, (50, 50 + bars.height + gap))
    readings = read(grey(paper))
    assert [reading.text for reading in readings] == [text] * 2
    upper, lower = sorted(max(y for _, y in reading.corners) for reading in readings)
    assert upper < 50 + bars.height + gap <= lower
