"""Forms filled in by nobody are answered with a page that says what is wrong, and leave nothing behind."""

import pytest

from tests.web.conftest import Browser, Demo
from tests.web.hostile import bad_page


@pytest.fixture(scope="module")
def clerk(standing: Demo) -> Browser:
    """The clerk's browser."""
    return standing.browser("station")


@pytest.mark.parametrize(
    "amount",
    ["1e999", "NaN", "Infinity", "-1", "1E+1000000", "9" * 24, "0x1", "一", "1\x00", "1,5,0", "", "1e-7", "１２e400"],
)
def test_an_amount_that_is_none_is_told_on_the_page(standing: Demo, clerk: Browser, amount: str) -> None:
    lot = standing.get("/stock").json["stock"][0]["lot"]
    before = standing.counts()
    for action in ("sell", "hold", "destroy", "nothing", "\x00"):
        page = clerk.post("/station/stock", {"action": action, "lot": lot, "amount": amount, "reason": "x"})
        assert bad_page(page, 409, 422) is None
    assert standing.counts() == before


@pytest.mark.parametrize(
    "form",
    [
        {"action": "remove-99"},
        {"action": "remove-"},
        {"action": "remove-" + "9" * 30},
        {"action": "paper--1"},
        {"action": "paper-x"},
        {"action": "receive"},
        {"action": "\x00"},
        {"supplier-id": "\x00"},
        {"supplier-id": "0" * 500},
        {"client_key": "x" * 121},
        {"scans": "nothing"},
        {"scans": "\x00"},
        {"lines-0-codes": "\n".join(map(str, range(5_001)))},
        {"lines-0-product": "x" * 3_000},
        {"lines-0-amount": "NaN", "action": "receive"},
        {"lines-0-produced_on": "9999-99-99", "action": "receive"},
        {"lines-0-decision": "sideways", "action": "receive"},
        {"lines-0-new_name": "x", "lines-0-new_category": "\x00", "action": "receive"},
        {"lines-0-certificates": "\x00", "action": "receive"},
        {"lines-0-product": "0" * 26, "action": "receive"},
        {"lines-0-celsius": "1e999", "lines-0-product": "0" * 26, "lines-0-amount": "1", "action": "receive"},
        {"lines-0-product": "x", "action": "paper-0", "paper-0-kind": "nothing"},
        {
            "lines-0-product": "x",
            "action": "paper-0",
            "paper-0-kind": "licence",
            "paper-0-issuer": "x",
            "paper-0-issued_on": "soon",
        },
        {"lines-0-product": "x", "action": "paper-0", "paper-0-kind": "licence", "paper-0-issuer": "\x00"},
        {"delivery_note": "x" * 81},
        {"supplier-id": "other", "supplier-name": "\x00", "action": "receive"},
        {f"lines-{n}-product": "x" for n in range(501)},
    ],
)
def test_a_delivery_form_filled_in_by_nobody_is_refused(standing: Demo, clerk: Browser, form: dict[str, str]) -> None:
    before = standing.counts()
    page = clerk.post("/station/receive", form)
    assert bad_page(page, 400, 404, 409, 422) is None
    assert standing.counts() == before


def test_other_forms_refuse_what_nobody_types(standing: Demo) -> None:
    before = standing.counts()
    pharmacist, clerk = standing.browser("pharmacist"), standing.browser("station")
    for codes in ("", "\x00", "x" * 20_000, "nothing", "💊", "\u202e"):
        for action in ("dispense", "take_back"):
            page = pharmacist.post(
                "/pharmacy", {"codes": codes, "action": action, "client_key": "k", "prescription": ""}
            )
            assert bad_page(page, 404, 409, 422) is None, codes
    for codes in ("", "\x00", "x" * 20_000_0):
        assert bad_page(clerk.post("/station/scan", {"codes": codes}), 413, 422) is None
    assert bad_page(clerk.post("/inspector/scan", {"reason": "\x00"}), 422) is None
    assert standing.counts() == before


@pytest.mark.parametrize(
    "form",
    [
        {"sign_in": "\x00", "password": "x"},
        {"sign_in": "x" * 65, "password": "x"},
        {"sign_in": "station", "password": "x" * 201},
        {"sign_in": "station", "password": "\x00"},
        {"sign_in": "station"},
        {},
        {"sign_in": "' OR 1=1 --", "password": "' OR 1=1 --"},
        {"sign_in": "%", "password": "%"},
        {"sign_in": "station", "password": "💊" * 50},
    ],
)
def test_a_sign_in_by_nobody_is_refused(demo: Demo, form: dict[str, str]) -> None:
    page = demo.browser().post("/sign-in", form, at="/sign-in")
    assert bad_page(page, 401, 422) is None


@pytest.mark.parametrize(
    "name",
    [
        '<script>alert("x")</script>',
        '"><img src=x onerror=alert(1)>',
        "{{7*7}}",
        "=1+1",
        "＝cmd|' /C calc'!A0",
        "@SUM(1)",
    ],
)
def test_texts_are_shown_as_they_were_typed_and_nothing_more(demo: Demo, name: str) -> None:
    made = demo.post("/products", {"name": name, "category": "egg", "unit": "KGM"})
    assert made.status_code == 201
    assert made.json["name"] == name
    page = demo.browser("station").get("/station/receive")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "49" not in page.text.partition("<datalist")[2].partition("</datalist>")[0]


@pytest.mark.parametrize(
    "query",
    [
        "?scan=%00",
        "?scan=nothing",
        "?code=%00",
        "?code=" + "x" * 3_000,
        "?sender=%00",
        "?sender=nothing",
        "?repeat=%00",
        "?repeat=nothing",
        "?code=%ff",
        "?scan=" + "&scan=".join("x" * 50),
    ],
)
def test_a_delivery_of_a_strange_address_is_a_page(standing: Demo, clerk: Browser, query: str) -> None:
    before = standing.counts()
    page = clerk.get("/station/receive" + query)
    assert page.status_code in (200, 404, 422)
    assert "</html>" in page.text
    assert standing.counts() == before
