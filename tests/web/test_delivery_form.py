"""The form of a delivery on the page: what it proposes, what it shows of papers, and what it keeps to itself."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

from tests.scanners.drawing import file_of, on_paper, symbol
from tests.web.conftest import Browser, Demo

LIKE_NEW = {"lines-0-new_name": "小白菜（试）", "lines-0-new_category": "vegetable", "lines-0-new_unit": "KGM"}


def shop(demo: Demo) -> tuple[Browser, dict[str, str]]:
    """A clerk's browser, and a form of one line of a vegetable that the file does not know."""
    sender = demo.get("/expected").json["expected"][0]["sender"]["id"]
    return demo.browser("station"), {"supplier-id": sender, "lines-0-amount": "10", **LIKE_NEW}


def papers_of(page: str) -> list[str]:
    """The certificates that the lines of the form carry."""
    return re.findall(r'type="hidden" name="lines-\d+-certificates" value="(\w+)"', page)


def test_a_paper_filed_for_one_delivery_is_on_no_other(demo: Demo) -> None:
    clerk, form = shop(demo)
    paper = {"paper-0-kind": "commitment_certificate", "paper-0-issuer": "合作社", "paper-0-number": "HGZ-1"}
    filed = clerk.post("/station/receive", {**form, **paper, "action": "paper-0"})
    assert len(papers_of(filed.text)) == 1
    assert papers_of(clerk.post("/station/receive", {**form, "action": "look"}).text) == []
    assert papers_of(clerk.get("/station/receive").text) == []
    assert papers_of(demo.browser("station2").get("/station/receive").text) == []


def test_the_papers_that_new_goods_need_are_shown_before_they_are_received(demo: Demo) -> None:
    clerk, form = shop(demo)
    before = demo.counts()
    page = clerk.post("/station/receive", {**form, "action": "look"}, headers={"Accept-Language": "en"}).text
    assert "Commitment certificate" in page[page.index('class="papers"') :]
    assert demo.counts() == before


def test_a_trace_code_that_the_file_does_not_know_is_proposed_as_a_drug(demo: Demo) -> None:
    page = demo.browser("station").get("/station/receive?code=81999990000000000001").text
    assert '<option value="drug" selected>' in page


def test_the_log_of_a_cold_delivery_is_filed_judged_and_kept_with_its_record(demo: Demo) -> None:
    clerk, form = shop(demo)
    cold = {
        **form,
        "lines-0-new_name": "冷藏酸奶（试）",
        "lines-0-new_category": "packaged_food",
        "lines-0-new_unit": "EA",
    }
    product = {"name": cold["lines-0-new_name"], "category": "packaged_food", "unit": "EA", "specification": "100 g"}
    product |= {"producer": "乳品厂", "celsius_low": 0, "celsius_high": 6}
    assert demo.post("/products", product).status_code == 201
    lot = {"lines-0-lot_number": "N-1", "lines-0-produced_on": f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%d}"}
    cold |= lot | {"lines-0-expires_on": f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}", "lines-0-celsius": "4"}
    assert 'name="log"' in clerk.post("/station/receive", {**cold, "action": "look"}).text
    assert 'name="log"' not in clerk.post("/station/receive", {**form, "action": "look"}).text  # nothing cold
    first = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(hours=3)
    rows = [f"{first + timedelta(minutes=5 * n):%Y-%m-%d %H:%M:%S},{c}" for n, c in enumerate((4, 11.5, 5))]

    def log() -> dict[str, tuple[BytesIO, str]]:
        return {"log": (BytesIO("\n".join(["时间,温度(℃)", *rows]).encode()), "log.csv")}

    assert clerk.post("/station/receive", {**cold, "action": "log"}).status_code == 422  # no file
    # Nobody receives what they have not seen: what was chosen is filed first.
    page = clerk.post("/station/receive", {**cold, **log(), "action": "receive"})
    assert page.status_code == 200
    assert '<p class="finding block">' in page.text[page.text.index('id="line-0"') :]
    filed = re.search(r'name="logs" value="(\w+)"', page.text)
    assert filed is not None
    refused = clerk.post("/station/receive", {**cold, "logs": filed[1], "action": "receive"})
    assert refused.status_code == 409  # it was too warm on its way, whatever the thermometer says now
    held = {**cold, "logs": filed[1], "lines-0-decision": "hold", "lines-0-reason": "途中超温", "action": "receive"}
    done = clerk.post("/station/receive", held)
    assert done.status_code == 303, done.text
    record = clerk.get(done.location).text
    assert "运输途中温度" in record
    assert "11.5" in record
    assert (
        demo.browser("station2").post("/station/receive", {**form, "logs": "0" * 26, "action": "look"}).status_code
        == 404
    )


def test_no_authority_is_offered_as_a_supplier(demo: Demo) -> None:
    page = demo.browser("station").get("/station/receive").text
    assert "市场监督管理局" not in page[page.index('name="supplier-id"') :].partition("</select>")[0]


def test_a_typed_code_whose_check_digit_is_wrong_is_doubted_on_its_line(demo: Demo) -> None:
    clerk = demo.browser("station")
    assert '<p class="finding">' not in clerk.get("/station/receive?code=6901234567892").text
    assert "6901234567890的校验位" in clerk.get("/station/receive?code=6901234567890").text


def test_a_second_persons_password_is_tried_so_often_and_a_delivery_without_one_never_waits(demo: Demo) -> None:
    product = demo.post("/products", {"name": "限次白菜", "category": "vegetable", "unit": "KGM"}).json["id"]
    supplier = {"name": "限次菜贩", "address": "沙坡头区", "contact": "0955-7000001"}
    body = {"supplier": supplier, "lines": [{"product": product, "amount": 1, "decision": "hold"}]}
    agreement = {"sign_in": "manager", "password": "wrong", "reason": "x"}
    told = [demo.post("/receipts", body | {"override": agreement}) for _ in range(21)]
    assert [answer.status_code for answer in told] == [422] * 20 + [429]
    assert told[0].json["field"] == "override.password"
    assert "wrong" not in told[0].text
    assert demo.post("/receipts", body).status_code == 201


def test_a_paper_photographed_before_the_goods_are_scanned_counts_for_them_and_never_for_a_product(demo: Demo) -> None:
    clerk, form = shop(demo)
    demo.post("/products", {"name": "后扫茄子", "category": "vegetable", "unit": "KGM"})
    demo.post("/products", {"name": "后扫饼干", "category": "packaged_food", "unit": "EA"})
    photo = file_of(on_paper(symbol("6901028075763", "EAN13"), symbol("HGZ-2026-7", "Code128"), size=(500, 400)))
    page = clerk.post("/station/receive", {**form, "sheet-photo": (BytesIO(photo), "p.jpg")}).text
    assert 'name="sheet-0-kind" value="commitment_certificate" checked' in page
    assert 'name="sheet-0-number" value="HGZ-2026-7"' in page
    found = re.search(r'name="sheet-0-sha256" value="(\w{64})"', page)
    assert found
    sheet = {
        "sheet-0-sha256": found[1],
        "sheet-0-kind": "commitment_certificate",
        "sheet-0-was": "commitment_certificate",
    }
    form = {**form, **sheet, "lines-0-sheets": found[1]}
    for name, tied in (("后扫茄子", True), ("后扫饼干", False)):
        page = clerk.post("/station/receive", {**form, "more": name}).text
        assert (f'name="lines-1-sheets" value="{found[1]}" checked' in page) is tied


def test_new_goods_that_are_kept_cold_are_measured_on_arrival(demo: Demo) -> None:
    clerk, form = shop(demo)
    cold = {**form, "lines-0-new_keeping": "chilled", "action": "look"}
    assert "请测量并填写到货温度" in clerk.post("/station/receive", cold).text
    warm = clerk.post("/station/receive", {**cold, "lines-0-celsius": "11"}).text
    assert "要求0～10℃" in warm
    assert "请测量并填写到货温度" not in clerk.post("/station/receive", {**cold, "lines-0-new_keeping": ""}).text


def test_packs_scanned_one_by_one_are_one_line_and_two_lots_are_two(demo: Demo) -> None:
    clerk, form = shop(demo)
    form = {name: value for name, value in form.items() if not name.startswith("lines-")}
    for pack in ("81999990000000000001", "81999990000000000002", "81999990000000000001"):
        page = clerk.post("/station/receive", {**form, "more": pack}).text
        assert len(re.findall(r'<section class="card line', page)) == 1
        codes = page.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0].split()
        form |= {"lines-0-codes": "\n".join(codes), "lines-0-new_code": "8199999", "lines-0-new_category": "drug"}
    assert [code[-20:] for code in codes] == ["81999990000000000001", "81999990000000000002"]
    for text in ("(01)06901028075763(10)L1", "(01)06901028075763(10)L2"):
        page = clerk.post(
            "/station/receive", {"more": text, "lines-0-new_code": "06901028075763", "lines-0-lot_number": "L1"}
        ).text
    assert len(re.findall(r'<section class="card line', page)) == 2


def test_cut_meat_cites_its_slaughter_batch_in_the_form_and_greens_do_not(demo: Demo) -> None:
    clerk, form = shop(demo)
    paper = {"kind": "quarantine_certificate", "lots": [], "issuer": "屠宰场", "issued_on": "2026-02-03"}
    named = {"number": "NXJ-77", "fields": {"product_name": "白条猪", "quantity": "800 kg", "batch": "TZ-0711"}}
    assert demo.post("/certificates", paper | named).status_code == 201
    assert 'name="lines-0-cites"' not in clerk.post("/station/receive", {**form, "action": "look"}).text
    meat = {"lines-0-new_name": "引证五花肉", "lines-0-new_category": "pork", "lines-0-new_unit": "KGM"}
    page = clerk.post("/station/receive", {**form, **meat, "lines-0-cites": "tz 0711", "action": "look"}).text
    assert 'name="lines-0-cites" type="text" value="tz 0711"' in page
    assert "✓ 动物检疫合格证明" in page


def test_a_form_changed_after_it_was_recorded_says_so_in_a_clerks_words(demo: Demo) -> None:
    clerk, form = shop(demo)
    form |= {"client_key": "back-1", "lines-0-decision": "hold", "action": "receive"}
    first = clerk.post("/station/receive", form)
    assert first.status_code == 303
    assert clerk.post("/station/receive", form).location == first.location
    before = demo.counts()["receipt"]
    changed = clerk.post("/station/receive", {**form, "lines-0-amount": "11"})
    assert (changed.status_code, demo.counts()["receipt"]) == (409, before)
    assert "已按返回前的内容登记" in changed.text
    assert "receive_form" not in changed.text


def test_two_lines_that_take_too_much_of_one_paper_are_told_before_they_are_received(demo: Demo) -> None:
    clerk, form = shop(demo)
    paper = {"kind": "commitment_certificate", "issuer": "合作社", "number": "HGZ-16", "issued_on": "2026-11-01"}
    filed = demo.post("/certificates", paper | {"amount": 10, "unit": "KGM"}).json["id"]
    form |= {"lines-0-amount": "8", "lines-0-certificates": filed, "action": "look"}
    second = {name.replace("-0-", "-1-"): value for name, value in form.items() if name.startswith("lines-0-")}
    second["lines-1-new_name"] = "小油菜（试）"
    told = "凭此证已到货 16 千克"
    assert told not in clerk.post("/station/receive", form).text
    assert told in clerk.post("/station/receive", form | second).text
    third = {**second, "lines-2-new_name": "坏行", "lines-2-amount": "viel"}
    assert told in clerk.post("/station/receive", form | third).text
