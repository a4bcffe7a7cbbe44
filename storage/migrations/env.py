"""Runs migrations over the database that `storage.prepare` names; one process at a time."""

from alembic import context
from sqlalchemy import text

from storage.row_security import protect, unprotect
from storage.store import Store, newest_revision, revision_of
from storage.tables import metadata

MIGRATION_LOCK = 771_640_500  # any number that nothing else in the database locks


def run() -> None:
    """Migrate in one transaction. SQLite: BEGIN IMMEDIATE lines up two starters; PostgreSQL: an advisory lock."""
    store = Store(context.config.attributes["url"])
    connection = store.engine.connect().execution_options(sunshine_writes=True)
    with connection, connection.begin():
        postgres = connection.dialect.name == "postgresql"
        if postgres:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            if postgres and context.get_revision_argument() != revision_of(connection):
                unprotect(connection)  # else it would be in the way of what changes
            context.run_migrations()
            if postgres and revision_of(connection) == newest_revision():
                protect(connection, context.config.attributes.get("service"))
    store.close()


run()
