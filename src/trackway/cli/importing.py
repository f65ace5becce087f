"""`trackway import`: into a data directory, or into a running server through its public interface."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from trackway.cli import show
from trackway.cli.opening import house_of
from trackway.cli.people import find_project
from trackway.cli.remote import Remote
from trackway.collect.files import FORMATS, BadFile, Packed
from trackway.collect.pseudonym import installation_key
from trackway.config import Settings
from trackway.event import Arrival


def import_file(
    settings: Settings,
    form: str,
    file: str,
    host: str,
    url: str | None,
    key: str | None,
    project: str | None,
    json: bool,
) -> None:
    """Import a file; say what became of it."""
    if form not in FORMATS:
        show.fail(f"{form!r} cannot be imported; there are {', '.join(FORMATS)}")
    with _on_disk(file) as path, show.refusals(BadFile):
        if not path.is_file():
            raise BadFile(f"there is no file {path}")
        if url:
            outcome = _into_server(Remote(url, key), form, path, host, json)
        else:
            outcome = _into_directory(settings, form, path, host, project, json)
    if json:
        show.as_json(outcome)
        return
    show.console.print(f"{outcome['taken']:,} messages, {outcome['added']:,} of them new")
    if outcome["left_out"]:
        show.console.print(f"{outcome['left_out']:,} lines left out: no page views")
    if outcome["refused"]:
        show.console.print(f"{outcome['refused']:,} refused; the Data page says which and why")


@contextmanager
def _on_disk(file: str) -> Iterator[Path]:
    if file != "-":
        yield Path(file)
        return
    with tempfile.NamedTemporaryFile() as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        kept.flush()
        yield Path(kept.name)


@contextmanager
def _bar(json: bool, total: int) -> Iterator[Any]:
    """A bar on standard error; gives a function that is told how many bytes are done."""
    columns = (TextColumn("importing"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=show.errors, disable=json) as progress:
        task = progress.add_task("", total=total)
        yield lambda done: progress.update(task, completed=done)


def _into_directory(
    settings: Settings, form: str, path: Path, host: str, project: str | None, json: bool
) -> dict[str, int]:
    from trackway.operate.transfers import write_import

    with house_of(settings, json) as house:
        project_id = UUID(find_project(house.accounts, project).id)
        before = _count(house, project_id)

        def write(arrival: Arrival) -> None:
            house.write(arrival)
            if house.log.end - house.loader.stored > settings.batch_messages:
                house.loader.drain()

        packed = Packed.open(path)
        with _bar(json, packed.size) as tell:
            outcome = write_import(
                packed, form, project_id, house.privacy, installation_key(settings.directory), write,
                lambda done, _: tell(done), host,
            )  # fmt: skip
        house.loader.drain()
        return {**outcome, "added": _count(house, project_id) - before}


def _count(house: Any, project_id: UUID) -> int:
    answer = house.store.ask("SELECT count() AS n FROM events WHERE project_id = {p:UUID}", {"p": project_id})
    return int(answer["n"][0].as_py())


def _into_server(remote: Remote, form: str, path: Path, host: str, json: bool) -> dict[str, int]:
    count = "SELECT count() AS n FROM events"
    before = remote.query(count)[0]["n"]
    with _bar(json, path.stat().st_size) as tell:
        ended = remote.followed(remote.upload(path, form, host), tell)
    remote.stored()
    return {**ended["outcome"], "added": remote.query(count)[0]["n"] - before}
