"""Connections that orders come from, and addresses that are told who enters or leaves a segment."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _common() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("last_at", sa.DateTime),
        sa.Column("problem", sa.String(1000), nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
    )


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "connections",
        *_common(),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("secret", sa.String(2000), nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "watches",
        *_common(),
        sa.Column("segment", sa.String(100), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("secret", sa.String(500), nullable=False),
        sa.Column("inside", sa.Integer),
    )
