"""Over HTTP: photos of papers, what stands on them, places of one's own, and looks that are written down."""

from io import BytesIO
from typing import Any

from PIL import Image

from tests.scanners.drawing import file_of
from tests.web.conftest import Demo

A_PDF = b"%PDF-1.7\n%demonstration\n"


def upload(demo: Demo, data: bytes, name: str = "paper", **more: Any) -> Any:
    return demo.call("POST", "/objects", data={"file": (BytesIO(data), name)}, **more)


def test_a_pdf_is_uploaded_named_by_a_certificate_and_given_back_as_a_download(demo: Demo) -> None:
    kept = upload(demo, A_PDF)
    assert (kept.status_code, kept.json["media_type"]) == (201, "application/pdf")
    paper = {
        "kind": "entry_certificate",
        "issuer": "海关（演示）",
        "issued_on": "2026-01-05",
        "sha256": kept.json["sha256"],
        "fields": {"product_name": "冻虾", "importer": "进出口（演示）", "produced_on": "2026-01-02"},
    }
    filed = demo.post("/certificates", paper)
    assert filed.status_code == 201, filed.json
    card = demo.get(f"/certificates/{filed.json['id']}").json
    assert card["fields"] == paper["fields"]
    assert card["missing"] == ["customs_declaration_no", "lot"]
    given = demo.get(f"/objects/{kept.json['sha256']}")
    assert (given.data, given.mimetype) == (A_PDF, "application/pdf")
    assert given.headers["Content-Disposition"] == "attachment"
    assert demo.get(f"/objects/{kept.json['sha256']}", "pharmacist").status_code == 404
    assert demo.get(f"/objects/{kept.json['sha256']}", "inspector").status_code == 200


def test_a_picture_of_a_paper_is_shown_in_the_page(demo: Demo) -> None:
    kept = upload(demo, file_of(Image.new("L", (400, 300), 200)))
    assert kept.json["media_type"] == "image/jpeg"
    assert demo.get(f"/objects/{kept.json['sha256']}").headers["Content-Disposition"] == "inline"


def test_what_is_no_photo_and_no_pdf_is_refused(demo: Demo) -> None:
    assert upload(demo, b"<script>").status_code in (415, 422)
    assert demo.call("POST", "/objects", data={}).json["field"] == "file"


def test_an_unknown_field_of_a_paper_is_refused_by_name(demo: Demo) -> None:
    paper = {"kind": "rapid_test", "issuer": "x", "issued_on": "2026-01-05"}
    for fields, field in (({"nonsense": "x"}, "fields.nonsense"), ({"importer": "x"}, "fields.importer")):
        answer = demo.post("/certificates", paper | {"fields": fields})
        assert (answer.status_code, answer.json["field"]) == (422, field)


def test_things_happen_at_a_place_of_ones_own(demo: Demo) -> None:
    made = demo.post("/places", {"name": "后仓"}, "organisation_administrator")
    assert made.status_code == 201, made.json
    assert demo.post("/places", {"name": "后仓"}, "organisation_administrator").status_code == 409
    assert demo.post("/places", {"name": "x"}).status_code == 403
    assert made.json in demo.get("/places").json["places"]
    stock = next(row for row in demo.get("/stock").json["stock"] if row["on_hand"] > 1)
    sale = {"goods": [{"code": stock["lot"], "amount": "0.5"}], "place": made.json["place"]}
    sold = demo.post("/hops/sell", sale)
    assert sold.status_code == 201, sold.json
    event = demo.get(f"/events/{sold.json['events'][0]}").json
    assert event["bizLocation"] == {"id": made.json["place"]}
    stranger = demo.post("/hops/sell", sale, "pharmacist")
    assert (stranger.status_code, stranger.json["field"]) == (404, "place")


def test_an_inspectors_single_looks_are_written_down(demo: Demo) -> None:
    receipt = demo.get("/receipts").json["receipts"][0]["id"]
    someone = demo.get("/organisations").json["organisations"][0]
    paper = demo.post("/certificates", {"kind": "test_report", "issuer": "x", "issued_on": "2026-01-05"}).json["id"]
    for path in (f"/receipts/{receipt}", f"/organisations/{someone['id']}", f"/certificates/{paper}"):
        assert demo.get(path, "inspector").status_code == 200
    log = demo.get("/look-ups", "auditor").json["look_ups"]
    assert {(entry["what"], entry["subject"]) for entry in log} >= {
        ("receipt", receipt),
        ("organisation", someone["name"]),
        ("certificate", paper),
    }


def test_the_page_of_a_record_shows_the_goods_and_the_papers_that_were_there(demo: Demo) -> None:
    records = [demo.get(f"/receipts/{record['id']}").json for record in demo.get("/receipts").json["receipts"]]
    record, line = next((record, line) for record in records for line in record["lines"] if line["papers"])
    page = demo.browser("station").get(f"/station/receipts/{record['id']}").text
    assert line["product"] in page and line["specification"] in page
    for paper in line["papers"]:
        assert paper["issuer"] in page and paper["number"] in page and paper["issued_on"] in page


def test_old_packs_are_dispensed_by_lot_over_http(demo: Demo) -> None:
    answer = demo.post("/dispensings", {"goods": [{"code": "nothing", "amount": 1}]}, "pharmacist")
    assert answer.status_code == 422
    assert demo.post("/dispensings", {}, "pharmacist").json["field"] == "codes"
