"""on SQLite the keys of events lie in stages, in a table of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    with op.batch_alter_table("event") as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_event_id_key_declarer"), type_="unique")
    op.create_table(
        "event_key",
        sa.Column("stage", sa.SmallInteger(), nullable=False, comment="how many moves are before it"),
        sa.Column("id_key", sa.BigInteger(), nullable=False),
        sa.Column("declarer", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("stage", "id_key", "declarer", name=op.f("pk_event_key")),
        comment="Finds an event by the key of its eventID on SQLite",
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO event_key SELECT 0, id_key, declarer, id FROM event ORDER BY id_key, declarer")


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    op.drop_table("event_key")
    with op.batch_alter_table("event") as batch_op:
        batch_op.create_unique_constraint(batch_op.f("uq_event_id_key_declarer"), ["id_key", "declarer"])
