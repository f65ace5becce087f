"""Imports of files: writes their messages to the log, or previews them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from trackway.analyze.language.countries import code_of
from trackway.collect.dialects.files import BadFile, InputFile, ReadingOptions, requests
from trackway.collect.native import Request
from trackway.collect.privacy import Privacy
from trackway.event import Arrival, Location, Message, now, to_millis

_ROWS = 10
_EVENTS = 50
"""The number of event names that a summary lists; all others are counted together."""


class Cancelled(Exception):
    """The user has cancelled the transfer, or the server is stopping."""


class Summary:
    """The contents of a file: number of messages, their events, their first and last time, and refusals."""

    def __init__(self) -> None:
        self.taken = self.refused = self.left_out = 0
        self._events: Counter[str] = Counter()
        self._first: int | None = None
        self._last: int | None = None

    def add(self, request: Request, left_out: int) -> None:
        """Count a part of the file."""
        self.taken += len(request.messages)
        self.refused += len(request.rejections)
        self.left_out += left_out
        self._events.update(_name(message) for message in request.messages)
        times = [_millis(message) for message in request.messages if message.timestamp is not None]
        if times:
            self._first = min(times) if self._first is None else min(self._first, *times)
            self._last = max(times) if self._last is None else max(self._last, *times)

    def outcome(self) -> dict[str, Any]:
        """Return the outcome: `taken`, `refused`, `left_out`, `first` and `last` (ISO 8601, UTC), and `events` by
        name.
        """
        outcome: dict[str, Any] = {"taken": self.taken, "refused": self.refused, "left_out": self.left_out}
        if self._first is not None and self._last is not None:
            outcome["first"], outcome["last"] = _iso(self._first), _iso(self._last)
        if self._events:
            outcome["events"] = dict(self._events.most_common(_EVENTS))
            if others := self._events.total() - sum(outcome["events"].values()):
                outcome["events"]["(others)"] = others
        return outcome


def write_import(
    file: InputFile,
    form: str,
    project_id: UUID,
    privacy: Privacy,
    key: bytes,
    write: Callable[[Arrival], None],
    report: Callable[[int, dict[str, Any]], None],
    reading: ReadingOptions | None = None,
) -> dict[str, Any]:
    """Write a file's messages to the log.

    Args:
        write: writes an arrival, and waits while too many messages wait to be stored.
        report: called repeatedly with the bytes read and the outcome so far; may raise Cancelled.
        reading: how to read the file.

    Returns:
        The outcome, as in `Summary.outcome`.

    Raises:
        BadFile, LogUnavailable: the import stops; messages before that point are written.
    """
    summary = Summary()
    nobody = Location()
    for request, left_out in requests(file, form, privacy, key, reading, code_of):
        summary.add(request, left_out)
        refused = [*request.rejections, *request.notes]
        write(Arrival(now(), project_id.bytes, "", nobody, "", "", False, None, request.messages, refused))
        report(file.position, summary.outcome())
    return summary.outcome()


def preview(file: InputFile, form: str, privacy: Privacy, key: bytes, reading: ReadingOptions) -> dict[str, Any]:
    """Read a file as it would be stored, without storing it. Returns the outcome of the whole file, its first ten
    messages as `rows`, its first ten `refusals`, and how it was `read` (its encoding, delimiter, header, and the column
    of each field).

    `stopped` is the reason if the file cannot be read to its end.
    """
    summary, rows = Summary(), list[dict[str, Any]]()
    refusals, reading_used = list[dict[str, Any]](), dict[str, Any]()
    stopped = ""
    try:
        for request, left_out in requests(file, form, privacy, key, reading, code_of, reading_used.update):
            summary.add(request, left_out)
            rows += [_row(message) for message in request.messages[: _ROWS - len(rows)]]
            refusals += [
                {"line": rejection.line, "field": rejection.field, "reason": rejection.reason, "text": rejection.text}
                for rejection in sorted(request.rejections, key=lambda rejection: rejection.line)[
                    : _ROWS - len(refusals)
                ]
            ]
    except BadFile as error:
        stopped = str(error)
    return {**summary.outcome(), "read": reading_used, "rows": rows, "refusals": refusals, "stopped": stopped}


def _row(message: Message) -> dict[str, Any]:
    page = (message.context or {}).get("page") or {}
    context = {name: value for name, value in (message.context or {}).items() if name not in ("page", "library")}
    return {
        "timestamp": _iso(_millis(message)) if message.timestamp is not None else "",
        "type": message.type,
        "event": message.event or message.name or "",
        "user_id": message.user_id or "",
        "anonymous_id": message.anonymous_id or "",
        "page": page.get("url") or page.get("path") or "",
        "properties": message.properties or message.traits or {},
        "context": context,
    }


def _name(message: Message) -> str:
    return message.event or message.type


def _millis(message: Message) -> int:
    return 0 if message.timestamp is None else to_millis(message.timestamp)


def _iso(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
