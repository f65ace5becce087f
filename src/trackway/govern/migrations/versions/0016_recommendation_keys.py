"""Keys for recommendations, and their calls."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the quota and the price of each such key, and its calls by day."""
    op.create_table(
        "recommendation_keys",
        sa.Column("key_id", sa.String(36), sa.ForeignKey("keys.id"), primary_key=True),
        sa.Column("calls_per_day", sa.Integer, nullable=False),
        sa.Column("price", sa.String(30), nullable=False),
    )
    op.create_table(
        "recommendation_calls",
        sa.Column("key_id", sa.String(36), sa.ForeignKey("keys.id"), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
    )
