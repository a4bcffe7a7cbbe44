"""Row-level security on PostgreSQL: a policy on every table, and a service that owns nothing.

`protect` is called by `storage.prepare` after the migrations, so that a new table is never without: what a row must be
to be seen stands here, one line a table, and a test finds the table that has none. The service's role gets no more than
it needs; facts it can only add.
"""

import hashlib

from sqlalchemy import Connection, text

from storage.tables import metadata
from storage.tenancy import SETTING

# Seen with any sight: events and what they name, registers that all share, and the service's own books.
SHARED = frozenset(
    {
        "event", "event_document", "event_item", "event_mention", "event_party", "event_vocabulary",
        "event_withdrawn", "ident", "stock_unmoved",
        "organisation", "place", "product", "product_code", "product_change", "maker_code", "lot", "lot_change",
        "paper_head", "rule_entry", "store_setting", "recall", "recall_lot",
        "object", "record_key", "dispensing_head", "licence", "business_block",
        # Papers travel with the goods (食品安全法 Art. 53): who holds the lot sees them; the WHERE says who that is.
        "certificate", "certificate_holder", "certificate_lot", "certificate_source",
    }
)  # fmt: skip
# One of these columns names whose the row is.
OWNERS = {
    "inspection": ("organisation", "inspected_by"),
    "job_decision": ("organisation", "whose"),
    "transit": ("sender", "receiver"),
}
# Nobody's are the service's own.
OR_NOBODYS = frozenset({"job"})
# Headquarters' are its shops', too: who works in their name and reviews for them, first checks and prices of drugs.
OF_CHAIN = frozenset({"duty", "person", "pharmacist", "product_check", "selling_price"})
# Part of a row of another table, and seen with it: (column, table, its column).
PARTS = {
    "acceptance_code": ("acceptance", "acceptance", "id"),
    "acceptance_line": ("acceptance", "acceptance", "id"),
    "attributed_lot": ("sale", "attributed_sale", "id"),
    "care_check_line": ("care_check", "care_check", "id"),
    "certificate_use": ("receipt", "receipt", "id"),
    "climate_action": ("zone", "storage_zone", "id"),
    "climate_reading": ("zone", "storage_zone", "id"),
    "dish_lot": ("dish", "dish", "id"),
    "drug_sale_line": ("sale", "drug_sale", "id"),
    "export_answer": ("export_file", "export_file", "id"),
    "export_entry": ("target", "export_target", "id"),
    "purchase_order_line": ("purchase_order", "purchase_order", "id"),
    "receipt_line": ("receipt", "receipt", "id"),
    "receipt_scan": ("receipt", "receipt", "id"),
    "stocktake_count": ("stocktake", "stocktake", "id"),
    "supplier_licence": ("supplier", "supplier", "id"),
}
# Only ever added (design: facts are insert-only); their rights end there.
FACTS = ("event", "event_document", "event_item", "event_mention", "event_party", "event_withdrawn")
_SEES = f"""
CREATE OR REPLACE FUNCTION sunshine_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT current_setting('{SETTING}', true) = 'all' $$;
CREATE OR REPLACE FUNCTION sunshine_sees() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN current_setting('{SETTING}', true) ~ '^[0-9]+$'
          THEN CAST(current_setting('{SETTING}', true) AS bigint) END $$;
"""
_WRITTEN = text("SELECT obj_description(CAST(to_regprocedure('sunshine_sees()') AS oid), 'pg_proc')")
_IS_ABOVE = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
_TABLES = "FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'"
_OWNS = text(f"SELECT EXISTS (SELECT 1 {_TABLES} AND pg_has_role(relowner, 'USAGE'))")
_WITHOUT = text(
    f"SELECT relname {_TABLES} AND relname <> 'alembic_version' AND NOT relrowsecurity ORDER BY relname LIMIT 3"
)
# In brackets, so that it is asked once a statement and not once a row.
_HEADQUARTERS = "(SELECT headquarters FROM organisation WHERE id = sunshine_sees())"
_ALL, _ONE = "(SELECT sunshine_sees_all())", "(SELECT sunshine_sees())"


def condition(table: str) -> str:
    """What a row of a table must be to be seen; raises `KeyError` for a table nobody thought about."""
    if table in SHARED:
        return f"{_ALL} OR {_ONE} IS NOT NULL"
    if table in PARTS:
        column, whole, key = PARTS[table]
        return f"{_ALL} OR EXISTS (SELECT 1 FROM {whole} AS whole WHERE whole.{key} = {table}.{column})"  # noqa: S608
    if table in OF_CHAIN:
        return f"{_ALL} OR organisation = {_ONE} OR organisation = {_HEADQUARTERS}"
    if table in OR_NOBODYS:
        return f"{_ALL} OR organisation = {_ONE} OR (organisation IS NULL AND {_ONE} IS NOT NULL)"
    owners = OWNERS.get(table, ("organisation",))
    if not set(owners) <= set(metadata.tables[table].columns.keys()):
        raise KeyError(f"storage.row_security: no policy for the table {table}")
    return " OR ".join((_ALL, *(f"{column} = {_ONE}" for column in owners)))


def condition_to_write(table: str) -> str:
    """What a row of a table must be to be written: a shop sees what is its headquarters', and leaves it as it is."""
    return f"{_ALL} OR organisation = {_ONE}" if table in OF_CHAIN else condition(table)


def protect(connection: Connection, service: str | None) -> None:
    """Policies on all tables, and the rights of the role `service` where there is one; harmless when done before.

    Two that do it at once are lined up by the lock of migrations, which the caller holds (`storage/migrations/env.py`).
    """
    script = _policies()
    digest = hashlib.sha256(script.encode()).hexdigest()
    if connection.execute(_WRITTEN).scalar_one() != digest:
        unprotect(connection)
        connection.exec_driver_sql(f"{script}; COMMENT ON FUNCTION sunshine_sees() IS '{digest}'")
    if service is not None:
        _grant(connection, service)


def unprotect(connection: Connection) -> None:
    """Take all policies away: a migration may then change and drop what they name."""
    for table, policy in connection.execute(text("SELECT tablename, policyname FROM pg_policies")).all():
        connection.exec_driver_sql(f"DROP POLICY {policy} ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    connection.exec_driver_sql("DROP FUNCTION IF EXISTS sunshine_sees(); DROP FUNCTION IF EXISTS sunshine_sees_all()")


def find_hole(connection: Connection) -> str | None:
    """None where row-level security holds for whoever is connected, else a sentence; of PostgreSQL."""
    if connection.execute(_IS_ABOVE).scalar_one():
        return "the service's role is a superuser or has BYPASSRLS: it sees every organisation (docs/operating.md)"
    if connection.execute(_OWNS).scalar_one():
        return "the service's role owns its tables and so sees every organisation: set SUNSHINE_OWNER_URL"
    open_ = connection.scalars(_WITHOUT).all()
    return f"no row-level security on {', '.join(open_)}: ./run as the owner puts it there" if open_ else None


def _policies() -> str:
    statements = [_SEES]
    for table in sorted(metadata.tables):
        statements += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY sees ON {table} USING ({condition(table)}) WITH CHECK ({condition_to_write(table)})",
        ]
    # To lock an event's row takes the right to update a column of it (`_grant`); nothing that is updated is let pass.
    statements.append("CREATE POLICY stays ON event AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (false)")
    return ";\n".join(statements)


def _grant(connection: Connection, service: str) -> None:
    role = connection.dialect.identifier_preparer.quote(service)
    script = f"""
        GRANT USAGE ON SCHEMA public TO {role};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
        REVOKE UPDATE, DELETE ON {", ".join(FACTS)} FROM {role};
        GRANT UPDATE (id) ON event TO {role};
        REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role};
    """  # noqa: S608 - names of ours, and a role's in quotes where it needs them
    connection.exec_driver_sql(script, execution_options={"no_parameters": True})
