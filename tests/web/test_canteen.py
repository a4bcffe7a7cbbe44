"""The canteen's three desks, a dish recorded and repeated, the board at the door."""

import re
from io import BytesIO

from tests.scanners.drawing import corner_marked, file_of
from tests.web.conftest import Demo


def desks(page: str) -> list[str]:
    """The addresses in the bar above a page."""
    bar = page.partition('<nav class="desks"')[2].partition("</nav>")[0]
    return re.findall(r'href="([^"]+)"', bar)


def test_a_canteen_has_three_desks_and_a_shop_has_no_canteen(demo: Demo) -> None:
    assert desks(demo.browser("canteen").get("/canteen").text) == ["/station", "/station/stock", "/canteen"]
    assert "/canteen" not in desks(demo.browser("station").get("/station").text)


def test_a_dish_is_recorded_with_its_photo_repeated_and_shown_at_the_door(demo: Demo) -> None:
    browser = demo.browser("canteen")
    page = browser.get("/canteen").text
    board = re.search(r'href="(/board/\w{26})"', page)
    again = re.search(r'name="again" value="(\w{26})"', page)
    lot = re.search(r'name="lot" value="([^"]+)"', page)
    assert board and again and lot
    form = {"name": "番茄面", "meal": "dinner", "lot": lot[1], "amount": "0.25", "retained": "yes", "client_key": "k1"}
    refusal = browser.post("/canteen", {**form, "amount": "250"})
    assert refusal.status_code == 409 and 'value="250"' in refusal.text
    assert browser.post("/canteen", {**form, "amount": ""}).status_code == 422
    photo = (BytesIO(file_of(corner_marked())), "dish.jpg")
    assert browser.post("/canteen", {**form, "photo": photo}).status_code == 303
    assert browser.post("/canteen", form).status_code == 303  # pressed twice: one dish
    assert browser.post("/canteen", {"again": again[1], "client_key": "k2"}).status_code == 303
    shown = demo.app.test_client().get(board[1])
    assert shown.status_code == 200
    text = shown.text
    assert text.count("番茄面") == 1 and text.count("<h3>糖拌番茄</h3>") == 2
    assert "0.25" not in text and "四季丰" not in text and "12315" in text and "JY36405020000012" in text
    assert 'http-equiv="refresh"' in text
    picture = re.search(r'src="(/board/\w{26}/\w{26}\.jpg)"', text)
    assert picture
    assert demo.app.test_client().get(picture[1]).mimetype == "image/jpeg"
    story = re.search(r'href="(/t/[^"]+)"', text)
    assert story and demo.app.test_client().get(story[1]).status_code == 200
    assert demo.app.test_client().get(f"/board/{'0' * 26}").status_code == 404
    mistake = re.findall(r'name="back" value="(\w{26})"', browser.get("/canteen").text)[-1]
    assert browser.post("/canteen", {"back": mistake, "reason": ""}).status_code == 422
    assert browser.post("/canteen", {"back": mistake, "reason": "记错了"}).status_code == 303
    assert mistake not in browser.get("/canteen").text


def test_what_a_pharmacy_receives_is_accepted_and_its_headquarters_begins_with_its_shops(demo: Demo) -> None:
    pharmacist = demo.browser("pharmacist")
    assert desks(pharmacist.get("/pharmacy").text)[0] == "/acceptance"
    for page in ("/station", "/pharmacy"):
        assert 'href="/acceptance"' in pharmacist.get(page).text.partition("<main")[2], page
    assert 'href="/station"' in pharmacist.get("/acceptance").text  # what is no drug
    assert 'href="/acceptance"' not in demo.browser("station").get("/station").text
    tiles = demo.browser("headquarters").get("/more").text
    assert (
        tiles.index('href="/chain"')
        < tiles.index('href="/acceptance"', tiles.index("<main"))
        < tiles.index("<h2 class")
    )
