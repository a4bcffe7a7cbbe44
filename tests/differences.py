"""What in a database is not as the code's tables say."""

from collections.abc import Sequence
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from storage.store import Store
from storage.tables import embedded, metadata


def tables_of(backend: str) -> list[MetaData]:
    """The code's tables on one of the databases."""
    return [metadata, embedded] if backend == "sqlite" else [metadata]


def differences(store: Store, tables: MetaData | None = None) -> list[object]:
    """What in a database is not as in these tables, else those of the code."""
    backend = store.engine.dialect.name
    wanted: Any = tables or tables_of(backend)

    def is_compared(thing: Any, _name: Any, _kind: Any, _is_reflected: bool, _other: Any) -> bool:
        only = getattr(thing, "_ddl_if", None)  # Alembic does not ask for it
        return only is None or only.dialect == backend

    with store.engine.connect() as connection:
        options = {"compare_type": True, "include_object": is_compared}
        found: Sequence[object] = compare_metadata(MigrationContext.configure(connection, opts=options), wanted)
    return list(found)
