"""What is believed: agreement, check digits, contradictions, fragments."""

from dataclasses import replace

from scanners.evidence import Evidence
from scanners.values import Reading, has_right_check_digit

PLACE = ((100, 100), (300, 100), (300, 200), (100, 200))
BELOW = ((100, 400), (300, 400), (300, 500), (100, 500))


def reading(
    text: str, symbology: str = "EAN-13", engine: str = "zxing", corners: tuple = PLACE, raw: str = ""
) -> Reading:
    identifier = "]E0" if engine == "zxing" else ""
    return Reading(text, symbology, identifier, corners, engine, (raw or text).encode())


def believed(*attempts: tuple[Reading, str]) -> list[str]:
    """The texts believed after attempts of (reading, preparation)."""
    evidence = Evidence()
    for one, preparation in attempts:
        evidence.add([one], preparation)
    return [found.text for found in evidence.believed()]


def test_an_ean_that_one_engine_read_once_is_not_believed() -> None:
    for engine in ("zxing", "zbar", "opencv"):
        assert believed((reading("6901234567892", engine=engine), "plain")) == []


def test_an_ean_that_the_strict_engine_read_twice_is_believed() -> None:
    assert believed((reading("6901234567892"), "plain"), (reading("6901234567892"), "strip")) == ["6901234567892"]


def test_an_ean_of_the_templates_is_believed_and_outweighs_two_engines_that_agree_on_another() -> None:
    right = (reading("0023942431015", engine="templates"), "region")
    wrong = [(reading("9074932437075", engine=engine), "plain") for engine in ("zxing", "zbar")]
    assert believed(right) == ["023942431015"]
    assert believed(*wrong, right) == ["023942431015"]


def test_an_ean_of_one_lenient_engine_is_not_believed_however_often_it_repeats_itself() -> None:
    zbar = reading("6901234567892", engine="zbar")
    assert believed((zbar, "plain"), (zbar, "sharpened"), (zbar, "shrunk")) == []


def test_an_ean_that_two_engines_read_is_believed() -> None:
    attempts = [(reading("6901234567892", engine=engine), "plain") for engine in ("zbar", "opencv")]
    assert believed(*attempts) == ["6901234567892"]


def test_an_ean_with_a_wrong_check_digit_is_not_believed_from_anybody() -> None:
    attempts = [(reading("6901234567890", engine=engine), "plain") for engine in ("zxing", "zbar", "opencv")]
    assert believed(*attempts) == []


def test_numbers_that_contradict_one_another_on_the_same_bars_are_not_believed() -> None:
    # Seen on a blurred photo of 023942431015: two engines agreed on a wrong number, the third read another.
    wrong = "9074932437075"
    agreed = [(reading(wrong), "plain"), (reading(wrong, engine="zbar"), "plain")]
    assert believed(*agreed) == [wrong]
    assert believed(*agreed, (reading("874942431075", "UPC-A", engine="opencv"), "plain")) == []


def test_one_slip_does_not_outweigh_many_agreeing_attempts() -> None:
    agreed = [(reading("6901234567892"), preparation) for preparation in ("plain", "strip 0.55", "strip 0.3")]
    assert believed(*agreed, (reading("874942431075", "UPC-A", engine="opencv"), "plain")) == ["6901234567892"]


def test_different_numbers_at_different_places_do_not_contradict_one_another() -> None:
    here, there = reading("9784872348880"), reading("1920081045006", corners=BELOW)
    twice = [(one, preparation) for one in (here, there) for preparation in ("plain", "strip")]
    assert believed(*twice) == ["9784872348880", "1920081045006"]


def test_a_upc_e_needs_a_second_engine_that_tells_the_number_it_stands_for() -> None:
    short = reading("01234565", "UPC-E", raw="0012345000065")
    assert believed((short, "plain"), (short, "sharpened")) == []
    assert believed((short, "plain"), (reading("0012345000065", engine="zbar"), "plain")) == ["01234565"]


def test_an_ean_with_a_leading_zero_is_told_as_the_upc_a_it_is() -> None:
    assert believed((reading("0036000291452"), "plain"), (reading("0036000291452"), "strip")) == ["036000291452"]


def test_a_fragment_of_a_longer_code_is_not_told_beside_it() -> None:
    whole, part = reading("16901234567899", "ITF"), reading("690123", "ITF", engine="zbar")
    other = reading("690123", "ITF", engine="zxing")
    attempts = [(whole, "plain"), (whole, "strip"), (part, "plain"), (other, "plain")]
    assert believed(*attempts) == ["16901234567899"]


def test_a_short_interleaved_code_of_one_engine_is_not_believed() -> None:
    assert believed((reading("690123", "ITF"), "plain"), (reading("690123", "ITF"), "grown")) == []


def test_a_code_with_a_strong_checksum_needs_two_attempts_of_a_lenient_engine() -> None:
    code = reading("83857930000879766660", "Code128", engine="zbar")
    assert believed((code, "plain")) == []
    assert believed((code, "plain"), (code, "sharpened")) == ["83857930000879766660"]


def test_blank_content_is_no_reading() -> None:
    assert believed((reading(" \n", "QR"), "plain")) == []


def test_the_check_digit_of_a_short_ean_is_checked_whatever_it_begins_with() -> None:
    assert has_right_check_digit("01234565")
    assert not has_right_check_digit("01234566")
    assert not has_right_check_digit("0123456x")


def test_bytes_that_are_no_text_are_read_and_two_that_differ_are_two() -> None:
    one, other = (replace(reading("", "DataMatrix"), raw=raw) for raw in (b"\xe1\xa1\x40", b"\xe1\xa1\x5f"))
    evidence = Evidence()
    evidence.add([one, replace(other, corners=BELOW)], "plain")
    assert [found.raw for found in evidence.believed()] == [one.raw, other.raw]
    assert believed((replace(one, raw=b" "), "plain")) == []
