"""Traffic of a project for tests of several loaders, and the content of all tables in a form that two stores share."""

from __future__ import annotations

import json
import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from loaders import Site

from conftest import Server

BEGIN = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=6)
Batch = list[dict[str, Any]]


def traffic(name: str, seed: str, batches: int) -> list[Batch]:
    """Batches of a project: users on several devices, sign-outs, aliases, late events, orders and repeats.

    Every message states its time and none the time of sending, so that events are the same whenever they arrive.
    """
    rng = random.Random(f"{seed}/{name}")
    made: list[dict[str, Any]] = []
    for number in range(batches * 8):
        visitor, user = f"{name}-v{rng.randrange(10)}", f"{name}-u{rng.randrange(5)}"
        # Most events come in order; some come hours late, also into sessions that ended.
        late_s = rng.randrange(20_000) if rng.random() < 0.15 else 0
        at = BEGIN + timedelta(seconds=number * 97 - late_s, milliseconds=number)  # no two at the same time
        one: dict[str, Any] = {
            "messageId": f"{name}-{number}", "anonymousId": visitor, "timestamp": at.isoformat(), "type": "track",
            "context": {"page": {"url": f"https://{name}.example/{rng.randrange(5)}?utm_source=s{rng.randrange(3)}"}},
        }  # fmt: skip
        kind = rng.random()
        if kind < 0.4:
            one |= {"type": "page"}
        elif kind < 0.6:
            entity = {"entity_type": "concert", "entity_id": f"c{rng.randrange(4)}", "n": rng.randrange(9)}
            one |= {"event": "Seen", "properties": entity, **({"userId": user} if rng.random() < 0.5 else {})}
        elif kind < 0.72:
            one |= {"type": "identify", "userId": user, "traits": {"plan": rng.choice("abc")}}
        elif kind < 0.8:
            one |= {"event": "Signed Out", **({"userId": user} if rng.random() < 0.5 else {})}
        elif kind < 0.83:
            one |= {"type": "alias", "userId": user, "previousId": f"{name}-u{rng.randrange(5)}"}
        else:
            order = {"order_id": f"o{number}", "revenue": rng.randrange(1, 99), "currency": "USD"}
            one |= {"event": "Order Completed", "userId": user, "properties": order}
        made.append(one)
    groups = [made[first : first + 8] for first in range(0, len(made), 8)]
    repeats = [rng.sample(made[: 8 * count], 3) for count in range(1, len(groups) + 1)]
    return [[*group, *(again if rng.random() < 0.3 else [])] for group, again in zip(groups, repeats, strict=True)]


class Sender(threading.Thread):
    """Sends the batches of a project to one process after another, and again what was not answered with 202."""

    def __init__(self, servers: list[Server], key: str, batches: list[Batch], seed: str, pause_s: float) -> None:
        super().__init__(daemon=True)
        self._urls, self._key, self._batches = [one.url for one in servers], key, batches
        self._rng, self._pause_s = random.Random(seed), pause_s

    def run(self) -> None:
        with httpx.Client(timeout=60) as http:
            for batch in self._batches:
                while not self._sent(http, batch):
                    time.sleep(0.05)
                time.sleep(self._pause_s)

    def _sent(self, http: httpx.Client, batch: Batch) -> bool:
        try:
            url = f"{self._rng.choice(self._urls)}/v1/batch"
            return http.post(url, json={"batch": batch}, auth=(self._key, "")).status_code == 202
        except httpx.TransportError:
            return False


_PASSING = {"received_at", "version", "made_at", "updated_at", "last_received"}
"""Columns that say when rows were stored."""
_ANY = {
    "customers": {"visitor_id", "visitor_name", "first_seen", "last_seen"},
    "orders": {"session_id"},
    "order_totals": {"value", "unconverted"},
}
"""Columns that keep a value of a session that was changed later, or of any one of several; and what depends on the rate
of a project's currency, which the role all writes at its next start."""
_NUMBERED = {"identity", "person"}
_SKIPPED = ("lists", "moves", "late_sign_outs", "customer_scores", "rates")


def tables(site: Site, project: str) -> dict[str, list[str]]:
    """The rows of a project in each table, with tokens in the place of the numbers of identities."""
    tokens = {
        row["number"]: row["token"] for row in _asked(site, "SELECT token, any(number) AS number FROM identities GROUP BY token")
    }  # fmt: skip
    columns: dict[str, list[str]] = {}
    for row in _asked(
        site,
        "SELECT table, name, type FROM system.columns WHERE database = 'tracking' AND table IN "
        "(SELECT name FROM system.tables WHERE database = 'tracking' AND engine LIKE '%MergeTree') ORDER BY 1, position",
    ):
        state = row["type"].startswith("AggregateFunction")
        named = f"finalizeAggregation({row['name']}) AS {row['name']}" if state else row["name"]
        columns.setdefault(row["table"], []).append(named)
    content: dict[str, list[str]] = {}
    sessions: dict[str, str] = {}
    for table, names in sorted(columns.items(), key=lambda one: one[0] != "events"):
        plain = {one.rpartition(" ")[2] for one in names}
        if "project_id" not in plain or table.startswith(_SKIPPED):
            continue
        final = "" if table in ("events", "rejections", "violations") else "FINAL"
        rows = _asked(site, f"SELECT {', '.join(names)} FROM {table} {final} WHERE project_id = '{project}'")
        if table == "events":
            sessions = _sessions(rows)
        kept = (row for row in rows if not (row.get("gone") or _is_empty(table, row)))
        content[table] = sorted(json.dumps(_comparable(table, row, tokens, sessions), sort_keys=True) for row in kept)
    return content


def _sessions(events: list[dict[str, Any]]) -> dict[str, str]:
    """The first event of each session: its own id depends on the order in which its events arrived."""
    first: dict[str, str] = {}
    for row in sorted(events, key=lambda one: (one["timestamp"], one["event_id"])):
        first.setdefault(row["session_id"], row["message_id"])
    return first


def _is_empty(table: str, row: dict[str, Any]) -> bool:
    """Whether a row of customers is what is left of an identity whose sessions all moved to another one."""
    return table == "customers" and not row["sessions"] and not row["named"]


def _comparable(table: str, row: dict[str, Any], tokens: dict[Any, Any], sessions: dict[str, str]) -> dict[str, Any]:
    passing = _PASSING | _ANY.get(table, set()) | {"project_id"}
    kept = {name: value for name, value in row.items() if name not in passing and not name.startswith("changes_")}
    for name in kept.keys() & {*_NUMBERED, "session_id"}:
        kept[name] = (sessions if name == "session_id" else tokens).get(kept[name], kept[name])
    return kept


def _asked(site: Site, sql: str) -> list[dict[str, Any]]:
    form = "FORMAT JSONEachRow SETTINGS output_format_json_quote_64bit_integers = 0"
    return [json.loads(line) for line in site.rows(f"{sql} {form}").splitlines()]
