"""Bad queries, paths and headers get a sentence and a status, never a fault, and lead nowhere."""

import re

import pytest

from tests.web.conftest import API, Demo
from tests.web.hostile import bad_page, complaint, filled

QUERIES = {
    "/organisations": ("text", "limit"),
    "/products": ("text", "limit"),
    "/receipts": ("limit",),
    "/certificates": ("limit",),
    "/look-ups": ("limit",),
    "/codes": ("text", "symbology"),
    "/trace": ("code", "direction", "reason", "limit", "at"),
    "/public/trace": ("code", "limit"),
    "/search": ("text", "reason"),
}


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_that_makes_no_sense_is_refused(standing: Demo, path: str) -> None:
    role = "auditor" if path == "/look-ups" else "clerk"
    before, faults = standing.counts(), []
    good = {"code": "81502310064000000004", "text": "x"} if "code" in QUERIES[path] else {"text": "x"}
    for name in QUERIES[path]:
        values = ["a\x00b", "x" * 8_001]
        if name == "limit":
            values = ["abc", "-1", "0", "9" * 20, "1.5", "1e3", "", "NaN", "0x10", "2001", "\x00"]
        elif name in ("at", "direction"):
            values += ["yesterday", "9999-99-99T00:00:00Z", "sideways"]
        for value in values:
            query = {key: text for key, text in good.items() if key in QUERIES[path]} | {name: value}
            answer = standing.get(path, role, query_string=query)
            fault = complaint(answer, 422, 400 if len(value) > 8_000 else 422)
            if fault is None and answer.status_code == 422 and answer.json.get("field") != name:
                fault = f"names {answer.json.get('field')}"
            if fault:
                faults.append(f"{name}={value[:20]!a}: {fault}")
    unknown = standing.get(path, role, query_string={"no_such_name": "1"})
    assert complaint(unknown, 422) is None
    assert faults == []
    assert standing.counts() == before


PATHS = (
    "%00",
    "a%00b",
    "%ff%fe",
    "%ed%a0%80",
    "%c0%af",
    "..%2f..%2fsecret_key",
    "../../secret_key",
    "%2e%2e/%2e%2e/secret_key",
    "....//secret_key",
    "%5c..%5csecret_key",
    "x" * 3_000,
    "%",
    "%zz",
    "%0d%0aSet-Cookie:%20a=b",
    "'%20OR%201=1--",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "%f0%9f%92%8a",
    "%e2%80%ae",
    "http:%2f%2fevil.example%2f",
    "*" * 200,
    "+",
    ".",
    "-1",
    "1e999",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
)
ADDRESSES = (
    "/t/",
    f"{API}/events/",
    f"{API}/objects/",
    f"{API}/receipts/",
    f"{API}/certificates/",
    f"{API}/organisations/",
    "/static/",
    "/station/receipts/",
    "/station/photos/",
)


@pytest.mark.parametrize("base", ADDRESSES)
def test_an_address_that_names_nothing_is_not_found(standing: Demo, base: str) -> None:
    before, faults = standing.counts(), []
    for path in PATHS:
        answer = standing.client.get(base + path, headers=standing.headers("clerk"))
        if answer.status_code in (301, 302, 308):
            continue
        judge = complaint if base.startswith(API) else bad_page
        fault = judge(answer, 400, 404, 422, 429)
        if fault or (judge is bad_page and "<script>alert" in answer.text):
            faults.append(f"{path[:40]}: {fault}")
    assert faults == []
    assert standing.counts() == before


@pytest.mark.parametrize("number", [2**63, 10**40])
def test_a_number_that_no_database_has_room_for_names_nothing(standing: Demo, number: int) -> None:
    rules = [rule for rule in standing.app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(rules) > 10
    for rule in rules:
        path = filled(re.sub("<int:[^>]+>", str(number), rule.rule))
        for method in (rule.methods or set()) & {"GET", "POST"}:
            answer = standing.client.open(path, method=method, headers=standing.headers("pharmacist"), json={})
            assert answer.status_code in (404, 405), (method, path, answer.text)


@pytest.mark.parametrize(
    "name", ["../secret_key", "..%2fsecret_key", "%2e%2e%2fsecret_key", "..%5csecret_key", "//etc/passwd"]
)
def test_no_address_leads_out_of_its_folder(standing: Demo, name: str) -> None:
    secret = standing.app.config["SECRET_KEY"]
    for base in ("/static/", f"{API}/objects/", "/station/photos/", "/"):
        answer = standing.client.get(base + name, headers=standing.headers("clerk"))
        assert answer.status_code in (301, 302, 308, 400, 404)
        assert secret not in answer.text
        assert "root:" not in answer.text


def test_an_overlong_address_is_refused(standing: Demo) -> None:
    for path in (
        "/t/" + "x" * 8_100,
        f"{API}/trace?code=" + "x" * 8_100,
        "/?code=" + "x" * 8_100,
        "/inspector?" + "a=1&" * 3_000,
    ):
        answer = standing.client.get(path, headers=standing.headers("clerk"))
        assert answer.status_code in (400, 414)


@pytest.mark.parametrize("key", ["a\r\nSet-Cookie: a=b", "a\nb", "\x00", "\x7f", "\u00a0", "\u0085"])
def test_a_header_cannot_be_smuggled_in_a_key(standing: Demo, key: str) -> None:
    before = standing.counts()
    lot = standing.get("/stock").json["stock"][0]["lot"]
    answer = standing.post(
        "/hops/sell", {"goods": [{"code": lot, "amount": 1}]}, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key}
    )
    assert complaint(answer, 422) is None
    assert answer.json["field"] == "Idempotency-Key"
    assert "Set-Cookie" not in answer.headers
    assert standing.counts() == before


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("HTTP_ACCEPT_LANGUAGE", "zh;q=NaN,*;q=9e999"),
        ("HTTP_ACCEPT_LANGUAGE", "x" * 5_000),
        ("HTTP_ACCEPT", "application/json;q=x,,"),
        ("HTTP_COOKIE", "lang=../../en; session=\x00; a"),
        ("HTTP_COOKIE", "session=" + "." * 4_000),
        ("HTTP_HOST", "evil.example:99999"),
        ("HTTP_X_FORWARDED_PROTO", "javascript"),
        ("HTTP_X_API_KEY", "st_a_\udcff"),
        ("HTTP_AUTHORIZATION", "Bearer st_\x00_\x00"),
        ("CONTENT_LENGTH", "-5"),
        ("HTTP_RANGE", "bytes=5-1"),
        ("HTTP_IF_MODIFIED_SINCE", "never"),
    ],
)
def test_no_header_breaks_an_answer(standing: Demo, header: str, value: str) -> None:
    for path in (
        "/",
        "/sign-in",
        "/t/81502310064000000004",
        f"{API}/me",
        f"{API}/public/trace?code=x",
        "/static/site.css",
        "/health",
    ):
        answer = standing.app.test_client().get(path, environ_overrides={header: value})
        assert answer.status_code < 500, path
        assert "evil.example" not in answer.text
