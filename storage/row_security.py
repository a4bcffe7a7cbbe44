"""Row-level security on PostgreSQL: a policy on every table, and a service that owns nothing.

`protect` is called by `storage.prepare` after the migrations, so that a new table is never without: what a row must be
to be seen stands here, one line a table, and a test finds the table that has none. The service's role gets no more than
it needs; facts it can only add.
"""

import hashlib
import re

from sqlalchemy import Connection, text

from storage.tables import metadata
from storage.tenancy import SETTING

# Seen with any sight: events and what they name, registers that all share, and the service's own books.
SHARED = frozenset(
    {
        "event", "event_document", "event_item", "event_mention", "event_party", "event_vocabulary", "event_withdrawn",
        "ident", "pending_proof", "stock_unmoved",
        "organisation", "place", "product", "product_code", "product_change", "maker_code", "lot", "lot_change",
        "paper_head", "rule_entry", "store_setting", "recall", "recall_lot",
        "object", "job", "record_key", "dispensing_head", "licence", "business_block",
        # Papers travel with the goods (食品安全法 Art. 53): whoever holds the lot may see them; the WHERE says who that is.
        "certificate", "certificate_holder", "certificate_lot", "certificate_source",
    }
)  # fmt: skip
# One of these columns names whose the row is.
OWNERS = {
    "inspection": ("organisation", "inspected_by"),
    "transit": ("sender", "receiver"),
}
# Headquarters' are its shops', too: who works in their name, reviews for them, says what they ask for a box.
OF_CHAIN = frozenset({"duty", "person", "pharmacist", "selling_price"})
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
FACTS = ("event", "event_document", "event_item", "event_mention", "event_withdrawn")
_SEES = f"""
CREATE OR REPLACE FUNCTION sunshine_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT current_setting('{SETTING}', true) = 'all' $$;
CREATE OR REPLACE FUNCTION sunshine_sees() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN current_setting('{SETTING}', true) ~ '^[0-9]+$'
          THEN CAST(current_setting('{SETTING}', true) AS bigint) END $$;
"""
# In brackets, so that it is asked once a statement and not once a row.
_HEADQUARTERS = "(SELECT headquarters FROM organisation WHERE id = sunshine_sees())"
_ALL, _ONE = "(SELECT sunshine_sees_all())", "(SELECT sunshine_sees())"


def condition(table: str) -> str:
    """What a row of a table must be to be seen and written; raises `KeyError` for a table nobody thought about."""
    if table in SHARED:
        return f"{_ALL} OR {_ONE} IS NOT NULL"
    if table in PARTS:
        column, whole, key = PARTS[table]
        return f"{_ALL} OR EXISTS (SELECT 1 FROM {whole} AS whole WHERE whole.{key} = {table}.{column})"  # noqa: S608
    if table in OF_CHAIN:
        return f"{_ALL} OR organisation = {_ONE} OR organisation = {_HEADQUARTERS}"
    owners = OWNERS.get(table, ("organisation",))
    if not set(owners) <= set(metadata.tables[table].columns.keys()):
        raise KeyError(f"storage.row_security: no policy for the table {table}")
    return " OR ".join((_ALL, *(f"{column} = {_ONE}" for column in owners)))


def protect(connection: Connection, service: str | None) -> None:
    """Policies on all tables, and the rights of the role `service` where there is one; harmless when done before.

    Two that do it at once are lined up by the lock of migrations, which the caller holds (`storage/migrations/env.py`).
    """
    _write_policies(connection)
    if service is not None:
        _grant(connection, service)


def _write_policies(connection: Connection) -> None:
    statements = [_SEES]
    for table in sorted(metadata.tables):
        seen = condition(table)
        statements += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS sees ON {table}",
            f"CREATE POLICY sees ON {table} USING ({seen}) WITH CHECK ({seen})",
        ]
    script = ";\n".join(statements)
    digest = hashlib.sha256(script.encode()).hexdigest()
    there = "SELECT obj_description(to_regprocedure('sunshine_sees()')::oid, 'pg_proc')"
    if connection.execute(text(there)).scalar_one() != digest:
        connection.exec_driver_sql(f"{script};\nCOMMENT ON FUNCTION sunshine_sees() IS '{digest}'")


def _grant(connection: Connection, service: str) -> None:
    if not re.fullmatch(r"[a-z_][a-z0-9_$]{0,62}", service):
        raise ValueError("a role's name has small letters, digits and _")
    script = f"""
        GRANT USAGE ON SCHEMA public TO {service};
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {service};
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {service};
        REVOKE UPDATE, DELETE ON {", ".join(FACTS)} FROM {service};
        REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {service};
    """
    connection.exec_driver_sql(script)
