"""`trackway query` and `trackway export`: on a stopped store, or on a running server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from trackway.cli import show
from trackway.cli.people import find_project
from trackway.cli.remote import Remote
from trackway.config import Settings

_FORMATS = {".parquet": "parquet", ".csv": "csv", ".arrow": "arrow", ".ndjson": "ndjson"}
_TABLES = {
    "events": "SELECT * REPLACE (toJSONString(properties) AS properties) FROM events",
    "sessions": "SELECT * EXCEPT (gone, changes_sessions, changes_bounces, changes_events, changes_page_views, "
    "changes_duration_ms) FROM sessions FINAL",
    "visitors": "SELECT * FROM visitors FINAL",
}
_ORDER = {"events": "timestamp, event_id", "sessions": "started_at, session_id", "visitors": "visitor_id"}


@contextmanager
def _stopped_store(settings: Settings) -> Iterator[Any]:
    from trackway.log import LocalLog, LogInUse
    from trackway.store.connection import QuestionFailed, Store, StoreUnavailable

    if not (settings.directory / "store").exists() and not settings.store:
        show.fail(f"there is no store in {settings.directory}; `trackway serve --data DIR` makes one")
    with show.refusals(LogInUse, StoreUnavailable, QuestionFailed):
        try:
            # Holding the log says to a server on the same directory that it has to wait.
            log = LocalLog(settings.directory / "log") if not settings.store else None
        except LogInUse as error:
            raise LogInUse(f"{error}, or ask the running server with --url and --key") from error
        store = Store(settings.store_dsn, clients=1)
        try:
            store.migrate()
            yield store
        finally:
            store.close()
            if log:
                log.close()


def ask(settings: Settings, sql: str, url: str | None, key: str | None, json: bool) -> None:
    """Print the answer to one statement."""
    show.rows(found(settings, sql, url, key), json)


def found(settings: Settings, sql: str, url: str | None, key: str | None) -> list[dict[str, Any]]:
    """The rows of one statement."""
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
    if table not in _TABLES:
        show.fail(f"{table!r} cannot be exported; there are {', '.join(_TABLES)}")
    form = _FORMATS.get(out.suffix)
    if form is None:
        show.fail(f"{out.name}: the format is not clear; end the name with one of {', '.join(_FORMATS)}")
    if url:
        if form != "ndjson":
            show.fail("from a running server, export to .ndjson; stop it to write the other formats")
        found = Remote(url, key).query(f"{_TABLES[table]} ORDER BY {_ORDER[table]}")
        out.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in found))
        count = len(found)
    else:
        count = _export_stopped(settings, table, out, form, project)
    show.rows([{"table": table, "rows": count, "file": str(out)}], json)


def _export_stopped(settings: Settings, table: str, out: Path, form: str, project: str | None) -> int:
    """Stream the table month by month, so that its size does not matter."""
    from trackway.analyze.formats import WRITERS, prepared
    from trackway.govern.accounts import Accounts

    accounts = Accounts(settings.accounts_dsn)
    project_id = UUID(find_project(accounts, project).id)
    when = {"events": "timestamp", "sessions": "started_at", "visitors": "first_seen"}[table]
    written = 0
    with _stopped_store(settings) as store:
        months = store.ask(
            f"SELECT DISTINCT toYYYYMM({when}) AS month FROM ({_TABLES[table]}) "
            "WHERE project_id = {p:UUID} ORDER BY month",
            {"p": project_id},
        )["month"].to_pylist()
        writer: Any = None
        with out.open("wb") as sink:
            for month in months:
                part = store.ask(
                    f"SELECT * FROM ({_TABLES[table]}) WHERE project_id = {{p:UUID}} "
                    f"AND toYYYYMM({when}) = {{month:UInt32}} ORDER BY {_ORDER[table]}",
                    {"p": project_id, "month": month},
                )
                written += part.num_rows
                if form == "ndjson":
                    sink.writelines(msgspec.json.encode(row) + b"\n" for row in part.to_pylist())
                    continue
                part = prepared(part, form)
                writer = writer or WRITERS[form](sink, part.schema)
                writer.write_table(part)
            if writer is not None:
                writer.close()
    return written
