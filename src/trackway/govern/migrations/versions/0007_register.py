"""Whether a project counts views of entities in its register only."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the setting; registers are open at first."""
    op.add_column("projects", sa.Column("closed_register", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("projects", "closed_register")
