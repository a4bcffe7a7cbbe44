"""what an organisation may see is in order of record time, too"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_index("ix_event_captor_recorded", "event", ["captured_by", "record_time", "id"])
    recorded = sa.Column("recorded", sa.BigInteger(), nullable=False, comment="event.record_time")
    _parties("SELECT p.*, e.record_time AS recorded FROM event_party AS p JOIN event AS e ON e.id = p.event", recorded)
    op.create_index("ix_event_party_recorded", "event_party", ["organisation", "recorded", "event"])


def downgrade() -> None:
    _parties("SELECT * FROM event_party")
    op.drop_index("ix_event_captor_recorded", table_name="event")


def _parties(query: str, *more: sa.Column[int]) -> None:
    """Make the table anew of what a query finds, with more columns than the first three."""
    op.execute(f"CREATE TEMPORARY TABLE parties AS {query}")
    op.drop_table("event_party")
    op.create_table(
        "event_party",
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("event", NUMBER, nullable=False),
        *more,
        sa.PrimaryKeyConstraint("organisation", "time", "event", name=op.f("pk_event_party")),
        comment="Who may see an event whole beside its captor: who is named as its source or destination, or sent it, too",
        sqlite_with_rowid=False,
    )
    columns = ", ".join(["organisation", "time", "event", *(column.name for column in more)])
    op.execute(f"INSERT INTO event_party SELECT {columns} FROM parties ORDER BY organisation, time, event")
    op.create_index("ix_event_party_event", "event_party", ["event"])
    op.execute("DROP TABLE parties")
