"""The command line as people use it, over stores of its own.

What a command says is asked of it in this process, because to start one takes longer than all it does; what only a
process of its own can prove - that each is there, serves, stops, and ends as told - is proved by one.
"""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, select, update

import storage
from scanners import workers
from storage.event_search import LONG_QUERIES
from storage.events import intern
from storage.tables import event, event_key
from tests.conftest import ROOT, Databases, make_database
from tests.servers import free_port, wait_for_port
from tests.storage.test_events import new, store_all
from tests.town import Town
from trace.cli import THREADS, cli
from trace.domain.permissions import Role
from trace.domain.uris import UriKind
from trace.services.demonstration import FILE, find_demonstration, load_demonstration
from trace.services.keys import find_actor_by_key


def environ(data: Path, **settings: str) -> dict[str, str]:
    """The environment of a command over a data folder, and on a port that no service of whoever runs the tests has."""
    own = {"SUNSHINE_DATA": str(data), "SUNSHINE_PORT": str(free_port()), "PYTHONPATH": str(ROOT)}
    return os.environ | own | settings


def command(data: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    line = [sys.executable, "-m", "trace.cli", *arguments]
    return subprocess.run(
        line, cwd=ROOT, env=environ(data, **settings), capture_output=True, text=True, check=False, timeout=120
    )


def said_here(data: Path, *arguments: str, **settings: str) -> Result:
    """Run a command in this process: its exit status and what it printed."""
    return CliRunner().invoke(cli, arguments, env=environ(data, **settings))


@contextmanager
def serving(data: Path, *arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The service as `./run serve` starts it: (process, port). Killed with its workers when the block ends."""
    port = free_port()
    line = [sys.executable, "-m", "trace.cli", "up", *(arguments or ("--port", str(port)))]
    with (data / "log").open("w+") as log:
        process = subprocess.Popen(
            line, cwd=ROOT, env=environ(data, SUNSHINE_PORT=str(port), **settings),
            stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            yield process, port
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def health(port: int) -> dict[str, object]:
    """What the service says of itself."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as answer:
        return dict(json.load(answer))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the demonstration in its store, for tests that only add to it."""
    data = tmp_path_factory.mktemp("filled") / "data"
    url = f"sqlite:///{data / 'sunshine.db'}"
    data.mkdir()
    storage.prepare(url)
    store = storage.open_store(url)
    load_demonstration(store, ZoneInfo("Asia/Shanghai"), datetime.now(UTC), data)
    store.close()
    return data


def test_serve_without_demonstration_shows_nobody_answers_and_stops_when_told_to(tmp_path: Path) -> None:
    with serving(tmp_path, SUNSHINE_DEMO="0") as (process, port):
        wait_for_port(port)
        assert health(port)["status"] == "ok"
        second = said_here(tmp_path, "up", "--port", str(port), SUNSHINE_DEMO="0")
        assert second.exit_code == 3
        assert re.search(rf"cannot listen on 127\.0\.0\.1:{port}: .*in use", second.stderr)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) in (0, -signal.SIGTERM)
    with pytest.raises(OSError, match="refused"):
        health(port)
    said = (tmp_path / "log").read_text()
    assert f"http://127.0.0.1:{port}/station" in said
    assert "password" not in said
    assert not (tmp_path / FILE).exists()


def test_every_start_shows_who_can_sign_in_to_a_demonstration(filled: Path) -> None:
    for _ in range(2):
        with serving(filled) as (_process, port):
            wait_for_port(port)
            health(port)
        said = (filled / "log").read_text()
        kept = json.loads((filled / FILE).read_text())
        assert kept["password"] in said
        assert all(text in said for text in (*kept["sign_ins"], *kept["keys"].values(), *kept["codes"].values()))
    assert stat.S_IMODE((filled / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("role", [role.value for role in Role])
def test_key_of_each_role_opens_the_store(filled: Path, role: str) -> None:
    made = said_here(filled, "key", "--role", role)
    assert made.exit_code == 0, made.stderr
    key = made.stdout.strip()
    assert re.fullmatch(r"st_[0-9a-f]{10}_[\w-]{43}", key)
    store = storage.open_store(f"sqlite:///{filled / 'sunshine.db'}")
    with store.reading() as session:
        actor = find_actor_by_key(session, key)
    store.close()
    assert actor is not None
    assert actor.role == role


def test_key_for_a_named_organisation_is_of_that_organisation(filled: Path) -> None:
    made = command(filled, "key", "--role", "clerk", "--organisation", "沙都生活超市应理店")
    assert made.returncode == 0, made.stderr
    store = storage.open_store(f"sqlite:///{filled / 'sunshine.db'}")
    with store.reading() as session:
        actor = find_actor_by_key(session, made.stdout.strip())
    store.close()
    assert actor is not None
    assert actor.organisation_name == "沙都生活超市应理店"


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--role", "king"), 2, "'king' is not one of"),
        ((), 2, "Missing option '--role'"),
        (("--role", "clerk", "--organisation", "不存在的店"), 1, "There is no organisation named 不存在的店."),
        (("--role", "inspector", "--organisation", "沙都生活超市应理店"), 1, "The role inspector does not belong"),
    ],
)
def test_key_that_cannot_be_made_is_refused(
    filled: Path, arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    refused = said_here(filled, "key", *arguments)
    assert (refused.exit_code, refused.stdout) == (status, "")
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_key_on_an_empty_store_is_for_the_platform_only_and_leaves_it_empty(tmp_path: Path) -> None:
    refused = command(tmp_path, "key", "--role", "clerk")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "No organisation fits the role clerk yet; register one first." in refused.stderr
    assert said_here(tmp_path, "key", "--role", "platform_administrator").stdout.startswith("st_")
    store = storage.open_store(f"sqlite:///{tmp_path / 'sunshine.db'}")
    shown = load_demonstration(store, ZoneInfo("Asia/Shanghai"), datetime.now(UTC), tmp_path)
    assert shown is not None, "the platform alone does not keep the demonstration away"
    assert find_demonstration(store, tmp_path) == shown
    store.close()


@pytest.mark.parametrize("name", ["up", "key --role clerk", "doctor"])
def test_wrong_setting_ends_every_command_with_one_sentence(tmp_path: Path, name: str) -> None:
    refused = said_here(tmp_path, *name.split(), SUNSHINE_PORT="http")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "SUNSHINE_PORT takes a whole number from 1 to 65535; 'http' came.\n"


def test_store_of_another_domain_is_refused(tmp_path: Path) -> None:
    assert said_here(tmp_path, "key", "--role", "platform_administrator").exit_code == 0
    refused = said_here(tmp_path, "key", "--role", "platform_administrator", SUNSHINE_ID_DOMAIN="id.other.example")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "SUNSHINE_ID_DOMAIN=id.sunshine-trace.example; id.other.example came. Set it back." in refused.stderr


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@127.0.0.1:1/none"])
def test_database_out_of_reach_is_one_sentence(tmp_path: Path, url: str) -> None:
    refused = said_here(tmp_path, "up", SUNSHINE_DATABASE_URL=url)
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert re.fullmatch(r"The database cannot be used: [^\n]+\n", refused.stderr)


def test_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sunshine.db").write_bytes(b"not a database at all " * 100)
    refused = said_here(tmp_path, "up")
    assert (refused.exit_code, refused.stdout) == (3, "")
    assert refused.stderr == "The database cannot be used: file is not a database\n"


def test_store_of_a_later_version_is_one_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sunshine.db'}"
    storage.prepare(url)
    store = storage.open_store(url)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    refused = command(tmp_path, "up")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert re.fullmatch(r"The database cannot be used: [^\n]*'9999'[^\n]*\n", refused.stderr)


def test_doctor_says_what_is_there(filled: Path) -> None:
    said = command(filled, "doctor")
    assert said.returncode == 0, said.stdout
    for line in (
        "reading engine zxing", "store: database", "store: objects", "keys of events", "kinds of identifiers",
    ):  # fmt: skip
        assert re.search(rf"^ok +{line}$", said.stdout, re.MULTILINE), said.stdout


def test_doctor_says_which_store_does_not_answer(tmp_path: Path) -> None:
    said = said_here(
        tmp_path,
        "doctor",
        SUNSHINE_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none",
        SUNSHINE_OBJECTS_URL="s3://key:secret@127.0.0.1:1/bucket?secure=0",
    )
    assert said.exit_code == 1
    assert re.search(r"^MISSING +store: database: \S", said.stdout, re.MULTILINE)
    assert re.search(r"^MISSING +store: objects: The photo store does not answer", said.stdout, re.MULTILINE)


def test_doctor_says_that_a_store_is_empty_or_of_another_version(tmp_path: Path) -> None:
    said = said_here(tmp_path, "doctor")
    assert re.search(r"^ok +store: database \(empty; ./run prepares it\)$", said.stdout, re.MULTILINE)
    assert "Error" not in said.output
    assert said.exit_code == 0
    url = f"sqlite:///{tmp_path / 'sunshine.db'}"
    storage.prepare(url)
    store = storage.open_store(url)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    store.close()
    said = said_here(tmp_path, "doctor")
    assert re.search(r"^MISSING +store: database: it is of version 0001, not \d+: ./run ", said.stdout, re.MULTILINE)
    assert said.exit_code == 1


def test_doctor_finds_what_is_kept_wrong_beside_the_events_and_mend_puts_it_right(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sunshine.db'}"
    storage.prepare(url)
    with closing(storage.open_store(url)) as store:
        actor = Town(store).organisation()
        with store.writing() as session:
            intern(session, {"https://id.gs1.org/01/06901234567892/21/S1": UriKind.PLACE})
            store_all(session, [new(1, actor, []), new(2, actor, [])])
            session.execute(delete(event_key).where(event_key.c.event == 1))
    told = said_here(tmp_path, "doctor").stdout
    for wanted in ("keys of events: 1 event(s) have no key", "kinds of identifiers: 1 are kept as another kind"):
        (line,) = (line for line in told.splitlines() if wanted in line)
        assert "./run mend (docs/operating.md, What doctor finds)" in line
    said = said_here(tmp_path, "mend").stdout
    assert re.fullmatch(
        r"was kept as another kind of thing: https://id.gs1.org/\S+\nEvery identifier is kept as what it is\.\n"
        r"The keys of all events were made anew\.\n",
        said,
    )
    told = said_here(tmp_path, "doctor").stdout
    assert len(re.findall("^ok +(?:keys of events|kinds of identifiers)$", told, re.MULTILINE)) == 2
    right = "Every identifier is kept as what it is.\nThe keys of events are right.\n"
    assert said_here(tmp_path, "mend").stdout == right


def test_events_that_are_stored_twice_are_told_and_not_mended(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'sunshine.db'}"
    storage.prepare(url)
    with closing(storage.open_store(url)) as store:
        actor = Town(store).organisation()
        with store.writing() as session:
            store_all(session, [new(1, actor, []), new(2, actor, [])])
            key = session.scalars(select(event.c.id_key).where(event.c.id == 1)).one()
            session.execute(update(event).values(id_key=key))
            session.execute(update(event_key).values(id_key=key, stage=event_key.c.event))
    assert "keys of events: 1 event(s) are stored twice: nothing mends that" in said_here(tmp_path, "doctor").stdout
    refused = said_here(tmp_path, "mend")
    assert (refused.exit_code, refused.stdout) == (1, "Every identifier is kept as what it is.\n")
    assert refused.stderr.startswith("Error: Events are stored twice: nothing mends that; restore a backup")


def test_threads_are_left_for_the_desks_when_no_more_photos_and_long_queries_are_taken() -> None:
    assert workers.CORES + workers.WAITING + LONG_QUERIES < THREADS


def test_wrong_setting_ends_the_wsgi_application_with_one_sentence(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-c", "import trace.wsgi"],
        cwd=ROOT, env=environ(tmp_path, SUNSHINE_DEMO="maybe"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert refused.stderr == "SUNSHINE_DEMO takes 1 or 0; 'maybe' came.\n"


def test_what_a_command_logs_is_not_in_what_it_prints(databases: Databases, tmp_path: Path) -> None:
    url = make_database(databases, "postgresql")
    with databases.opened(url) as store, store.engine.begin() as connection:  # its first try loses against somebody
        connection.exec_driver_sql("CREATE SEQUENCE tries")
        lose = "BEGIN IF nextval('tries') = 1 THEN RAISE 'lost' USING ERRCODE = '40001'; END IF; RETURN NEW; END"
        connection.exec_driver_sql(f"CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $${lose}$$")
        connection.exec_driver_sql("CREATE TRIGGER lose BEFORE INSERT ON api_key FOR EACH ROW EXECUTE FUNCTION lose()")
    said = command(tmp_path, "key", "--role", "platform_administrator", SUNSHINE_DATABASE_URL=url)
    assert re.fullmatch(r"[\w-]+\n", said.stdout), said.stdout
    assert json.loads(said.stderr)["event"] == "run_again"
