"""Files of messages: access logs, Segment's messages one a line (NDJSON), tables (CSV), Shopify's orders; packed or
not.

A file that is read twice gives the same message ids twice, so that importing it again adds nothing.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import zstandard

from trackway.collect import native
from trackway.collect.access_log import AccessLog, likely_host
from trackway.collect.given import messages
from trackway.collect.native import Request
from trackway.collect.privacy import Privacy
from trackway.collect.shopify import of_shopify
from trackway.event import Message, Rejection, now

FORMATS = ("ndjson", "csv", "access-log", "shopify-orders")
BATCH = native.MAX_MESSAGES
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,10})?$")
# How columns of tables are spelled, and the field of a message that they are.
_FIELDS = {
    "type": "type", "event": "event", "name": "name", "timestamp": "timestamp", "time": "timestamp",
    "userid": "userId", "user": "userId", "anonymousid": "anonymousId", "visitorid": "anonymousId",
    "groupid": "groupId", "previousid": "previousId", "messageid": "messageId",
}  # fmt: skip
_OF_PAGE = ("url", "path", "referrer", "title")


class BadFile(ValueError):
    """A file that cannot be read, or not any further; the text says why."""


class Packed:
    """A file's lines, unpacked when need be (.gz, .zst), and how far along they are in bytes of the file.

    Args:
        raw: the file, opened for bytes.
        name: its name, whose end says how it is packed.
    """

    def __init__(self, raw: IO[bytes], name: str, size: int = 0) -> None:
        self.size = size
        self._raw = raw
        unpacked: Any = raw
        if name.endswith(".gz"):
            unpacked = gzip.GzipFile(fileobj=raw)
        elif name.endswith(".zst"):
            unpacked = zstandard.ZstdDecompressor().stream_reader(raw)
        self._text = io.TextIOWrapper(unpacked, encoding="utf-8", errors="replace", newline="")

    @classmethod
    def open(cls, path: Path, name: str = "") -> Packed:
        """Open a file. Raises BadFile when there is none."""
        if not path.is_file():
            raise BadFile(f"there is no file {path}")
        return cls(path.open("rb"), name or path.name, path.stat().st_size)

    def lines(self) -> Iterator[str]:
        """The lines, as text. Raises BadFile where the packing breaks."""
        try:
            for line in self._text:  # noqa: UP028 - `yield from` would close the file where a reader stops early
                yield line
        except (OSError, EOFError, zstandard.ZstdError) as error:
            raise BadFile(
                f"the file cannot be unpacked any further: {error}; what came before it is imported"
            ) from error

    @property
    def position(self) -> int:
        """Bytes of the file that have been read."""
        return self._raw.tell() if self.size else 0

    def close(self) -> None:
        """Close the file."""
        self._raw.close()


class Part(NamedTuple):
    """Some of a file: what a request would hold, and how many lines were left out because they are no page views."""

    request: Request
    left_out: int = 0


def requests(file: Packed, form: str, privacy: Privacy, key: bytes, host: str = "") -> Iterator[Part]:
    """The file's messages, as many at once as a request may hold; those that are none are rejections.

    Args:
        form: one of FORMATS.
        key: makes the pseudonyms of an access log's visitors.
        host: the site's host, of an access log; found out when empty.

    Raises:
        BadFile: it cannot be read any further; what came before is good.
    """
    if form == "access-log":
        yield from _of_log(file, privacy, key, host)
        return
    if form == "shopify-orders":
        yield from _of_shopify(file)
        return
    rows = _of_lines(file) if form == "ndjson" else _of_table(file)
    while some := list(islice(rows, BATCH)):
        yield Part(_decoded(some, privacy))


def _of_log(file: Packed, privacy: Privacy, key: bytes, host: str) -> Iterator[Part]:
    lines = file.lines()
    first = list(islice(lines, 1000))
    log = AccessLog(host or likely_host(first), key)
    messages = log.messages(_chain(first, lines))
    told = left_out = 0
    while True:
        some = list(islice(messages, BATCH))
        for message in some:
            privacy.apply(message)
        wrong = [
            Rejection(number, "", "the line is in neither the common nor the combined format")
            for number in log.unreadable[told:]
        ]
        told, before, left_out = len(log.unreadable), left_out, log.left_out.total()
        yield Part(Request(some, list(range(len(some))), wrong), left_out - before)
        if not some:
            return


def _of_shopify(file: Packed) -> Iterator[Part]:
    orders = of_shopify(file.lines())
    while some := list(islice(orders, BATCH // 2)):
        request = Request([], [], [])
        for number, found in some:
            if isinstance(found, Rejection):
                request.rejections.append(found)
                continue
            said = messages(found, False, "shopify")
            request.messages += said
            request.indexes += [number] * len(said)
        yield Part(request)


def _chain(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


Row = tuple[int, str, bytes]
"""The number of a line, its text, and the message it says, as JSON."""


def _of_lines(file: Packed) -> Iterator[Row]:
    for number, line in enumerate(file.lines(), 1):
        if text := line.strip():
            yield number, text, text.encode()


def _of_table(file: Packed) -> Iterator[Row]:
    csv.field_size_limit(native.MAX_REQUEST)  # a row that is too large for a message is refused as one
    table = csv.DictReader(file.lines())
    try:
        for row in table:
            cells = {name: value for name, value in row.items() if name and value not in (None, "")}
            yield table.line_num, str(sorted(cells.items())), msgspec.json.encode(_message(cells))
    except csv.Error as error:
        raise BadFile(f"line {table.line_num} is not CSV: {error}; what came before it is imported") from error


def _message(cells: dict[str, str]) -> dict[str, Any]:
    """A row as a message: what is no field of a message is a property; numbers and truth values as such."""
    message: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    page: dict[str, str] = {}
    for name, text in cells.items():
        field = _FIELDS.get(name.strip().lower().replace("_", "").replace(" ", ""))
        if field is not None:
            message.setdefault(field, text)
        elif name.strip().lower() in _OF_PAGE:
            page[name.strip().lower()] = text
        else:
            properties[name.strip()] = _value(name, text)
    message.setdefault("type", "track" if "event" in message else "page")
    if page:
        message["context"] = {"page": page}
    return {**message, ("traits" if message["type"] in ("identify", "group") else "properties"): properties}


def _value(name: str, text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    match = _NUMBER.match(text)
    if match and not (match[2] and name.lower().endswith("id")):  # "1.10" is not the id "1.1"
        return float(text) if match[2] else int(text)
    return text


def _decoded(rows: Iterable[Row], privacy: Privacy) -> Request:
    """Rows as a request; each is checked as it would be on its way through the door."""
    request = Request([], [], [])
    at = now()
    for number, text, raw in rows:

        def usual(message: Message, number: int = number, text: str = text) -> None:
            message.type = message.type or ("track" if message.event else "")
            if not message.message_id:
                digest = hashlib.blake2b(f"{number} {text}".encode(), digest_size=16).hexdigest()
                message.message_id = f"file-{digest}"

        native.take(request, number, raw, "", privacy, at, usual=usual)
    native.reject_unstorable(request)
    return request
