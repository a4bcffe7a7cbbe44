"""Every failure becomes a problem document for a machine and a page for a person, and none becomes another failure."""

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, abort, redirect, session
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable, TooManyRequests

from tests.conftest import Databases, make_database, settings_for
from trace import create_app
from trace.domain import failures
from trace.domain.failures import Failure
from trace.errors import STATUS, TITLES, status_of
from trace.web.access import public

PERSON = {"Accept": "text/html", "Accept-Language": "en"}
MACHINE = {"Accept": "application/json", "Accept-Language": "en"}


class Teapot(HTTPException):
    """A status that no list knows."""

    code = 499
    description = "The caller went away."


class SecretError(Exception):
    """A fault of ours whose text must stay inside."""


FAULTS: dict[str, Exception] = {
    "unforeseen": SecretError("password hunter2"),
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "broken": OSError(errno.EIO, "hunter2"),
    "busy": OperationalError("SELECT hunter2", {}, Exception("database is locked")),
    "odd": Teapot(),
    "range": RequestedRangeNotSatisfiable(length=7),
    "many": TooManyRequests(),
    "unsaid": failures.NotFound("{what} is not there.", which="it"),  # whose sentence cannot be said
}


@pytest.fixture(scope="module")
def app(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application, with views that fail in every way."""
    made = create_app(settings_for(make_database(databases, "sqlite"), tmp_path_factory.mktemp("errors")))

    @made.get("/fail/<how>")
    @public
    def fail(how: str) -> Any:
        if how.isdigit():
            abort(int(how))
        raise FAULTS[how]

    @made.get("/away")
    @public
    def away() -> Any:
        abort(redirect("/elsewhere", 307))

    @made.get("/remember")
    @public
    def remember() -> str:
        session["person"] = "nobody"
        return "remembered"

    @made.get("/slash/")
    @public
    def slash() -> str:
        return "here"

    yield made
    made.extensions["sunshine"].store.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without a session."""
    return app.test_client()


KINDS = [kind for kind in vars(failures).values() if isinstance(kind, type) and issubclass(kind, Failure)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Failure])
def test_every_failure_has_a_status_and_every_status_a_title(kind: type[Failure]) -> None:
    assert status_of(kind("text")) == STATUS[kind]
    assert STATUS[kind] in TITLES


@pytest.mark.parametrize(
    "status", [400, 403, 404, 405, 406, 409, 410, 413, 415, 418, 422, 428, 431, 451, 501, 502, 504]
)
@pytest.mark.parametrize("reader", [PERSON, MACHINE], ids=["person", "machine"])
def test_every_status_is_told_to_people_and_machines(client: FlaskClient, status: int, reader: dict[str, str]) -> None:
    answer = client.get(f"/fail/{status}", headers=reader)
    assert answer.status_code == status
    if reader is PERSON:
        assert answer.mimetype == "text/html"
        assert "</html>" in answer.text
    else:
        assert answer.mimetype == "application/problem+json"
        assert answer.json is not None
        assert answer.json["status"] == status
        assert answer.json["title"]
        assert answer.json["detail"]


def test_status_that_no_list_knows_is_told_all_the_same(client: FlaskClient) -> None:
    answer = client.get("/fail/odd", headers=MACHINE)
    assert (answer.status_code, answer.json["detail"]) == (499, "The caller went away.")  # type: ignore[index]
    assert client.get("/fail/odd", headers=PERSON).status_code == 499


@pytest.mark.parametrize("how", ["unforeseen", "broken", "500"])
@pytest.mark.parametrize("reader", [PERSON, MACHINE], ids=["person", "machine"])
def test_fault_of_ours_says_its_number_and_nothing_else(client: FlaskClient, how: str, reader: dict[str, str]) -> None:
    answer = client.get(f"/fail/{how}", headers=reader)
    assert answer.status_code == 500
    assert f"The report has the number {answer.headers['X-Request-ID']}" in answer.text
    assert "hunter2" not in answer.text


def test_fault_while_a_refusal_is_answered_is_told_in_the_log_with_its_story(client: FlaskClient) -> None:
    with capture_logs() as entries:
        assert client.get("/fail/unsaid", headers=MACHINE).status_code == 500
    (told,) = [entry for entry in entries if entry["event"] == "unforeseen"]
    assert told["kind"] == "KeyError"


@pytest.mark.parametrize("how", ["unforeseen", "404", "busy", "full"])
def test_page_of_errors_that_fails_does_not_fail_again(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setitem(app.jinja_env.globals, "say", None)
    monkeypatch.setattr(app.jinja_env, "loader", None)  # no template can be found any more
    monkeypatch.setattr(app.jinja_env, "cache", None)
    answer = client.get(f"/fail/{how}", headers=PERSON)
    assert answer.status_code == {"unforeseen": 500, "404": 404, "busy": 503, "full": 507}[how]
    assert answer.mimetype == "text/html"
    assert "<h1>" in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("reader", [PERSON, MACHINE], ids=["person", "machine"])
def test_busy_store_says_when_to_try_again_and_no_statement(client: FlaskClient, reader: dict[str, str]) -> None:
    answer = client.get("/fail/busy", headers=reader)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert "hunter2" not in answer.text


def test_full_disk_is_told(client: FlaskClient) -> None:
    answer = client.get("/fail/full", headers=MACHINE)
    assert answer.status_code == 507
    assert "The disk is full" in answer.text


@pytest.mark.parametrize("reader", [PERSON, MACHINE], ids=["person", "machine"])
def test_headers_that_a_refusal_needs_survive(client: FlaskClient, reader: dict[str, str]) -> None:
    assert client.get("/fail/range", headers=reader).headers["Content-Range"] == "bytes */7"
    assert client.get("/fail/many", headers=reader).headers["Retry-After"] == "60"
    wrong_method = client.post("/slash/", headers=reader)
    assert wrong_method.status_code == 405
    assert set(wrong_method.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_redirects_lead_on(client: FlaskClient) -> None:
    for path, status, to in (("/away", 307, "/elsewhere"), ("/slash", 308, "/slash/")):
        answer = client.get(path, headers=PERSON)
        assert (answer.status_code, answer.headers["Location"].removeprefix("http://localhost")) == (status, to)


@pytest.mark.parametrize("path", ["/no-such-page", "/static/no-such-file.css", "/static/", "/static/../config.py"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_is_not_there_is_a_page_that_nobody_keeps(client: FlaskClient, path: str, method: str) -> None:
    answer = client.open(path, method=method, headers=PERSON)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert answer.headers["Cache-Control"] == "no-store"
    assert bool(answer.data) == (method == "GET")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_person_who_is_not_signed_in_is_led_to_the_sign_in_and_back(client: FlaskClient, method: str) -> None:
    answer = client.open("/station?receipt=7", method=method, headers=PERSON)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/station?receipt%3D7")


def test_form_of_a_person_who_is_not_signed_in_is_a_page(client: FlaskClient) -> None:
    answer = client.post("/station/receive", headers=PERSON)
    assert (answer.status_code, answer.mimetype) == (401, "text/html")


def test_machine_without_a_key_is_told_how_to_bring_one(client: FlaskClient) -> None:
    answer = client.get("/api/v1/receipts")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(("forwarded", "secure"), [("https", True), ("http", False), (None, False)])
def test_session_cookie_is_secure_once_it_came_by_https(
    client: FlaskClient, forwarded: str | None, secure: bool
) -> None:
    answer = client.get("/remember", headers={"X-Forwarded-Proto": forwarded} if forwarded else {})
    cookie = answer.headers["Set-Cookie"]
    assert ("; Secure" in cookie) == secure
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie


def test_every_answer_has_a_number_and_the_headers_that_guard_it(client: FlaskClient) -> None:
    numbers = set()
    for path in ("/", "/fail/404", "/fail/unforeseen", "/static/site.css", "/health"):
        answer = client.get(path, headers=PERSON)
        numbers.add(answer.headers["X-Request-ID"])
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(numbers) == 5


def test_address_that_no_view_should_see_is_refused(client: FlaskClient) -> None:
    assert client.get("/t/a%00b", headers=PERSON).status_code == 400
    assert client.get("/t/" + "a" * 9_000, headers=PERSON).status_code == 400
