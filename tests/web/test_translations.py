"""Chinese first: every text has its Chinese with the same values in it, and the pages speak Chinese throughout."""

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import Demo
from trace.domain.papers import Finding, Severity
from trace.web import translate, words

CHINESE = {"Accept-Language": "zh-CN"}
PUBLIC_PAGES = ("/", "/?code=nothing", "/sign-in", "/no-such-page", "/t/81502310064000000004")
PAGES = {
    "station": ("/station", "/station/stock", "/station/receive", "/account"),
    "pharmacist": ("/pharmacy", "/station", "/station/stock"),
    "inspector": ("/inspector", "/inspector/trace?code=81502310064000000004", "/inspector/trace?code=91640502"),
    "auditor": ("/inspector/log",),
    "manager": ("/account",),
}
# Any of these on a Chinese page is a text that was not marked, or has no Chinese.
ENGLISH = (
    "Receive", "Look up", "Sign in", "Sign out", "Stock", "Pharmacy", "Accept", "Hold", "Refuse", "Reason", "Lot",
    "Paper", "Quantity", "Made on", "Expires", "Supplier", "Alerts", "Dispense", "Nothing", "None yet", "Name",
    "Password", "Recognise", "Missing", "Must be", "Not a valid", "Give", "Art.", "Temperature", "Clerk", "kg",
)  # fmt: skip


def placeholders(text: str) -> list[str]:
    """The values a template wants, each once."""
    return sorted(set(re.findall(r"\{(\w*)\}", text)))


def test_every_text_has_its_chinese() -> None:
    catalogue = translate.read_catalogue()
    known = {str(message.id): message.string for message in catalogue if message.id}
    assert translate.messages() - known.keys() == set()
    assert [text for text in sorted(translate.messages()) if not known[text]] == []


def test_the_catalogue_holds_no_text_that_is_gone() -> None:
    assert {str(message.id) for message in translate.read_catalogue() if message.id} - translate.messages() == set()


def test_the_chinese_has_the_values_of_the_english() -> None:
    for message in translate.read_catalogue():
        assert placeholders(str(message.string)) == placeholders(str(message.id)) or not message.id, message.id


def test_the_chinese_has_chinese_punctuation_without_blanks() -> None:
    odd = re.compile("[\u4e00-\u9fff][,;:!?()]|[\u4e00-\u9fff] [，。：；、]|[，。：；、）] ")
    texts = [str(message.string) for message in translate.read_catalogue() if message.id]
    assert [text for text in texts if odd.search(text)] == []


@pytest.fixture
def visitor(standing: Demo) -> FlaskClient:
    """A browser of its own, that asks for Chinese."""
    return standing.app.test_client()


def enter(visitor: FlaskClient, demo: Demo, who: str) -> None:
    """Sign in through the page."""
    form = {"sign_in": who, "password": demo.shown.password, "csrf_token": token_of(visitor, "/sign-in")}
    assert visitor.post("/sign-in", data=form).status_code == 302


def token_of(visitor: FlaskClient, path: str) -> str:
    """The token that a page's form carries."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get(path, headers=CHINESE).text)
    assert found, path
    return found[1]


def seen(page: str) -> str:
    """What a page shows: its text, and the texts that browsers show or read out of attributes."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    spoken = re.findall(r'(?:placeholder|title|aria-label|alt)="([^"]*)"', body)
    return unescape(re.sub(r"<[^>]+>", "\n", body) + "\n".join(spoken))


def english_in(page: str) -> list[str]:
    """The English words of the list that a page shows."""
    text = seen(page)
    return [word for word in ENGLISH if re.search(rf"\b{re.escape(word)}", text)]


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_public_pages_are_chinese(visitor: FlaskClient, path: str) -> None:
    answer = visitor.get(path, headers=CHINESE, follow_redirects=True)
    assert answer.status_code < 500
    assert english_in(answer.text) == []
    assert "阳光追溯" in answer.text


@pytest.mark.parametrize("who", PAGES)
def test_desks_are_chinese(visitor: FlaskClient, standing: Demo, who: str) -> None:
    enter(visitor, standing, who)
    for path in PAGES[who]:
        answer = visitor.get(path, headers=CHINESE, follow_redirects=True)
        assert answer.status_code == 200, path
        assert english_in(answer.text) == [], path


def test_a_complaint_of_a_page_names_field_and_fault_in_chinese(visitor: FlaskClient, standing: Demo) -> None:
    enter(visitor, standing, "station")
    form = {"csrf_token": token_of(visitor, "/station/stock"), "action": "sell", "lot": "X", "amount": "viel"}
    answer = visitor.post("/station/stock", data=form, headers=CHINESE)
    assert answer.status_code == 422
    assert "数量：请填数字。" in answer.text
    too_much = visitor.post("/station/stock", data=form | {"amount": "9999999999"}, headers=CHINESE)
    assert "数量：须在0至999999999之间。" in too_much.text


def test_a_finding_inside_a_refusal_is_chinese_too(standing: Demo) -> None:
    missing = Finding(
        "R3", Severity.BLOCK, "A paper is missing: {papers}.", {"papers": "commitment_certificate, test_report"}, ""
    )
    with standing.app.test_request_context(headers=CHINESE):
        said = words.say("This line cannot be accepted: {why} Hold it or refuse it.", {"why": missing})
    assert said == "此货不得接收：缺少证明文件：承诺达标合格证、检验报告。请封存或拒收。"
    assert str(missing) == "A paper is missing: commitment_certificate, test_report."


def test_a_missing_detail_of_the_supplier_is_named_in_chinese(standing: Demo) -> None:
    text = "The supplier's {name} is missing: the law asks for name, address and contact (食品安全法 Art. 53, 65)."
    with standing.app.test_request_context(headers=CHINESE):
        assert words.say(text, {"name": "contact"}).startswith("缺少供货者的联系电话：")


def test_the_source_of_a_rule_is_cited_as_chinese_lawyers_do(standing: Demo) -> None:
    source = "生猪屠宰管理条例 Art. 15, 23 [L]; SAMR order 81 Art. 8 [M]"
    with standing.app.test_request_context(headers=CHINESE):
        assert words.source_text(source) == "生猪屠宰管理条例第15、23条；市场监管总局令第81号第8条"
    with standing.app.test_request_context(headers={"Accept-Language": "en"}):
        assert words.source_text(source) == "生猪屠宰管理条例 Art. 15, 23; SAMR order 81 Art. 8"


def test_pigs_leave_the_farm_and_cabbages_are_harvested(standing: Demo) -> None:
    entry = {"step": "commissioning", "by_kind": "farm", "type": "ObjectEvent", "disposition": ""}
    with standing.app.test_request_context(headers=CHINESE):
        assert words.step_word(entry | {"things": [{"category": "animal"}]}) == "出栏"
        assert words.step_word(entry | {"things": [{"category": "vegetable"}]}) == "采收"


def test_what_a_cooperative_dries_was_processed_not_harvested_twice(standing: Demo) -> None:
    entry = {"step": "commissioning", "by_kind": "cooperative", "type": "TransformationEvent", "disposition": ""}
    with standing.app.test_request_context(headers=CHINESE):
        assert words.step_word(entry | {"things": [{"category": "fruit"}]}) == "加工"
