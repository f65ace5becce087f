"""Detects data without its accounts database (lost or damaged), refuses to start with it, and rebuilds the accounts."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.engine import make_url

from trackway.config import Settings
from trackway.govern.database import AccountsDamaged, AccountsUnavailable, GovernDatabase
from trackway.govern.first_start import FirstStart
from trackway.govern.identity.encryption import SecretCipher
from trackway.govern.tables import utc_now
from trackway.log import DirectoryUnusable, Gap, Log

if TYPE_CHECKING:
    from trackway.store.connection import Store


def refuse_orphans(settings: Settings, accounts: GovernDatabase, store: Store | None = None) -> None:
    """Refuse to start when there is data but no project: a new project would make the old data invisible.

    Args:
        store: also checked for data when given; without it, only the files of log and loader are checked.

    Raises:
        AccountsUnavailable: there is data but no project.
    """
    if accounts.projects():
        return
    has_data = holds_data(settings.directory)
    if not has_data and store is not None:
        has_data = store.ask("SELECT project_id FROM event_counts LIMIT 1").num_rows > 0
    if has_data:
        raise AccountsUnavailable(
            f"{settings.directory} has data, but the accounts database contains no project, so nobody could see it; "
            "restore the accounts database from a backup, or run `trackway doctor --repair accounts`, which creates "
            "the "
            "data's projects again"
        )


def holds_data(directory: Path) -> bool:
    """Whether the log or the loader of a data directory has ever had messages."""
    from trackway.store import checkpoint

    if any(segment.stat().st_size for segment in (directory / "log").glob("*.log")):
        return True
    try:
        newest = checkpoint.read(directory / "loader")
    except DirectoryUnusable:
        return True  # a checkpoint exists, so there has been data
    return newest is not None and newest.offset > 0


def unknown_projects(store: Store, accounts: GovernDatabase) -> list[UUID]:
    """Return projects that have events but are missing from the accounts database; nobody can see them."""
    rows = store.ask("SELECT DISTINCT toString(project_id) AS project FROM event_counts ORDER BY project")
    known_ids = {project.id for project in accounts.projects()}
    return [UUID(project) for project in rows["project"].to_pylist() if project not in known_ids]


def repair_accounts(settings: Settings) -> list[str]:
    """Create the projects that exist in the data but not in the accounts database, each under its old id with new keys,
    and an administrator when there is no user. A damaged SQLite file is renamed. The server must be stopped.

    Returns:
        A line for each action. Generated secrets appear here and nowhere else.

    Raises:
        DirectoryUnusable, StoreUnavailable, AccountsUnavailable, BadAccount, KeyUnusable: the repair is not possible.
    """
    from trackway.store.connection import Store
    from trackway.store.recovery import open_log, refuse_begun_batch

    actions: list[str] = []
    log, _ = open_log(settings.directory, settings.local_store, address=settings.log)
    try:
        store = Store(settings.store_dsn, clients=1)
        try:
            refuse_begun_batch(settings.directory / "loader", store)
            store.migrate()
            accounts = _opened(settings, actions)
            missing = dict.fromkeys([*unknown_projects(store, accounts), *_logged(log, accounts)])
        finally:
            store.close()
    finally:
        log.close()
    try:
        write_key, secret_key = settings.write_key, settings.secret_key
        for project_id in missing:
            name = f"Recovered {str(project_id)[-8:]}"
            _, write_key, secret_key = accounts.add_project(
                name, write_key=write_key, secret_key=secret_key, project_id=project_id
            )
            first = FirstStart("", "", write_key, secret_key, _given(settings, write_key, secret_key))
            credentials = ", ".join(f"{field.replace('_', ' ')} {value}" for field, value in first.printable().items())
            actions.append(f"created the project {project_id} ({name}): {credentials}")
            write_key = secret_key = ""
        if not accounts.users() and (
            administrator := accounts.first_start(settings.admin_email, settings.admin_password)
        ):
            actions.append(
                "created the administrator: " + ", ".join(f"{k} {v}" for k, v in administrator.printable().items() if v)
            )
    finally:
        accounts.close()
    if missing:
        actions.append("members, other keys, plans, boards and connections of these projects exist only in a backup")
        if not settings.write_key:
            actions.append(
                "pages that use the old write key are refused from now on; to keep it, move accounts.db away and run "
                "this again with TRACKWAY_WRITE_KEY set"
            )
    return actions or ["every project that has data exists, and there is a user who can see it"]


def _given(settings: Settings, write_key: str, secret_key: str) -> tuple[str, ...]:
    pairs = {"write_key": (settings.write_key, write_key), "secret_key": (settings.secret_key, secret_key)}
    return tuple(name for name, (preset, used) in pairs.items() if preset and preset == used)


def _opened(settings: Settings, actions: list[str]) -> GovernDatabase:
    cipher = SecretCipher.of(settings.directory, settings.secrets)
    try:
        return GovernDatabase(settings.accounts_dsn, cipher)
    except AccountsDamaged:
        file = Path(make_url(settings.accounts_dsn).database or "")
        for name in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
            if name.exists():
                aside = name.with_name(f"{name.name}.damaged-{utc_now():%Y%m%dT%H%M%S}")
                shutil.move(name, aside)
                actions.append(f"renamed {name.name} to {aside.name}")
        return GovernDatabase(settings.accounts_dsn, cipher)


def _logged(log: Log, accounts: GovernDatabase) -> list[UUID]:
    """Return projects of messages in the log that are missing from the accounts database."""
    logged_ids: dict[bytes, None] = {}
    for item in log.read(log.start, 2**62):
        if not isinstance(item, Gap):
            logged_ids.update({arrival.project_id: None for arrival in item.arrivals()})
    known_ids = {project.id for project in accounts.projects()}
    return [project_id for project_id in (UUID(bytes=key) for key in logged_ids) if str(project_id) not in known_ids]
