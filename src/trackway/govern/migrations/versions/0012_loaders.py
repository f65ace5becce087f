"""Several loaders: each project belongs to one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the loader of projects, and what loaders agree on."""
    op.add_column("projects", sa.Column("loader", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "loaders",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("unfinished", sa.BigInteger),
    )
    op.create_table(
        "loader_counters",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
