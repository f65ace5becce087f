"""Whether a project counts views of entities in its register only, and which daily numbers it keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the settings; registers are open at first."""
    op.add_column("projects", sa.Column("closed_register", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("projects", sa.Column("metrics", sa.Text, nullable=False, server_default="concerts"))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("projects", "metrics")
    op.drop_column("projects", "closed_register")
