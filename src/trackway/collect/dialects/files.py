"""Files of messages, compressed or not: access logs, Segment messages (NDJSON), tables (CSV) and Shopify orders.

A file that is read twice gives the same message ids twice, so that importing it again adds nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from trackway.collect import native
from trackway.collect.dialects.access_log import AccessLog, likely_host
from trackway.collect.dialects.csv_columns import Columns
from trackway.collect.dialects.csv_rows import Table
from trackway.collect.dialects.json_values import shape, values
from trackway.collect.dialects.log_format import compiled
from trackway.collect.dialects.packed_lines import BadFile, InputFile
from trackway.collect.dialects.reading_options import ReadingOptions
from trackway.collect.ids import BadField
from trackway.collect.native import Request
from trackway.collect.orders.report import messages
from trackway.collect.orders.shopify import of_shopify
from trackway.collect.privacy import Privacy
from trackway.event import MOST_AHEAD, Message, Rejection, now

__all__ = ["FORMATS", "BadFile", "InputFile", "Part", "ReadingOptions", "requests"]

FORMATS = ("ndjson", "csv", "access-log", "shopify-orders")
BATCH = native.MAX_MESSAGES
_REMEMBERED = 500_000
_TEXT = 1000
_LAYOUTS = {"lines": "a value a line", "array": "an array", "values": "values over several lines"}
_ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")


class Part(NamedTuple):
    """A part of a file: the content of one request, and the number of lines that were not page views."""

    request: Request
    left_out: int = 0


def requests(
    file: InputFile,
    form: str,
    privacy: Privacy,
    key: bytes,
    reading: ReadingOptions | None = None,
    code_of: Callable[[str], str] = str.upper,
    report: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Iterator[Part]:
    """Yield the file's messages, as many at once as a request may hold; lines without a message become rejections.

    Args:
        file: the file.
        form: one of FORMATS.
        privacy: removes private data from the messages.
        key: makes the pseudonyms of an access log's visitors.
        reading: the settings for reading the file.
        code_of: returns the code of a country for its name or code.
        report: called with the detected settings, before the first messages.

    Raises:
        BadFile: the file cannot be read any further; the messages before that point are good.
    """
    reading = reading or ReadingOptions()
    if form == "access-log":
        parts = _of_log(file, privacy, key, reading, report)
    elif form == "shopify-orders":
        parts = _of_shopify(file)
    else:
        rows = _of_json(file, report) if form == "ndjson" else _of_table(file, reading, code_of, report)
        parts = _in_parts(rows, privacy)
    for part in parts:
        for rejection in part.request.rejections:
            rejection.line = rejection.line or rejection.index
            rejection.text = _cleaned(rejection.text, privacy)
        yield part


def _cleaned(text: str, privacy: Privacy) -> str:
    """Return a line in the form that may be kept: IP addresses truncated as in every message, no private parameters."""
    return privacy.url(_ADDRESS.sub(lambda match: privacy.ip(match[0]) or match[0], text[:_TEXT]))


def _of_log(
    file: InputFile, privacy: Privacy, key: bytes, reading: ReadingOptions, report: Callable[[dict[str, Any]], None]
) -> Iterator[Part]:
    lines = file.lines()
    form = compiled(reading.log_format) if reading.log_format else None
    first = list(islice(lines, 1000))
    host = reading.host or likely_host(first, form)
    report({"encoding": file.encoding, "host": host})
    log = AccessLog(host, key, form)
    messages = log.messages(_chain(first, lines))
    left_out = 0
    while True:
        group = list(islice(messages, BATCH))
        for message in group:
            privacy.apply(message)
        rejections, log.refused = log.refused, []
        before, left_out = left_out, log.left_out.total()
        yield Part(Request(group, list(range(len(group))), rejections), left_out - before)
        if not group:
            return


def _of_shopify(file: InputFile) -> Iterator[Part]:
    orders = of_shopify(file)
    while group := list(islice(orders, BATCH // 2)):
        request = Request([], [], [])
        for number, order in group:
            if isinstance(order, Rejection):
                request.rejections.append(order)
                continue
            order_messages = messages(order, False, "shopify")
            request.messages += order_messages
            request.indexes += [number] * len(order_messages)
        yield Part(request)


def _chain(first: list[str], rest: Iterator[str]) -> Iterator[str]:
    yield from first
    yield from rest


class _Row(NamedTuple):
    """A row: its line number, its text, its message as JSON, and its error if it already has one."""

    number: int
    text: str
    message: bytes
    wrong: BadField | None = None


def _of_json(file: InputFile, report: Callable[[dict[str, Any]], None]) -> Iterator[_Row]:
    layout = shape(file)
    report({"encoding": file.encoding, "layout": _LAYOUTS[layout]})
    lines: Iterable[tuple[int, str]] = (
        enumerate(file.lines(), 1) if layout == "lines" else values(file, layout == "array")
    )
    for number, line in lines:
        if text := line.strip():
            yield _Row(number, text, text.encode(errors="surrogatepass"))


def _of_table(
    file: InputFile, reading: ReadingOptions, code_of: Callable[[str], str], report: Callable[[dict[str, Any]], None]
) -> Iterator[_Row]:
    table = Table(file, reading.delimiter)
    report({"encoding": file.encoding, "delimiter": table.delimiter, "header": table.columns})
    columns = Columns(table.columns, reading, code_of, table.delimiter == ";")
    report({"columns": columns.fields})
    for row in table.rows():
        try:
            if row.wrong:
                raise BadField("", row.wrong)
            message = columns.message(row.cells)
        except BadField as error:
            yield _Row(row.number, row.text, b"", error)
        else:
            yield _Row(row.number, row.text, msgspec.json.encode(message, order="deterministic"))


def _in_parts(rows: Iterator[_Row], privacy: Privacy) -> Iterator[Part]:
    times = _Times()
    while group := list(islice(rows, BATCH)):
        yield Part(_decoded(group, privacy, times))


class _Times:
    """A count of how often each content has occurred; with very many contents, the oldest is forgotten."""

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def of(self, content: bytes) -> str:
        """Return an id made from a content and from the number of its earlier occurrences."""
        digest = hashlib.blake2b(content, digest_size=16).digest()
        times = self._seen.pop(digest, 0)
        self._seen[digest] = times + 1
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return f"file-{digest.hex()}-{times}"


def _decoded(rows: Iterable[_Row], privacy: Privacy, times: _Times) -> Request:
    """Return rows as a request; each row gets the same checks as a message that arrives by HTTP."""
    request = Request([], [], [])
    at = now()
    group = list(rows)  # several values may begin in one line
    for place, row in enumerate(group):
        if row.wrong is not None:
            request.rejections.append(Rejection(place, row.wrong.field, str(row.wrong)))
            continue

        def fill_in(message: Message, content: bytes = row.message, place: int = place) -> None:
            message.type = message.type or ("track" if message.event else "")
            # The error of the device's clock is known only from the arrival time, which a file does not have.
            message.timestamp = message.timestamp or message.original_timestamp or message.sent_at
            message.original_timestamp = message.sent_at = None
            if message.timestamp is None:
                request.note(place, "timestamp", "has no time: it counts at the time of the import")
            if not message.message_id:
                message.message_id = times.of(content)

        native.decode_message(request, place, row.message, "", privacy, at, fill_in=fill_in)
        timestamp: Any = request.messages[-1].timestamp if request.indexes[-1:] == [place] else None
        if (timestamp or 0) > at + MOST_AHEAD:  # enrichment would replace it with the time of the import
            request.reject(-1, "timestamp", "the time is in the future; import only past events")
    native.reject_unstorable(request)
    for rejection in (*request.rejections, *request.notes):
        rejection.line, rejection.text = group[rejection.index].number, group[rejection.index].text
        rejection.index = rejection.line
    request.indexes = [group[place].number for place in request.indexes]
    return request
