"""Barcodes drawn: labels for our own lots, at true size, each read back before anybody gets it.

Sizes are those of the GS1 General Specifications, section 5.12.3 (symbol specification tables): modules of 2-D symbols
by tables 1 and 2 (0.396 to 1.5 mm), bars and heights of linear symbols by table 2 (general distribution: at least
0.495 mm and 31.75 mm) and, for EAN-13, table 1 (0.264 to 0.66 mm; 22.85 mm at 0.33). Quiet zones: GS1 DataMatrix 1
module (ISO/IEC 16022), QR 4 (ISO/IEC 18004), Code 128, GS1-128 and ITF-14 10, EAN-13 11 to the left and 7 to the right.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from math import ceil

import numpy as np
import zxingcpp
from biip import ParseError
from biip.gs1_messages import GS1Message
from numpy.typing import NDArray
from PIL import Image

from scanners import zxing
from trace.domain.characters import FNC1
from trace.domain.checks import is_check_digit_right
from trace.domain.failures import N_, Invalid

MILLIMETRES_AN_INCH = 25.4
Modules = NDArray[np.bool_]  # (rows, columns), True is dark
_PIXELS = 4  # of a module, when an SVG is read back
_VIEW_BOX = re.compile(r'viewBox="0 0 (\d+) (\d+)"')
_RECTANGLE = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-\d+z")


class Symbology(StrEnum):
    """What can be drawn."""

    GS1_DATAMATRIX = "gs1-datamatrix"
    GS1_128 = "gs1-128"
    EAN_13 = "ean-13"
    ITF_14 = "itf-14"
    QR = "qr"
    CODE_128 = "code-128"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a symbology is drawn: the writer's format and options, sizes in millimetres, what the reader calls it.

    `module` is (smallest, customary, largest); `height` that of the bars, 0 for 2-D; `quiet` modules (left, right),
    above and below as well for 2-D.
    """

    format: zxingcpp.BarcodeFormat
    module: tuple[float, float, float]
    quiet: tuple[int, int]
    read_as: tuple[str, str]
    height: float = 0
    gs1: bool = False
    bearers: int = 0  # modules of the bars along the top and bottom of ITF-14, against short reads (5.3.2.4)


_KINDS = {
    Symbology.GS1_DATAMATRIX: _Kind(
        zxingcpp.BarcodeFormat.DataMatrix, (0.396, 0.75, 1.5), (1, 1), ("DataMatrix", "]d2"), gs1=True
    ),
    Symbology.GS1_128: _Kind(
        zxingcpp.BarcodeFormat.Code128, (0.25, 0.5, 1.016), (10, 10), ("GS1-128", "]C1"), 31.75, gs1=True
    ),
    Symbology.EAN_13: _Kind(zxingcpp.BarcodeFormat.EAN13, (0.264, 0.33, 0.66), (11, 7), ("EAN-13", "]E0"), 22.85),
    Symbology.ITF_14: _Kind(zxingcpp.BarcodeFormat.ITF, (0.495, 0.5, 1.016), (10, 10), ("ITF", "]I"), 31.75, bearers=2),
    Symbology.QR: _Kind(zxingcpp.BarcodeFormat.QRCode, (0.396, 0.5, 1.5), (4, 4), ("QR", "]Q1")),
    Symbology.CODE_128: _Kind(zxingcpp.BarcodeFormat.Code128, (0.25, 0.5, 1.016), (10, 10), ("Code128", "]C0"), 31.75),
}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A barcode with its quiet zone: `svg` and `png` at true size, `text` as a reader gives it (FNC1 as 0x1D).

    Width and height are millimetres of the SVG; the PNG's modules are whole dots of its resolution, so that its size
    differs by up to half a dot a module.
    """

    svg: str
    png: bytes
    text: str
    symbology: Symbology
    width: float
    height: float


def draw_symbol(
    text: str,
    symbology: Symbology,
    *,
    module: float | None = None,
    height: float | None = None,
    resolution: int = 300,
) -> Symbol:
    """A text as a barcode. GS1 element strings are written with brackets: `(01)06901234567892(10)A1`.

    `module` is the width of the narrowest bar or square, `height` that of a linear symbol's bars, in millimetres; where
    absent, what the General Specifications ask for. `resolution` is the printer's dots per inch (203, 300, 600).

    What was drawn is read back, from the PNG and from the SVG's own geometry. Raises `Invalid` for a text that the
    symbology cannot hold, a module outside what is allowed, and a drawing that does not read as the text.
    """
    kind = _KINDS[symbology]
    size = _checked_module(kind, symbology, module)
    modules = _modules(text, symbology)
    wanted = text_inside(text) if kind.gs1 else text
    rows = round((height or kind.height) / size) if kind.height else 0  # whole modules: SVG and PNG are alike
    picture = _with_quiet_zone(_as_high(modules, rows, kind.bearers), kind)
    drawn = Symbol(
        svg=_svg(picture, size),
        png=_png(picture, size, kind.module, resolution),
        text=wanted,
        symbology=symbology,
        width=picture.shape[1] * size,
        height=picture.shape[0] * size,
    )
    _check_reads(np.asarray(Image.open(BytesIO(drawn.png)).convert("L")), drawn, kind)
    _check_reads(_rasterised(drawn.svg), drawn, kind)
    return drawn


def text_inside(bracketed: str) -> str:
    """What a reader gives for `(01)...(10)...`: no brackets, FNC1 (0x1D) behind values of open length.

    Raises `Invalid` for what is no sequence of GS1 element strings, or holds a wrong check digit or no date.
    """
    try:
        message = GS1Message.parse_hri(bracketed)
    except (ParseError, ValueError) as fault:
        raise Invalid(
            N_("{text} is no GS1 text that fits on a label: {fault}"), text=bracketed[:120], fault=str(fault)
        ) from fault
    elements = message.element_strings
    wrong = next((found for each in elements if (found := each.gtin_error or each.sscc_error or each.gln_error)), None)
    if wrong is None and message.as_hri() != bracketed:  # a blank, or a bracket inside a value
        wrong = N_("a value holds a blank or a bracket")
    if wrong is not None:
        raise Invalid(N_("{text} is no GS1 text that fits on a label: {fault}"), text=bracketed[:120], fault=str(wrong))
    parts = [f"{each.ai.ai}{each.value}" + (FNC1 if each.ai.separator_required else "") for each in elements]
    return "".join(parts).removesuffix(FNC1)


def _checked_module(kind: _Kind, symbology: Symbology, module: float | None) -> float:
    least, customary, most = kind.module
    size = customary if module is None else module
    if not least <= size <= most:
        raise Invalid(
            N_("A module of {symbology} is {least} to {most} mm wide; {came} came."),
            field="module",
            symbology=symbology.value,
            least=least,
            most=most,
            came=size,
        )
    return size


def _modules(text: str, symbology: Symbology) -> Modules:
    """The writer's symbol, a cell a module; one row for a linear one. Raises `Invalid` for what it cannot hold."""
    kind = _KINDS[symbology]
    digits = {Symbology.EAN_13: 13, Symbology.ITF_14: 14}.get(symbology)
    if digits and not (len(text) == digits and text.isascii() and is_check_digit_right(text)):
        raise Invalid(
            N_("{symbology} holds {digits} digits, the last a right check digit; {text} came."),
            field="text",
            symbology=symbology.value,
            digits=digits,
            text=text[:80],
        )
    options: dict[str, bool | str] = {"gs1": True} if kind.gs1 else {}
    if symbology is Symbology.GS1_DATAMATRIX:
        options["force_square"] = True
    if symbology is Symbology.QR:
        options["ec_level"] = "M"
    try:
        barcode = zxingcpp.create_barcode(text, kind.format, **options)
        drawn = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < 128
    except ValueError as fault:
        raise Invalid(
            N_("{symbology} cannot hold {text}: {fault}"),
            field="text",
            symbology=symbology.value,
            text=text[:80],
            fault=str(fault).partition(" (retval")[0],
        ) from fault
    return drawn[:1] if kind.height else drawn


def _as_high(modules: Modules, rows: int, bearers: int) -> Modules:
    """A linear symbol's one row as high as its bars, between its bearer bars; a 2-D symbol as it is."""
    if not rows:
        return modules
    bars = np.repeat(modules, max(rows, 1), axis=0)
    return np.pad(bars, ((bearers, bearers), (0, 0)), constant_values=True)


def _with_quiet_zone(modules: Modules, kind: _Kind) -> Modules:
    above = 0 if kind.height else kind.quiet[0]
    return np.pad(modules, ((above, above), kind.quiet), constant_values=False)


def _svg(modules: Modules, size: float) -> str:
    """The symbol as one path of rectangles in modules of `size` millimetres; no style, so any CSP lets it be."""
    rows, columns = modules.shape
    path = "".join(f"M{x} {y}h{width}v{height}h-{width}z" for x, y, width, height in _rectangles(modules))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns * size:.3f}mm" height="{rows * size:.3f}mm"'
        f' viewBox="0 0 {columns} {rows}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{columns}v{rows}h-{columns}z"/><path d="{path}"/></svg>'
    )


def _rectangles(modules: Modules) -> Iterator[tuple[int, int, int, int]]:
    """(x, y, width, height) of runs of dark modules, equal rows one below the other taken together."""
    start = 0
    for row in range(1, len(modules) + 1):
        if row < len(modules) and np.array_equal(modules[row], modules[start]):
            continue
        edges = np.flatnonzero(np.diff(np.pad(modules[start].astype(np.int8), 1)))
        for left, right in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            yield left, start, right - left, row - start
        start = row


def _png(modules: Modules, size: float, allowed: tuple[float, float, float], resolution: int) -> bytes:
    """The symbol in black and white, its modules whole dots: a printer would make them of unequal width otherwise."""
    an_inch = MILLIMETRES_AN_INCH
    dots = max(round(size * resolution / an_inch), ceil(allowed[0] * resolution / an_inch - 0.05))
    picture = np.kron(~modules, np.ones((dots, dots), dtype=np.bool_))
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", dpi=(resolution, resolution))
    return buffer.getvalue()


def _rasterised(svg: str) -> NDArray[np.uint8]:
    """Our own SVG as pixels, four a module, by what its paths say: the check is of the drawing, not of its source."""
    box = _VIEW_BOX.search(svg)
    assert box is not None
    grey = np.full((int(box[2]) * _PIXELS, int(box[1]) * _PIXELS), 255, dtype=np.uint8)
    for found in _RECTANGLE.finditer(svg.rpartition("<path ")[2]):
        x, y, width, height = (int(number) * _PIXELS for number in found.groups())
        grey[y : y + height, x : x + width] = 0
    return grey


def _check_reads(grey: NDArray[np.uint8], drawn: Symbol, kind: _Kind) -> None:
    """Raise `Invalid` unless a picture reads as just the text that was meant: no label leaves that says another."""
    margin = 10  # paper around a label, as a camera sees it
    found = zxing.read(np.ascontiguousarray(np.pad(grey, margin, constant_values=255)))
    symbology, identifier = kind.read_as
    if [(each.text, each.symbology) for each in found] != [(drawn.text, symbology)] or not found[
        0
    ].identifier.startswith(identifier):
        raise Invalid(
            N_("The label for {text} did not read back as it was meant; nothing was made. Choose another symbol."),
            field="text",
            text=drawn.text[:80],
        )
