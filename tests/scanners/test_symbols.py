"""Barcodes drawn for labels: at true size, with their quiet zones, and never one that reads as something else."""

from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from scanners import symbols, zbar
from scanners.symbols import Symbology, draw_symbol, text_inside
from trace.domain.failures import Invalid

S = Symbology
LOT = "(01)06901234567892(17)270131(10)A1"


@pytest.mark.parametrize(
    ("symbology", "text", "module", "quiet"),
    [
        (S.GS1_DATAMATRIX, "(01)06901234567892(10)A1/b(17)270131", 0.75, (1, 1)),
        (S.GS1_128, LOT, 0.5, (10, 10)),
        (S.EAN_13, "6901234567892", 0.33, (11, 7)),
        (S.ITF_14, "16901234567899", 0.5, (10, 10)),
        (S.QR, "https://trace.example.cn/t/product/lot/x.%25E6%2589%25B9", 0.5, (4, 4)),
        (S.CODE_128, "81502310064000000004", 0.5, (10, 10)),
    ],
)
def test_a_symbol_is_drawn_at_true_size_with_its_quiet_zones(
    symbology: Symbology, text: str, module: float, quiet: tuple[int, int]
) -> None:
    drawn = draw_symbol(text, symbology, resolution=600)
    picture = Image.open(BytesIO(drawn.png))
    assert round(picture.info["dpi"][0]) == 600
    dots = round(module * 600 / 25.4)
    dark = np.flatnonzero(~np.asarray(picture).all(axis=0))
    assert (dark[0], picture.width - 1 - dark[-1]) == (quiet[0] * dots, quiet[1] * dots)
    root = ElementTree.fromstring(drawn.svg)
    assert root.get("width") == f"{drawn.width:.3f}mm" == f"{picture.width // dots * module:.3f}mm"
    assert root.get("viewBox") == f"0 0 {picture.width // dots} {picture.height // dots}"
    assert "style" not in drawn.svg
    # Another's reader, which knows nothing of our writer, reads the same (it reads no DataMatrix).
    told = [reading.text for reading in zbar.read(np.asarray(picture.convert("L")))]
    assert told == ([] if symbology is S.GS1_DATAMATRIX else [drawn.text])


def test_values_of_open_length_end_with_a_separator_but_the_last_does_not() -> None:
    assert text_inside("(01)06901234567892(10)A1(17)270131(21)7") == "010690123456789210A1\x1d17270131217"


@pytest.mark.parametrize(
    ("symbology", "text"),
    [
        (S.GS1_DATAMATRIX, "(01)06901234567891(10)A1"),  # check digit
        (S.GS1_DATAMATRIX, "(01)06901234567892(10)A 1"),
        (S.GS1_DATAMATRIX, "(01)06901234567892(10)A(17)1"),
        (S.GS1_DATAMATRIX, "(01)06901234567892(10)批号"),
        (S.GS1_DATAMATRIX, "(01)06901234567892(17)271331"),
        (S.GS1_128, "0106901234567892"),
        (S.GS1_128, ""),
        (S.EAN_13, "6901234567891"),
        (S.EAN_13, "690123456789"),
        (S.ITF_14, "16901234567898"),
        (S.CODE_128, "批号"),
        (S.CODE_128, "A" * 200),
        (S.QR, ""),
        (S.QR, "a" * 3_000),
    ],
)
def test_what_a_symbology_cannot_hold_is_refused_in_a_sentence(symbology: Symbology, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        draw_symbol(text, symbology)
    assert str(refused.value)


def test_a_module_that_no_scanner_is_built_for_is_refused() -> None:
    with pytest.raises(Invalid):
        draw_symbol("6901234567892", S.EAN_13, module=0.2)
    coarse = draw_symbol("6901234567892", S.EAN_13, module=0.264, resolution=203)
    assert Image.open(BytesIO(coarse.png)).width == 113 * 3  # 2 dots would be 0.25 mm, less than is allowed


def test_a_drawing_that_reads_as_something_else_is_not_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    other = symbols._modules("6901234567885", S.EAN_13)
    monkeypatch.setattr(symbols, "_modules", lambda *_: other)
    with pytest.raises(Invalid, match="did not read back"):
        draw_symbol("6901234567892", S.EAN_13)
