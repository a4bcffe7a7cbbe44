"""an event leaves fewer rows and entries of indices"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_index("ix_event_captor", "event", ["captured_by", "event_time", "id"])
    _stock(in_order_of_its_key=True)
    _parties(
        "Who may see an event whole beside its captor: who is named as its source or destination, or sent it, too",
        "SELECT organisation, time, event FROM event_party"
        " WHERE organisation <> (SELECT captured_by FROM event WHERE event.id = event_party.event)",
    )
    # Lots (UriKind 2) are kept apart from other things (1), as 7.
    _vocabulary(
        "SELECT v.organisation, CASE WHEN v.kind = 1 AND i.kind = 2 THEN 7 ELSE v.kind END AS kind, v.ident"
        " FROM event_vocabulary AS v LEFT JOIN ident AS i ON i.id = v.ident"
    )


def downgrade() -> None:
    _vocabulary(
        "SELECT DISTINCT organisation, CASE WHEN kind = 7 THEN 1 ELSE kind END AS kind, ident FROM event_vocabulary"
    )
    _parties(
        "Who may see an event whole: who captured it, and who is named as its source or destination",
        "SELECT organisation, time, event FROM event_party UNION ALL SELECT captured_by, event_time, id FROM event",
    )
    _stock(in_order_of_its_key=False)
    op.drop_index("ix_event_captor", table_name="event")


def _stock(*, in_order_of_its_key: bool) -> None:
    """On SQLite one tree holds the rows of stock and their key."""
    if op.get_bind().dialect.name == "sqlite":
        kept = {"sqlite_with_rowid": not in_order_of_its_key}
        with op.batch_alter_table("stock", recreate="always", table_kwargs=kept):
            pass


def _parties(comment: str, query: str) -> None:
    """Make the table anew of what a query finds: nearly all of its rows come or go."""
    op.execute(f"CREATE TEMPORARY TABLE parties AS {query}")
    op.drop_table("event_party")
    op.create_table(
        "event_party",
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("event", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "time", "event", name=op.f("pk_event_party")),
        comment=comment,
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO event_party SELECT organisation, time, event FROM parties ORDER BY organisation, time, event"
    )
    op.create_index("ix_event_party_event", "event_party", ["event"])
    op.execute("DROP TABLE parties")


def _vocabulary(query: str) -> None:
    """Make the table anew of what a query finds: the key of many rows changes."""
    op.execute(f"CREATE TEMPORARY TABLE vocabulary AS {query}")
    op.drop_table("event_vocabulary")
    op.create_table(
        "event_vocabulary",
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False, comment="storage.events.Named"),
        sa.Column("ident", NUMBER, nullable=False, comment="ident.id; of an event type its number"),
        sa.PrimaryKeyConstraint("organisation", "kind", "ident", name=op.f("pk_event_vocabulary")),
        comment="What the events an organisation may see name: the top-level resources of EPCIS 2.0 (section 12.5)",
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO event_vocabulary SELECT organisation, kind, ident FROM vocabulary"
        " ORDER BY organisation, kind, ident"
    )
    op.execute("DROP TABLE vocabulary")
