"""what pages ask for is found by an index: how a subject begins, what hangs on an event, a paper, a file, a recall"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LENGTHS = {"correction": 60, "export_entry": 40}  # of their subjects
INDICES = {
    "ix_care_check_line_event": ("care_check_line", ["event"]),
    "ix_certificate_use_certificate": ("certificate_use", ["certificate", "unit"]),
    "ix_dish_event": ("dish", ["event"]),
    "ix_export_file_replaces": ("export_file", ["replaces"]),
    "ix_inspection_day": ("inspection", ["inspected_on", "id"]),
    "ix_prescription_duty": ("prescription", ["duty"]),
    "ix_prescription_reviewed": ("prescription", ["organisation", "reviewed_at"]),
    "ix_product_code_code": ("product_code", ["code"]),
    "ix_rapid_test_recall": ("rapid_test", ["recall"]),
    "ix_receipt_line_event": ("receipt_line", ["event"]),
}


def upgrade() -> None:
    _collate("C")
    for name, (table, columns) in INDICES.items():
        op.create_index(name, table, columns)
    is_open = sa.text("lifted_at IS NULL")
    op.create_index("ix_recall_open", "recall", ["id"], sqlite_where=is_open, postgresql_where=is_open)


def downgrade() -> None:
    op.drop_index("ix_recall_open", table_name="recall")
    for name, (table, _) in INDICES.items():
        op.drop_index(name, table_name=table)
    _collate(None)


def _collate(collation: str | None) -> None:
    """PostgreSQL writes the indices of the columns anew; SQLite sorts by bytes anyway."""
    if op.get_bind().dialect.name == "postgresql":
        for table, length in LENGTHS.items():
            op.alter_column(table, "subject", type_=sa.String(length, collation=collation))
