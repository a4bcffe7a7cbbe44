"""Blurred retail codes: what only the templates read, and that they never read what isn't there."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanners import opencv, templates, zbar, zxing
from scanners.templates_code import EAN13, bank, best_words, blurred, fine_places, window_costs
from scanners.values import has_right_check_digit
from tests.scanners.drawing import Grey, grey, on_paper, symbol

NUMBER = "6901234567892"
MODULE = 3  # pixels


def out_of_focus(sharp: Grey, modules: float, *, noise: float = 2.0, seed: int = 1) -> Grey:
    """The picture as a lens blurs it (light, not grey), with a sensor's noise."""
    light = (sharp / 255.0) ** 2.2
    mixed = cv2.GaussianBlur(light, (0, 0), modules * MODULE) if modules else light
    noisy = 255 * mixed ** (1 / 2.2) + np.random.default_rng(seed).normal(0, noise, sharp.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def on_label(text: str = NUMBER, kind: str = "EAN13", *, degrees: float = 0) -> Grey:
    """A symbol on a sheet, in focus."""
    return grey(on_paper(symbol(text, kind, scale=MODULE), degrees=degrees, size=(640, 400)))


def texts(photo: Grey) -> list[str]:
    """What the templates read."""
    return [reading.text for reading in templates.read(photo)]


@pytest.mark.parametrize("degrees", [17, 180])
def test_bars_that_have_melted_into_one_another_are_read_by_the_templates_alone(degrees: int) -> None:
    photo = out_of_focus(on_label(degrees=degrees), 1.15)
    assert [engine.read(photo) for engine in (zxing, zbar, opencv)] == [[], [], []]
    assert texts(photo) == [NUMBER]


def test_a_upc_a_is_told_as_the_ean_13_it_is() -> None:
    (reading,) = templates.read(out_of_focus(on_label("042100005264", "UPCA"), 0.9))
    assert (reading.text, reading.symbology, reading.raw) == ("0042100005264", "EAN-13", b"0042100005264")


def test_an_ean_8_out_of_focus_is_read() -> None:
    (reading,) = templates.read(out_of_focus(on_label("96385074", "EAN8"), 0.8))
    assert (reading.text, reading.symbology) == ("96385074", "EAN-8")


def test_corners_are_those_of_the_bars_from_the_symbols_own_top_left() -> None:
    sharp = on_label(degrees=180)
    (known,) = zxing.read(sharp)
    (reading,) = templates.read(out_of_focus(sharp, 1.0))
    for (x, _), (known_x, _) in zip(reading.corners, known.corners, strict=True):
        assert abs(x - known_x) <= 6
    assert reading.corners[0][1] > reading.corners[3][1]


@pytest.mark.parametrize("kind", ["Code128", "ITF"])
def test_other_codes_out_of_focus_are_no_retail_codes(kind: str) -> None:
    for modules in (0.0, 1.0):
        assert texts(out_of_focus(on_label("81234567890123", kind), modules)) == []


def test_stripes_and_noise_are_no_code() -> None:
    rng = np.random.default_rng(3)
    stripes = np.full((300, 500), 230, dtype=np.uint8)
    stripes[60:240, 100 : 100 + 95 * MODULE] = np.repeat(rng.choice((30, 230), 95), MODULE)
    for photo in (out_of_focus(stripes, 0.9), rng.integers(0, 255, (300, 500), dtype=np.uint8), stripes[:3, :]):
        assert texts(photo) == []


def test_a_quad_a_hundred_times_as_high_as_wide_is_no_code() -> None:
    quad = np.array([(0, 0), (61, 0), (61, 6_500), (0, 6_500)], dtype=np.float64)
    assert templates.read_quad(on_label(), quad) == []


def test_half_a_code_is_not_completed() -> None:
    sharp = on_label().copy()
    sharp[:, 330:] = 230  # white from the middle of the right half on
    assert texts(out_of_focus(sharp, 0.8)) == []


@settings(max_examples=10, deadline=None)
@given(
    digits=st.text("0123456789", min_size=12, max_size=12),
    modules=st.floats(0.3, 2.0),
    noise=st.floats(0, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_is_read_is_what_was_printed_or_nothing(digits: str, modules: float, noise: float, seed: int) -> None:
    text = digits + str(-sum(int(digit) * (3 - 2 * (place % 2 == 0)) for place, digit in enumerate(digits)) % 10)
    photo = out_of_focus(on_label(text), modules, noise=noise, seed=seed)
    assert texts(photo) in ([], [text])


@given(st.text("0123456789", min_size=13, max_size=13), st.sampled_from([0.5, 1.0, 1.5]))
@settings(max_examples=20, deadline=None)
def test_a_number_fits_its_own_bars_and_rivals_follow_in_order(text: str, sigma: float) -> None:
    bars = np.pad(EAN13.bars(text), 8)[None]
    dark, _ = blurred(bars, sigma)
    profile = np.interp(EAN13.samples, fine_places(bars.shape[1], -8), dark[0]).astype(np.float32)
    found = best_words(window_costs(profile[None], EAN13, sigma), EAN13, 4, checked=False)
    assert found[0][1] == text
    assert [cost for cost, _ in found] == sorted(cost for cost, _ in found)
    assert len({word for _, word in found}) == 4
    checked = best_words(window_costs(profile[None], EAN13, sigma), EAN13, 3, checked=True)
    assert all(has_right_check_digit(word) for _, word in checked)
    assert bank(sigma) is bank(sigma)
