"""Collecting over HTTP: what is taken, what is refused and how, and what is never written."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from conftest import SHARED, WRITE_KEY, Server, needs
from trackway.collect.native import decode
from trackway.collect.privacy import Privacy, truncate_ip, url_scrubber
from trackway.collect.pseudonym import DailySalt
from trackway.config import Settings
from trackway.log import Frame, LocalLog

PRIVACY = Privacy(True, Settings().private_parameters)


def take(kind: str, body: Any) -> Any:
    return decode(kind, json.dumps(body).encode(), PRIVACY, 1_790_000_000_000)


BODIES = {
    "track": {"event": "Type test", "anonymousId": "types"},
    "page": {"name": "Home", "anonymousId": "types"},
    "screen": {"name": "Home", "anonymousId": "types"},
    "identify": {"userId": "ann", "traits": {"plan": "free"}, "anonymousId": "types"},
    "group": {"groupId": "g", "userId": "ann", "anonymousId": "types"},
    "alias": {"previousId": "types", "userId": "ann", "anonymousId": "types"},
}


@pytest.mark.parametrize("kind", BODIES)
def test_every_type_is_taken_at_its_own_path(server: Server, kind: str) -> None:
    answer = server.post(kind, BODIES[kind])
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    server.stored()
    assert server.sql(f"SELECT count() > 0 AS n FROM events WHERE visitor_id = 'types' AND type = '{kind}'") == [
        {"n": True}
    ]


def test_write_key_by_basic_user_name_or_in_the_body_and_nobody_else(server: Server) -> None:
    body = {"event": "Key test", "anonymousId": "keys"}
    assert server.http.post("/v1/track", json={**body, "writeKey": WRITE_KEY}).status_code == 202
    assert server.http.post("/v1/track", json=body, auth=(WRITE_KEY, "")).status_code == 202
    for refused in (
        server.http.post("/v1/track", json=body),
        server.http.post("/v1/track", json=body, auth=("wk_wrong", "")),
        server.http.post("/v1/track", json={**body, "writeKey": "sk_test"}),
        server.http.post("/v1/track", json=body, headers={"authorization": "Basic !!!"}),
    ):
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["errors"][0]["field"] == "writeKey"


def test_gzip_is_unpacked_and_a_bomb_or_a_broken_one_is_refused(server: Server) -> None:
    def send(content: bytes, encoding: str = "gzip") -> httpx.Response:
        headers = {"content-encoding": encoding, "content-type": "application/json"}
        return server.http.post("/v1/track", content=content, headers=headers, auth=(WRITE_KEY, ""))

    body = json.dumps({"event": "Gzip", "anonymousId": "zip"}).encode()
    assert send(gzip.compress(body)).status_code == 202
    assert send(gzip.compress(b" " * 50_000_000)).status_code == 413
    assert send(gzip.compress(body)[:-9]).status_code == 400
    assert send(b"not gzip").status_code == 400
    assert send(body, "br").status_code == 415


def test_browsers_may_send_from_any_page(server: Server) -> None:
    headers = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    preflight = server.http.options("/v1/batch", headers=headers)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    beacon = server.http.post(
        "/v1/batch",
        content=json.dumps({"writeKey": WRITE_KEY, "batch": [{"type": "page", "anonymousId": "beacon"}]}),
        headers={"content-type": "text/plain;charset=UTF-8", "origin": "https://shop.example"},
    )
    assert beacon.status_code == 202
    assert beacon.headers["access-control-allow-origin"] == "https://shop.example"


def test_the_pixel_counts_a_page_view_without_script(server: Server) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
    answer = server.http.get(
        "/v1/pixel.gif",
        params={"writeKey": WRITE_KEY},
        headers={"referer": "https://pixel.example/page?utm_source=n", "user-agent": agent, "accept-language": "de"},
    )
    assert answer.status_code == 200
    assert answer.content.startswith(b"GIF89a")
    server.stored()
    (row,) = server.sql(
        "SELECT path, type, browser, language, bot, visitor_id FROM events WHERE host = 'pixel.example'"
    )
    assert (row["path"], row["type"], row["browser"], row["language"], row["bot"]) == (
        "/page",
        "page",
        "Firefox",
        "de",
        "",
    )
    assert row["visitor_id"].startswith("d-")
    assert server.http.get("/v1/pixel.gif").status_code == 401


def test_bad_messages_of_a_batch_are_listed_and_their_neighbours_taken(server: Server) -> None:
    answer = server.post(
        "batch",
        {
            "batch": [
                {"type": "track", "event": "Neighbour", "anonymousId": "partial"},
                {"type": "track", "anonymousId": "partial", "messageId": "no-event"},
                {"type": "nonsense", "anonymousId": "partial"},
                {"type": "track", "event": 5, "anonymousId": "partial"},
                "not an object",
                {"type": "track", "event": "Neighbour", "anonymousId": "partial", "timestamp": "yesterday"},
                {"type": "group", "anonymousId": "partial"},
                {"type": "track", "event": "Neighbour", "anonymousId": "partial", "properties": {"n": 10**30}},
                {"type": "page", "anonymousId": "partial"},
            ]
        },
    )
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    rejected = {one["index"]: (one["field"], one.get("messageId", "")) for one in answer.json()["rejected"]}
    assert rejected == {
        1: ("event", "no-event"), 2: ("type", ""), 3: ("event", ""), 4: ("", ""), 5: ("timestamp", ""),
        6: ("groupId", ""), 7: ("properties.n", rejected[7][1]),
    }  # fmt: skip
    assert all(one["reason"] for one in answer.json()["rejected"])
    server.stored()
    assert server.sql("SELECT count() AS n FROM events WHERE visitor_id = 'partial'") == [{"n": 2}]
    kept = {row["reason"]: row for row in server.get("rejections")}
    assert any("'nonsense' is not a type" in reason for reason in kept)


def test_when_nothing_can_be_taken_the_answer_is_a_problem_that_says_why(server: Server) -> None:
    answer = server.post("track", {"anonymousId": "x"})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {"index": 0, "field": "event",
         "reason": "a track message names its event; send event as a non-empty string"}
    ]  # fmt: skip
    malformed = server.http.post("/v1/track", content=b'{"event": ', auth=(WRITE_KEY, ""))
    assert (malformed.status_code, malformed.json()["errors"][0]["field"]) == (400, "body")
    assert server.http.get("/v1/track").status_code == 405


def test_limits_of_size_number_depth_and_properties() -> None:
    ok = {"type": "track", "event": "E", "anonymousId": "a"}
    assert len(take("batch", {"batch": [ok] * 500}).messages) == 500
    with pytest.raises(Exception, match="501 messages in a batch; send at most 500"):
        take("batch", {"batch": [ok] * 501})
    assert "32768" in take("track", {**ok, "properties": {"text": "x" * 33_000}}).rejections[0].reason
    assert "255" in take("track", {**ok, "properties": {str(n): n for n in range(256)}}).rejections[0].reason
    deep: Any = 1
    for _ in range(15):
        deep = [deep]
    assert not take("track", {**ok, "properties": {"deep": deep}}).rejections
    assert take("track", {**ok, "properties": {"deep": [deep]}}).rejections[0].field == "properties.deep"
    assert take("track", {**ok, "anonymousId": "a" * 256}).rejections[0].field == "anonymousId"
    assert take("track", {**ok, "timestamp": "1850-01-01T00:00:00Z"}).rejections[0].field == "timestamp"


def test_a_request_of_more_than_a_mebibyte_is_refused(server: Server) -> None:
    assert server.http.post("/v1/track", content=b" " * (1024 * 1024 + 1), auth=(WRITE_KEY, "")).status_code == 413


def test_half_a_surrogate_pair_costs_a_character_and_not_the_batch() -> None:
    body = rb'{"batch": [{"type": "track", "event": "a\ud83d", "anonymousId": "x"}, {"type": "page", "anonymousId": "\ud83d\ude00"}]}'
    request = decode("batch", body, PRIVACY, 0)
    assert [message.event for message in request.messages] == ["a\ufffd", None]
    assert request.messages[1].anonymous_id == "\U0001f600"


def test_context_of_a_batch_belongs_to_each_of_its_messages() -> None:
    request = take("batch", {"context": {"locale": "de"}, "batch": [{"type": "page", "anonymousId": "x"}]})
    assert request.messages[0].context == {"locale": "de"}


@needs("event_payloads")
def test_every_example_of_segments_specification_is_taken(server: Server) -> None:
    """Ten of the 75 name nobody or spell fields as of old; each goes to the address of its type and to the batch."""
    lines = (SHARED / "event_payloads" / "segment_spec_examples.ndjson").read_text().splitlines()
    payloads = [json.loads(line)["payload"] for line in lines]
    assert len(payloads) == 75
    for payload in payloads:
        answer = server.post(payload.get("type") or payload["action"], payload)
        assert (answer.status_code, answer.json()) == (202, {"accepted": 1}), payload
    fresh = [{**payload, "messageId": f"again-{n}"} for n, payload in enumerate(payloads)]
    assert server.post("batch", {"batch": fresh}).json() == {"accepted": 75}
    server.stored()
    [row] = server.sql("SELECT count() AS n FROM events WHERE message_id LIKE 'again-%' AND visitor_id != ''")
    assert row["n"] == 75


def test_who_names_nobody_is_the_same_visitor_all_day_and_another_the_next(tmp_path: Path) -> None:
    noon, salt = 1_700_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000, DailySalt(tmp_path)
    today = salt.pseudonym(noon, "81.2.69.160", "Mozilla/5.0")
    assert DailySalt(tmp_path).pseudonym(noon + 3_600_000, "81.2.69.160", "Mozilla/5.0") == today
    assert salt.pseudonym(noon, "81.2.69.161", "Mozilla/5.0") != today
    kept = (tmp_path / "pseudonym.salt").read_text()
    assert salt.pseudonym(noon + 86_400_000, "81.2.69.160", "Mozilla/5.0") != today
    # The old salt is gone from the disk and from memory: not even a clock set back makes yesterday's name again.
    assert kept.split()[1] not in "".join(path.read_text() for path in tmp_path.iterdir())
    assert salt.pseudonym(noon, "81.2.69.160", "Mozilla/5.0") != today
    assert (tmp_path / "pseudonym.salt").stat().st_mode & 0o077 == 0


def test_processes_with_one_data_directory_have_one_salt_a_day(tmp_path: Path) -> None:
    first, second = DailySalt(tmp_path), DailySalt(tmp_path)
    for day in range(3):
        at = 1_790_000_000_000 + day * 86_400_000
        assert first.pseudonym(at, "203.0.113.7", "Firefox") == second.pseudonym(at, "203.0.113.7", "Firefox")


@pytest.mark.parametrize(
    ("address", "kept"),
    [("81.2.69.160", "81.2.69.0"), ("2001:218:1:2::3", "2001:218:1::"), ("::ffff:81.2.69.160", "81.2.69.0"), ("x", "")],
)
def test_addresses_are_truncated(address: str, kept: str) -> None:
    assert truncate_ip(address) == kept


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example/p?token=x&b=1", "https://a.example/p?b=1"),
        ("https://a.example/p?b=1&Token=x", "https://a.example/p?b=1"),
        ("https://a.example/p?b=1&token=x&c=2#access_token=y", "https://a.example/p?b=1&c=2"),
        ("https://user:secret@a.example/p", "https://a.example/p"),
        ("https://a.example/p?mytoken=x", "https://a.example/p?mytoken=x"),
        ("/p?password=x", "/p"),
    ],
)
def test_private_query_parameters_and_credentials_are_dropped(url: str, kept: str) -> None:
    assert url_scrubber(Settings().private_parameters)(url) == kept


def test_no_whole_address_and_no_secret_is_ever_written(new_server: Any) -> None:
    running = new_server().start()
    context = {
        "ip": "81.2.69.160",
        "page": {"url": "https://a.example/?token=hunter2", "referrer": "https://b/?sid=hunter2"},
    }
    message = {"type": "page", "anonymousId": "v", "context": context, "properties": {"url": "/x?password=hunter2"}}
    bad = {"type": "nonsense", "context": context}
    assert running.post("batch", {"batch": [message, bad]}).json()["accepted"] == 1
    running.stored()
    (row,) = running.sql("SELECT ip, country, query, referrer FROM events")
    assert row == {"ip": "81.2.69.0", "country": "GB", "query": "", "referrer": "https://b/"}
    running.stop()
    log = LocalLog(running.data / "log")
    unpack = zstandard.ZstdDecompressor().decompress
    written = b"".join(unpack(item.payload, 2**24) for item in log.read(0, 100) if isinstance(item, Frame))
    assert b"https://a.example/" in written
    log.close()
    everything = written + b"".join(path.read_bytes() for path in Path(running.data).rglob("*") if path.is_file())
    assert not re.search(rb"81\.2\.69\.160|127\.0\.0\.1", everything)
    assert b"hunter2" not in everything
