"""Each engine alone, and what happens when one is missing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scanners import available_engines, opencv, zbar, zxing
from scanners.ladder import ENGINES, climb
from tests.scanners.drawing import Grey, grey, on_paper, symbol

EAN = "6901234567892"
WITHOUT_ZBAR = """
import sys
sys.modules["pyzbar"] = None  # as if neither the wheel nor libzbar were there
import numpy as np
from scanners import available_engines
from scanners.ladder import climb
print(available_engines())
print([reading.text for reading in climb(np.load(sys.argv[1]), seconds=60).readings])
"""


@pytest.fixture
def ean() -> Grey:
    """An EAN-13 on paper."""
    return grey(on_paper(symbol(EAN, "EAN13")))


def skip_without(engine: str) -> None:
    """Skip by name, with the reason, where an engine cannot run."""
    reason = available_engines()[engine]
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize("engine", ["zxing", "zbar", "opencv"])
def test_each_engine_alone_reads_an_ean_and_says_who_it_is(engine: str, ean: Grey) -> None:
    skip_without(engine)
    (reading,) = ENGINES[engine](ean)
    assert (reading.text, reading.symbology, reading.engine) == (EAN, "EAN-13", engine)


@pytest.mark.parametrize("engine", ["zxing", "zbar", "opencv"])
def test_each_engine_gives_corners_around_the_code(engine: str, ean: Grey) -> None:
    skip_without(engine)
    (reading,) = ENGINES[engine](ean)
    left, right = min(x for x, _ in reading.corners), max(x for x, _ in reading.corners)
    assert len(reading.corners) == 4
    assert 320 < left < 400  # the code is about 300 pixels wide, in the middle of 1,000
    assert 600 < right < 680


@pytest.mark.parametrize("engine", ["zxing", "zbar", "opencv"])
def test_each_engine_finds_nothing_on_empty_paper(engine: str) -> None:
    assert ENGINES[engine](np.full((300, 400), 230, np.uint8)) == []


@pytest.mark.parametrize("kind", ["DataMatrix", "PDF417", "Aztec", "QRCode", "Code128", "Code93", "ITF", "Codabar"])
def test_zxing_reads_what_the_others_cannot(kind: str) -> None:
    text = "A123456A" if kind == "Codabar" else "123456"
    assert [r.text for r in zxing.read(grey(on_paper(symbol(text, kind))))] == ["123456"]


def test_zxing_tells_a_upc_e_as_printed() -> None:
    (reading,) = zxing.read(grey(on_paper(symbol("01234565", "UPCE"))))
    assert (reading.text, reading.symbology) == ("01234565", "UPC-E")


@pytest.mark.parametrize("kind", ["QRCode", "Code128", "Code39"])
def test_zbar_reads_more_than_retail_codes(kind: str) -> None:
    skip_without("zbar")
    assert [r.text for r in zbar.read(grey(on_paper(symbol("A123456", kind))))] == ["A123456"]


def test_opencv_is_not_given_slivers_it_would_fail_on() -> None:
    assert opencv.read(grey(on_paper(symbol(EAN, "EAN13"), size=(400, 200)))[:20]) == []


def test_a_missing_engine_is_reported_and_the_others_read_on(ean: Grey, tmp_path: Path) -> None:
    np.save(tmp_path / "ean.npy", ean)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ZBAR, tmp_path / "ean.npy"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    engines, read = done.stdout.strip().splitlines()
    assert "libzbar is not installed" in engines
    assert "'zxing': None" in engines
    assert read == f"['{EAN}']"


def test_the_ladder_reads_what_one_engine_reads(ean: Grey) -> None:
    assert [reading.text for reading in climb(ean, seconds=60).readings] == [EAN]
