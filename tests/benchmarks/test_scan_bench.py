"""The scan benchmark: what counts as read and as wrong, the photos it draws, what its command tells."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.drawn_photos import KINDS, draw_boxes, draw_empty, draw_label
from benchmarks.photo_sets import SETS, set_of
from benchmarks.photos import UNKNOWN, Photo, Verdict, photos_in
from scanners import zxing
from scanners.intake import open_picture
from scanners.values import Reading

SQUARE = ((0, 0), (9, 0), (9, 9), (0, 9))


def reading(text: str, symbology: str, raw: bytes = b"") -> Reading:
    return Reading(text, symbology, "", SQUARE, "zxing", raw or text.encode())


def photo(symbology: str, *wanted: str, present: tuple[str, ...] = ()) -> Photo:
    return Photo("a.jpg", b"", symbology, wanted, present)


def agree(wanted: str, symbology: str, said: Reading) -> bool:
    """Whether the reading counts as the one text of the photo, and is not counted as wrong."""
    verdict = photo(symbology, wanted).judge([said])
    assert bool(verdict.missing) == bool(verdict.wrong)
    return not verdict.missing


@pytest.mark.parametrize(
    ("wanted", "symbology", "said"),
    [
        ("0247534029262", "UPC-A", reading("247534029262", "UPC-A")),
        ("023942431015", "UPC-A", reading("0023942431015", "EAN-13")),
        ("01234565", "UPC-E", reading("0012345000065", "EAN-13")),
        ("03897425", "UPC-E", reading("03897425", "UPC-E")),
        ("04412345678909", "DataBar", reading("0104412345678909", "DataBar")),
        ("(10)1098=1234", "DataBarExp", reading("101098=1234", "DataBarExp")),
        ("(8110))2345672(1*813", "DataBarExpStk", reading("8110)2345672(1*813", "DataBarExp")),
        ("(10)567(3102)123456", "DataBarExp", reading("10567\x1d3102123456", "DataBarExp")),
        ("0106901234567892101A\x1d2112", "DataMatrix", reading("(01)06901234567892(10)1A(21)12", "DataMatrix")),
        ("C$399.95A", "Codabar", reading("$399.95", "Codabar")),
        ("Aa-1234", "Code39", reading("A+A-1234", "Code39")),
        ("one\ntwo", "QR", reading("one\r\ntwo", "QR")),
        ("BIN:789cc5", "PDF417", reading("x�", "PDF417", b"\x78\x9c\xc5")),
        (UNKNOWN, "DataMatrix", reading("whatever", "DataMatrix")),
    ],
)
def test_one_content_is_right_in_every_form_that_engines_tell_it_in(wanted: str, symbology: str, said: Reading) -> None:
    assert agree(wanted, symbology, said)


@pytest.mark.parametrize(
    ("wanted", "symbology", "said"),
    [
        ("01234565", "UPC-E", reading("01234565", "EAN-8")),
        ("0106901234567892101A\x1d2112", "GS1-128", reading("0106901234567892101A2112", "GS1-128")),
        ("6901234567892", "EAN-13", reading("6901234567892", "Code128")),
        ("00012345678905", "ITF", reading("12345678905", "ITF")),
        ("Aa", "QR", reading("AA", "QR")),
        (UNKNOWN, "DataMatrix", reading("12345670", "EAN-8")),
    ],
)
def test_what_only_looks_alike_is_wrong(wanted: str, symbology: str, said: Reading) -> None:
    assert not agree(wanted, symbology, said)


def test_two_boxes_with_one_code_are_two_findings_and_a_third_is_wrong() -> None:
    two = photo("multi", "6901234567892", "6901234567892", "82345678901234567890")
    one = reading("6901234567892", "EAN-13")
    assert two.missing([one]) == ("6901234567892", "82345678901234567890")
    assert two.wrong([one, one]) == []
    assert two.wrong([one, one, one]) == ["6901234567892"]


def test_what_is_also_present_is_neither_asked_for_nor_wrong() -> None:
    book = photo("EAN-13", "9784872348880", present=("1920081045006",))
    assert book.judge([reading("1920081045006", "EAN-13")]).wrong == ()
    assert book.missing([]) == ("9784872348880",)


def test_a_manifest_is_read_with_its_lists_and_escapes(tmp_path: Path) -> None:
    rows = [
        {
            "file": "1.jpg",
            "symbology": "QR",
            "text": r"*\uff83\r\nx\x1d",
            "also_present": "[]",
            "set": "zxing/qrcode-2",
        },
        {"file": "2.jpg", "symbology": "multi", "text": '["1", "2"]', "also_present": '["3"]', "set": "multi/10/3"},
        {"file": "3.jpg", "symbology": "none", "text": "[]", "also_present": "", "set": "neg-partial"},
        {"file": "4.jpg", "symbology": "DataBarLtd", "text": "0", "also_present": "[]", "set": "zxingcpp/databarltd-1"},
        {"file": "5.jpg", "symbology": "MaxiCode", "text": "0", "also_present": "[]", "set": "zxing/maxicode-1"},
        {"file": "6.jpg", "symbology": "EAN-8", "text": "0", "also_present": "[]", "set": "off"},
    ]
    manifest(tmp_path, rows)
    photos = photos_in(tmp_path)
    assert [found.wanted for found in photos[:3]] == [("*ﾃ\r\nx\x1d",), ("1", "2"), ()]
    assert photos[1].present == ("3",)
    assert [set_of(found) for found in photos] == ["qr", "many", "none", "databar", "other", "shoppers"]


def manifest(folder: Path, rows: list[dict[str, str]]) -> None:
    for row in rows:
        (folder / row["file"]).touch()
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_drawn_label_is_read_by_zxing_where_it_was_drawn(kind: str) -> None:
    label = draw_label(kind, seed=1)
    readings = zxing.read(open_picture(label.data).grey)
    assert label.judge(readings) == Verdict(missing=(), wrong=())
    drawn, read = np.array(label.corners[0]), np.array(readings[0].corners)
    assert np.abs(drawn.mean(0) - read.mean(0)).max() < 40, "a linear reading may be one scan line of the bars"
    assert set_of(label) in SETS


def test_photos_are_drawn_the_same_every_time_and_differ_by_seed() -> None:
    assert draw_label("qr", "motion", 2, seed=3) == draw_label("qr", "motion", 2, seed=3)
    assert draw_label("qr", "motion", 2, seed=3).data != draw_label("qr", "motion", 2, seed=4).data
    assert draw_empty("stripes", seed=3) == draw_empty("stripes", seed=3)


def test_drawn_boxes_are_all_in_the_picture() -> None:
    boxes = draw_boxes(5, seed=2)
    assert sum(len(text) == 20 and text.startswith("8") for text in boxes.wanted) == 5
    assert len(boxes.corners) == len(boxes.wanted)
    corners = np.array(boxes.corners)
    assert (corners >= 0).all() and (corners < (4032, 3024)).all()


def test_explain_tells_what_each_rung_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label = draw_label("drug128", seed=1)
    file = tmp_path / "label.jpg"
    file.write_bytes(label.data)
    assert main(["scan", "--explain", str(file)]) == 0
    told = capsys.readouterr().out
    assert "  1. " in told and " ms  " in told
    assert f'believed: Code128 ]C0 "{label.wanted[0]}"' in told
    main(["scan", "--explain", str(file), "--json"])
    told_as_json = json.loads(capsys.readouterr().out)
    assert told_as_json["machine"].keys() == {"cores", "system", "python", "commit", "date"}
    explained = told_as_json["scan"]
    assert explained["steps"][0]["found"][0]["text"] == label.wanted[0]
    assert explained["believed"][0]["seen_by"]


def test_a_set_or_file_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"There is no set of photos named nope\. There are: shoppers, "):
        main(["scan", "--set", "nope"])
    with pytest.raises(SystemExit, match=r"cannot be opened: No such file or directory\."):
        main(["scan", "--explain", str(tmp_path / "none.jpg")])
    (tmp_path / "text.jpg").write_text("no photo")
    with pytest.raises(SystemExit, match="This file is no photo that can be read here"):
        main(["scan", "--explain", str(tmp_path / "text.jpg")])
    with pytest.raises(SystemExit, match=r"There is no manifest\.csv in"):
        main(["scan", "--photos", str(tmp_path)])


def test_a_folder_of_photos_is_counted_by_set_and_by_symbology(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, other = draw_label("ean13", seed=1), draw_label("ean13", seed=2)
    rows = [
        {"file": "1.jpg", "symbology": "EAN-13", "text": good.wanted[0], "also_present": "[]", "set": "zxing/ean13-1"},
        {"file": "2.jpg", "symbology": "EAN-13", "text": good.wanted[0], "also_present": "[]", "set": "off"},
        {"file": "3.jpg", "symbology": "none", "text": "[]", "also_present": "[]", "set": "neg-zxing"},
    ]
    manifest(tmp_path, rows)
    (tmp_path / "1.jpg").write_bytes(good.data)
    (tmp_path / "2.jpg").write_bytes(other.data)
    (tmp_path / "3.jpg").write_bytes(b"broken")
    page = tmp_path / "page.md"
    asked = ["--set", "ean-13", "--set", "shoppers", "--set", "none", "--json"]
    main(["scan", "--photos", str(tmp_path), "--markdown", str(page), *asked])
    figures = json.loads(capsys.readouterr().out)["scan"]
    ours = {name: part["contenders"]["ladder"] for name, part in figures["sets"].items()}
    assert [(ours[name]["read"], ours[name]["wrong"]) for name in ("ean-13", "shoppers")] == [(1, 0), (0, 1)]
    assert list(figures["symbologies"]) == ["EAN-13", "none"]
    assert figures["where_zxing_reads"]["photos"] == 1
    assert figures["wrong"]["ladder"] == {"2.jpg": [other.wanted[0]]}
    assert list(figures["unopened"]) == ["3.jpg"]
    assert "| EAN-13 (ean-13) | 1 | 1 | 88% | 1 (100%), 0 wrong" in page.read_text(encoding="utf-8")
