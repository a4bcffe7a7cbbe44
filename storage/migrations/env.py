"""Runs migrations over the database that `storage.prepare` names; one process at a time."""

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, text

from storage.store import Store
from storage.tables import metadata

MIGRATION_LOCK = 771_640_500  # any number that nothing else in the database locks


def run() -> None:
    """Migrate in one transaction. SQLite: BEGIN IMMEDIATE lines up two starters; PostgreSQL: an advisory lock."""
    store = Store(context.config.attributes["url"])
    connection = store.engine.connect().execution_options(sunshine_writes=True)
    if connection.dialect.name == "sqlite":
        # It changes a table by making it anew, and a table that rows refer to could not be dropped. Not within a
        # transaction: there the pragma does nothing. https://sqlite.org/lang_altertable.html#otheralter
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    with connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            before = context.get_context().get_current_revision()
            context.run_migrations()
            if connection.dialect.name == "sqlite" and context.get_context().get_current_revision() != before:
                _check_references(connection)
    store.close()


def _check_references(connection: Connection) -> None:
    """Nothing is kept of a migration after which a row refers to one that is not there."""
    lost = {row[0] for row in connection.execute(text("PRAGMA foreign_key_check"))}
    if lost:
        raise CommandError(f"Rows in {', '.join(sorted(lost))} would refer to rows that are not there.")


run()
