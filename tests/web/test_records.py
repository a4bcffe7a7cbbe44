"""Records of a period: on the page, printed, as tables; each organisation's own, an inspector's by mandate."""

import csv
import io
from datetime import UTC, datetime, timedelta

import openpyxl
import pypdfium2
import pytest
from PIL import Image, ImageFile
from sqlalchemy import func, select

from scanners.intake import open_picture
from storage.tables import lookup_log
from tests.scanners.drawing import file_of
from tests.web.conftest import Demo
from trace.domain.failures import Invalid


def lately() -> str:
    """A period that holds the demonstration's deliveries."""
    today = datetime.now(UTC).date()
    return f"first={today - timedelta(days=30)}&last={today + timedelta(days=1)}"


def test_the_printed_record_names_every_field_of_the_law(standing: Demo) -> None:
    (record, *_) = standing.get(f"/records?{lately()}").json["records"]
    browser = standing.browser("station")
    chinese = {"Accept-Language": "zh-CN"}
    one, period = f"/records/{record['receipt']}/print.pdf", f"/records/print.pdf?{lately()}"
    answer = browser.get(one if standing.backend == "sqlite" else period, headers=chinese)
    assert answer.mimetype == "application/pdf"
    pages = pypdfium2.PdfDocument(answer.data)
    said = "".join(page.get_textpage().get_text_bounded() for page in pages).replace("\n", "").replace("\r", "")
    supplier = record["supplier"]
    for wanted in (
        "进货查验记录", supplier["name"], supplier["address"], supplier["contact"], record["product"],
        record["lot_number"], record["papers"][0]["number"], "到期日", "生产日期", "查验人", record["keep_until"],
    ):  # fmt: skip
        assert wanted in said.replace(" ", "") or wanted in said, wanted


def test_half_a_photo_is_refused_by_a_process_that_has_printed(standing: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)  # as WeasyPrint leaves it when it is first loaded
    check = f"/checks/daily/{datetime.now(UTC).date() - timedelta(days=1)}/print.pdf"
    assert standing.browser("station").get(check).mimetype == "application/pdf"
    whole = file_of(Image.effect_noise((300, 200), 50), "JPEG")
    with pytest.raises(Invalid, match="cut short"):
        open_picture(whole[: len(whole) // 2])


def test_tables_hold_what_the_page_shows(standing: Demo) -> None:
    records = standing.get(f"/records?{lately()}").json["records"]
    browser = standing.browser("station")
    rows = list(csv.reader(io.StringIO(browser.get(f"/records/table.csv?{lately()}").data.decode("utf-8-sig"))))
    sheet = openpyxl.load_workbook(io.BytesIO(standing.get(f"/records.xlsx?{lately()}").data)).active
    assert sheet is not None
    names = [record["product"] for record in records]
    assert [row[5] for row in rows[1:]] == names
    assert [row[5].value for row in sheet.iter_rows(min_row=2)] == names
    page = browser.get(f"/records?{lately()}").text
    assert all(name in page for name in names)


def test_pages_of_records_follow_one_another_without_gap(standing: Demo) -> None:
    whole = standing.get(f"/records?{lately()}").json
    assert whole["next"] is None
    found, after = [], ""
    while after is not None:
        page = standing.get(f"/records?{lately()}&limit=1&after={after}").json
        found += page["records"]
        after = page["next"]
    assert found == whole["records"]


def test_an_inspector_names_the_shop_and_the_look_is_written_down(standing: Demo) -> None:
    name = standing.get("/me").json["organisation"]
    shop = next(o["id"] for o in standing.get("/organisations").json["organisations"] if o["name"] == name)
    with standing.store.reading() as session:
        before = session.execute(select(func.count()).select_from(lookup_log)).scalar_one()
    seen = standing.get(f"/records?{lately()}&organisation={shop}", "inspector").json["records"]
    own = standing.get(f"/records?{lately()}").json["records"]
    assert [record["key"] for record in seen] == [record["key"] for record in own]
    assert {record["price"] for record in seen} == {None}
    with standing.store.reading() as session:
        assert session.execute(select(func.count()).select_from(lookup_log)).scalar_one() == before + 1
    assert standing.get(f"/records?{lately()}", "inspector").status_code == 404


def test_a_watcher_comes_to_a_shops_records_from_its_card_and_has_none_of_its_own(standing: Demo) -> None:
    name = standing.get("/me").json["organisation"]
    shop = next(o["id"] for o in standing.get("/organisations").json["organisations"] if o["name"] == name)
    inspector, clerk = standing.browser("inspector"), standing.browser("station")
    assert 'href="/records"' not in inspector.get("/more").text
    assert 'href="/records"' in clerk.get("/more").text
    link = f"/records?organisation={shop}"
    assert link in inspector.get(f"/inspector/organisations/{shop}").text
    assert inspector.get(link).status_code == 200


def test_odd_periods_are_refused_with_a_sentence(standing: Demo) -> None:
    for query, status in (
        ("first=2026-11-02&last=2026-11-01", 422),
        ("first=2020-01-01&last=2026-11-01", 422),
        ("first=2026-11-01&last=2026-11-02&after=x", 422),
        ("first=2026-11-01&last=2026-11-02&after=9-99999999999999999999", 422),
        ("last=2026-11-02", 422),
    ):
        assert standing.get(f"/records?{query}").status_code == status, query
