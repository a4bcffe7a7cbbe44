"""a city: ten million events"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Roles that end every stay in a container (trace.domain.containment.ENDS_STAYS), as they were numbered then.
ENDED = sa.text("role IN (3, 4, 8)")


def upgrade() -> None:
    op.create_index(
        "ix_event_item_ended",
        "event_item",
        ["item", "time", "event"],
        unique=False,
        sqlite_where=ENDED,
        postgresql_where=ENDED,
    )


def downgrade() -> None:
    op.drop_index("ix_event_item_ended", table_name="event_item", sqlite_where=ENDED, postgresql_where=ENDED)
