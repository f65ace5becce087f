"""`trackway import`: into a data directory, or into a running server through its public interface."""

from __future__ import annotations

import gzip
import io
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import msgspec
import zstandard
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from trackway.cli import show
from trackway.cli.people import find_project
from trackway.cli.remote import Remote, call
from trackway.collect.access_log import AccessLog, Summary, likely_host
from trackway.collect.pseudonym import installation_key
from trackway.config import Settings
from trackway.event import Arrival, Location, Message, now

BATCH = 500


class _Source:
    """A file's lines, unpacked when need be, and how far along they are in bytes."""

    def __init__(self, name: str) -> None:
        if name == "-":
            self.size = 0
            self._raw: IO[bytes] = sys.stdin.buffer
        else:
            path = Path(name)
            if not path.is_file():
                show.fail(f"there is no file {path}")
            self.size = path.stat().st_size
            self._raw = path.open("rb")
        unpacked: Any = self._raw
        if name.endswith(".gz"):
            unpacked = gzip.GzipFile(fileobj=self._raw)
        elif name.endswith(".zst"):
            unpacked = zstandard.ZstdDecompressor().stream_reader(self._raw)
        self._text = io.TextIOWrapper(unpacked, encoding="utf-8", errors="replace")

    def lines(self) -> Iterator[str]:
        """The lines, as text."""
        try:
            yield from self._text
        except (OSError, EOFError, zstandard.ZstdError) as error:
            show.fail(f"the file cannot be unpacked any further: {error}; what came before it is imported")

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        return self._raw.tell() if self.size else 0


def import_access_log(
    settings: Settings,
    file: str,
    host: str,
    url: str | None,
    key: str | None,
    project: str | None,
    json: bool,
) -> None:
    """Import an access log; say what became of its lines."""
    source = _Source(file)
    lines = source.lines()
    first = list(islice(lines, 1000))
    host = host or likely_host(first)
    if not url:
        summary, stored = _into_directory(settings, _chain(first, lines), host, project, source, json)
    else:
        summary, stored = _into_server(Remote(url, key), str(key), _chain(first, lines), host, source, json)
    _report(summary, stored, host, json)


def _chain(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


def _into_directory(
    settings: Settings, lines: Iterator[str], host: str, project: str | None, source: _Source, json: bool
) -> tuple[Summary, int]:
    from trackway.govern.accounts import AccountsUnavailable, BadAccount
    from trackway.log import LogInUse, LogUnavailable
    from trackway.store.connection import StoreUnavailable
    from trackway.web.house import House

    with show.refusals(LogInUse, StoreUnavailable, AccountsUnavailable, BadAccount, LogUnavailable):
        house = House(settings)
        try:
            project_id = UUID(find_project(house.accounts, project).id)
            log = AccessLog(host, installation_key(settings.directory))
            before = _count(house, project_id)

            def send(messages: list[Message]) -> None:
                for message in messages:
                    house.privacy.apply(message)
                arrival = Arrival(now(), project_id.bytes, "", Location(), "", "", False, None, messages)
                house.log.write([msgspec.msgpack.encode(arrival)], len(messages))
                if house.log.end - house.loader.stored > settings.batch_messages:
                    house.loader.drain()

            _send_all(log, lines, send, source, json)
            house.loader.drain()
            return log.summary(), _count(house, project_id) - before
        finally:
            house.close()


def _count(house: Any, project_id: UUID) -> int:
    answer = house.store.ask("SELECT count() AS n FROM events WHERE project_id = {p:UUID}", {"p": project_id})
    return int(answer["n"][0].as_py())


def _into_server(
    remote: Remote, key: str, lines: Iterator[str], host: str, source: _Source, json: bool
) -> tuple[Summary, int]:
    log = AccessLog(host, key.encode())
    write_key = next((one["value"] for one in remote.project["keys"] if one["kind"] == "write"), None)
    if write_key is None:
        show.fail("the project has no write key; `trackway project key PROJECT write` makes one")
    authorization = "Basic " + b64encode(f"{write_key}:".encode()).decode()
    before = _imported(remote)

    def send(messages: list[Message]) -> None:
        call(f"{remote.url}/v1/batch", authorization, {"batch": messages})

    _send_all(log, lines, send, source, json)
    return log.summary(), _imported(remote) - before


def _imported(remote: Remote) -> int:
    """Imported events on a server, when all that was accepted is stored."""
    for _ in range(600):
        status = call(f"{remote.url}/readyz", "")
        if status["stored"] >= status["logged"]:
            break
        time.sleep(0.1)
    return int(remote.query("SELECT count() AS n FROM events WHERE library = 'access-log'")[0]["n"])


def _send_all(
    log: AccessLog, lines: Iterator[str], send: Callable[[list[Message]], None], source: _Source, json: bool
) -> None:
    """Send the messages in batches, with a bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} bytes"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=show.errors, disable=json) as progress:
        task = progress.add_task("importing", total=source.size or None)
        messages = log.messages(lines)
        while batch := list(islice(messages, BATCH)):
            send(batch)
            progress.update(task, completed=source.position, description=f"{log.page_views:,} page views")
        progress.update(task, completed=source.size or None)


def _report(summary: Summary, stored: int, host: str, json: bool) -> None:
    if json:
        show.as_json({
            "page_views": summary.page_views, "added": stored, "host": host, "left_out": dict(summary.left_out),
            "unreadable": len(summary.unreadable),
        })  # fmt: skip
        return
    show.console.print(f"{summary.page_views:,} page views{f' of {host}' if host else ''}, {stored:,} of them new")
    for reason, count in summary.left_out.most_common():
        show.console.print(f"  {count:>9,} lines left out: {reason}")
    if summary.unreadable:
        some = ", ".join(map(str, summary.unreadable[:5]))
        show.console.print(f"  {len(summary.unreadable):>9,} lines are in neither format, such as {some}")
