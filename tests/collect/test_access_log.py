"""The real access log: counted once more by a short DuckDB script that shares no code with Trackway."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import as_json
from conftest import SHARED, needs, unpacked
from trackway.collect.dialects.access_log import AccessLog, left_out, likely_host, parse
from trackway.enrich.bot import reason

LOG = SHARED / "web_logs" / "elastic_apache_logs.log.zst"


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("access-log") / "data"
    summary = as_json("import", "access-log", str(LOG), "--data", str(data))
    assert summary["taken"] == summary["added"]
    assert as_json("query", "--data", str(data), "SELECT DISTINCT host FROM events") == [{"host": "semicomplete.com"}]
    return data


@pytest.fixture(scope="module")
def independent(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    plain = tmp_path_factory.mktemp("plain") / "access.log"
    plain.write_bytes(unpacked(LOG))
    script = Path(__file__).parent / "independent_access_log.py"
    done = subprocess.run([sys.executable, str(script), str(plain)], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


@needs("web_logs")
def test_page_views_visitors_and_sessions_agree_with_an_independent_count(
    imported: Path, independent: dict[str, Any]
) -> None:
    (row,) = as_json(
        "query", "--data", str(imported),
        "SELECT count() AS views, uniqExact(visitor_id) AS visitors, "
        "(SELECT count() FROM sessions FINAL) AS sessions, (SELECT sum(events) FROM sessions FINAL) AS in_sessions, "
        "countIf(bot = 'headers: no User-Agent') AS without_agent FROM events",
    )  # fmt: skip
    assert [row[name] for name in ("views", "visitors", "sessions", "without_agent")] == independent["totals"]
    assert row["in_sessions"] == row["views"]


@needs("web_logs")
@needs("ua_corpora")
def test_bots_agree_with_another_list_of_crawlers(imported: Path, independent: dict[str, Any]) -> None:
    patterns = [
        entry["pattern"] for entry in json.loads(unpacked(SHARED / "ua_corpora" / "crawler-user-agents.json.zst"))
    ]
    counts = independent["agents"]
    other = re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    listed = {agent for agent in counts if agent == "-" or other.search(agent)}

    ours = {agent for agent in counts if reason("" if agent == "-" else agent, agent == "-", False)}
    # Everything that the other list knows is known here; the rest of ours says in its name that it is no person.
    missed = {agent: counts[agent] for agent in listed - ours}
    assert sum(missed.values()) <= 0.005 * sum(counts.values()), missed
    more = {agent for agent in ours - listed if not any(
        word in agent.lower()
        for word in ("bot", "spider", "crawl", "feed", "rss", "http", "parser", "reader", "curl", "wget", "java", "perl",
                     "python", "ruby", "check", "link", "search", "php", "fetch", "ezooms", "slurp")
    )}  # fmt: skip
    assert sum(counts[agent] for agent in more) <= 0.01 * sum(counts.values()), more
    (row,) = as_json("query", "--data", str(imported), "SELECT countIf(bot != '') AS bots FROM events")
    assert row["bots"] == sum(counts[agent] for agent in ours)


@needs("web_logs")
def test_importing_again_adds_nothing(imported: Path) -> None:
    assert as_json("import", "access-log", str(LOG), "--data", str(imported))["added"] == 0


@needs("web_logs")
def test_a_running_server_takes_it_through_its_public_interface_and_once(new_server: Any) -> None:
    server = new_server().start()
    arguments = ("import", "access-log", str(LOG), "--url", server.url, "--key", "sk_test")
    first, second = as_json(*arguments), as_json(*arguments)
    assert first["added"] == first["taken"] > 0
    assert second["added"] == 0
    assert server.sql("SELECT count() AS n FROM events") == [{"n": first["taken"]}]


@needs("web_logs")
def test_visitors_are_pseudonymous_and_no_address_is_in_the_store(imported: Path, independent: dict[str, Any]) -> None:
    rows = as_json("query", "--data", str(imported), "SELECT DISTINCT ip, visitor_id FROM events")
    assert all(row["ip"].endswith(".0") or ":" in row["ip"] or row["ip"] == "" for row in rows)
    assert all(row["visitor_id"].startswith("d-") for row in rows)


LINE = '1.2.3.4 - - [17/May/2015:10:05:03 +0200] "GET /a/b?c=d HTTP/1.1" 200 2037 "http://x.org/" "Mozilla/5.0 \\"q\\""'


def test_common_and_combined_lines_of_apache_and_nginx() -> None:
    line = parse(LINE)
    assert line is not None
    assert (line.address, line.target, line.status, line.referrer, line.agent) == (
        "1.2.3.4", "/a/b?c=d", 200, "http://x.org/", 'Mozilla/5.0 "q"',
    )  # fmt: skip
    assert line.time.isoformat() == "2015-05-17T10:05:03+02:00"
    common = parse('::1 - frank [17/May/2015:10:05:03 +0000] "GET / HTTP/1.0" 304 -')
    assert common is not None and common.agent is None and left_out(common) == ""
    assert parse("nonsense") is None
    assert parse(LINE.replace("May", "Foo")) is None


def test_visitors_are_stable_within_a_day_and_not_linkable_to_the_next() -> None:
    lines = [LINE, LINE.replace("10:05", "21:59"), LINE.replace("17/May", "18/May")]
    first, second, next_day = [m.anonymous_id for m in AccessLog("x.org", b"key").messages(lines)]
    assert first == second != next_day
    assert next(iter(AccessLog("x.org", b"other").messages(lines))).anonymous_id != first


def test_identical_lines_are_different_page_views_and_the_same_at_the_next_import() -> None:
    once = [m.message_id for m in AccessLog("", b"k").messages([LINE, LINE, LINE.replace("/a", "/z")])]
    assert len(set(once)) == 3
    assert [m.message_id for m in AccessLog("", b"k").messages([LINE, LINE, LINE.replace("/a", "/z")])] == once


def test_the_sites_own_host_is_found_by_its_own_references() -> None:
    assert likely_host([LINE.replace("x.org", "www.site.org")] * 9 + [LINE]) == "site.org"
    assert likely_host([LINE.replace("x.org", f"{n}.org") for n in range(9)]) == ""
