"""what is told of a record is found by how its subject begins, whatever language the database sorts by"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LENGTHS = {"correction": 60, "export_entry": 40}


def upgrade() -> None:
    _collate("C")


def downgrade() -> None:
    _collate(None)


def _collate(collation: str | None) -> None:
    """PostgreSQL writes the indices of the columns anew; SQLite sorts by bytes anyway."""
    if op.get_bind().dialect.name == "postgresql":
        for table, length in LENGTHS.items():
            op.alter_column(table, "subject", type_=sa.String(length, collation=collation))
