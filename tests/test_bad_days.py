"""Bad days: the database gone, the disk full, the clock put back. Nothing acknowledged is lost or doubled."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from storage import pulse
from storage.store import driver_url, open_store
from tests.conftest import Databases
from tests.servers import NOBODY, database_gone, database_silent
from tests.web.conftest import Demo, demonstration
from tests.web.epcis.conftest import Partner, event
from tests.web.test_suppliers import DOUBTFUL
from trace.web.parts import Parts
from trace.web.signing import PUT_BACK, SteadySigner

MEBIBYTE = 1024 * 1024


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Path]:
    """A disk of its own with so much room, where PostgreSQL gets at it; a skip where none can be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="sunshine-disk-", dir="/tmp"))
    folder.chmod(0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=777", "sunshine", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("a full disk: only root may mount one")
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)  # whom the server runs as
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@contextmanager
def no_room(disk: Path) -> Iterator[None]:
    """While the block runs, not a byte is free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = MEBIBYTE
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
        yield
    ballast.unlink()


def count_events(demo: Demo) -> int:
    """How many events are stored."""
    with demo.store.reading() as session:
        return int(session.execute(text("SELECT count(*) FROM event")).scalar_one())


def wait_for_lock(url: str) -> None:
    """Return when somebody waits for a lock in this database."""
    waits = text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    engine = create_engine(driver_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        while connection.execute(waits).first() is None:
            pass
    engine.dispose()


def check_unavailable(answer: TestResponse) -> None:
    """Nothing was recorded, and the answer says when to try again."""
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3"), answer.text


def check_full(answer: TestResponse) -> None:
    """There was no room, and the answer says so."""
    assert answer.status_code == 507, answer.text


def until_it_recovers(ask: Callable[[], TestResponse]) -> TestResponse:
    """The first answer that is no 503: a database that starts again first looks through its log."""
    while (answer := ask()).status_code == 503:
        check_unavailable(answer)
    return answer


@pytest.fixture
def on_postgresql(databases: Databases, tmp_path: Path) -> Iterator[Demo]:
    with demonstration(databases, "postgresql", tmp_path) as demo:
        yield demo


def test_a_database_that_is_gone_is_told_and_comes_back_by_itself(on_postgresql: Demo) -> None:
    demo, partner, made = on_postgresql, Partner(on_postgresql, "clerk"), event()
    url = demo.app.extensions["sunshine"].settings.owner_url
    before = count_events(demo)
    browser = demo.browser("station")
    holder = create_engine(driver_url(url))
    with ThreadPoolExecutor(1) as threads, holder.connect() as held:
        held.execute(text("LOCK TABLE event IN ACCESS EXCLUSIVE MODE"))
        in_hand = threads.submit(partner.capture, made)
        wait_for_lock(url)
        with database_gone(url):
            held.invalidate()
            check_unavailable(in_hand.result())
            for ask in (
                lambda: partner.capture(made),
                lambda: demo.get("/stock"),
                lambda: demo.client.get("/t/81502310064000000010"),
                lambda: browser.get("/station/stock"),
            ):
                check_unavailable(ask())
            assert demo.client.get("/health/live").status_code == 200
            assert demo.client.get("/health/ready").json["status"] == "failing"
            check_unavailable(demo.client.get("/health/ready"))
            assert "\nsunshine_database_up 0.0\n" in demo.client.get("/metrics").text
    holder.dispose()
    assert until_it_recovers(lambda: partner.capture(made)).status_code == 202
    assert partner.capture(made).status_code == 202, "as who heard no answer sends it again"
    assert count_events(demo) == before + 1
    assert browser.get("/station/stock").status_code == 200
    assert demo.client.get("/health/ready").status_code == 200


def test_a_database_that_stands_still_is_told_and_keeps_nobody_waiting_until_it_goes_on(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "SILENCE", 0.5)
    with demonstration(databases, "postgresql", tmp_path) as demo, ThreadPoolExecutor(12) as threads:
        partner, made = Partner(demo, "clerk"), [event() for _ in range(12)]
        assert [answer.status_code for answer in threads.map(partner.capture, made)] == [202] * 12  # all are connected
        before, made = count_events(demo), [event() for _ in range(12)]
        url = demo.app.extensions["sunshine"].settings.owner_url
        with capture_logs() as entries, database_silent(url) as over:
            for answer in threads.map(partner.capture, made):
                check_unavailable(answer)
            for ask in (lambda: partner.capture(made[0]), lambda: demo.get("/stock")):
                check_unavailable(ask())
            assert demo.client.get("/health/live").status_code == 200
            check_unavailable(demo.client.get("/health/ready"))
            assert not over.is_set(), "nobody waited until it went on"
        assert [entry["event"] for entry in entries].count("database_silent") == 1
        assert until_it_recovers(lambda: demo.get("/stock")).status_code == 200
        assert [answer.status_code for answer in threads.map(partner.capture, made)] == [202] * 12
        assert count_events(demo) == before + 12


def test_look_that_takes_too_long_is_given_up_and_told_and_what_writes_or_works_is_not(on_postgresql: Demo) -> None:
    demo = on_postgresql
    parts: Parts = demo.app.extensions["sunshine"]
    demo.app.extensions["sunshine"] = replace(parts, settings=replace(parts.settings, statement_seconds=0.2))
    browser, limit = demo.browser("station"), text("SHOW statement_timeout")
    holder = create_engine(driver_url(parts.settings.owner_url))
    with holder.connect() as held:
        held.execute(text("LOCK TABLE stock IN ACCESS EXCLUSIVE MODE"))
        for ask in (lambda: demo.get("/stock"), lambda: browser.get("/station/stock")):
            check_unavailable(answer := ask())
            assert "花费时间过长" in answer.text
    holder.dispose()
    assert demo.get("/stock").status_code == 200
    with parts.store.within(0.2).writing() as session:
        assert session.scalar(limit) == "0"
    with parts.store.within(0.2).reading() as session:
        assert session.scalar(limit) == "200ms"
    with parts.store.reading() as session:  # as a worker does
        assert session.scalar(limit) == "0"


def test_look_without_an_end_is_given_up_on_sqlite_too(databases: Databases, tmp_path: Path) -> None:
    endless = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n)"
    with demonstration(databases, "sqlite", tmp_path) as demo:
        parts: Parts = demo.app.extensions["sunshine"]
        demo.app.extensions["sunshine"] = replace(parts, settings=replace(parts.settings, statement_seconds=0.2))
        browser = demo.browser("station")
        with demo.owner.writing() as session:
            session.execute(text("ALTER TABLE stock RENAME TO in_stock"))
            session.execute(text(f"CREATE VIEW stock AS SELECT * FROM in_stock WHERE {endless} > 0"))
        for ask in (lambda: demo.get("/stock"), lambda: browser.get("/station/stock")):
            check_unavailable(answer := ask())
            assert "花费时间过长" in answer.text
        with demo.owner.writing() as session:
            session.execute(text("DROP VIEW stock"))
            session.execute(text("ALTER TABLE in_stock RENAME TO stock"))
        assert demo.get("/stock").status_code == 200


class ClockAhead(SteadySigner):
    """A signer of this machine whose clock was ahead until it was put back."""

    seconds = 3600

    def get_timestamp(self) -> int:
        """The time of that clock."""
        return super().get_timestamp() + self.seconds


@pytest.mark.parametrize(("seconds", "status"), [(3600, 200), (2 * PUT_BACK, 302), (-40 * 24 * 3600, 302)])
def test_nobody_is_signed_out_because_the_clock_was_put_back(
    databases: Databases, tmp_path: Path, seconds: int, status: int
) -> None:
    with demonstration(databases, "sqlite", tmp_path) as demo:
        browser, app = demo.browser("station"), demo.app
        sealed = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        cookie = browser.client.get_cookie("session")
        assert cookie is not None
        kept = sealed.loads(cookie.value)
        sealed.signer = type("Clock", (ClockAhead,), {"seconds": seconds})
        browser.client.set_cookie("session", sealed.dumps(kept))
        assert browser.get("/station").status_code == status


@pytest.mark.parametrize("seconds", [3600, -20 * 24 * 3600])
def test_form_that_was_opened_before_the_clock_stepped_is_taken(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    with demonstration(databases, "sqlite", tmp_path) as demo:
        present = TimestampSigner.get_timestamp
        with monkeypatch.context() as other:
            other.setattr(TimestampSigner, "get_timestamp", lambda signer: present(signer) + seconds)
            browser = demo.browser("manager")
        answer = browser.post("/suppliers/new", DOUBTFUL | {"override_reason": "证件上如此"})
        assert answer.status_code == 303, answer.text


def test_page_of_events_goes_on_after_the_clock_was_put_back(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with demonstration(databases, "sqlite", tmp_path) as demo:
        present = TimestampSigner.get_timestamp
        with monkeypatch.context() as other:
            other.setattr(TimestampSigner, "get_timestamp", lambda signer: present(signer) + 3600)
            first = demo.client.get("/epcis/v2/events?perPage=1", headers=demo.headers("clerk"))
        following = first.headers["Link"].partition("<")[2].partition(">")[0]
        assert demo.client.get(following, headers=demo.headers("clerk")).status_code == 200


def fill_up_and_recover(demo: Demo, disk: Path) -> None:
    """What happens at a full disk, and when there is room again."""
    partner, many = Partner(demo, "clerk"), [event() for _ in range(900)]
    before = count_events(demo)
    with no_room(disk):
        check_full(partner.capture(*many))
        check_full(partner.capture(*many))
        assert demo.get("/stock").status_code == 200, "what is there can be read"
        assert count_events(demo) == before
    for _ in range(2):
        assert partner.capture(*many).status_code == 202
    assert count_events(demo) == before + len(many)


def test_a_full_disk_under_sqlite_is_told_and_recovers(databases: Databases, tmp_path: Path) -> None:
    with small_disk(64) as disk, demonstration(databases, "sqlite", tmp_path) as demo:
        demo.store.close()
        shutil.copy(demo.store.url.removeprefix("sqlite:///"), disk / "sunshine.db")
        demo.store = open_store(f"sqlite:///{disk / 'sunshine.db'}")
        parts: Parts = demo.app.extensions["sunshine"]
        demo.app.extensions["sunshine"] = replace(parts, store=demo.store)
        fill_up_and_recover(demo, disk)
        with demo.store.reading() as session:
            assert session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        demo.store.close()


def test_a_full_disk_under_postgresql_is_told_and_recovers(databases: Databases, tmp_path: Path) -> None:
    with small_disk(128) as disk:
        with demonstration(databases, "postgresql", tmp_path) as demo:
            demo.store.close()
            name = demo.store.url.rpartition("/")[2]
            with databases._connected("postgres") as connection:
                connection.execute(text(f"CREATE TABLESPACE small LOCATION '{disk}'"))
                connection.execute(text(f"ALTER DATABASE {name} SET TABLESPACE small"))
            fill_up_and_recover(demo, disk)
        with databases._connected("postgres") as connection:
            connection.execute(text("DROP TABLESPACE small"))
