"""`trackway import`: into a data directory, or into a running server through its public API."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any
from uuid import UUID

import msgspec
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from trackway.cli import show
from trackway.cli.data_directory import accounts_of, runtime_of
from trackway.cli.dry_run import show_preview, show_summary
from trackway.cli.people import find_project
from trackway.cli.remote import Remote
from trackway.collect.dialects.files import FORMATS, BadFile, InputFile, ReadingOptions
from trackway.collect.pseudonym import installation_key
from trackway.config import Settings
from trackway.event import Arrival
from trackway.private import durably
from trackway.store.lookups import event_count


def import_file(
    settings: Settings,
    form: str,
    file: str,
    reading: ReadingOptions,
    url: str | None,
    key: str | None,
    project: str | None,
    json: bool,
    dry_run: bool = False,
) -> None:
    """Import a file, or show its preview; print the outcome. Exits with 1 when nothing of it was taken."""
    if form not in FORMATS:
        show.fail(f"{form!r} cannot be imported; the formats are {', '.join(FORMATS)}")
    with _on_disk(file) as path, show.refusals(BadFile):
        if not path.is_file():
            raise BadFile(f"there is no file {path}")
        if dry_run:
            show_preview(form, path, reading, json)
            return
        if url:
            outcome = _into_server(Remote(url, key), form, path, reading, json)
        else:
            outcome = _into_directory(settings, form, path, reading, project, json)
    if json:
        show.as_json(outcome)
    else:
        show_summary(outcome)
    if outcome["refused"] and not outcome["taken"]:
        show.fail("nothing was imported: every line was refused; --dry-run shows why")


@contextmanager
def _on_disk(file: str) -> Iterator[Path]:
    if file != "-":
        yield Path(file)
        return
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def _bar(json: bool, total: int) -> Iterator[Any]:
    """Show a progress bar on standard error; give a function that takes the number of bytes done."""
    columns = (TextColumn("importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=show.errors, disable=json) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.update(task, completed=done)


def _into_directory(
    settings: Settings, form: str, path: Path, reading: ReadingOptions, project: str | None, json: bool
) -> dict[str, Any]:
    """Import into a directory: in this process, or through the server that has the directory open."""
    from trackway.log.local import LogInUse
    from trackway.operate.file_import import write_import
    from trackway.store.loader import Loader

    try:
        with runtime_of(settings, json) as runtime:
            project_id = UUID(find_project(runtime.accounts, project).id)
            if number := runtime.accounts.loaders.of(project_id):
                show.fail(
                    f"the project belongs to loader {number}, which stores its messages in another process; start the "
                    "server and the loader, and import with --url and --key"
                )
            before, loader = event_count(runtime.store, project_id), runtime.loader
            assert isinstance(loader, Loader)

            def write(arrival: Arrival) -> None:
                runtime.write(arrival)
                if runtime.log.end - loader.stored > settings.batch_messages:
                    loader.drain()

            packed = InputFile.open(path, encoding=reading.encoding)
            with _bar(json, packed.size) as tell:
                outcome = write_import(
                    packed, form, project_id, runtime.privacy, installation_key(settings.directory), write,
                    lambda done, _: tell(done), reading,
                )  # fmt: skip
            loader.drain()
            return {**outcome, "added": event_count(runtime.store, project_id) - before}
    except LogInUse:
        return _beside_server(settings, form, path, reading, project, json)


def _beside_server(
    settings: Settings, form: str, path: Path, reading: ReadingOptions, project: str | None, json: bool
) -> dict[str, Any]:
    """Put the file where the server that owns the directory finds it, and wait for the outcome."""
    accounts = accounts_of(settings)
    project_id = UUID(find_project(accounts, project).id)
    transfer = accounts.transfers.add(
        project_id, "import", path.name, form, msgspec.to_builtins(reading), "the command line"
    )
    try:
        with durably(settings.directory / "transfers" / transfer.id) as sink, path.open("rb") as source:
            shutil.copyfileobj(source, sink)
    except BaseException:
        accounts.transfers.forget(transfer.id)
        raise
    show.errors.print("a server has this directory open, so it does the import")
    with _bar(json, path.stat().st_size) as tell:
        while transfer.state in ("waiting", "running"):
            sleep(0.2)
            current = accounts.transfers.get(project_id, UUID(transfer.id))
            if current is None:
                show.fail(f"the import of {path.name} was removed")
            transfer = current
            tell(transfer.done)
    if transfer.state != "done":
        show.fail(f"{path.name}: {transfer.message or transfer.state}")
    outcome: dict[str, Any] = transfer.outcome
    return outcome


def _into_server(remote: Remote, form: str, path: Path, reading: ReadingOptions, json: bool) -> dict[str, Any]:
    count = "SELECT count() AS n FROM events"
    before = remote.query(count)[0]["n"]
    with _bar(json, path.stat().st_size) as tell:
        ended = remote.wait_for(remote.upload(path, form, reading), tell)
    remote.wait_until_stored()
    return {**ended["outcome"], "added": remote.query(count)[0]["n"] - before}
