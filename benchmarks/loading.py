"""Filling a PostgreSQL store quickly: without secondary indices, which are made at the end."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, text


def without_indices(connection: Connection, tables: Collection[str]) -> list[str]:
    """Take the secondary indices off these tables: the statements that make them again."""
    query = text(
        "SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made, c.conname,"
        " pg_get_constraintdef(c.oid) AS rule, i.indrelid::regclass::text AS of FROM pg_index i"
        " LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'u'"
        " WHERE i.indrelid::regclass::text = ANY(:names) AND NOT i.indisprimary"
    )
    again = []
    for row in connection.execute(query, {"names": list(tables)}).all():
        if row.conname is None:
            connection.execute(text(f"DROP INDEX {row.name}"))
            again.append(row.made)
        else:
            connection.execute(text(f"ALTER TABLE {row.of} DROP CONSTRAINT {row.conname}"))
            again.append(f"ALTER TABLE {row.of} ADD CONSTRAINT {row.conname} {row.rule}")
    return again


def finish(connection: Connection, indices: Iterable[str], numbered: Iterable[str]) -> None:
    """Make these indices, let the running numbers of these tables go on behind what was filled, gather statistics."""
    connection.execute(text("SET maintenance_work_mem = '512MB'"))
    for statement in indices:
        connection.execute(text(statement))
    for name in numbered:
        highest = f"SELECT setval(CAST('{name}_id_seq' AS regclass), (SELECT max(id) FROM {name}))"
        connection.execute(text(highest))
    connection.execute(text("VACUUM ANALYZE"))
