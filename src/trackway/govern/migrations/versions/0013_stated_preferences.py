"""Preferences that users stated themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table of stated preferences."""
    op.create_table(
        "stated_preferences",
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("user_id", sa.String(200), primary_key=True),
        sa.Column("key", sa.String(100), primary_key=True),
        sa.Column("value", sa.String(200), primary_key=True),
        sa.Column("likes", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
