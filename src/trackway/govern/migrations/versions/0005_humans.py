"""Reasons for which visitors are taken for bots and that do not count in a project."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the setting; nothing is overruled at first."""
    op.add_column("projects", sa.Column("humans", sa.JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("projects", "humans")
