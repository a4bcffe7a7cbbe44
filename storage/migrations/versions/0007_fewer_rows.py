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


def downgrade() -> None:
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
