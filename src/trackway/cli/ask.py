"""`trackway query` and `trackway export`: on a stopped store, or on a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trackway.analyze.data.export import TABLES
from trackway.cli import show
from trackway.cli.data_directory import accounts_of, prepare
from trackway.cli.people import find_project
from trackway.cli.remote import Remote
from trackway.config import Settings

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".arrow": "arrow", ".ndjson": "ndjson"}


@contextmanager
def _stopped_store(settings: Settings) -> Iterator[Any]:
    from trackway.log import LogInUse
    from trackway.store.connection import Store
    from trackway.store.recovery import open_log, refuse_begun_batch
    from trackway.store.unmoved import unmoved

    if not (settings.directory / "store").exists() and not settings.store:
        show.fail(f"there is no store in {settings.directory}; `trackway serve --data DIR` creates one")
    if text := unmoved(settings.directory, settings.store_dsn):
        show.fail(text)
    prepare(settings)
    try:
        # The lock of the log tells a server on the same directory to wait.
        opened = not settings.store
        log, _ = open_log(settings.directory, settings.local_store, address=settings.log) if opened else (None, None)
    except LogInUse as error:
        raise LogInUse(f"{error}, or ask the running server with --url and --key") from error
    store = Store(settings.store_dsn, clients=1)
    try:
        refuse_begun_batch(settings.directory / "loader", store)
        store.migrate()
        yield store
    finally:
        store.close()
        if log:
            log.close()


def ask(settings: Settings, sql: str, url: str | None, key: str | None, json: bool) -> None:
    """Print the answer to one statement."""
    show.rows(query_rows(settings, sql, url, key), json)


def query_rows(settings: Settings, sql: str, url: str | None, key: str | None) -> list[dict[str, Any]]:
    """Return the rows of one statement."""
    if url:
        return Remote(url, key).query(sql)
    with _stopped_store(settings) as store:
        text = sql.strip().rstrip(";")
        rows: list[dict[str, Any]] = store.ask(f"SELECT * FROM (\n{text}\n)").to_pylist()
        return rows


def export_table(
    settings: Settings,
    table: str,
    out: Path,
    url: str | None,
    key: str | None,
    project: str | None,
    json: bool,
) -> None:
    """Write a table of a project to a file."""
    form = _FORMATS.get(out.suffix)
    if form is None:
        show.fail(f"{out.name}: the format is not clear; end the name with one of {', '.join(_FORMATS)}")
    if table not in TABLES:
        show.fail(f"{table!r} cannot be exported; the tables are {', '.join(TABLES)}")
    if url:
        rows = Remote(url, key).export({"table": table, "form": form, "bots": True}, out)
    else:
        rows = _export_stopped(settings, table, out, form, project)
    show.rows([{"table": table, "rows": rows, "file": str(out)}], json)


def _export_stopped(settings: Settings, table: str, out: Path, form: str, project: str | None) -> int:
    from trackway.analyze.language.period import period
    from trackway.analyze.language.question import Question
    from trackway.operate.transfers import write_export

    chosen = find_project(accounts_of(settings), project)
    ever = period("all", chosen.timezone, datetime.now(UTC))
    question = Question.of(chosen, ever, bots=True)
    with _stopped_store(settings) as store, out.open("wb") as sink:
        return write_export(store, question, table, sink, form, lambda *_: None)
