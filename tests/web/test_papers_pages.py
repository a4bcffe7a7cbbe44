"""The pages of papers: a photo files one, its form transcribes it, and another organisation's looks like none."""

from io import BytesIO
from typing import Any

import zxingcpp
from PIL import Image
from werkzeug.test import TestResponse

from tests.scanners.drawing import file_of
from tests.web.conftest import Browser, Demo


def sheet(text: str) -> bytes:
    """A photo of a paper with a QR code."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=6)
    page = Image.new("L", (480, 480), 235)
    page.paste(Image.fromarray(code), (120, 120))
    return file_of(page)


def file(browser: Browser, photo: bytes, **more: str) -> TestResponse:
    form = {"kind": "quarantine_certificate", "photo": (BytesIO(photo), "paper.jpg")} | more
    return browser.post("/papers", form, content_type="multipart/form-data")


def test_a_paper_is_filed_by_its_photo_transcribed_corrected_linked_and_found(demo: Demo) -> None:
    station = demo.browser("station")
    answer = file(station, sheet("https://nx.example/h?id=1"))
    address = answer.location.partition("?")[0]
    page = station.get(address).text
    assert "https://nx.example/h?id=1" in page and "4项待补录" in page
    form: dict[str, Any] = {
        "number": "6405020099", "issuer": "监督所（演示）", "issued_on": "2026-01-05", "reason": "",
        "shown-product_name": "1", "field-product_name": "猪肉", "shown-quantity": "1", "field-quantity": "1,200斤",
    }  # fmt: skip
    assert station.post(address, form).status_code == 303
    page = station.get(address).text
    assert "600 千克" in page and "待补录" not in page and "照证补录" in page
    wrong = station.post(address, form | {"number": "6405020098"})
    assert wrong.status_code == 422 and "6405020098" in wrong.text  # a reason is asked for, and nothing typed is lost
    assert station.post(address, form | {"number": "6405020098", "reason": "看错一位"}).status_code == 303
    assert "6405020099 → 6405020098" in station.get(address).text
    lots = [row["lot"] for row in demo.get("/stock").json["stock"]][:2]
    assert station.post(f"{address}/lots", {"lots": lots}).status_code == 303
    assert station.post(f"{address}/lots", {}).status_code == 422
    card = demo.get(address.replace("/papers/", "/certificates/")).json
    assert (card["lots"], card["use"]["certified"]) == (sorted(lots), 600)
    for text in ("6405020098", "监督所"):
        assert address in station.get("/papers", query_string={"text": text}).text
    again = file(station, sheet("https://nx.example/h?id=1"))
    assert again.location == f"{address}?told=before"
    assert "没有重复登记" in station.get(again.location).text
    assert file(station, sheet("https://nx.example/h?id=1"), again="1").location.partition("?")[0] != address


def test_anothers_paper_looks_like_none_on_every_page(demo: Demo) -> None:
    paper = demo.post("/certificates", {"kind": "test_report", "issuer": "x", "issued_on": "2026-01-05"}).json["id"]
    chemist = demo.browser("pharmacist")
    for named in (paper, "0" * 26):
        assert chemist.get(f"/papers/{named}").status_code == 404
        assert chemist.post(f"/papers/{named}", {"number": "1"}).status_code == 404
        assert chemist.post(f"/papers/{named}/lots", {"lots": "x"}).status_code == 404
        assert demo.call("PATCH", f"/certificates/{named}", "pharmacist", json={"number": "1"}).status_code == 404
        assert demo.post(f"/certificates/{named}/lots", {"lots": ["x"]}, "pharmacist").status_code == 404
    assert paper not in chemist.get("/papers").text


def test_hostile_forms_of_papers_end_in_a_sentence(demo: Demo) -> None:
    station = demo.browser("station")
    before = demo.counts()
    assert file(station, b"MZ no photo").status_code in (415, 422)
    assert file(station, sheet("x"), kind="bomb").status_code == 422
    assert station.post("/papers", {"kind": "licence"}).status_code == 422
    paper = demo.post("/certificates", {"kind": "test_report", "issuer": "x", "issued_on": "2026-01-05"}).json["id"]
    for typed in (
        {"issued_on": "2026-13-45"}, {"number": "x" * 300}, {"number": "a\x00b"}, {"amount": "1e400", "unit": "KGM"},
        {"form": "product"}, {"shown-tested_on": "1", "field-tested_on": "soon"}, {"issued_on": "2099-01-01"},
        {"amount": "5", "unit": "STONE"},
    ):  # fmt: skip
        assert station.post(f"/papers/{paper}", {"reason": "x", **typed}).status_code == 422, typed
    for query in ({"after": "x"}, {"kind": "bomb"}, {"text": "x" * 100}, {"text": "%_'\\"}, {"incomplete": "maybe"}):
        assert station.get("/papers", query_string=query).status_code in (200, 422), query
    after = demo.counts()
    assert {name for name in after if after[name] != before[name]} <= {"certificate", "client_request", "paper_head"}
