"""scans: pages of a file, what is doubtful, how good the picture is"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("scan", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "page", sa.Integer(), nullable=False, server_default="1", comment="of a file with several; from 1"
            )
        )
        batch_op.add_column(sa.Column("pages", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(
            sa.Column(
                "doubtful",
                sa.JSON(),
                nullable=False,
                server_default="[]",
                comment="what was read and is not believed, never part of a delivery",
            )
        )
        batch_op.add_column(
            sa.Column("quality", sa.JSON(), nullable=True, comment="scanners.quality, where too little was read")
        )


def downgrade() -> None:
    with op.batch_alter_table("scan", schema=None) as batch_op:
        batch_op.drop_column("quality")
        batch_op.drop_column("doubtful")
        batch_op.drop_column("pages")
        batch_op.drop_column("page")
