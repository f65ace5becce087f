"""`trackway store`: users, schema and check of a ClickHouse server that is the store, and the move to it."""

from __future__ import annotations

import signal
from typing import Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trackway import config
from trackway.cli import data_directory, show
from trackway.cli.people import Data, Json
from trackway.config import BadSettings, Settings

store = typer.Typer(no_args_is_help=True, help="A ClickHouse server as the store: its users, its tables, a check.")


def _server(data: str | None) -> Settings:
    with show.refusals(BadSettings):
        settings = config.load(data=data)
    show.use_directory(settings.data)
    if settings.local_store is not None:
        show.fail(
            "the store is in the data directory, and the server manages it; set TRACKWAY_STORE to clickhouse://…, "
            "or run `trackway doctor`"
        )
    return settings


_LITTLE_MB = 64
"""Memory for checks, below every limit that a server may have for the reader."""


@store.command("users")
def users(data: Data = None) -> None:
    """Print the statements that create the database and the users of TRACKWAY_STORE and TRACKWAY_STORE_READER.

    An administrator of the ClickHouse server runs them once.
    """
    from trackway.server_address import user_of
    from trackway.store.server_rights import statements

    settings = _server(data)
    if not settings.store_reader:
        show.fail("set TRACKWAY_STORE_READER too: the same address with the name and password of a second user")
    if user_of(settings.store)[0] == user_of(settings.store_reader)[0]:
        show.fail("TRACKWAY_STORE and TRACKWAY_STORE_READER name the same user; give the second one another name")
    for statement in statements(settings.store, settings.store_reader, settings.engine_memory_mb):
        typer.echo(f"{statement};")


@store.command("migrate")
def migrate(data: Data = None) -> None:
    """Create the tables, or bring them up to date; the server does the same when it starts."""
    from trackway.store.connection import Store
    from trackway.store.recovery import refuse_begun_batch
    from trackway.store.refusals import StoreUnavailable

    settings = _server(data)
    if settings.loaders > 1:
        show.fail(
            f"log names {settings.loaders} loaders; the process with the role all brings the tables up to date at its "
            "start, once the other loaders have stopped"
        )
    with show.refusals(StoreUnavailable):
        opened = Store(settings.store_dsn, clients=1)
        refuse_begun_batch(settings.directory / "loader", opened)
        applied = opened.migrate()
        opened.close()
    typer.echo(f"applied {', '.join(applied)}" if applied else "the tables are up to date")


@store.command("move")
def move(data: Data = None, json: Json = False) -> None:
    """Copy the store of the data directory to the server and make the server the store; repeat it until it has ended.

    A server that runs on the data directory with these settings collects meanwhile.
    """
    from trackway.log import DirectoryUnusable
    from trackway.operate.move_store import move_store
    from trackway.store.move_state import CannotMove
    from trackway.store.refusals import StoreUnavailable

    settings = _server(data)
    signal.signal(signal.SIGTERM, data_directory.end)
    data_directory.prepare(settings)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        show.refusals(CannotMove, DirectoryUnusable, StoreUnavailable),
        Progress(*columns, console=show.errors, disable=json) as progress,
    ):
        task = progress.add_task("opening the stores", total=None)
        moved = move_store(
            settings,
            lambda done, total, what: progress.update(task, completed=done, total=total or None, description=what),
        )
    if json:
        show.as_json({"rows": moved.rows, "old_store": str(moved.old_store)})
        return
    text = f"{moved.rows} rows are on the server, which is the store now; the old one is kept in {moved.old_store}"
    show.console.print(text, markup=False, highlight=False, soft_wrap=True)


@store.command("check")
def check(data: Data = None, json: Json = False) -> None:
    """Check that the server answers both users, which rights they lack, and which scripts were not applied yet."""
    from trackway.store.refusals import QuestionFailed, StoreUnavailable

    settings = _server(data)
    with show.refusals(StoreUnavailable, QuestionFailed):
        found = _findings(settings)
    show.rows(found, json, whole=True)
    if any(row["problem"] for row in found):
        raise typer.Exit(1)


def _findings(settings: Settings) -> list[dict[str, Any]]:
    from trackway.server_address import user_of
    from trackway.store.cluster import disagreement
    from trackway.store.connection import Store
    from trackway.store.migration import pending
    from trackway.store.server_rights import READER_RIGHTS, loose_settings, missing_rights, writer_rights
    from trackway.store.unmoved import unmoved

    found: list[dict[str, Any]] = []
    for name, dsn, rights in (
        ("store", settings.store, writer_rights(settings.store)),
        ("store_reader", settings.store_reader, READER_RIGHTS),
    ):
        if not dsn:
            problem = "empty: questions are asked as the user of store, who may write; see `trackway store users`"
            found.append({"what": name, "is": "", "problem": problem})
            continue
        if name == "store_reader" and user_of(dsn)[0] == user_of(settings.store)[0]:
            problem = "it names the user of store, who may write; see `trackway store users`"
            found.append({"what": name, "is": "", "problem": problem})
            continue
        opened = Store(dsn, clients=1, memory_mb=_LITTLE_MB)
        version = opened.ask("SELECT version() AS version")["version"][0].as_py()
        missing = missing_rights(opened, rights)
        loose = loose_settings(opened, settings.engine_memory_mb) if name == "store_reader" else []
        problems = [
            f"{text}: {'; '.join(of)}"
            for text, of in (("rights that are missing", missing), ("settings that the user needs", loose))
            if of
        ]
        problem = f"{', '.join(problems)}; run again what `trackway store users` prints" if problems else ""
        found.append({"what": name, "is": f"ClickHouse {version}, user {user_of(dsn)[0]}", "problem": problem})
        if name == "store" and opened.shards:
            found.append({"what": "cluster", "is": f"{len(opened.shards)} shards", "problem": disagreement(opened)})
        if name == "store":
            waiting = pending(opened)
            problem = f"not applied: {', '.join(waiting)}; run `trackway store migrate`" if waiting else ""
            found.append({"what": "tables", "is": "" if waiting else "up to date", "problem": problem})
        opened.close()
    if text := unmoved(settings.directory, settings.store):
        found.append({"what": "local store", "is": str(settings.directory / "store"), "problem": text})
    return found
