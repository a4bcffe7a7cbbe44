"""Row-level security on PostgreSQL: a policy on every table, and a service that owns nothing.

`protect` is called by `storage.prepare` after the migrations, so that a new table is never without: what a row must be
to be seen, and to be written, stands here, one line a table, and a test finds the table that has none. The service's
role gets no more than it needs: what is recorded it can only add, and it deletes hardly anything.
"""

import hashlib

from sqlalchemy import Connection, text

from storage.tables import metadata
from storage.tenancy import SETTING

# Seen with any sight: that events are and what they name by its number (their documents are not: OF_PARTIES), registers
# that all share, and the rows that line up whoever changes the same.
SHARED = frozenset(
    {
        "event", "event_item", "event_mention", "event_party", "event_vocabulary",
        "event_withdrawn", "ident", "stock_unmoved", "name_part",
        "organisation", "place", "product", "product_code", "product_change", "maker_code", "lot", "lot_change",
        "paper_head", "rule_entry", "recall", "recall_lot",
        "object", "dispensing_head", "licence", "business_block",
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
# Seen by whom an event names as a party, and added with it by whoever records it.
OF_PARTIES = frozenset({"event_document"})
# Seen and written only across organisations: who needs them says why (`storage.tenancy.across`).
CROSSED = frozenset({"record_key", "store_setting"})
# Shared, and yet written by the one organisation that this column names: nobody records, files papers, registers or
# makes rules in another's name. (0 are the rules for everybody, which are nobody's alone.)
AUTHORS = {
    "business_block": "blocked_by",
    "certificate": "organisation",
    "certificate_holder": "organisation",
    "certificate_lot": "linked_by",
    "event": "captured_by",
    "licence": "organisation",
    "lot_change": "organisation",
    "organisation": "id",
    "place": "organisation",
    "product_change": "organisation",
    "recall": "organisation",
    "rule_entry": "organisation",
}
# Headquarters' are its shops', too: who works in their name and reviews for them, first checks and prices of drugs.
# Not what these people sign in with (`credential`).
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
# Only ever added: nothing in them is changed, and the rights end there.
FACTS = frozenset(
    {
        "event_document", "event_item", "event_mention", "event_party", "event_vocabulary", "event_withdrawn",
        "stock_unmoved",
        "alert", "alert_settlement", "attributed_lot", "attributed_sale", "capture_job", "care_check",
        "care_check_line", "certificate_holder", "certificate_lot", "certificate_source", "climate_action",
        "correction", "credential", "dish_lot", "disposal", "export_answer", "inspection", "insurance_code",
        "job_decision", "licence", "lookup_log", "lot_change", "maker_code", "name_part", "place", "product_change",
        "purchase_order_line", "recall_lot", "receipt_scan", "rule_entry", "scan", "self_check", "selling_price",
        "store_setting",
    }
)  # fmt: skip
# Neither is anything in these changed, but their rows are locked; that takes the right to change a column: (its name).
LOCKED = {
    "dish": "id",
    "drug_sale": "id",
    "event": "id",
    "ident": "id",
    "organisation": "id",
    "paper_head": "paper_key",
}
# Whose rows end: what is being scanned or served from an open pack, work that is done, what somebody asked us to keep
# for them, and objects behind their time. All other rows stay (design: nothing is deleted).
DELETED = frozenset(
    {
        "acceptance_code", "export_entry", "job", "named_query", "object", "object_owner", "split_pack",
        "subscription", "trace_pause",
    }
)  # fmt: skip
_SEES = f"""
CREATE OR REPLACE FUNCTION sunshine_sees_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT current_setting('{SETTING}', true) = 'all' $$;
CREATE OR REPLACE FUNCTION sunshine_sees() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN current_setting('{SETTING}', true) ~ '^[0-9]+$'
          THEN CAST(current_setting('{SETTING}', true) AS bigint) END $$;
"""
# For a statement whose answer nobody waits for: what it found ends the transaction, which is run again.
_AGAIN = """
CREATE OR REPLACE FUNCTION sunshine_again() RETURNS bigint LANGUAGE plpgsql AS
$$ BEGIN RAISE serialization_failure USING MESSAGE = 'another transaction was first'; END $$
"""
_FUNCTIONS = ("sunshine_sees()", "sunshine_sees_all()", "sunshine_again()")
_WRITTEN = text("SELECT obj_description(CAST(to_regprocedure('sunshine_sees()') AS oid), 'pg_proc')")
_IS_ABOVE = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
_TABLES = "FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'"
# Also who only may become the owner (SET ROLE).
_OWNS = text(f"SELECT EXISTS (SELECT 1 {_TABLES} AND pg_has_role(relowner, 'MEMBER'))")
# As everybody may before PostgreSQL 15, and after an upgrade from there: they could put their own in place of ours.
_MAKES = text("SELECT has_schema_privilege('public', 'CREATE')")
_WITHOUT = text(
    f"SELECT relname {_TABLES} AND relname <> 'alembic_version' AND NOT relrowsecurity ORDER BY relname LIMIT 3"
)
# In brackets, so that it is asked once a statement and not once a row.
_HEADQUARTERS = "(SELECT headquarters FROM organisation WHERE id = sunshine_sees())"
_ALL, _ONE = "(SELECT sunshine_sees_all())", "(SELECT sunshine_sees())"
_ANYBODYS = f"{_ALL} OR {_ONE} IS NOT NULL"


def condition(table: str) -> str:
    """What a row of a table must be to be seen; raises `KeyError` for a table nobody thought about."""
    if table in SHARED:
        return _ANYBODYS
    if table in CROSSED:
        return _ALL
    if table in OF_PARTIES:
        # Row by row, by their keys. With EXISTS PostgreSQL may make a table of all events of an organisation.
        captor = f"SELECT captured_by FROM event AS whole WHERE whole.id = {table}.event"  # noqa: S608
        parties = f"SELECT organisation FROM event_party AS party WHERE party.event = {table}.event"  # noqa: S608
        return f"{_ALL} OR {_ONE} = ({captor}) OR {_ONE} IN ({parties})"
    if table in PARTS:
        column, whole, key = PARTS[table]
        return f"{_ALL} OR EXISTS (SELECT 1 FROM {whole} AS whole WHERE whole.{key} = {table}.{column})"  # noqa: S608
    if table in OF_CHAIN:
        return f"{_ALL} OR organisation = {_ONE} OR organisation = {_HEADQUARTERS}"
    owners = OWNERS.get(table, ("organisation",))
    if not set(owners) <= set(metadata.tables[table].columns.keys()):
        raise KeyError(f"storage.row_security: no policy for the table {table}")
    return " OR ".join((_ALL, *(f"{column} = {_ONE}" for column in owners)))


def condition_to_write(table: str) -> str:
    """What a row of a table must be to be written: a shop sees what is its headquarters', and leaves it as it is."""
    if table in OF_PARTIES:
        return _ANYBODYS
    author = "organisation" if table in OF_CHAIN else AUTHORS.get(table)
    return condition(table) if author is None else f"{_ALL} OR {author} = {_ONE}"


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
    policies = text("SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public'")
    for table, policy in connection.execute(policies).all():
        connection.exec_driver_sql(f"DROP POLICY {policy} ON {table}; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {', '.join(_FUNCTIONS)}")


def find_hole(connection: Connection) -> str | None:
    """None where row-level security holds for whoever is connected, else a sentence; of PostgreSQL."""
    if connection.execute(_IS_ABOVE).scalar_one():
        return "the service's role is a superuser or has BYPASSRLS: it sees every organisation (docs/operating.md)"
    if connection.execute(_OWNS).scalar_one():
        return "the service's role owns its tables and so sees every organisation: set SUNSHINE_OWNER_URL"
    if connection.execute(_MAKES).scalar_one():
        return "the service's role may make tables and functions: REVOKE CREATE ON SCHEMA public FROM PUBLIC"
    open_ = connection.scalars(_WITHOUT).all()
    return f"no row-level security on {', '.join(open_)}: ./run as the owner puts it there" if open_ else None


def _policies() -> str:
    statements = [_SEES + _AGAIN]
    for table in sorted(metadata.tables):
        statements += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY sees ON {table} USING ({condition(table)}) WITH CHECK ({condition_to_write(table)})",
        ]
    # WITH CHECK asks what a row becomes. Whose it was is asked here: nobody takes over or away what they only see.
    for table in sorted((OF_CHAIN | AUTHORS.keys()) - LOCKED.keys()):
        for policy, change in (("keeps", "UPDATE"), ("leaves", "DELETE")):
            mine = f"({condition_to_write(table)})"
            statements.append(f"CREATE POLICY {policy} ON {table} AS RESTRICTIVE FOR {change} USING {mine}")
    # Locked with the right to update one column; nothing that is updated is let pass.
    for table in sorted(LOCKED):
        statements.append(f"CREATE POLICY stays ON {table} AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (false)")
    return ";\n".join(statements)


def _grant(connection: Connection, service: str) -> None:
    role = connection.dialect.identifier_preparer.quote(service)
    tables = metadata.tables.keys()
    locked = ";".join(f"GRANT UPDATE ({column}) ON {table} TO {role}" for table, column in sorted(LOCKED.items()))
    # What an older version granted goes first, in the same transaction.
    script = f"""
        GRANT USAGE ON SCHEMA public TO {role};
        REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
        GRANT SELECT ON alembic_version TO {role};
        GRANT SELECT, INSERT ON {", ".join(sorted(tables))} TO {role};
        GRANT UPDATE ON {", ".join(sorted(tables - FACTS - LOCKED.keys()))} TO {role};
        GRANT DELETE ON {", ".join(sorted(DELETED))} TO {role};
        {locked};
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
    """
    connection.exec_driver_sql(script, execution_options={"no_parameters": True})
