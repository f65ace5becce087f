"""Work that is done again and again, its history, and digests that were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create their tables."""
    op.create_table(
        "jobs",
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("schedule", sa.String(100), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("last_run_at", sa.DateTime),
        sa.Column("next_run_at", sa.DateTime, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("message", sa.String(1000), nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("leased_by", sa.String(64), nullable=False),
        sa.Column("leased_until", sa.DateTime),
    )
    op.create_table(
        "job_runs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(50), sa.ForeignKey("jobs.name"), nullable=False, index=True),
        sa.Column("started_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("message", sa.String(1000), nullable=False),
        sa.Column("duration_s", sa.Float, nullable=False),
        sa.Column("by", sa.String(320), nullable=False),
    )
    op.create_table(
        "sent_digests",
        sa.Column("project_id", sa.String(36), primary_key=True),
        sa.Column("entity_type", sa.String(255), primary_key=True),
        sa.Column("entity_id", sa.String(255), primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("sent_digests", "job_runs", "jobs"):
        op.drop_table(table)
