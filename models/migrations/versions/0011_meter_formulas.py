"""Claims on usage that know the expression of their meter, and whether it carries on."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rated_line", sa.Column("expression", sa.String(), nullable=True))
    op.add_column("rated_line", sa.Column("carry", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("rated_line", "carry", server_default=None)
