"""The commitment certificate by API and page: issued, signed, printed with a QR that reads back, verified, revoked."""

import base64
from io import BytesIO
from typing import Any

import pypdfium2
from PIL import Image

from scanners import read_file
from tests.scanners.drawing import corner_marked, file_of
from tests.web.conftest import Demo
from trace.domain.commitment import TITLE, certificate_id_of
from trace.domain.papers import STATEMENTS, CommitmentForm

STATEMENT = STATEMENTS[CommitmentForm.PURCHASER]


def tomatoes(demo: Demo) -> dict[str, Any]:
    """The tomatoes in the clerk's stock, which came with a certificate."""
    return next(row for row in demo.get("/stock").json["stock"] if row["category"] == "vegetable")


def issued(demo: Demo, **more: Any) -> str:
    """Issue by the API: the public id."""
    body = {
        "lots": [tomatoes(demo)["lot"]],
        "amount": "5",
        "basis": ["control"],
        "statement_accepted": True,
        "region": "640521",
        **more,
    }
    answer = demo.post("/commitment-certificates", body)
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def text_of(pdf: bytes) -> str:
    """The text of a PDF, without blanks and line ends."""
    pages = pypdfium2.PdfDocument(pdf)
    return "".join("".join(page.get_textpage().get_text_range().split()) for page in pages)


def picture_of(pdf: bytes) -> bytes:
    """The first page as a printer at 200 dpi would print it."""
    buffer = BytesIO()
    pypdfium2.PdfDocument(pdf)[0].render(scale=200 / 72).to_pil().save(buffer, "PNG")
    return buffer.getvalue()


def test_what_is_printed_says_it_is_a_certificate_and_its_qr_opens_the_public_page(demo: Demo) -> None:
    made = issued(demo)
    for path, pages, statement in (
        ("a4.pdf", 1, True),
        ("label.pdf?copies=2", 2, True),
        ("label.pdf?size=80x60", 1, True),
    ):
        answer = demo.get(f"/commitment-certificates/{made}/{path}")
        assert answer.mimetype == "application/pdf"
        assert len(pypdfium2.PdfDocument(answer.data)) == pages
        said = text_of(answer.data)
        assert TITLE in said and (STATEMENT in said) is statement
        (sheet,) = read_file(picture_of(answer.data), seconds=5)
        assert {certificate_id_of(reading.text) for reading in sheet.readings} == {made}
    page = demo.app.test_client().get(f"/c/{made}", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert TITLE in page.text and STATEMENT in page.text and "惠邻超市鼓楼店" in page.text


def test_others_print_and_revoke_nothing_and_unknown_ids_are_none(demo: Demo) -> None:
    made = issued(demo)
    for path in ("a4.pdf", "label.pdf"):
        assert demo.get(f"/commitment-certificates/{made}/{path}", "pharmacist").status_code == 404
    refusal = demo.post(f"/commitment-certificates/{made}/revocation", {"reason": "x"}, "pharmacist")
    assert refusal.status_code == 404
    client = demo.app.test_client()
    for unknown in ("0" * 26, "..", "x" * 300, "%00", f"{made}x"):
        assert client.get(f"/c/{unknown}").status_code in (400, 404)
        assert client.get(f"/c/{unknown}/signature").status_code in (400, 404)


def test_a_photo_of_the_label_says_how_the_certificate_stands(demo: Demo) -> None:
    made, browser = issued(demo), demo.browser("station")
    label = picture_of(demo.get(f"/commitment-certificates/{made}/label.pdf?size=80x60").data)

    def photographed() -> str:
        return browser.post("/scan", {"photo": (BytesIO(label), "label.png")}, follow_redirects=True).text

    assert "有效" in photographed()
    address = f"http://localhost/c/{made}"
    assert browser.get("/inspector/trace", query_string={"code": address}).location.endswith(f"/c/{made}")
    assert demo.app.test_client().get("/", query_string={"code": address}).location.endswith(f"/c/{made}")
    proposal = demo.post("/deliveries/propose", {"codes": [address, tomatoes(demo)["lot"]]}).json
    assert [
        (one["kind"], one["certificate"]["state"], one["certificate"]["other_lot"]) for one in proposal["others"]
    ] == [("certificate_qr", "valid", False)]
    done = demo.post(f"/commitment-certificates/{made}/revocation", {"reason": "写错产地"})
    assert done.status_code == 201
    assert demo.get(f"/commitment-certificates/{made}/label.pdf").status_code == 409
    assert "本证已撤销" in text_of(demo.get(f"/commitment-certificates/{made}/a4.pdf").data)
    assert "已撤销" in photographed()
    page = demo.app.test_client().get(f"/c/{made}").text
    assert "已撤销" in page and "写错产地" in page


def test_the_page_issues_what_was_signed_and_says_in_place_what_is_missing(demo: Demo) -> None:
    browser, lot = demo.browser("station"), tomatoes(demo)["lot"]
    assert lot.rpartition("/")[2] in browser.get("/certificates/issue").text
    assert 'value="0955-0000109"' in browser.get("/certificates/issue", query_string={"lot": lot}).text
    drawn = BytesIO()
    Image.new("RGB", (60, 20), "white").save(drawn, "PNG")
    form = {"lots": lot, "amount": "2.5", "unit": "KGM", "product_name": "精选番茄", "region": "640502", "origin": "",
            "contact": "0955-0000109", "form": "purchaser", "statement_accepted": "yes", "client_key": "k1",
            "drawn": "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode()}  # fmt: skip
    refusal = browser.post("/certificates/issue", form)
    assert refusal.status_code == 422 and "承诺依据" in refusal.text and 'value="2.5"' in refusal.text
    assert (
        browser.post(
            "/certificates/issue", {**form, "basis": "control", "drawn": "data:image/png;base64,%%"}
        ).status_code
        == 422
    )
    signed = {**form, "basis": ["control", "self_test"]}
    answer = browser.post("/certificates/issue", signed)
    assert answer.status_code == 303
    assert browser.post("/certificates/issue", signed).location == answer.location  # pressed twice: issued once
    made = answer.location.rpartition("/")[2]
    picture = demo.app.test_client().get(f"/c/{made}/signature")
    assert (picture.status_code, picture.mimetype) == (200, "image/jpeg")
    uploaded = {**form, "client_key": "k2", "drawn": "", "basis": "control",
                "signature": (BytesIO(file_of(corner_marked())), "signature.jpg")}  # fmt: skip
    assert browser.post("/certificates/issue", uploaded).status_code == 303
    assert browser.get("/certificates/issued").text.count("/certificates/issued/") == 2
    assert browser.post(f"/certificates/issued/{made}", {"reason": ""}).status_code == 422
    assert browser.post(f"/certificates/issued/{made}", {"reason": "错"}).status_code == 303
    assert "已撤销" in browser.get(f"/certificates/issued/{made}").text
