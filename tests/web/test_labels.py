"""Labels over the API and as a page: for whoever handles the goods, and of nobody else's lots."""

from io import BytesIO

from PIL import Image

from tests.web.conftest import Demo

LABEL = "/lots/label"


def lots_of(demo: Demo, role: str) -> list[str]:
    """The lots that a role's organisation has in stock."""
    return [row["lot"] for row in demo.get("/stock", role).json["stock"]]


def test_a_lots_barcode_comes_as_svg_and_as_png_of_the_printers_resolution(standing: Demo) -> None:
    lot = lots_of(standing, "pharmacist")[0]
    drawn = standing.get(f"{LABEL}.svg", "pharmacist", query_string={"lot": lot})
    assert (drawn.status_code, drawn.mimetype) == (200, "image/svg+xml")
    assert drawn.text.startswith("<svg ")
    for resolution in (203, 600):
        asked = {"lot": lot, "resolution": resolution}
        picture = Image.open(BytesIO(standing.get(f"{LABEL}.png", "pharmacist", query_string=asked).data))
        assert round(picture.info["dpi"][0]) == resolution
    assert standing.get(f"{LABEL}.png", "pharmacist", query_string={"lot": lot, "resolution": 10}).status_code == 422


def test_anothers_lot_and_no_lot_are_refused_alike_on_the_page_too(standing: Demo) -> None:
    lot = lots_of(standing, "pharmacist")[0]
    refused = standing.get(f"{LABEL}.svg", "clerk", query_string={"lot": lot})
    assert refused.status_code == 404
    assert standing.get(f"{LABEL}.svg", "clerk", query_string={"lot": f"{lot}9"}).status_code == 404
    assert standing.get(f"{LABEL}.svg", "clerk", query_string={"lot": "6901234567892"}).status_code == 422
    page = standing.browser("station").get("/station/label", query_string={"lot": lot})
    assert (page.status_code, "<svg xmlns" in page.text) == (404, False)


def test_the_page_shows_as_many_labels_as_are_wanted_within_reason(standing: Demo) -> None:
    lot, counter = lots_of(standing, "pharmacist")[0], standing.browser("pharmacist")
    asked = {"lot": lot, "copies": "3"}
    assert counter.get("/station/label", query_string=asked).text.count('<article class="label">') == 3
    for copies in ("0", "201", "x"):
        assert counter.get("/station/label", query_string=asked | {"copies": copies}).status_code == 422
    assert "/station/label?" in counter.get("/pharmacy").text
