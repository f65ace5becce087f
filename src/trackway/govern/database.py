"""The accounts database: users, projects, members and keys; gives access to all other stored parts of govern/."""

from __future__ import annotations

import logging
import re
import secrets
from importlib.resources import files
from uuid import UUID

from cryptography.fernet import Fernet
from sqlalchemy import delete, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, selectinload, sessionmaker

from trackway.event import new_id
from trackway.govern.access.accounts import PlatformAccounts
from trackway.govern.access.audit import Audit
from trackway.govern.access.permissions import ROLES
from trackway.govern.access.recommendation_keys import RecommendationKeys
from trackway.govern.access.tokens import Tokens
from trackway.govern.first_start import FirstStart
from trackway.govern.identity.encryption import SecretCipher
from trackway.govern.identity.passkeys import Passkeys
from trackway.govern.identity.password_resets import PasswordResets
from trackway.govern.identity.sign_ins import SignIns, hash_password, replace_password
from trackway.govern.loaders import Loaders
from trackway.govern.metric_packs import pack_of
from trackway.govern.plans.versions import Plans
from trackway.govern.saved.boards import Boards
from trackway.govern.saved.connections import Connections, Watches
from trackway.govern.saved.jobs import Jobs
from trackway.govern.saved.pack_versions import PackVersions, number
from trackway.govern.saved.segments import Saved
from trackway.govern.saved.tables import Connection, Watch
from trackway.govern.saved.transfers import Transfers
from trackway.govern.tables import (
    BadAccount,
    Key,
    Membership,
    OneUse,
    OutsideIdentity,
    Passkey,
    Project,
    SignIn,
    User,
    check_timezone,
    hashed,
    utc_now,
)
from trackway.govern.usability import Usability
from trackway.lite import damaged, engine_of, fault

logger = logging.getLogger("trackway.govern")

_HEAD = "0016"
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?", re.ASCII)
_KEYS = {"write": ("wk_", 18), "secret": ("sk_", 32), "embed": ("ek_", 32), "recommend": ("rk_", 32)}


class AccountsUnavailable(Exception):
    """The accounts database cannot be opened; the text says why."""


class AccountsDamaged(AccountsUnavailable):
    """The file of the accounts database is damaged."""


class GovernDatabase:
    """The accounts database.

    Args:
        dsn: an SQLAlchemy URL.
        cipher: encrypts secrets that must be read again; without one, a temporary key is used, and these secrets are
            lost when the process ends.

    Raises:
        AccountsUnavailable: the database cannot be opened or migrated.
    """

    def __init__(self, dsn: str, cipher: SecretCipher | None = None) -> None:
        url = make_url(dsn)
        self._cipher = cipher or SecretCipher([Fernet.generate_key().decode()])
        self._lite = url.get_backend_name() == "sqlite"
        try:
            self._engine = engine_of(url)
            self.unusable = Usability(self._engine)
            self._sessions = sessionmaker(self._engine, expire_on_commit=False)
            self._migrate()
            self.loaders = Loaders(self._sessions, self._engine)
            self.saved = Saved(self._sessions)
            self.plans = Plans(self._sessions)
            self.boards = Boards(self._sessions)
            self.transfers = Transfers(self._sessions)
            self.jobs = Jobs(self._sessions)
            self.connections = Connections(self._sessions, self._cipher)
            self.packs = PackVersions(self._sessions)
            self.watches = Watches(self._sessions, self._cipher)
            self.audit = Audit(self._sessions)
            self.platform = PlatformAccounts(self._sessions)
            self.recommendation_keys = RecommendationKeys(self._sessions)
            self.tokens = Tokens(self._sessions, self._cipher)
            self.sign_ins = SignIns(self._sessions, self._cipher)
            self.resets = PasswordResets(self._sessions)
            self.passkeys = Passkeys(self._sessions, self.sign_ins)
        except (SQLAlchemyError, OSError, ImportError) as error:
            place = (self._lite and url.database) or url.render_as_string(hide_password=True)
            remedy = "restore it from a backup, or run `trackway doctor --repair accounts`, which creates it again"
            kind = AccountsDamaged if damaged(error) else AccountsUnavailable
            raise kind(f"the accounts database {place} {fault(error, remedy)}") from error

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            if self._lite and (verdict := connection.scalar(text("PRAGMA quick_check(1)"))) != "ok":
                raise OSError(f"it is damaged: {verdict}")
            has_version = inspect(connection).has_table("alembic_version")
            if has_version and connection.scalar(text("SELECT version_num FROM alembic_version")) == _HEAD:
                return  # the usual start; importing Alembic takes longer than all the rest
        logging.getLogger("alembic").setLevel(logging.WARNING)
        import alembic.command
        import alembic.config

        config = alembic.config.Config()
        config.set_main_option("script_location", str(files("trackway.govern").joinpath("migrations")))
        with self._engine.begin() as connection:
            if self._lite:  # Python's module begins no transaction before it changes the schema
                connection.execute(text("BEGIN IMMEDIATE"))
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")

    # Users

    def add_user(self, email: str, password: str, is_admin: bool = False) -> User:
        """Create a user. Raises BadAccount when the e-mail address is invalid or taken, or the password too short."""
        email = email.strip().lower()
        if "@" not in email or len(email) > 320:
            raise BadAccount(f"{email!r} is not an e-mail address")
        with self._sessions.begin() as session:
            if session.scalar(select(User).where(User.email == email)):
                raise BadAccount(f"there is already a user {email}")
            password_hash = hash_password(password)
            user = User(id=str(new_id()), email=email, password=password_hash, is_admin=is_admin, created_at=utc_now())
            session.add(user)
        return user

    def set_password(self, email: str, password: str) -> None:
        """Set a user's password and end all of their sign-ins."""
        password_hash = hash_password(password)
        with self._sessions.begin() as session:
            replace_password(session, self._user(session, email), password_hash)

    def remove_user(self, email: str) -> None:
        """Remove a user. Raises BadAccount for the last administrator."""
        with self._sessions.begin() as session:
            user = self._user(session, email)
            admins = session.scalars(select(User).where(User.is_admin)).all()
            if user.is_admin and len(admins) == 1:
                raise BadAccount(f"{email} is the only administrator; add another one first")
            for table in (SignIn, Membership, Passkey, OutsideIdentity, OneUse):
                session.execute(delete(table).where(table.user_id == user.id))
            session.delete(user)

    def users(self) -> list[User]:
        """Return all users, the oldest first."""
        with self._sessions() as session:
            return list(session.scalars(select(User).order_by(User.id)))

    def add_member(self, email: str, project_id: UUID, role: str = "analyst") -> None:
        """Make a user a member of a project, or change a member's role."""
        if role not in ROLES:
            raise BadAccount(f"{role!r} is not a role; the roles are {', '.join(ROLES)}")
        with self._sessions.begin() as session:
            user = self._user(session, email)
            if session.get(Project, str(project_id)) is None:
                raise BadAccount(f"there is no project {project_id}")
            session.merge(Membership(user_id=user.id, project_id=str(project_id), role=role))

    def members(self, project_id: UUID) -> list[tuple[User, str]]:
        """Return the users who see a project, with their roles: its members, and administrators, who see every
        project.
        """
        statement = (
            select(User, Membership.role)
            .outerjoin(Membership, (Membership.user_id == User.id) & (Membership.project_id == str(project_id)))
            .where(User.is_admin | Membership.role.is_not(None))
            .order_by(User.email)
        )
        with self._sessions() as session:
            return [(user, "administrator" if user.is_admin else role) for user, role in session.execute(statement)]

    def role(self, user: User, project_id: UUID | str) -> str:
        """Return a user's role in a project; empty when they are not a member."""
        if user.is_admin:
            return "administrator"
        with self._sessions() as session:
            membership = session.get(Membership, (user.id, str(project_id)))
            return membership.role if membership else ""

    def remove_member(self, email: str, project_id: UUID) -> None:
        """End a user's membership of a project."""
        with self._sessions.begin() as session:
            user = self._user(session, email)
            membership = session.get(Membership, (user.id, str(project_id)))
            if membership is None:
                raise BadAccount(f"{email} is not a member of this project")
            session.delete(membership)

    @staticmethod
    def _user(session: Session, email: str) -> User:
        user = session.scalar(select(User).where(User.email == email.strip().lower()))
        if user is None:
            raise BadAccount(f"there is no user {email}; `trackway user list` shows them")
        return user

    # Projects and keys

    def add_project(
        self,
        name: str,
        timezone: str = "UTC",
        currency: str = "USD",
        goals: list[str] | None = None,
        write_key: str = "",
        secret_key: str = "",
        project_id: UUID | None = None,
        loader: int | None = None,
    ) -> tuple[Project, str, str]:
        """Create a project with a write key and a secret key. Returns the project and both keys.

        Raises:
            BadAccount: the time zone or currency is invalid, a key is taken, or there is no such loader.
        """
        check_timezone(timezone)
        if len(currency) != 3 or not currency.isalpha():
            raise BadAccount(f"{currency!r} is not a currency code such as EUR")
        with self._sessions.begin() as session:
            project = Project(
                id=str(project_id or new_id()), name=name.strip()[:100] or "My product", timezone=timezone,
                currency=currency.upper(), goals=["Order Completed", "Signed Up"] if goals is None else goals,
                created_at=utc_now(), loader=self.loaders.place(session, loader),
            )  # fmt: skip
            session.add(project)
            session.flush()
            write_key = write_key or "wk_" + secrets.token_urlsafe(18)
            secret_key = secret_key or "sk_" + secrets.token_urlsafe(32)
            self._add_key(session, project.id, "write", write_key)
            self._add_key(session, project.id, "secret", secret_key)
        return project, write_key, secret_key

    def add_key(self, project_id: UUID, kind: str) -> tuple[Key, str]:
        """Create another key: `write`, `secret`, `embed` or `recommend`. Returns it with its value, which is available
        only now, unless it is a `write` key.

        The host signs tokens with `embed` keys; the key's id is their `kid`.
        """
        with self._sessions.begin() as session:
            if session.get(Project, str(project_id)) is None:
                raise BadAccount(f"there is no project {project_id}")
            prefix, size = _KEYS[kind]
            value = prefix + secrets.token_urlsafe(size)
            return self._add_key(session, str(project_id), kind, value), value

    def _add_key(self, session: Session, project_id: str, kind: str, value: str) -> Key:
        stored = self._cipher.encrypt(value) if kind == "embed" else value if kind == "write" else hashed(value)
        if session.scalar(select(Key).where(Key.value == stored)):
            raise BadAccount(f"the {kind} key is already in use")
        hint = "…" + value[-4:]
        key = Key(id=str(new_id()), project_id=project_id, kind=kind, value=stored, hint=hint, created_at=utc_now())
        session.add(key)
        session.flush()
        return key

    def revoke_key(self, project_id: UUID, key_id: str) -> Key:
        """Revoke a key. A secret key stops working at once, a write key within seconds."""
        with self._sessions.begin() as session:
            key = session.get(Key, key_id)
            if key is None or key.project_id != str(project_id):
                raise BadAccount(f"there is no key {key_id} in this project")
            key.revoked_at = utc_now()
            return key

    def change_project(
        self,
        project_id: UUID,
        name: str | None,
        timezone: str | None,
        currency: str | None,
        goals: list[str] | None,
        overruled_bot_reasons: list[str] | None = None,
        closed_register: bool | None = None,
        metrics: str | None = None,
        embed_origins: list[str] | None = None,
        by: str = "",
    ) -> Project:
        """Change the given properties of a project.

        Args:
            overruled_bot_reasons: bot reasons that do not make a visitor a bot in this project.
            closed_register: count views only of registered entities.
            metrics: a metrics pack: the name of an included one, or TOML.
            embed_origins: origins whose pages may embed the project's dashboards.
            by: who changes it, for the versions of the metrics pack.
        """
        for origin in embed_origins or []:
            if not _ORIGIN.fullmatch(origin):
                raise BadAccount(f"{origin!r} is not an origin such as https://example.com")
        if metrics is not None:
            pack_of(metrics)
        if timezone is not None:
            check_timezone(timezone)
        changes = {
            "name": name, "timezone": timezone, "currency": currency, "goals": goals,
            "overruled_bot_reasons": overruled_bot_reasons, "closed_register": closed_register,
            "embed_origins": embed_origins,
        }  # fmt: skip
        with self._sessions.begin() as session:
            project = session.get(Project, str(project_id), options=[selectinload(Project.keys)])
            if project is None:
                raise BadAccount(f"there is no project {project_id}")
            for field, value in changes.items():
                if value is not None:
                    setattr(project, field, value)
            if metrics is not None:
                number(session, project, metrics, by)
        return project

    def project(self, project_id: UUID | str) -> Project | None:
        """Return a project, or None."""
        with self._sessions() as session:
            return session.get(Project, str(project_id), options=[selectinload(Project.keys)])

    def projects(self, user: User | None = None) -> list[Project]:
        """Return the projects that a user may see; all projects for administrators and for None."""
        statement = select(Project).options(selectinload(Project.keys)).order_by(Project.id)
        if user is not None and not user.is_admin:
            of_user = select(Membership.project_id).where(Membership.user_id == user.id)
            statement = statement.where(Project.id.in_(of_user))
        with self._sessions() as session:
            return list(session.scalars(statement))

    def project_of_secret(self, secret_key: str) -> Project | None:
        """Return the project of a secret key that is in force, or None."""
        with self._sessions() as session:
            key = session.scalar(
                select(Key)
                .where(Key.value == hashed(secret_key), Key.kind == "secret", Key.revoked_at.is_(None))
                .options(selectinload(Key.project).selectinload(Project.keys))
            )
            return key.project if key else None

    def write_keys(self) -> dict[str, bytes]:
        """Return every write key that is in force, with its project's id as 16 bytes."""
        with self._sessions() as session:
            keys = session.scalars(select(Key).where(Key.kind == "write", Key.revoked_at.is_(None)))
            return {key.value: UUID(key.project_id).bytes for key in keys}

    # The first start

    def first_start(self, email: str, password: str, write_key: str = "", secret_key: str = "") -> FirstStart | None:
        """Create a project if there is none, and an administrator if there is no user. Empty credentials are generated.
        Returns None when both exist.
        """
        without_users, without_projects = not self.users(), not self.projects()
        if not (without_users or without_projects):
            return None
        options = {"password": password, "write_key": write_key, "secret_key": secret_key}
        chosen = tuple(name for name, value in options.items() if value)
        write_key = secret_key = ""
        if without_projects:
            _, write_key, secret_key = self.add_project(
                "My product", write_key=options["write_key"], secret_key=options["secret_key"]
            )
        if not without_users:
            return FirstStart("", "", write_key, secret_key, chosen)
        password = password or secrets.token_urlsafe(12)
        self.add_user(email, password, is_admin=True)
        return FirstStart(email, password, write_key, secret_key, chosen)

    def reencrypt_secrets(self) -> None:
        """Encrypt all secrets again with the newest key, so that older keys can be left out from the next start on.

        Raises:
            CannotDecrypt: a secret is encrypted with a key that is not given.
        """
        with self._sessions.begin() as session:
            for key in session.scalars(select(Key).where(Key.kind == "embed")):
                key.value = self._cipher.reencrypt(key.value)
            for user in session.scalars(select(User).where(User.totp != "")):
                user.totp = self._cipher.reencrypt(user.totp)
            for row in (*session.scalars(select(Connection)), *session.scalars(select(Watch))):
                row.secret = self._cipher.reencrypt(row.secret)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
