"""Access logs of web servers: lines of Apache and nginx in the usual formats, or in a format given as text.

The usual formats are common, combined and vhost_combined. A line is a page view when it is a GET answered with 2xx or
304 and its path does not end like a file that a page loads (style, script, image, font, ...). Other lines are left out
and counted.
"""

from __future__ import annotations

import hashlib
import mimetypes
import posixpath
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from trackway.collect.dialects.log_format import LogFormat, read_time
from trackway.collect.pseudonym import pseudonym
from trackway.event import MOST_AHEAD, Message, Rejection, now, to_millis
from trackway.storable import fits

_LINE = re.compile(
    r"^(?:(?P<host>[^\s,]+) (?=(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*)[ ,]))?"
    r'(?P<address>[^\s,"]+(?:, ?[^\s,"]+)*) \S+ (?P<user>.*?) \[(?P<time>[^\]]+)\] '
    r'"(?P<request>(?:[^"\\]|\\.|"(?! \d{3} ))*)" '
    r"(?P<status>\d{3}) (?P<bytes>\d+|-)"
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"'
    r'(?: "(?P<forwarded>[0-9a-fA-F.:]+(?:, ?[^\s",]+)*)"\s*$)?)?'
)
_USUAL = LogFormat(_LINE, read_time)
_TYPES = mimetypes.MimeTypes()  # Python's own list, without the machine's
# Suffixes of programs that make pages, and suffixes that also end names of people and places.
_PAGES = frozenset(".htm .html .xhtml .shtml .php .pl .py .cgi .me .ms .t .tr .ai .man .src .c .h .com".split())
_MORE_FILES = frozenset(
    ".woff .woff2 .ttf .otf .eot .map .webp .avif .gz .bz2 .xz .zst .br .7z .rar .rpm .deb .jar .dmg .iso .msi .apk "
    ".ogg .oga .ogv .flac .m4a .m4v .docx .xlsx .pptx .odt .ods .odp .rss .atom .wasm .cur .hqx .sit .mid .midi .wrl "
    ".heic .heif .jxl .psd .torrent .rtf .log .yaml .yml .ics .vcf .jfif .bin .pkg .class .au .mjs .jsonld".split()
)
_PROTOCOL = re.compile(r"[A-Za-z]+/[Vv]?\d(?:\.\d)?")
"""HTTP/1.0; very old browsers also send HTML/1.0 and HTTP/V1.0."""
_NO_LINE = "the line is not in the given format, or in none of common, combined, vhost_combined; set log_format"
_FUTURE = "the time is in the future; import only past events"
_REMEMBERED = 100_000


class Line(NamedTuple):
    """The fields of a line. `agent` and `referrer` are None in the common format, empty for `-`."""

    address: str
    time: datetime
    method: str
    target: str
    status: int
    referrer: str | None
    agent: str | None
    host: str = ""


def parse(text: str, form: LogFormat | None = None) -> Line | None:
    """Parse a line; return None when it is in none of the usual formats, or not in `form`."""
    pattern, read = form or _USUAL
    match = pattern.match(text)
    if match is None:
        return None
    groups = {name: value or "" for name, value in match.groupdict().items()}
    try:
        time = read(groups["time"])
        status = int(groups["status"])
    except (ValueError, OverflowError):
        return None
    address = _visitor(groups.get("forwarded", "")) or _visitor(groups.get("address", ""))
    if not address or not fits(to_millis(time)):
        return None
    method, target = _request(groups)
    return Line(
        address, time, method, target, status,
        _field(match["referrer"] if "referrer" in groups else None),
        _field(match["agent"] if "agent" in groups else None),
        "" if groups.get("host") in ("-", "_") else re.sub(r":\d+$", "", groups.get("host", "")),
    )  # fmt: skip


def _request(groups: dict[str, str]) -> tuple[str, str]:
    """Return the method and the target of a line's request."""
    if request := groups.get("request"):
        method, _, rest = request.partition(" ")
        target, _, protocol = rest.rpartition(" ")
        return method, _unescaped(target if _PROTOCOL.fullmatch(protocol) else rest)
    query = groups.get("query", "").removeprefix("?")
    target = groups.get("target") or groups.get("path", "") + (f"?{query}" if query not in ("", "-") else "")
    return groups.get("method") or "GET", _unescaped(target)


def _visitor(text: str) -> str:
    """Return the visitor's IP address from a line: the first of several, without its port.

    It is empty when the field has no address, or has a virtual host with its port. A name counts as an address: the
    server has looked it up.
    """
    for part in text.split(","):
        name = part.strip().strip('"')
        if bracket := re.match(r"\[([0-9a-fA-F:.]+)\](?::\d+)?$", name):
            name = bracket[1]
        elif re.match(r"\d{1,3}(\.\d{1,3}){3}:\d+$", name):
            name = name.partition(":")[0]
        if name in ("", "-", "unknown"):
            continue
        if ":" in name:
            try:
                ip_address(name)
            except ValueError:
                return ""
        return name
    return ""


def _field(value: str | None) -> str | None:
    return None if value is None else "" if value == "-" else _unescaped(value)


def _unescaped(text: str) -> str:
    """Return a field without the escapes of nginx and Apache."""
    if "\\" not in text:
        return text
    raw = re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda byte: bytes.fromhex(byte[1].decode()), text.encode(errors="replace"))
    return raw.decode(errors="replace").replace('\\"', '"').replace("\\\\", "\\")


def left_out(line: Line) -> str:
    """Return why a line is not a page view, or empty when it is one."""
    if line.method != "GET":
        return "not a GET"
    if not (200 <= line.status < 300 or line.status == 304):
        return f"status {line.status}"
    if _is_file(line.target):
        return "a file, not a page"
    return ""


def _is_file(target: str) -> bool:
    """Whether a path ends like a file that is not a page, by Python's list of media types."""
    path = re.split(r"[?;#]", target, maxsplit=1)[0]
    end = posixpath.splitext(path)[1].lower()
    if not end or end in _PAGES:
        return False
    return end in _MORE_FILES or end in _TYPES.types_map[True] or end in _TYPES.types_map[False]


def likely_host(lines: Iterable[str], form: LogFormat | None = None) -> str:
    """Return the site's own host, taken from the referrers of its pages; empty when it is not clear."""
    hosts: Counter[str] = Counter()
    for text in lines:
        line = parse(text, form)
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
        host: the site's host, for the pages' URLs.
        key: makes the visitors' pseudonyms; the same key gives the same pseudonyms.
        form: the lines' format; the usual formats when None.

    Attributes:
        page_views: the number of page views so far.
        left_out: the number of lines that are not page views, by reason.
        refused: lines in another format, or with a time in the future.
    """

    def __init__(self, host: str, key: bytes, form: LogFormat | None = None) -> None:
        self._host, self._key, self._form = host, key, form
        self._times_seen: OrderedDict[bytes, int] = OrderedDict()
        self.page_views = 0
        self.left_out: Counter[str] = Counter()
        self.refused: list[Rejection] = []
        self._newest = now() + MOST_AHEAD
        self._number = 0

    def messages(self, lines: Iterable[str]) -> Iterator[Message]:
        """Yield the page views among the lines."""
        for text in lines:
            self._number += 1
            if not text.strip():
                continue
            line = parse(text, self._form)
            if line is None or to_millis(line.time) > self._newest:
                wrong = ("", _NO_LINE) if line is None else ("timestamp", _FUTURE)
                self.refused.append(Rejection(self._number, *wrong, text=text.rstrip("\r\n")))
                continue
            if reason := left_out(line):
                self.left_out[reason] += 1
                continue
            self.page_views += 1
            yield self._message(text.rstrip("\r\n"), line)

    def _message(self, text: str, line: Line) -> Message:
        at = to_millis(line.time)
        page: dict[str, Any] = {"url": self._url(line), "referrer": line.referrer or ""}
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

    def _url(self, line: Line) -> str:
        if line.target.startswith(("http://", "https://")):
            return line.target
        host = line.host or self._host
        return f"http://{host}{line.target}" if host else line.target

    def _message_id(self, text: str) -> str:
        """Return an id made from the line's digest and the number of identical lines before it."""
        digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
        times = self._times_seen.pop(digest, 0)
        self._times_seen[digest] = times + 1
        if len(self._times_seen) > _REMEMBERED:
            self._times_seen.popitem(last=False)
        return f"log-{digest.hex()}-{times}"
