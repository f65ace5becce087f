"""Roles, invitations, other ways of signing in; accounts of the product's people, what they may see; the audit log."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TEXT: Any = {"nullable": False, "server_default": ""}


def upgrade() -> None:
    """Add them; the database itself keeps the audit log from being changed."""
    op.add_column("users", sa.Column("totp", sa.String(500), **_TEXT))
    op.add_column("projects", sa.Column("embed_origins", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("memberships", sa.Column("role", sa.String(10), nullable=False, server_default="analyst"))
    with op.batch_alter_table("keys") as keys:
        keys.alter_column("value", type_=sa.String(500))
    op.execute("DELETE FROM sign_ins")  # they had no id by which they could be shown and revoked
    for column in (
        sa.Column("id", sa.String(36), **_TEXT),
        sa.Column("way", sa.String(20), nullable=False, server_default="password"),
        sa.Column("address", sa.String(64), **_TEXT),
        sa.Column("agent", sa.String(300), **_TEXT),
        sa.Column("seen_at", sa.DateTime),
    ):
        op.add_column("sign_ins", column)
    _signing_in()
    _accounts()
    op.create_table(
        "audit",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("project_id", sa.String(36), nullable=False, index=True),
        sa.Column("actor", sa.String(320), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(320), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
    )
    for statement in _APPEND_ONLY.get(op.get_bind().dialect.name, ()):
        op.execute(statement)


_APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER audit_no_{how.lower()} BEFORE {how} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
        for how in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'the audit log is only added to'; END$$",
        "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()",
    ],
}


def _signing_in() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("account_id", sa.String(255), nullable=False),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
        sa.Column("accepted_at", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False, index=True),
        sa.Column("credential_id", sa.LargeBinary(1024), nullable=False, unique=True),
        sa.Column("public_key", sa.LargeBinary(2048), nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("used_at", sa.DateTime),
    )
    op.create_table(
        "one_uses",
        sa.Column("token", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False, index=True),
        sa.Column("body", sa.JSON, nullable=False),
        sa.Column("expires_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "outside_identities",
        sa.Column("issuer", sa.String(255), primary_key=True),
        sa.Column("subject", sa.String(255), primary_key=True),
        sa.Column("user_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False, index=True),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("id", sa.String(255), primary_key=True),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("verification", sa.String(10), nullable=False),
        sa.Column("subscription", sa.String(12), nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("business", sa.JSON, nullable=False),
        sa.Column("entities", sa.JSON, nullable=False),
        sa.Column("email", sa.String(320), nullable=False, index=True),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("tokens_since", sa.DateTime),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "permissions",
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("account_type", sa.String(20), primary_key=True),
        sa.Column("permission", sa.String(20), primary_key=True),
        sa.Column("granted", sa.Boolean, nullable=False),
        sa.Column("verification", sa.String(10), nullable=False),
        sa.Column("subscription", sa.String(12), nullable=False),
    )
    op.create_table(
        "account_requests",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("project_id", sa.String(36), sa.ForeignKey("projects.id"), nullable=False, index=True),
        sa.Column("account_id", sa.String(255), nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("business", sa.JSON, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("note", sa.String(1000), nullable=False),
        sa.Column("decided_by", sa.String(320), nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("decided_at", sa.DateTime),
    )


def downgrade() -> None:
    """Drop them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_stays ON audit")
        op.execute("DROP FUNCTION audit_stays()")
    tables = "audit account_requests permissions accounts outside_identities one_uses passkeys invitations"
    for table in tables.split():
        op.drop_table(table)
    for table, columns in {
        "sign_ins": ("seen_at", "agent", "address", "way", "id"),
        "memberships": ("role",), "projects": ("embed_origins",), "users": ("totp",),
    }.items():  # fmt: skip
        for column in columns:
            op.drop_column(table, column)
