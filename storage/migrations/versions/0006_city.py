"""a city: ten million events"""

from collections.abc import Callable, Iterator
from itertools import islice

import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

from storage.bulk import insert_rows
from storage.packing import pack, unpack
from storage.tables.columns import Moment
from trace.domain.epcis.document import load_document
from trace.domain.epcis.event_hash import event_hash

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Roles that end every stay in a container (trace.domain.containment.ENDS_STAYS), as they were numbered then.
ENDED = sa.text("role IN (3, 4, 8)")
NO_OBJECTS = sa.text("type <> 0")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Columns of `job`: (name, type on PostgreSQL, type on SQLite, comment). Written out, as in 0005.
OF_JOBS = (
    (
        "organisation",
        "BIGINT CONSTRAINT fk_job_organisation REFERENCES organisation (id)",
        "INTEGER CONSTRAINT fk_job_organisation REFERENCES organisation (id)",
        "whose work it is; null: the service''s own",
    ),
    (
        "set_at",
        "TIMESTAMP WITH TIME ZONE",
        "DATETIME",
        "when due_at or lease_until was written, by the clock of whoever wrote it",
    ),
    ("failing_since", "TIMESTAMP WITH TIME ZONE", "DATETIME", "the first failure of the row"),
    ("dead_at", "TIMESTAMP WITH TIME ZONE", "DATETIME", "nobody takes it any more until somebody says so"),
)
# Whose the work is that waits already: (kinds of jobs, the table of their subjects).
OWNERS = (
    ("'subscription'", "subscription"),
    ("'export_build', 'export_send', 'export_ask'", "export_target"),
    ("'import'", "bulk_import"),
    ("'erase_prescription'", "prescription"),
)


# What names an object, to be found by it: (table, column).
NAMING_OBJECTS = (
    ("bulk_import", "object"),
    ("certificate", "object"),
    ("certificate", "signature"),
    ("dish", "object"),
    ("disposal", "object"),
    ("licence", "object"),
    ("prescription", "object"),
    ("rapid_test", "object"),
    ("relation_file", "object"),
    ("scan", "object"),
    ("supplier_licence", "object"),
    ("temperature_log", "object"),
)
# Foreign keys of facts: they cost more than the rows. (table, column, the table it refers to)
OF_FACTS = (
    ("event", "step", "ident"),
    ("event", "disposition", "ident"),
    ("event", "read_point", "ident"),
    ("event", "biz_location", "ident"),
    ("event", "captured_by", "organisation"),
    ("event_document", "event", "event"),
    ("event_party", "organisation", "organisation"),
    ("event_vocabulary", "organisation", "organisation"),
    ("stock", "organisation", "organisation"),
    ("stock", "item", "ident"),
)
# What says in its comment which row it names instead.
SAYING = (
    ("event", "captured_by", "organisation"),
    ("stock", "organisation", "organisation"),
    ("stock", "item", "ident"),
)
WITHOUT_ROWID = frozenset({"event_party", "event_vocabulary"})
AT_ONCE = 1_000  # documents
DOCUMENTS = sa.table("event_document", sa.column("event"), sa.column("document"), sa.column("hash"))


def upgrade() -> None:
    _digests()
    _write_documents(pack)
    _comment("document", "canonical EPCIS 2.0 JSON, made once: storage.packing")
    _objects()
    _references_of_facts(keep=False)
    op.create_index(
        "ix_event_item_ended",
        "event_item",
        ["item", "time", "event"],
        unique=False,
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    )
    op.create_index("ix_event_site_step", "event", ["biz_location", "step", "event_time", "id"])
    op.create_index(
        "ix_event_type", "event", ["type", "event_time", "id"], sqlite_where=NO_OBJECTS, postgresql_where=NO_OBJECTS
    )
    if op.get_bind().dialect.name == "sqlite":  # the feed goes by the events' numbers there
        op.drop_index("ix_event_feed", table_name="event")
        op.create_index("ix_event_feed", "event", ["xact", "id"], sqlite_where=sa.text("xact <> 0"))
    op.create_index("ix_lot_number", "lot", ["number"])
    op.create_index("ix_product_name", "product", ["name", "id"])
    op.drop_index("ix_certificate_number", table_name="certificate")
    op.create_index("ix_certificate_number", "certificate", ["number"])
    _fill_vocabulary()
    _names()
    op.create_table(
        "trace_pause",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token", sa.String(length=26), nullable=False),
        sa.Column("organisation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="trace.services.trace_parts"),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_trace_pause_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace_pause")),
        sa.UniqueConstraint("token", name=op.f("uq_trace_pause_token")),
        comment="Traces longer than one answer: what the next part begins with; kept for a while only",
    )
    op.create_index("ix_trace_pause_created_at", "trace_pause", ["created_at"])
    op.create_index("ix_trace_pause_organisation", "trace_pause", ["organisation", "id"])
    for column in ("made_xact", "made_event"):  # of a subscription that is there it is not known
        op.add_column("subscription", sa.Column(column, sa.BigInteger(), nullable=True))
    _jobs()
    _credentials()
    op.create_table(
        "alert_settlement",
        sa.Column("alert", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="that settled it for itself"),
        sa.Column("action", sa.String(length=200), nullable=False, comment="what was done about it"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("settled_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["alert"], ["alert.id"], name=op.f("fk_alert_settlement_alert")),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_alert_settlement_api_key")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_alert_settlement_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_alert_settlement_person")),
        sa.PrimaryKeyConstraint("alert", "organisation", name=op.f("pk_alert_settlement")),
        comment="Added to, never changed: the shop and each office of inspectors settle an alert for themselves, once",
    )


def _credentials() -> None:
    """What people sign in with goes into a table of its own, which nobody sees but their organisation."""
    op.create_table(
        "credential",
        sa.Column("person", NUMBER, autoincrement=False, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="person.organisation"),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_credential_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_credential_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_credential")),
        comment="What a person signs in with, apart from the name they sign by, which shops see of their headquarters",
    )
    op.execute(
        "INSERT INTO credential (person, organisation, password_hash) SELECT id, organisation, password_hash FROM person"
    )
    op.execute("ALTER TABLE person DROP COLUMN password_hash")


def _no_credentials() -> None:
    with op.batch_alter_table("person") as batch_op:
        batch_op.add_column(sa.Column("password_hash", sa.String(length=200), nullable=False, server_default="-"))
    op.execute(
        "UPDATE person SET password_hash = (SELECT password_hash FROM credential WHERE credential.person = person.id)"
    )
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("password_hash", server_default=None)
    op.drop_table("credential")


def _references_of_facts(*, keep: bool) -> None:
    for table in dict.fromkeys(table for table, *_ in OF_FACTS):
        kept_in_order = {"sqlite_with_rowid": False} if table in WITHOUT_ROWID else {}
        with op.batch_alter_table(table, table_kwargs=kept_in_order) as batch_op:
            for _, column, to in (reference for reference in OF_FACTS if reference[0] == table):
                name = f"fk_{table}_{column}"
                if keep:
                    batch_op.create_foreign_key(name, to, [column], ["id"])
                else:
                    batch_op.drop_constraint(name, type_="foreignkey")
    for table, column, to in SAYING:
        _comment(column, None if keep else f"{to}.id", table)


def _jobs() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    for name, on_postgres, on_sqlite, comment in OF_JOBS:
        op.execute(f"ALTER TABLE job ADD COLUMN {name} {on_postgres if postgres else on_sqlite}")
        if postgres:
            op.execute(f"COMMENT ON COLUMN job.{name} IS '{comment}'")
    if postgres:
        op.execute("COMMENT ON COLUMN job.kind IS 'trace.services.job_kinds'")
    for kinds, table in OWNERS:
        owner = f"(SELECT organisation FROM {table} WHERE {table}.id = job.subject)"
        op.execute(f"UPDATE job SET organisation = {owner} WHERE kind IN ({kinds})")
    op.create_index("ix_job_organisation", "job", ["organisation"])
    op.create_table(
        "job_decision",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="of whoever decided"),
        sa.Column("job", NUMBER, nullable=False, comment="job.id; no foreign key, the work may be done and gone"),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("whose", NUMBER, nullable=True, comment="job.organisation"),
        sa.Column("decision", sa.String(length=12), nullable=False, comment="trace.services.job_list.Decision"),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True, comment="of the job, when it was decided"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("decided_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_job_decision_api_key")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_job_decision_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_job_decision_person")),
        sa.ForeignKeyConstraint(["whose"], ["organisation.id"], name=op.f("fk_job_decision_whose")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_decision")),
        comment="Who had work tried again or given up, and why; insert-only",
    )
    op.create_index("ix_job_decision_organisation", "job_decision", ["organisation", "id"])


def _digests() -> None:
    """The digest of a document stands beside it; the event hash is worked out where it is asked for.

    What waits for the log of proofs is found in the order of the feed (`storage.event_feed`) and needs no rows.
    """
    op.execute(
        "UPDATE event_document SET hash = proof.digest FROM pending_proof AS proof WHERE proof.event = event_document.event"
    )
    op.execute("ALTER TABLE event_document RENAME COLUMN hash TO digest")
    _comment("digest", "SHA-256 of the document: what the log of proofs will take")
    op.drop_table("pending_proof")


def _no_digests() -> None:
    op.create_table(
        "pending_proof",
        sa.Column("event", NUMBER, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the canonical bytes"),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_pending_proof_event")),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_pending_proof")),
        comment="Events waiting for the log of proofs; a sequencer will take them, no request ever locks",
    )
    op.execute("INSERT INTO pending_proof (event, digest) SELECT event, digest FROM event_document ORDER BY event")
    op.execute("ALTER TABLE event_document RENAME COLUMN digest TO hash")
    _comment("hash", "event hash (CBV 2.0 section 8.9), 32 bytes")
    row = sa.update(DOCUMENTS).where(DOCUMENTS.c.event == sa.bindparam("number")).values(hash=sa.bindparam("told"))
    for part in _documents():
        hashes = [(number, event_hash(load_document(document))) for number, document in part]
        op.get_bind().execute(row, [{"number": number, "told": told} for number, told in hashes])


def _write_documents(form: Callable[[bytes], bytes]) -> None:
    """Compress what is stored already, or write it out again; no document changes, and its digest stands beside it."""
    row = sa.update(DOCUMENTS).where(DOCUMENTS.c.event == sa.bindparam("number")).values(document=sa.bindparam("told"))
    for part in _documents():
        op.get_bind().execute(row, [{"number": number, "told": form(stored)} for number, stored in part])


def _documents() -> Iterator[list[tuple[int, bytes]]]:
    """(event, what is stored) part by part: all documents are too many for the memory."""
    last = 0
    while True:
        query = sa.select(DOCUMENTS.c.event, DOCUMENTS.c.document).where(DOCUMENTS.c.event > last)
        found = op.get_bind().execute(query.order_by(DOCUMENTS.c.event).limit(AT_ONCE)).all()
        if not found:
            return
        yield [(number, bytes(stored)) for number, stored in found]
        last = found[-1].event


def _comment(column: str, told: str | None, table: str = "event_document") -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS " + ("NULL" if told is None else f"'{told}'"))


def _fill_vocabulary() -> None:
    """What an organisation's events name: words, places, types, things, of earlier ones as well."""
    _comment("ident", "ident.id; of an event type its number", "event_vocabulary")
    for kind, column in ((2, "step"), (3, "disposition"), (4, "read_point"), (5, "biz_location"), (6, "type")):
        op.execute(
            f"INSERT INTO event_vocabulary (organisation, kind, ident) SELECT DISTINCT p.organisation, {kind}, e.{column}"
            f" FROM event_party AS p JOIN event AS e ON e.id = p.event WHERE e.{column} IS NOT NULL"
            " ON CONFLICT DO NOTHING"
        )
    # And which things, but for the numbers of transformations (role 13): whose lots they are is looked up there.
    op.execute(
        "INSERT INTO event_vocabulary (organisation, kind, ident) SELECT DISTINCT p.organisation, 1, i.item"
        " FROM event_party AS p JOIN event_item AS i ON i.event = p.event WHERE i.role <> 13 ON CONFLICT DO NOTHING"
    )


def _names() -> None:
    """What begins at each letter of the names that are searched (storage.names, as it was then)."""
    parts = op.create_table(
        "name_part",
        sa.Column("kind", sa.SmallInteger(), nullable=False, comment="storage.names.Name"),
        sa.Column("part", sa.LargeBinary(), nullable=False, comment="some letters of the name in small, in UTF-8"),
        sa.Column("number", NUMBER, nullable=False, comment="id of the row whose name it is"),
        sa.PrimaryKeyConstraint("kind", "part", "number", name=op.f("pk_name_part")),
        comment="What begins at each letter of a name, so that it is found by any part of it",
        sqlite_with_rowid=False,
    )
    names = (("organisation", "name"), ("product", "name"), ("product", "producer"), ("product", "approval_no"))
    bind = op.get_bind()
    with Session(bind) as session:
        for kind, (table, column) in enumerate(names, start=1):
            found = iter(bind.execute(sa.text(f"SELECT id, {column} FROM {table}")).all())
            while some := list(islice(found, 10_000)):
                begun = [(number, (name or "").lower()) for number, name in some]
                rows = [
                    (kind, part, number)
                    for number, small in begun
                    for part in {small[start : start + 8].encode() for start in range(len(small))}
                ]
                insert_rows(session, parts, ("kind", "part", "number"), sorted(rows))
        session.commit()  # its own; the migration's goes on


def _objects() -> None:
    """How long objects are kept, who names them; those that are there are looked at soon."""
    op.add_column(
        "object",
        sa.Column("kept_until", sa.Date(), nullable=True, comment="the last day of its lock; NULL: it has none"),
    )
    op.add_column(
        "object",
        sa.Column("look_again_at", Moment(), nullable=True, comment="when it is next asked how long it is to be kept"),
    )
    op.add_column(
        "object", sa.Column("missing_since", Moment(), nullable=True, comment="the store has it no more, or damaged")
    )
    op.execute("UPDATE object SET look_again_at = stored_at")
    op.create_index("ix_object_look_again_at", "object", ["look_again_at"])
    op.create_index("ix_object_missing_since", "object", ["missing_since"])
    for table, column in NAMING_OBJECTS:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _no_objects() -> None:
    for table, column in NAMING_OBJECTS:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    op.drop_index("ix_object_missing_since", table_name="object")
    op.drop_index("ix_object_look_again_at", table_name="object")
    for column in ("missing_since", "look_again_at", "kept_until"):
        op.execute(f"ALTER TABLE object DROP COLUMN {column}")


def downgrade() -> None:
    _no_credentials()
    _write_documents(unpack)
    _comment("document", "canonical EPCIS 2.0 JSON, made once")
    _no_digests()
    _references_of_facts(keep=True)
    _no_objects()
    op.drop_table("alert_settlement")
    op.drop_table("job_decision")
    op.drop_index("ix_job_organisation", table_name="job")
    for name, *_ in reversed(OF_JOBS):
        with op.batch_alter_table("job") as batch_op:
            batch_op.drop_column(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("COMMENT ON COLUMN job.kind IS NULL")
    for column in ("made_event", "made_xact"):
        op.execute(f"ALTER TABLE subscription DROP COLUMN {column}")
    op.drop_table("trace_pause")
    op.drop_table("name_part")
    op.drop_index("ix_certificate_number", table_name="certificate")
    op.create_index("ix_certificate_number", "certificate", ["kind", "number"])
    op.drop_index("ix_product_name", table_name="product")
    op.drop_index("ix_lot_number", table_name="lot")
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_event_feed", table_name="event", sqlite_where=sa.text("xact <> 0"))
        op.create_index("ix_event_feed", "event", ["xact", "id"])
    op.drop_index("ix_event_type", table_name="event", sqlite_where=NO_OBJECTS, postgresql_where=NO_OBJECTS)
    op.drop_index("ix_event_site_step", table_name="event")
    _comment("ident", None, "event_vocabulary")
    op.drop_index("ix_event_item_ended", table_name="event_item", sqlite_where=ENDED, postgresql_where=ENDED)
