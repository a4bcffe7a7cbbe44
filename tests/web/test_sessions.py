"""Signing in, sessions, keys, limits on attempts, and what every answer tells a browser."""

import re

import pytest

from tests.web.conftest import API, Demo
from tests.web.test_access import MAY, filled, routes, told
from trace.domain.permissions import Role


def test_a_page_leads_to_the_sign_in_and_back(demo: Demo) -> None:
    visitor = demo.browser()
    sent = visitor.get("/station/stock?a=1")
    assert sent.status_code == 302
    assert sent.location == "/sign-in?next=/station/stock?a%3D1"
    assert 'name="next" value="/station/stock?a=1"' in visitor.get(sent.location).text
    assert visitor.sign_in("station", "/station/stock?a=1").location == "/station/stock?a=1"
    assert visitor.get("/station/stock?a=1").status_code == 200


@pytest.mark.parametrize(
    ("who", "desk"),
    [("station", "/station"), ("pharmacist", "/pharmacy"), ("manager", "/station"), ("headquarters", "/chain"),
     ("inspector", "/inspector"), ("auditor", "/inspector/log"), ("platform", "/account")],
)  # fmt: skip
def test_everybody_begins_at_their_desk(demo: Demo, who: str, desk: str) -> None:
    visitor = demo.browser()
    assert visitor.sign_in(who).location == desk
    assert visitor.get(desk).status_code == 200


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "/\r\nSet-Cookie: a=b",
    " //evil.example",
    "evil.example",
)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_nobody_is_sent_elsewhere(standing: Demo, address: str) -> None:
    language = standing.app.test_client().get("/language/en", query_string={"back": address})
    assert language.status_code == 302
    assert language.location == "/"
    page = standing.app.test_client().get("/sign-in", query_string={"next": address})
    assert 'name="next" value=""' in page.text


def test_signing_in_sends_nobody_elsewhere(demo: Demo) -> None:
    for address in ELSEWHERE:
        assert demo.browser().sign_in("station", address).location == "/station", address


def test_a_wrong_password_and_an_unknown_name_read_the_same(standing: Demo) -> None:
    visitor = standing.browser()
    pages = []
    for who in ("station", "nobody-of-this-name"):
        visitor.password = "wrong-password-1"
        answer = visitor.sign_in(who)
        assert answer.status_code == 401
        pages.append(told(answer))
    assert pages[0] == pages[1]


def test_signing_in_and_out_needs_the_token_of_our_form(standing: Demo) -> None:
    form = {"sign_in": "station", "password": standing.shown.password}
    client = standing.app.test_client()
    assert client.post("/sign-in", data=form).status_code == 403
    assert client.post("/sign-in", data=form | {"csrf_token": "made-up"}).status_code == 403
    assert client.get("/station").status_code == 302
    visitor = standing.browser("station")
    assert visitor.client.post("/sign-out").status_code == 403
    assert visitor.get("/station").status_code == 200
    assert visitor.post("/sign-out", {}).status_code == 302
    assert visitor.get("/station").status_code == 302


@pytest.mark.parametrize("token", [None, "", "made-up", "another's"])
def test_every_unsafe_request_of_a_session_needs_its_token(standing: Demo, token: str | None) -> None:
    visitor = standing.browser("manager")
    given = standing.browser("station").token if token == "another's" else token
    before, asked = standing.counts(), 0
    for method, rule, mark in routes(standing):
        if method == "GET" or mark is None or Role.ORGANISATION_ADMINISTRATOR.value not in MAY[method, rule]:
            continue
        form = {} if given is None else {"csrf_token": given}
        answer = visitor.client.open(filled(rule), method=method, data=form)
        assert answer.status_code == 403, rule
        asked += 1
    assert asked > 25
    assert standing.counts() == before


def test_a_key_needs_no_token_because_no_browser_sends_it_by_itself(demo: Demo) -> None:
    assert demo.post("/places", {"name": "后仓"}, "organisation_administrator").status_code == 201


def test_a_deactivated_person_is_out_at_once_and_stays_out(demo: Demo) -> None:
    visitor = demo.browser("station")
    assert visitor.get("/station").status_code == 200
    people = demo.get("/people", "organisation_administrator").json["people"]
    (target,) = (p["id"] for p in people if p["sign_in"] == "station")
    assert demo.call("DELETE", f"/people/{target}", "organisation_administrator").status_code == 204
    assert visitor.get("/station").status_code == 302
    assert visitor.post("/station/stock", {"action": "sell"}).status_code == 401
    assert demo.browser().sign_in("station").status_code == 401


def test_a_revoked_key_is_refused_at_once(demo: Demo) -> None:
    key = demo.post("/keys", {"role": "clerk", "label": "Waage"}, "organisation_administrator").json["key"]
    assert demo.get("/me", None, headers={"Authorization": f"Bearer {key}"}).json["role"] == "clerk"
    assert demo.get("/me", None, headers={"X-API-Key": key}).status_code == 200
    assert demo.call("DELETE", f"/keys/{key.split('_')[1]}", "organisation_administrator").status_code == 204
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        answer = demo.get("/me", None, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert key not in answer.text


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer st_",
        "Bearer st_x_y",
        "Basic c3RhdGlvbjpzdGF0aW9u",
        "Bearer " + "x" * 5_000,
        "Bearer st_%00_é",
        "Bearer \udcff",
    ],
)
def test_what_is_no_key_is_refused(standing: Demo, header: str) -> None:
    answer = standing.get("/me", None, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_a_key_with_another_keys_secret_is_refused(standing: Demo) -> None:
    one_key, other = standing.shown.keys["clerk"], standing.shown.keys["platform_administrator"]
    mixed = "_".join([*other.split("_", 2)[:2], one_key.split("_", 2)[2]])
    assert standing.get("/me", None, headers={"Authorization": f"Bearer {mixed}"}).status_code == 401


def test_a_shop_cannot_make_itself_an_inspector(standing: Demo) -> None:
    for role in ("inspector", "auditor", "platform_administrator"):
        key = standing.post("/keys", {"role": role}, "organisation_administrator")
        assert (key.status_code, key.json["field"]) == (422, "role")
        account = {"sign_in": "new-one", "name": "x", "password": "long-enough-1", "role": role}
        assert standing.post("/people", account, "organisation_administrator").status_code == 422


def test_an_administrator_cannot_put_people_into_another_organisation(demo: Demo) -> None:
    other = demo.get("/organisations?text=驼铃", "clerk").json["organisations"][0]["id"]
    account = {"sign_in": "new-one", "name": "x", "password": "long-enough-1", "role": "clerk", "organisation": other}
    before = demo.counts()
    refused = demo.post("/people", account, "organisation_administrator")
    assert (refused.status_code, demo.counts()) == (403, before)


def test_attempts_to_sign_in_are_limited(demo: Demo) -> None:
    visitor = demo.browser()
    visitor.password = "wrong-password-1"
    visitor.token = visitor.token_at("/sign-in")
    statuses = [visitor.post("/sign-in", {"sign_in": "station", "password": "wrong"}).status_code for _ in range(21)]
    assert statuses == [401] * 20 + [429]
    last = visitor.post("/sign-in", {"sign_in": "station", "password": demo.shown.password})
    assert last.status_code == 429
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert last.mimetype == "text/html"


def test_questions_of_the_public_are_limited_on_both_faces(demo: Demo) -> None:
    for address in ("/t/01/06901234567892/10/L-1", f"{API}/public/trace?code=x"):
        statuses = [demo.client.get(address).status_code for _ in range(121)]
        assert 429 not in statuses[:120], address
        assert statuses[120] == 429, address
    refused = demo.client.get(address)
    assert refused.mimetype == "application/problem+json"
    assert 0 < int(refused.headers["Retry-After"]) <= 60


# ---- what a browser is told ----------------------------------------------------------------------------------------

ANSWERS = (
    ("GET", "/", 200),
    ("GET", "/sign-in", 200),
    ("GET", "/station", 302),
    ("GET", "/nothing-here", 404),
    ("GET", f"{API}/me", 401),
    ("GET", f"{API}/nothing-here", 404),
    ("DELETE", "/sign-in", 405),
    ("POST", "/sign-in", 403),
    ("GET", "/static/site.css", 200),
    ("GET", "/static/nothing.css", 404),
    ("GET", f"{API}/docs", 200),
    ("GET", "/health", 200),
    ("GET", "/t/nothing", 404),
    ("OPTIONS", f"{API}/me", 401),
    ("POST", f"{API}/receipts", 401),
)


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_answer_carries_the_security_headers(standing: Demo, method: str, path: str, status: int) -> None:
    answer = standing.app.test_client().open(path, method=method)
    if path != "/t/nothing":
        assert answer.status_code == status
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])
    if not path.startswith("/static") or status >= 400:
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_address_that_does_not_do_that_says_what_it_does(standing: Demo) -> None:
    answer = standing.call("PUT", "/me")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_callers_of_the_api_get_no_cookie(demo: Demo) -> None:
    for role in (None, *Role):
        for path in ("/me", "/stock", "/public/trace?code=81502310064000000004", "/nothing", "/openapi.json"):
            assert "Set-Cookie" not in demo.get(path, role).headers, path
    sold = demo.post("/hops/sell", {"goods": [{"code": "nothing"}]})
    assert "Set-Cookie" not in sold.headers


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cookies_are_for_this_site_only_and_over_https_for_https_only(demo: Demo, scheme: str) -> None:
    visitor = demo.browser()
    form = {"sign_in": "station", "password": visitor.password, "csrf_token": visitor.token_at("/sign-in")}
    headers = {"X-Forwarded-Proto": scheme, "Referer": f"{scheme}://localhost/sign-in"}
    answer = visitor.client.post("/sign-in", data=form, headers=headers)
    assert answer.status_code == 302
    (cookie,) = (value for value in answer.headers.getlist("Set-Cookie") if value.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ("Secure" in cookie) == (scheme == "https")
    assert "station" not in cookie
    language = visitor.client.get("/language/en", headers=headers).headers["Set-Cookie"]
    assert "HttpOnly" in language
    assert "SameSite=Lax" in language


def test_a_session_that_somebody_made_up_is_nobody(standing: Demo) -> None:
    client = standing.app.test_client()
    client.set_cookie("session", "eyJwZXJzb24iOiJ4In0.Zx1yzw.c2lnbmF0dXJl")
    assert client.get("/station").status_code == 302


def test_the_session_before_signing_in_is_not_the_one_after(demo: Demo) -> None:
    visitor = demo.browser()
    visitor.get("/sign-in")
    before = visitor.client.get_cookie("session")
    visitor.sign_in("station")
    assert before is not None
    other = demo.app.test_client()
    other.set_cookie("session", before.value)
    assert other.get("/station").status_code == 302
