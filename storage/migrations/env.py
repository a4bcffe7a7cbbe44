"""Runs migrations over the database that `storage.prepare` names; one process at a time."""

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, text

from storage.row_security import protect, unprotect
from storage.store import Store, newest_revision, revision_of
from storage.tables import metadata

MIGRATION_LOCK = 771_640_500  # any number that nothing else in the database locks


def run() -> None:
    """Migrate in one transaction. SQLite: BEGIN IMMEDIATE lines up two starters; PostgreSQL: an advisory lock."""
    store = Store(context.config.attributes["url"])
    connection = store.engine.connect().execution_options(sunshine_writes=True)
    postgres = connection.dialect.name == "postgresql"
    if not postgres:
        # It changes a table by making it anew, and a table that rows refer to could not be dropped. Not within a
        # transaction: there the pragma does nothing. https://sqlite.org/lang_altertable.html#otheralter
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    with connection, connection.begin():
        if postgres:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            before = revision_of(connection)
            if postgres and context.get_revision_argument() != before:
                unprotect(connection)  # policies would be in the way of what changes
            context.run_migrations()
            after = revision_of(connection)
            if not postgres and after != before:
                _check_references(connection)
            if postgres and after == newest_revision():
                protect(connection, context.config.attributes.get("service"))
    store.close()


def _check_references(connection: Connection) -> None:
    """Nothing is kept of a migration after which a row refers to one that is not there."""
    lost = {row[0] for row in connection.execute(text("PRAGMA foreign_key_check"))}
    if lost:
        raise CommandError(f"Rows in {', '.join(sorted(lost))} would refer to rows that are not there.")


run()
