"""Claims on usage that know the filters of their meter."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    filters = sa.Column("filters", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("rated_line", filters)
    op.alter_column("rated_line", "filters", server_default=None)
