"""Who may do what: users, projects, keys and sign-ins."""

from __future__ import annotations

import logging
import secrets
import time
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import create_engine, delete, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, selectinload, sessionmaker

from trackway.event import new_id
from trackway.govern.boards import Boards
from trackway.govern.jobs import Jobs
from trackway.govern.metrics import pack_of
from trackway.govern.planning import Plans
from trackway.govern.saved import Saved
from trackway.govern.tables import Key, Membership, Project, SignIn, User, hashed, moment
from trackway.govern.transfers import Transfers

SIGN_IN_DAYS = 30
SHORTEST_PASSWORD = 10
_hasher = PasswordHasher()
_HEAD = "0008"


class AccountsUnavailable(Exception):
    """The accounts database cannot be opened; the text says why."""


class BadAccount(ValueError):
    """A user, project or key that cannot be made or found; the text says which and what to do."""


class FirstStart(NamedTuple):
    """What the first start invented or was given; shown once."""

    email: str
    password: str
    write_key: str
    secret_key: str


class SignedIn(NamedTuple):
    """A browser that is signed in: the cookie's value, the token that changes must carry, and who it is."""

    token: str
    csrf: str
    user: User


class Accounts:
    """The accounts database.

    Args:
        dsn: an SQLAlchemy address.

    Raises:
        AccountsUnavailable: it cannot be opened or migrated.
    """

    def __init__(self, dsn: str) -> None:
        url = make_url(dsn)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._engine = create_engine(url)
            if url.get_backend_name() == "sqlite":
                event.listen(self._engine, "connect", _tune_sqlite)
            self._sessions = sessionmaker(self._engine, expire_on_commit=False)
            self._migrate()
            self.saved = Saved(self._sessions)
            self.plans = Plans(self._sessions)
            self.boards = Boards(self._sessions)
            self.transfers = Transfers(self._sessions)
            self.jobs = Jobs(self._sessions)
        except (SQLAlchemyError, OSError, ImportError) as error:
            shown = url.render_as_string(hide_password=True)
            raise AccountsUnavailable(f"the accounts database {shown} cannot be opened: {error}") from error

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            known = inspect(connection).has_table("alembic_version")
            if known and connection.scalar(text("SELECT version_num FROM alembic_version")) == _HEAD:
                return  # the usual start; Alembic takes longer to import than the rest of it
        logging.getLogger("alembic").setLevel(logging.WARNING)
        import alembic.command
        import alembic.config

        config = alembic.config.Config()
        config.set_main_option("script_location", str(files("trackway.govern").joinpath("migrations")))
        with self._engine.begin() as connection:
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")

    # Users

    def add_user(self, email: str, password: str, is_admin: bool = False) -> User:
        """Make a user. Raises BadAccount when the address is taken or no address, or the password too short."""
        email = email.strip().lower()
        if "@" not in email or len(email) > 320:
            raise BadAccount(f"{email!r} is not an e-mail address")
        with self._sessions.begin() as session:
            if session.scalar(select(User).where(User.email == email)):
                raise BadAccount(f"there is already a user {email}")
            user = User(id=str(new_id()), email=email, password=_hash(password), is_admin=is_admin, created_at=moment())
            session.add(user)
        return user

    def set_password(self, email: str, password: str) -> None:
        """Give a user another password and sign them out everywhere."""
        with self._sessions.begin() as session:
            user = self._user(session, email)
            user.password = _hash(password)
            session.execute(delete(SignIn).where(SignIn.user_id == user.id))

    def remove_user(self, email: str) -> None:
        """Remove a user; the last administrator stays."""
        with self._sessions.begin() as session:
            user = self._user(session, email)
            admins = session.scalars(select(User).where(User.is_admin)).all()
            if user.is_admin and len(admins) == 1:
                raise BadAccount(f"{email} is the only administrator; make another one first")
            session.execute(delete(SignIn).where(SignIn.user_id == user.id))
            session.execute(delete(Membership).where(Membership.user_id == user.id))
            session.delete(user)

    def users(self) -> list[User]:
        """All users, in the order in which they were made."""
        with self._sessions() as session:
            return list(session.scalars(select(User).order_by(User.id)))

    def add_member(self, email: str, project_id: UUID) -> None:
        """Let a user see a project."""
        with self._sessions.begin() as session:
            user = self._user(session, email)
            if session.get(Project, str(project_id)) is None:
                raise BadAccount(f"there is no project {project_id}")
            session.merge(Membership(user_id=user.id, project_id=str(project_id)))

    def members(self, project_id: UUID) -> list[User]:
        """Who sees a project: its members, and administrators, who see all."""
        own = select(Membership.user_id).where(Membership.project_id == str(project_id))
        with self._sessions() as session:
            found = session.scalars(select(User).where(User.is_admin | User.id.in_(own)).order_by(User.email))
            return list(found)

    def remove_member(self, email: str, project_id: UUID) -> None:
        """Let a user see a project no longer."""
        with self._sessions.begin() as session:
            user = self._user(session, email)
            found = session.get(Membership, (user.id, str(project_id)))
            if found is None:
                raise BadAccount(f"{email} is not a member of this project")
            session.delete(found)

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
    ) -> tuple[Project, str, str]:
        """Make a project with a write key and a secret key; return it and the keys.

        Raises:
            BadAccount: no such time zone, not a currency code, or a key that is taken.
        """
        _check_timezone(timezone)
        if len(currency) != 3 or not currency.isalpha():
            raise BadAccount(f"{currency!r} is not a currency code such as EUR")
        with self._sessions.begin() as session:
            project = Project(
                id=str(new_id()),
                name=name.strip()[:100] or "My product",
                timezone=timezone,
                currency=currency.upper(),
                goals=["Order Completed", "Signed Up"] if goals is None else goals,
                created_at=moment(),
            )
            session.add(project)
            session.flush()
            write_key = self._add_key(session, project.id, "write", write_key or "wk_" + secrets.token_urlsafe(18))
            secret_key = self._add_key(session, project.id, "secret", secret_key or "sk_" + secrets.token_urlsafe(32))
        return project, write_key, secret_key

    def add_key(self, project_id: UUID, kind: str) -> str:
        """Make another key, `write` or `secret`; the value of a secret one is returned only now."""
        with self._sessions.begin() as session:
            if session.get(Project, str(project_id)) is None:
                raise BadAccount(f"there is no project {project_id}")
            prefix, size = ("wk_", 18) if kind == "write" else ("sk_", 32)
            return self._add_key(session, str(project_id), kind, prefix + secrets.token_urlsafe(size))

    @staticmethod
    def _add_key(session: Session, project_id: str, kind: str, value: str) -> str:
        stored = value if kind == "write" else hashed(value)
        if session.scalar(select(Key).where(Key.value == stored)):
            raise BadAccount(f"the {kind} key is already in use")
        hint = "…" + value[-4:]
        session.add(
            Key(id=str(new_id()), project_id=project_id, kind=kind, value=stored, hint=hint, created_at=moment())
        )
        session.flush()
        return value

    def revoke_key(self, project_id: UUID, key_id: str) -> None:
        """Make a key of a project useless, at once for secret and within seconds for write keys."""
        with self._sessions.begin() as session:
            key = session.get(Key, key_id)
            if key is None or key.project_id != str(project_id):
                raise BadAccount(f"there is no key {key_id} in this project")
            key.revoked_at = moment()

    def change_project(
        self,
        project_id: UUID,
        name: str | None,
        timezone: str | None,
        currency: str | None,
        goals: list[str] | None,
        humans: list[str] | None = None,
        closed_register: bool | None = None,
        metrics: str | None = None,
    ) -> Project:
        """Change what is given of a project; `humans` are reasons for which nobody is taken for a bot, with a
        `closed_register` only entities in it have their views counted, and `metrics` is a metrics pack: the name of an
        included one, or TOML.
        """
        if metrics is not None:
            pack_of(metrics)
        if timezone is not None:
            _check_timezone(timezone)
        given = {"name": name, "timezone": timezone, "currency": currency, "goals": goals, "humans": humans,
                 "closed_register": closed_register, "metrics": metrics}  # fmt: skip
        with self._sessions.begin() as session:
            project = session.get(Project, str(project_id), options=[selectinload(Project.keys)])
            if project is None:
                raise BadAccount(f"there is no project {project_id}")
            for field, value in given.items():
                if value is not None:
                    setattr(project, field, value)
        return project

    def projects(self, user: User | None = None) -> list[Project]:
        """The projects that a user may see; all of them for administrators and for None."""
        statement = select(Project).options(selectinload(Project.keys)).order_by(Project.id)
        if user is not None and not user.is_admin:
            statement = statement.join(Membership, Membership.project_id == Project.id).where(
                Membership.user_id == user.id
            )
        with self._sessions() as session:
            return list(session.scalars(statement))

    def project_of_secret(self, secret_key: str) -> Project | None:
        """The project that a secret key opens."""
        with self._sessions() as session:
            key = session.scalar(
                select(Key)
                .where(Key.value == hashed(secret_key), Key.kind == "secret", Key.revoked_at.is_(None))
                .options(selectinload(Key.project).selectinload(Project.keys))
            )
            return key.project if key else None

    def write_keys(self) -> dict[str, bytes]:
        """Every write key that is in force and its project's id."""
        with self._sessions() as session:
            keys = session.scalars(select(Key).where(Key.kind == "write", Key.revoked_at.is_(None)))
            return {key.value: UUID(key.project_id).bytes for key in keys}

    # Signing in

    def sign_in(self, email: str, password: str) -> SignedIn | None:
        """Sign in with address and password; None when they do not fit, after the same time either way."""
        with self._sessions.begin() as session:
            user = session.scalar(select(User).where(User.email == email.strip().lower()))
            try:
                _hasher.verify(user.password if user else _nobody(), password)
            except (VerificationError, InvalidHashError):
                return None
            if user is None:
                return None
            if _hasher.check_needs_rehash(user.password):
                user.password = _hasher.hash(password)
            session.execute(delete(SignIn).where(SignIn.expires_at < moment()))
            token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
            expires = moment() + timedelta(days=SIGN_IN_DAYS)
            session.add(
                SignIn(token=hashed(token), user_id=user.id, csrf=csrf, created_at=moment(), expires_at=expires)
            )
        return SignedIn(token, csrf, user)

    def signed_in(self, token: str) -> SignedIn | None:
        """Who a cookie's value belongs to, if it is still good."""
        with self._sessions() as session:
            found = session.get(SignIn, hashed(token))
            if found is None or found.expires_at < moment():
                return None
            user = session.get(User, found.user_id)
            return SignedIn(token, found.csrf, user) if user else None

    def sign_out(self, token: str) -> None:
        """Forget a browser."""
        with self._sessions.begin() as session:
            session.execute(delete(SignIn).where(SignIn.token == hashed(token)))

    # The first start

    def first_start(self, email: str, password: str, write_key: str, secret_key: str) -> FirstStart | None:
        """Make an administrator and a project when there are none; what is empty is invented. None when there are."""
        if self.users():
            return None
        password = password or secrets.token_urlsafe(12)
        self.add_user(email, password, is_admin=True)
        _, write_key, secret_key = self.add_project("My product", write_key=write_key, secret_key=secret_key)
        return FirstStart(email, password, write_key, secret_key)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


class WriteKeys:
    """Write keys in memory, read again every few seconds and when an unknown one comes (once a second at most)."""

    def __init__(self, accounts: Accounts, seconds: float = 5.0) -> None:
        self._accounts = accounts
        self._seconds = seconds
        self._keys = accounts.write_keys()
        self._read_at = time.monotonic()

    def project_of(self, write_key: str) -> bytes | None:
        """The project's id as 16 bytes, or None for a key that is not known."""
        age = time.monotonic() - self._read_at
        if age > self._seconds or (write_key not in self._keys and age > 1):
            self._keys = self._accounts.write_keys()
            self._read_at = time.monotonic()
        return self._keys.get(write_key)


def _hash(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise BadAccount(f"the password has fewer than {SHORTEST_PASSWORD} characters")
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    """Checked when there is no such user, so that the answer takes as long as for one who exists."""
    return _hasher.hash(secrets.token_hex(16))


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadAccount(f"{name!r} is not a time zone such as Europe/Berlin") from error


def _tune_sqlite(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
