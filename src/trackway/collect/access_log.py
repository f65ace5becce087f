"""The dialect of web servers: lines of Apache's and nginx's access logs, common and combined.

A line is a page view when it is a GET answered with 2xx or 304 and its path does not end like a file that a page
loads (style, script, image, font, ...). Other lines are left out, and counted.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from trackway.collect.pseudonym import pseudonym
from trackway.event import Message, to_millis
from trackway.storable import fits

_LINE = re.compile(
    r'^(?P<address>\S+) \S+ (?P<user>.*?) \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" '
    r"(?P<status>\d{3}) (?P<bytes>\d+|-)"
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)")?'
)
_FILES = re.compile(
    r"\.(css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|otf|eot|mp[34]|webm|ogg|wav|json|txt|xml|"
    r"gz|zip|tar|bz2|tgz|xz|rpm|deb|jar|exe|dmg|iso|swf|pdf)$",
    re.IGNORECASE,
)
_REMEMBERED = 100_000


class Line(NamedTuple):
    """A line taken apart. `agent` and `referrer` are None in the common format, empty for `-`."""

    address: str
    time: datetime
    method: str
    target: str
    status: int
    referrer: str | None
    agent: str | None


class Summary(NamedTuple):
    """What became of the lines: page views, lines left out by reason, and the numbers of those that are none."""

    page_views: int
    left_out: Counter[str]
    unreadable: list[int]


def parse(text: str) -> Line | None:
    """Take a line apart; None when it is in neither format."""
    match = _LINE.match(text)
    if match is None:
        return None
    try:
        time = datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        return None
    if not fits(to_millis(time)):
        return None
    method, _, rest = match["request"].partition(" ")
    return Line(
        match["address"],
        time,
        method,
        rest.rpartition(" ")[0] or rest,
        int(match["status"]),
        _field(match["referrer"]),
        _field(match["agent"]),
    )


def _field(value: str | None) -> str | None:
    return None if value is None else "" if value == "-" else value.replace('\\"', '"')


def left_out(line: Line) -> str:
    """Why a line is not a page view, or empty when it is one."""
    if line.method != "GET":
        return "not a GET"
    if not (200 <= line.status < 300 or line.status == 304):
        return f"status {line.status}"
    if _FILES.search(line.target.partition("?")[0]):
        return "a file, not a page"
    return ""


def likely_host(lines: Iterable[str]) -> str:
    """The site's own host, as its pages name it when they refer to each other; empty when that is not clear."""
    hosts: Counter[str] = Counter()
    for text in lines:
        line = parse(text)
        if line and line.referrer:
            hosts[_host(line.referrer)] += 1
    host, count = hosts.most_common(1)[0] if hosts else ("", 0)
    return host if count * 3 > sum(hosts.values()) else ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


class AccessLog:
    """Turns lines into page messages. The same file gives the same messages, so that importing it twice adds nothing.

    Args:
        host: the site's host, for the pages' addresses.
        key: makes the visitors' pseudonyms; the same key gives the same ones.
    """

    def __init__(self, host: str, key: bytes) -> None:
        self._host, self._key = host, key
        self._times_seen: OrderedDict[bytes, int] = OrderedDict()
        self.page_views = 0
        self.left_out: Counter[str] = Counter()
        self.unreadable: list[int] = []
        self._number = 0

    def messages(self, lines: Iterable[str]) -> Iterator[Message]:
        """The page views among the lines."""
        for text in lines:
            self._number += 1
            if not text.strip():
                continue
            line = parse(text)
            if line is None:
                self.unreadable.append(self._number)
                continue
            if reason := left_out(line):
                self.left_out[reason] += 1
                continue
            self.page_views += 1
            yield self._message(text.rstrip("\r\n"), line)

    def _message(self, text: str, line: Line) -> Message:
        at = to_millis(line.time)
        page: dict[str, Any] = {"url": self._url(line.target), "referrer": line.referrer or ""}
        context: dict[str, Any] = {"ip": line.address, "page": page, "library": {"name": "access-log"}}
        if line.agent is not None:
            context["userAgent"] = line.agent
        day = f"{datetime.fromtimestamp(at / 1000, line.time.tzinfo):%Y-%m-%d}"
        return Message(
            type="page",
            message_id=self._message_id(text),
            anonymous_id=pseudonym(self._key, day, line.address, line.agent or ""),
            timestamp=at,
            context=context,
        )

    def _url(self, target: str) -> str:
        if target.startswith(("http://", "https://")):
            return target
        return f"http://{self._host}{target}" if self._host else target

    def _message_id(self, text: str) -> str:
        """The line's digest, and which of its identical lines it is."""
        digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
        times = self._times_seen.pop(digest, 0)
        self._times_seen[digest] = times + 1
        if len(self._times_seen) > _REMEMBERED:
            self._times_seen.popitem(last=False)
        return f"log-{digest.hex()}-{times}"

    def summary(self) -> Summary:
        """What became of the lines so far."""
        return Summary(self.page_views, self.left_out, self.unreadable)
