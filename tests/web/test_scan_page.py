"""The page where one drops a photo, and the API's answers about a scan: codes, boxes, doubts, the numbered picture."""

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from storage.tables import scan
from tests.scanners.drawing import file_of, on_paper, symbol
from tests.web.conftest import Demo

EAN, OTHER = "6901234567892", "6901028075763"


def upload(*images: Image.Image) -> dict[str, list[tuple[BytesIO, str]]]:
    return {"photo": [(BytesIO(file_of(image)), f"{n}.jpg") for n, image in enumerate(images)]}


@pytest.fixture(scope="module")
def label() -> Image.Image:
    """A case's label: its number on one symbol, lot and date on another below it."""
    paper = Image.new("L", (900, 600), 230)
    paper.paste(symbol(EAN, "EAN13", scale=3), (100, 60))
    paper.paste(symbol("(10)A1(17)270131", "Code128", scale=3, gs1=True), (100, 250))
    return paper


def test_a_dropped_photo_is_shown_with_every_code_named_and_can_be_received(demo: Demo, label: Image.Image) -> None:
    clerk = demo.browser("station")
    sent = clerk.post("/scan", upload(label), at="/scan", content_type="multipart/form-data")
    assert sent.status_code == 303
    page = clerk.get(sent.location).text
    assert re.findall(r'id="(mark-\d)"', page) == ["mark-1", "mark-2"]
    assert re.findall(r'id="(code-\d)"', page) == ["code-1", "code-2"]
    assert EAN in page
    assert "(10)A1(17)270131" in page
    assert len(re.findall(r"<li>\s*<p class=\"facts\">", page)) == 1  # the two are one thing
    (onward,) = re.findall(r'href="(/station/receive\?scan=[^"]+)"', page)
    form = clerk.get(onward).text
    assert re.findall(r'name="lines-\d+-(lot_number|expires_on)" type="\w+" value="([^"]*)"', form) == [
        ("lot_number", "A1"),
        ("expires_on", "2027-01-31"),
    ]


def test_a_photo_named_twice_in_an_address_is_received_once(demo: Demo, label: Image.Image) -> None:
    clerk = demo.browser("station")
    sent = clerk.post("/scan", upload(label), at="/scan", content_type="multipart/form-data")
    onward = f"/station/receive?scan={sent.location.rpartition('/')[2]}"
    twice = clerk.get(f"{onward}&{onward.partition('?')[2]}").text
    assert re.findall('name="scans" value', twice) == re.findall('name="scans" value', clerk.get(onward).text) != []


def test_a_photo_without_a_code_says_how_to_take_a_better_one(demo: Demo) -> None:
    page = demo.browser("inspector")
    sent = page.post("/scan", upload(Image.new("L", (640, 480), 30)), at="/scan", content_type="multipart/form-data")
    answer = page.get(sent.location, headers={"Accept-Language": "en"}).text
    assert "No code was read." in answer
    assert "640 x 480 pixels" in answer
    assert "The photo is dark." in answer
    assert "/station/receive?" not in answer  # an inspector receives nothing


def test_several_photos_are_pages_that_lead_to_each_other_and_are_received_together(demo: Demo) -> None:
    photos = upload(on_paper(symbol(EAN, "EAN13")), on_paper(symbol(OTHER, "EAN13")))
    clerk = demo.browser("station")
    sent = clerk.post("/scan", photos, at="/scan", content_type="multipart/form-data")
    first = clerk.get(sent.location).text
    links = re.findall(r'class="button plain" href="(/scan/[^"]+)"', first)
    assert len(links) == 2
    assert OTHER in clerk.get(links[1].replace("&amp;", "&")).text
    (onward,) = re.findall(r'href="(/station/receive\?scan=[^"]+)"', first)
    form = clerk.get(onward.replace("&amp;", "&")).text
    assert EAN in form
    assert OTHER in form


def test_a_scan_can_be_asked_for_again_and_drawn_with_its_numbers(demo: Demo, label: Image.Image) -> None:
    (sent,) = demo.call("POST", "/scans", data=upload(label)).json["scans"]
    kept = demo.get(f"/scans/{sent['id']}").json
    assert kept == {name: value for name, value in sent.items() if name not in ("media_type", "milliseconds")}
    assert [reading["number"] for reading in kept["readings"]] == [1, 2]
    assert [(box["numbers"], box["lot"]) for box in kept["boxes"]] == [([1, 2], "A1")]
    assert (kept["page"], kept["pages"], kept["doubtful"], kept["advice"]) == (1, 1, [], [])
    answer = demo.get(f"/scans/{sent['id']}/picture")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    with Image.open(BytesIO(answer.data)) as drawn:
        pixels = np.asarray(drawn.convert("RGB")).astype(int)
        assert drawn.size == (900, 600)
    green = (pixels[..., 1] - pixels[..., 0] > 60) & (pixels[..., 1] - pixels[..., 2] > 20)
    rows, columns = np.nonzero(green)
    assert rows.min() < 120  # both codes have their outline
    assert rows.max() > 250
    assert columns.min() > 30


def test_lines_are_proposed_from_photos_box_by_box(demo: Demo, label: Image.Image) -> None:
    (sent,) = demo.call("POST", "/scans", data=upload(label)).json["scans"]
    (line,) = demo.post("/deliveries/propose", {"scans": [sent["id"]]}).json["lines"]
    assert (line["new_product_code"], line["lot_number"]) == (f"0{EAN}", "A1")
    assert demo.post("/deliveries/propose", {"scans": [sent["id"]]}, "pharmacist").status_code == 404
    assert demo.post("/deliveries/propose", {}).status_code == 422


def test_what_is_doubtful_is_shown_with_its_reason_and_not_received(demo: Demo) -> None:
    (sent,) = demo.call("POST", "/scans", data=upload(Image.new("L", (640, 480), 200))).json["scans"]
    doubt = {
        "number": 1, "text": EAN, "symbology": "EAN-13", "identifier": "", "engine": "opencv", "doubt": "alone",
        "corners": [[10, 10], [200, 10], [200, 90], [10, 90]],
    }  # fmt: skip
    with demo.owner.writing() as session:
        session.execute(scan.update().where(scan.c.public_id == sent["id"]).values(doubtful=[doubt]))
    (told,) = demo.get(f"/scans/{sent['id']}").json["doubtful"]
    assert told["reason"]["message"].startswith("Only one attempt read this")
    clerk = demo.browser("station")
    page = clerk.get(f"/scan/{sent['id']}").text
    assert EAN in page
    assert "只有一次尝试" in page
    assert "/station/receive?" not in page
    assert "只有一次尝试" in clerk.get(f"/station/receive?scan={sent['id']}").text
    assert demo.get(f"/scans/{sent['id']}/picture").status_code == 200
