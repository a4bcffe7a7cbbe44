"""The log tells what happened to whom it helps, and never a password, a key, a cookie, a name or a code."""

import json
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import BytesIO, StringIO
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from tests.scanners.drawing import corner_marked, file_of
from tests.web.conftest import Demo
from trace.log import set_up_log

CODE = "81502310064000000010"
PRESCRIPTION = "CF-7788-SECRET"


@pytest.fixture
def log(demo: Demo) -> Iterator[StringIO]:
    """What the application writes to its log, as it writes it."""
    set_up_log()
    written = StringIO()
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=written))
    yield written
    set_up_log()


def break_store(demo: Demo) -> None:
    """Take away tables that nearly everything reads: each request is now a fault of ours."""
    with demo.owner.writing() as session:
        for table in ("lot", "product", "lookup_log", "dispensing", "scan"):
            session.execute(text(f"ALTER TABLE {table} RENAME TO gone_{table}"))


def secrets_of(demo: Demo) -> list[str]:
    """What must never be in a log: credentials, people, codes, whatever callers typed."""
    keys, settings = list(demo.shown.keys.values()), demo.app.extensions["sunshine"].settings
    return [
        *keys,
        settings.secret_key,
        settings.database_url,
        *(key.split("_", 2)[2] for key in keys),
        demo.shown.password,
        "wrong-password-1",
        "somebody-unknown",
        CODE,
        PRESCRIPTION,
        "收货员",
        "药师",
        "店长",
        "投诉人张",
        "new-colleague",
        "another-password-1",
        "王某某",
        "eyJ",
        "csrf",
        "photo-of-me",
    ]


def use(demo: Demo) -> set[int]:
    """A day at the desks: signing in right and wrong, keys, codes, people, photos; the statuses that came."""
    statuses = set()
    visitor = demo.browser()
    statuses.add(visitor.sign_in("station").status_code)
    for path in (
        "/station",
        "/station/stock",
        "/station/receive?code=" + CODE,
        "/inspector/trace?code=" + CODE,
        "/t/" + CODE,
    ):
        statuses.add(visitor.get(path).status_code)
    stranger = demo.browser()
    stranger.password = "wrong-password-1"
    for who in ("station", "somebody-unknown"):
        statuses.add(stranger.sign_in(who).status_code)
    colleague = {"sign_in": "new-colleague", "name": "王某某", "password": "another-password-1", "role": "clerk"}
    photo = (BytesIO(file_of(corner_marked())), "photo-of-me.jpg")
    for answer in (
        demo.get("/me", None, headers={"Authorization": f"Bearer {demo.shown.keys['clerk']}x"}),
        demo.get("/me", None, headers={"X-API-Key": demo.shown.keys["clerk"]}),
        demo.get("/me", headers={"X-Request-ID": PRESCRIPTION, "User-Agent": "somebody-unknown", "Referer": CODE}),
        demo.client.get("/metrics", headers={"Authorization": "Bearer wrong-password-1", "X-Forwarded-For": "9.9.9.9"}),
        demo.get("/trace", "inspector", query_string={"code": CODE, "reason": "投诉人张"}),
        demo.get(f"/search?text={CODE}&reason=投诉人张", "inspector"),
        demo.post(
            "/dispensings", {"codes": [CODE], "prescription": PRESCRIPTION, "client_key": PRESCRIPTION}, "pharmacist"
        ),
        demo.post("/dispensings", {"codes": [CODE], "prescription": PRESCRIPTION}, "pharmacist"),
        demo.post("/people", colleague, "organisation_administrator"),
        demo.post("/people", colleague, "organisation_administrator"),
        demo.post("/keys", {"role": "clerk", "label": "王某某"}, "organisation_administrator"),
        demo.call("POST", "/scans", data={"photo": photo}),
        demo.call("POST", "/hops/sell", data=('{"goods": "' + CODE).encode(), content_type="application/json"),
    ):
        statuses.add(answer.status_code)
    return statuses


def check(log: StringIO, demo: Demo) -> list[dict[str, object]]:
    """The entries, after a look for what must not be in them."""
    told = log.getvalue()
    assert [secret for secret in secrets_of(demo) if secret in told] == []
    return [json.loads(line) for line in told.splitlines()]


def test_a_day_at_the_desks_leaves_no_secret_and_nobodys_name_in_the_log(demo: Demo, log: StringIO) -> None:
    assert {200, 201, 302, 400, 401, 409} <= use(demo)
    entries = check(log, demo)
    assert len(entries) > 15
    for entry in entries:
        assert entry.keys() >= {"event", "level", "timestamp", "request_id"}
        assert entry["event"] != "request" or entry["milliseconds"] > 0
    assert {"/station/stock", "/api/v1/scans", "/t/<path:text>"} <= {entry["route"] for entry in entries}


def test_a_fault_of_ours_is_told_whole_but_for_what_was_in_it(demo: Demo, log: StringIO) -> None:
    break_store(demo)
    assert 500 in use(demo)
    entries = check(log, demo)
    faults = [entry for entry in entries if entry["event"] == "unforeseen"]
    assert len(faults) > 3
    for fault in faults:
        assert "Traceback" in str(fault["exception"])
        assert fault["level"] == "error"


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_a_damaged_store_is_a_fault_with_a_number_and_no_secret(demo: Demo, log: StringIO) -> None:
    demo.store.close()
    path = Path(demo.app.extensions["sunshine"].settings.database_url.removeprefix("sqlite:///"))
    path.write_bytes(b"\xde\xad" * 2_000)
    answer = demo.get("/stock")
    assert answer.status_code in (500, 503)
    assert answer.mimetype == "application/problem+json"
    entries = check(log, demo)
    assert answer.headers["X-Request-ID"] in {entry["request_id"] for entry in entries}


def test_the_log_follows_standard_error_when_that_goes_somewhere_else() -> None:
    with StringIO() as closed_since, redirect_stderr(closed_since):
        set_up_log()
    with StringIO() as here, redirect_stderr(here):
        structlog.get_logger().warning("said_now")
        assert json.loads(here.getvalue())["event"] == "said_now"
