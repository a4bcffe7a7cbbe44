"""The pages of suppliers and blocks: a file opened, doubted, checked, licensed; a block that shows everywhere."""

import re
from io import BytesIO

from PIL import Image

from tests.scanners.drawing import file_of
from tests.web.conftest import Demo

DOUBTFUL = {"name": "丁家菜园（演示）", "kind": "farm", "uscc": "91640502MA7TE5T19X", "contact": "0955-7000198"}


def test_a_file_is_opened_with_a_reason_for_its_doubtful_number_then_checked_and_licensed(demo: Demo) -> None:
    clerk = demo.browser("station")
    doubted = clerk.post("/suppliers/new", DOUBTFUL)
    assert (doubted.status_code, 'name="override_reason"' in doubted.text) == (422, True)
    assert DOUBTFUL["name"] in doubted.text  # nothing typed is lost
    opened = clerk.post("/suppliers/new", DOUBTFUL | {"override_reason": "证件上如此"})
    assert opened.status_code == 303
    at = opened.location.partition("#")[0]
    items = re.findall(r'name="seen" value="(\w+)"', clerk.get(at).text)
    assert "identity_seen" in items
    assert clerk.post(f"{at}/check", {"seen": items}).status_code == 303
    photo = (BytesIO(file_of(Image.new("L", (300, 200), 200))), "licence.jpg")
    licence = {"kind": "food_business_licence", "number": "JY16405020000016", "expires_on": "2099-01-01"}
    assert clerk.post(f"{at}/licences", licence | {"file": photo}).status_code == 303
    shown = clerk.get(at).text
    assert 'name="seen"' not in shown
    assert "/station/photos/" in shown
    assert "JY16405020000016" in shown
    assert clerk.get("/suppliers").text.count(DOUBTFUL["name"]) == 1
    photo_at = re.search(r"/station/photos/[0-9a-f]{64}", shown)
    assert photo_at is not None
    assert demo.browser("inspector").get(photo_at[0]).status_code == 200
    assert demo.browser("pharmacist").get(photo_at[0]).status_code == 404


def test_a_block_shows_on_the_station_on_its_page_and_to_the_business_itself(demo: Demo) -> None:
    coming = next(one["sender"] for one in demo.get("/expected").json["expected"])
    inspector = demo.browser("inspector")
    why = {"organisation": coming["id"], "reason": "出售病死猪肉", "decision_no": "卫市监罚〔2026〕12号"}
    assert "/inspector/blocks?organisation=" in inspector.get(f"/inspector/organisations/{coming['id']}").text
    assert inspector.post("/inspector/blocks", why).status_code == 303
    station = demo.browser("station")
    for page in ("/station", f"/inspector/organisations/{coming['id']}"):
        assert why["decision_no"] in station.get(page).text, page
    (block,) = demo.get("/blocks").json["blocks"]
    assert inspector.post(f"/inspector/blocks/{block['id']}/lift", {"reason": "整改合格"}).status_code == 303
    assert why["decision_no"] not in station.get("/station").text


def test_a_block_of_another_region_is_refused_in_words(demo: Demo) -> None:
    answer = demo.post("/blocks", {"reason": "x", "name": "路边摊"}, "inspector")
    assert (answer.status_code, answer.json["field"]) == (422, "uscc")
