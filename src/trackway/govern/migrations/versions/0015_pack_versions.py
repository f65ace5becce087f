"""Versions of metrics packs."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Number the versions of each project's metrics pack, and keep them."""
    op.add_column("projects", sa.Column("metrics_version", sa.Integer, nullable=False, server_default="1"))
    op.create_table(
        "pack_versions",
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("metrics", sa.Text, nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )
