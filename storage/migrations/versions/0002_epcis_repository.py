"""the EPCIS repository: what events name, capture jobs, named queries, subscriptions"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

from storage.tables.columns import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Events of the first version carry no hash and no index of what they name, and are never changed: nobody but a
    # demonstration had any.
    if op.get_bind().execute(sa.text("SELECT 1 FROM event LIMIT 1")).first():
        raise CommandError(
            "It holds events recorded before this version, which has no way to take them over."
            " Move the data folder (or the database) away; an empty one is filled anew."
        )
    postgres = op.get_bind().dialect.name == "postgresql"
    number = "CAST(CAST(pg_current_xact_id() AS text) AS bigint)" if postgres else "0"
    op.create_table(
        "event_mention",
        sa.Column("ident", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False, comment="storage.events.Mention"),
        sa.PrimaryKeyConstraint("ident", "time", "event", "kind", name=op.f("pk_event_mention")),
        comment="Business transactions, sources and destinations an event names: they are no items, and pass no goods on",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_withdrawn",
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_event_withdrawn_event")),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_event_withdrawn")),
        comment="Events whose captor declared them wrong, and the declarations: no trace follows them (EPCIS 2.0 7.4.1.2)",
    )
    op.create_table(
        "job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column(
            "subject", sa.BigInteger(), nullable=False, comment="what it is about, by the kind: a subscription's number"
        ),
        sa.Column("due_at", Moment(timezone=True), nullable=False),
        sa.Column("lease", sa.String(length=36), nullable=True, comment="token of the worker that has it"),
        sa.Column("lease_until", Moment(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="failed in a row"),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_job_kind_subject")),
        comment="Work waiting, put in the same transaction as the fact that needs it",
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_due", ["due_at"], unique=False)

    op.create_table(
        "capture_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("behaviour", sa.String(length=8), nullable=False, comment="rollback or proceed"),
        sa.Column("success", sa.Boolean(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("finished_at", Moment(timezone=True), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False, comment="events this job stored; known ones are not counted"),
        sa.Column("errors", sa.LargeBinary(), nullable=False, comment="JSON list of what was refused"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_capture_job_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capture_job")),
        sa.UniqueConstraint("public_id", name=op.f("uq_capture_job_public_id")),
    )
    with op.batch_alter_table("capture_job", schema=None) as batch_op:
        batch_op.create_index("ix_capture_job_organisation", ["organisation", "id"], unique=False)

    op.create_table(
        "event_vocabulary",
        sa.Column("organisation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False, comment="storage.events.Named"),
        sa.Column("ident", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_event_vocabulary_organisation")),
        sa.PrimaryKeyConstraint("organisation", "kind", "ident", name=op.f("pk_event_vocabulary")),
        comment="What the events an organisation may see name: the top-level resources of EPCIS 2.0 (section 12.5)",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "master_data",
        sa.Column("organisation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.String(length=120),
            nullable=False,
            comment="vocabulary type, such as urn:epcglobal:epcis:vtype:Location",
        ),
        sa.Column(
            "document", sa.LargeBinary(), nullable=False, comment="JSON of the vocabulary element, as captured last"
        ),
        sa.Column("record_time", sa.BigInteger(), nullable=False, comment="UTC milliseconds"),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_master_data_item")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_master_data_organisation")),
        sa.PrimaryKeyConstraint("organisation", "item", "kind", name=op.f("pk_master_data")),
        comment="Master data from headers of captured documents; what an organisation sent last counts (section 6.5)",
    )
    op.create_table(
        "named_query",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("parameters", sa.LargeBinary(), nullable=False, comment="JSON, as the query was put"),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_named_query_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_named_query")),
        sa.UniqueConstraint("organisation", "name", name=op.f("uq_named_query_organisation_name")),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("query", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organisation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "person",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="person.id, where a person subscribed",
        ),
        sa.Column(
            "api_key",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="api_key.id, where a machine did",
        ),
        sa.Column("dest", sa.Text(), nullable=False, comment="https address of the receiver"),
        sa.Column(
            "signature_token",
            sa.Text(),
            nullable=True,
            comment="the receiver's secret that signs what is sent; never logged",
        ),
        sa.Column("stream", sa.Boolean(), nullable=False),
        sa.Column("schedule", sa.LargeBinary(), nullable=True, comment="JSON of the schedule; null for a stream"),
        sa.Column("report_if_empty", sa.Boolean(), nullable=False),
        sa.Column("initial_record_time", Moment(timezone=True), nullable=True),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("mark_xact", sa.BigInteger(), nullable=False),
        sa.Column("mark_event", sa.BigInteger(), nullable=False),
        sa.Column("last_notified_at", Moment(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row"),
        sa.Column("last_failure", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_subscription_organisation")),
        sa.ForeignKeyConstraint(["query"], ["named_query.id"], name=op.f("fk_subscription_query")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint("public_id", name=op.f("uq_subscription_public_id")),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscription_query"), ["query"], unique=False)

    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_event_id_key_declares_error"), type_="unique")
        batch_op.drop_column("declares_error")
        batch_op.add_column(
            sa.Column(
                "declarer",
                sa.BigInteger(),
                nullable=False,
                comment="organisation.id of who declares an error with it, else 0",
            )
        )
        batch_op.create_unique_constraint(batch_op.f("uq_event_id_key_declarer"), ["id_key", "declarer"])
        batch_op.add_column(
            sa.Column(
                "xact",
                sa.BigInteger(),
                server_default=sa.text(number),
                nullable=False,
                comment="PostgreSQL's transaction number, else 0",
            )
        )
        batch_op.create_index("ix_event_disposition", ["disposition", "event_time", "id"], unique=False)
        batch_op.create_index("ix_event_feed", ["xact", "id"], unique=False)
        batch_op.create_index("ix_event_read_point", ["read_point", "event_time", "id"], unique=False)
        batch_op.create_index("ix_event_record_time", ["record_time", "id"], unique=False)

    with op.batch_alter_table("event_document", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("hash", sa.LargeBinary(), nullable=False, comment="event hash (CBV 2.0 section 8.9), 32 bytes")
        )


def downgrade() -> None:
    # It could not come back: see above.
    if op.get_bind().execute(sa.text("SELECT 1 FROM event LIMIT 1")).first():
        raise CommandError("It holds events, which the version before 0002 cannot keep. Nothing was changed.")
    with op.batch_alter_table("event_document", schema=None) as batch_op:
        batch_op.drop_column("hash")

    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_record_time")
        batch_op.drop_index("ix_event_read_point")
        batch_op.drop_index("ix_event_feed")
        batch_op.drop_index("ix_event_disposition")
        batch_op.drop_column("xact")
        batch_op.drop_constraint(batch_op.f("uq_event_id_key_declarer"), type_="unique")
        batch_op.drop_column("declarer")
        batch_op.add_column(sa.Column("declares_error", sa.Boolean(), nullable=False))
        batch_op.create_unique_constraint(batch_op.f("uq_event_id_key_declares_error"), ["id_key", "declares_error"])

    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subscription_query"))

    op.drop_table("subscription")
    op.drop_table("named_query")
    op.drop_table("master_data")
    op.drop_table("event_vocabulary")
    with op.batch_alter_table("capture_job", schema=None) as batch_op:
        batch_op.drop_index("ix_capture_job_organisation")

    op.drop_table("capture_job")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index("ix_job_due")

    op.drop_table("job")
    op.drop_table("event_withdrawn")
    op.drop_table("event_mention")
