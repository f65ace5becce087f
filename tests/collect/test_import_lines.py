"""Lines of JSON and of access logs: read however they are laid out, or refused by their number."""

from __future__ import annotations

import io
import json

import pytest
from input_files import PRIVACY, read

from trackway.collect.dialects import packed_lines
from trackway.collect.dialects.csv_cells import moment
from trackway.collect.dialects.files import BadFile, InputFile, requests
from trackway.collect.dialects.log_format import compiled
from trackway.event import to_millis


def test_messages_one_a_line_behind_a_byte_order_mark() -> None:
    line = '{"event":"X","userId":"u","timestamp":"2026-01-01T00:00:00Z"}\n'
    messages, refused = read(("\ufeff" + line + "no message\n" + line).encode(), "ndjson")
    assert [one.event for one in messages] == ["X", "X"] and len({one.message_id for one in messages}) == 2
    assert [(one.line, one.text) for one in refused] == [(2, "no message")]


SAID = [
    {
        "event": "X",
        "userId": "u",
        "timestamp": "2026-01-01T00:00:00Z",
        "properties": {"said": 'a "[{" \\', "n": [1, {}]},
    },
    {"event": "Y", "userId": "v", "timestamp": "2026-01-02T00:00:00Z", "properties": {"ü": "]"}},
    {"event": "Z", "userId": "w", "timestamp": "2026-01-03T00:00:00Z"},
]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 16])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        json.dumps(SAID),
        json.dumps(SAID, indent=2),
        json.dumps(SAID, indent=4, ensure_ascii=False).replace("\n", "\r\n"),
        "\n [\n" + ",\n".join(json.dumps(one) for one in SAID) + ",\n]\n\n",
        "\n".join(json.dumps([one]) for one in SAID),
        "\n".join(json.dumps(one, indent=2) for one in SAID),
        "\n".join(json.dumps(one) for one in SAID),
    ],
    ids=["one line", "pretty", "crlf", "loose", "arrays", "over lines", "lines"],
)
def test_json_is_read_however_it_is_laid_out(
    text: str, encoding: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_lines, "_CHUNK", chunk)
    messages, refused = read(text.encode(encoding), "ndjson")
    assert refused == []
    assert [(one.event, one.user_id, one.properties or {}) for one in messages] == [
        (one["event"], one["userId"], one.get("properties", {})) for one in SAID
    ]
    assert len({one.message_id for one in messages}) == 3


@pytest.mark.parametrize(
    ("text", "events", "refused", "stopped"),
    [
        ('[{"event":"X","userId":"u","timestamp":1767225600000},\n{"event" "Y"},\n7,{"event":"Z",\n"userId":"u","timestamp":1767225600000}]',
         ["X", "Z"], [(2, '{"event" "Y"}'), (3, "7")], ""),
        ('[{"event":"X","userId":"u","timestamp":1767225600000},\n\n{"event":"Y"', [], [], "line 3: it was cut|begins in line 3"),
        ('[\n{"event":"X"}]\n{"event":"Y"}', [], [], "line 3"),
        ('[]]', [], [], "closes nothing"),
        ('[' + '"' + "x" * (1 << 21), [], [], "does not end"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_an_array_is_refused_by_its_line_and_what_does_not_end_by_where_it_begins(
    text: str, events: list[str], refused: list[tuple[int, str]], stopped: str
) -> None:
    if stopped:
        with pytest.raises(BadFile, match=stopped):
            read(text, "ndjson")
        return
    messages, rejections = read(text, "ndjson")
    assert [one.event for one in messages] == events
    assert [(one.line, one.text) for one in rejections] == refused


def test_an_array_is_never_in_memory_as_a_whole() -> None:
    element = b'{"event":"X","userId":"u","timestamp":1767225600000},'

    class Endless(io.BytesIO):
        """An array in one line that never ends."""

        left = b"["

        def read(self, size: int | None = -1) -> bytes:
            while len(self.left) < (size or 0):
                self.left += element
            found, self.left = self.left[:size], self.left[size:]
            return found

    parts = requests(InputFile(Endless(), "a.json"), "ndjson", PRIVACY, b"key")
    assert [len(next(parts).request.messages) for _ in range(3)] == [500, 500, 500]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ('"timestamp":"2020-01-01T00:00:05Z","sentAt":"2020-01-01T00:00:09Z","originalTimestamp":"2020-01-01T07:00:00Z"', 1577836805000),
        ('"originalTimestamp":"2020-01-01T00:00:05Z","sentAt":"2020-01-01T00:00:09Z"', 1577836805000),
        ('"timestamp":"2098-01-01T00:00:00Z"', "in the future"),
        ('"timestamp":"2098-01-01T00:00:00Z","sentAt":"2098-01-01T00:00:00Z"', "in the future"),
        ('"timestamp":"soon"', "timestamp"),
    ],
)  # fmt: skip
def test_a_message_of_a_file_is_of_the_time_that_it_says_or_refused(times: str, expected: int | str) -> None:
    messages, refused = read(f'{{"event":"X","userId":"u",{times}}}', "ndjson")
    line = f"198.51.100.7 - - {REST.replace('2026', '2098')}"
    assert [(one.line, one.field) for one in read(line, "access-log")[1]] == [(1, "timestamp")]
    if isinstance(expected, int):
        assert [(one.timestamp, one.sent_at, one.original_timestamp) for one in messages] == [(expected, None, None)]
    else:
        assert messages == [] and refused[0].line == 1
        assert expected in refused[0].reason or expected == refused[0].field


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
REST = f'[10/May/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 10 "-" "{FIREFOX}"'


@pytest.mark.parametrize(
    ("line", "address", "url"),
    [
        (f"shop.example:443 198.51.100.7 - - {REST}", "198.51.100.0", "http://shop.example/a"),
        (f"shop.example 2001:db8::7 - - {REST}", "2001:db8::", "http://shop.example/a"),
        (f"198.51.100.7, 10.0.0.1 - - {REST}", "198.51.100.0", "/a"),
        (f"198.51.100.7:5123 - john doe {REST}", "198.51.100.0", "/a"),
        (f'10.0.0.1 - - {REST} "198.51.100.7, 10.0.0.9"', "198.51.100.0", "/a"),
        (f'198.51.100.7 - - {REST} "-"', "198.51.100.0", "/a"),
        (
            f"198.51.100.7 - - {REST.replace('10/May/2026:10:00:00 +0000', '2026-05-10T10:00:00+00:00')}",
            "198.51.100.0",
            "/a",
        ),
        (f"198.51.100.7 - - {REST.replace('HTTP/1.1', 'HTML/1.0')}", "198.51.100.0", "/a"),
        (f"198.51.100.7 - - {REST.replace('HTTP/1.1', 'HTTP/V1.0')}", "198.51.100.0", "/a"),
        (f"198.51.100.7 - - {REST.replace(' HTTP/1.1', '')}", "198.51.100.0", "/a"),
        ("198.51.100.7 - - " + REST.replace("/a HTTP", '/a" HTTP'), "198.51.100.0", '/a"'),
        (f"shop.example:443 - - {REST}", None, ""),
        (f"198.51.100.7 - - {REST.replace('May', 'mai')}", None, ""),
    ],
)
def test_the_visitor_of_a_line_is_the_visitor(line: str, address: str | None, url: str) -> None:
    messages, refused = read(line + "\n", "access-log")
    if address is None:
        assert messages == [] and refused[0].line == 1 and "log_format" in refused[0].reason
        return
    context = messages[0].context or {}
    assert (context["ip"], context["page"]["url"], context["userAgent"]) == (address, url, FIREFOX)


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("vhost_combined", f"x.example:80 198.51.100.7 - - {REST}"),
        ("%h %l %u %t \\\"%r\\\" %>s %b \\\"%{Referer}i\\\" \\\"%{User-agent}i\\\"", f"198.51.100.7 - - {REST}"),
        ('LogFormat "%{X-Forwarded-For}i %v %t \\"%r\\" %>s %D \\"%{User-Agent}i\\"" mine',
         f'198.51.100.7, 10.1.1.1 x.example [10/May/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 99 "{FIREFOX}"'),
        ("log_format main '$remote_addr - $remote_user [$time_local] \"$request\" '\n '$status $body_bytes_sent "
         "\"$http_referer\" \"$http_user_agent\" $request_time';", f"198.51.100.7 - - {REST} 0.012"),
        ('{"t":"$time_iso8601","a":"$remote_addr","m":"$request_method","u":"$request_uri","s":$status,"ua":"$http_user_agent"}',
         f'{{"t":"2026-05-10T10:00:00+00:00","a":"198.51.100.7","m":"GET","u":"/a","s":200,"ua":"{FIREFOX}"}}'),
        ("$msec|$remote_addr|$request_method|$uri|$args|$status|$http_user_agent",
         f"1778407200.000|198.51.100.7|GET|/a|-|200|{FIREFOX}"),
        ("%{%Y-%m-%d %H:%M:%S}t %a %m %U%q %s \"%{User-Agent}i\"",
         f'2026-05-10 10:00:00 198.51.100.7 GET /a 200 "{FIREFOX}"'),
    ],
)  # fmt: skip
def test_a_log_format_of_nginx_or_apache_given_as_text(form: str, line: str) -> None:
    [message], refused = read(line + "\nnonsense\n", "access-log", log_format=form, host="x.example")
    context = message.context or {}
    assert (context["ip"], context["page"]["url"], context["userAgent"]) == (
        "198.51.100.0", "http://x.example/a", FIREFOX,
    )  # fmt: skip
    assert message.timestamp == to_millis(moment("2026-05-10 10:00:00"))
    assert [one.line for one in refused] == [2]


def test_a_log_format_that_lacks_what_a_view_needs_says_which() -> None:
    with pytest.raises(BadFile, match=r"an address .* a status"):
        compiled('[$time_local] "$request"')


def test_files_that_are_no_pages_are_left_out_and_names_with_dots_are_not() -> None:
    no_pages = (
        "pic.xbm film.mpg t.doc style.css;v=2 m.webmanifest a.docx b.rss c.woff2 d.WAV e.pdf?x=1 f.tar.gz".split()
    )
    pages = "index.html a.php b.shtml will.i.am docs/1.0 john.me c.cgi d.asp plain e.htm?x=a.css".split()
    log = "".join(f"1.2.3.4 - - {REST.replace('/a', '/' + name)}\n" for name in no_pages + pages)
    messages, _ = read(log, "access-log")
    assert [(one.context or {})["page"]["url"] for one in messages] == [f"/{name}" for name in pages]
