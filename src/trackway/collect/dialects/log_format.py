"""Log formats: nginx's `log_format` and Apache's `LogFormat`, as text, compiled to a pattern for lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from trackway.collect.dialects.packed_lines import BadFile

_VARIABLES = re.compile(
    r"\$\{(?P<braced>\w+)\}|\$(?P<nginx>\w+)|%(?:[<>]|!?\d+(?:,\d+)*)*(?:\{(?P<of>[^}]*)\})?(?P<apache>\^t[io]|[a-zA-Z%])"
)
_OF_NGINX = {
    "remote_addr": "address", "binary_remote_addr": "", "http_x_forwarded_for": "forwarded",
    "proxy_add_x_forwarded_for": "forwarded", "http_x_real_ip": "forwarded", "http_cf_connecting_ip": "forwarded",
    "time_local": "time", "time_iso8601": "time", "msec": "time", "request": "request", "request_method": "method",
    "request_uri": "target", "uri": "path", "document_uri": "path", "args": "query", "query_string": "query",
    "status": "status", "http_referer": "referrer", "http_user_agent": "agent", "host": "host", "http_host": "host",
    "server_name": "host",
}  # fmt: skip
_OF_APACHE = {
    "h": "address", "a": "address", "t": "time", "r": "request", "m": "method", "U": "path", "q": "query",
    "s": "status", "v": "host", "V": "host",
}  # fmt: skip
_OF_HEADERS = {
    "referer": "referrer", "user-agent": "agent", "host": "host", "x-forwarded-for": "forwarded",
    "x-real-ip": "forwarded", "cf-connecting-ip": "forwarded",
}  # fmt: skip
NAMED = {
    "common": '%h %l %u %t "%r" %>s %b',
    "combined": '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
    "vhost_combined": '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
}
_ADDRESSES = r"[^\s,\"]+(?:, ?[^\s,\"]+)*"


class LogFormat(NamedTuple):
    """A pattern for lines, and the function that reads their times."""

    pattern: re.Pattern[str]
    time: Callable[[str], datetime]


def read_time(text: str) -> datetime:
    """Read a time of a log: 10/May/2026:10:00:00 +0000, ISO 8601, or seconds since 1970. Raises ValueError."""
    if text[2:3] == "/":
        return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z")
    if re.match(r"\d{9,10}(\.\d+)?$", text):
        return datetime.fromtimestamp(float(text), UTC)
    if re.match(r"\d{12,13}$", text):
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("the time names no offset")
    return at


def compiled(text: str) -> LogFormat:
    """Compile a format: `common`, `combined`, `vhost_combined`, or the text of a directive of nginx or Apache.

    Raises:
        BadFile: the format lacks an address, a time, a request or a status; the text names it.
    """
    text = _bare(NAMED.get(text.strip(), text))
    pattern, position, seen = "^", 0, set[str]()
    time: Callable[[str], datetime] = read_time
    for match in _VARIABLES.finditer(text):
        pattern += _literal(text[position : match.start()])
        position = match.end()
        if match["apache"] == "%":
            pattern += "%"
            continue
        field = _field(match)
        if match["apache"] == "t":
            if match["of"] and "%" in match["of"]:
                time = _stamped(match["of"])
            elif not match["of"]:
                pattern += r"\[(?P<time>[^\]]+)\]" if "time" not in seen else r"\[[^\]]+\]"
                seen.add("time")
                continue
        field = field if field not in seen else ""
        seen.add(field)
        pattern += _group(field, text[match.start() - 1 : match.start()], text[position : position + 1], match)
    pattern += _literal(text[position:]) + r"\s*$"
    needed = {
        "an address ($remote_addr, %h)": {"address", "forwarded"}, "a time ($time_local, %t)": {"time"},
        "a request ($request, %r)": {"request", "target", "path"}, "a status ($status, %>s)": {"status"},
    }  # fmt: skip
    if missing := [name for name, fields in needed.items() if not fields & seen]:
        raise BadFile(f"the log format does not say {', '.join(missing)}")
    return LogFormat(re.compile(pattern), time)


def _bare(text: str) -> str:
    """Return a format without its directive: `log_format main '…' '…';` and `LogFormat "…" name`."""
    text = text.strip()
    if text.startswith("log_format"):
        return "".join(re.findall(r"'((?:[^'\\]|\\.)*)'", text)) or text
    if match := re.match(r'LogFormat\s+"((?:[^"\\]|\\.)*)"', text):
        return match[1].replace('\\"', '"')
    return text.replace('\\"', '"')


def _literal(text: str) -> str:
    return r"\s+".join(map(re.escape, re.split(r"\s+", text)))


def _field(match: re.Match[str]) -> str:
    if name := match["braced"] or match["nginx"]:
        return _OF_NGINX.get(name, "")
    kind, of = match["apache"], (match["of"] or "").lower()
    if kind == "i":
        return _OF_HEADERS.get(of, "")
    return _OF_APACHE.get(kind, "")


def _group(field: str, before: str, after: str, match: re.Match[str]) -> str:
    if before == '"' and after == '"':
        inner = r'(?:[^"\\]|\\.)*'
    elif before == "[" and after == "]":
        inner = r"[^\]]*"
    elif field in ("address", "forwarded"):
        inner = _ADDRESSES
    elif field == "time" and match["of"]:
        inner = r".+?"
    elif match["apache"] == "q":
        inner = r"(?:\?[^\s\"]*)?"
    elif field == "path" and after in ("$", "%"):
        inner = r"[^\s?\"]*"
    elif after in ("$", "%"):
        inner = r"\S*?"
    elif field == "time":
        inner = r"\S+ [+-]\d{4}|\S+" if after in ("", " ") else rf"[^{re.escape(after)}]+"
    elif match["apache"] == "u" or match["nginx"] == "remote_user" or not after:
        inner = r".*?"
    elif not after.isspace():
        inner = rf"[^{re.escape(after)}]*"
    else:
        inner = r"\S*"
    return f"(?P<{field}>{inner})" if field else f"(?:{inner})"


def _stamped(form: str) -> Callable[[str], datetime]:
    def read(text: str) -> datetime:
        at = datetime.strptime(text.strip("[]"), form)
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

    return read
