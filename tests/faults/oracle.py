"""What has to be true afterwards: acknowledged is stored or a dead letter, once each, and every table agrees."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

from senders import Book, Sent
from victim import Victim, Violation

Row = dict[str, Any]
_GAP = 30 * 60_000
_OUT, _ENDED = "Signed Out", "Session Ended"
_PAGE = "type IN ('page', 'screen')"
_HOUR = "toStartOfHour(toDateTime({}, 'UTC'))"
_PASSIVE = (
    "'impression', 'engagement', 'time_in_view', 'scroll', 'web_vital', 'error', 'messages_dropped', 'Session Ended'"
)
_BY_EVENT = _HOUR.format("timestamp")
_BY_START = _HOUR.format("started_at")
_LASTED = (
    "coalesce(toFloat64OrNull(toString(properties.duration_s)), toFloat64OrNull(toString(properties.visible_s)), 0)"
)


class Verdict:
    """What is wrong, counted."""

    def __init__(self) -> None:
        self.lost: set[str] = set()
        self.doubled: set[str] = set()
        self.letters = 0
        self.disagreements: list[str] = []

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.disagreements)

    def __str__(self) -> str:
        parts = [
            f"{len(self.lost)} lost {sorted(self.lost)[:5]}",
            f"{len(self.doubled)} doubled {sorted(self.doubled)[:5]}",
        ]
        return "; ".join([*parts, *self.disagreements[:8]])


def _differ(part: str, keys: str, measures: dict[str, tuple[str, str]], left: str, right: str) -> str:
    """A statement that counts the keys for which two tables do not come to the same.

    Args:
        keys: columns separated by commas, or `expression AS name` for those that the right side computes.
        measures: of each number, the expression on the left and on the right.
    """
    names = [one.rpartition(" AS ")[2].strip() for one in keys.split(";")]
    own = ", ".join(names)
    of_left = ", ".join(f"toDecimal128({one[0]}, 4) AS m_{name}" for name, one in measures.items())
    of_right = ", ".join(f"-toDecimal128({one[1]}, 4) AS m_{name}" for name, one in measures.items())
    unequal = " OR ".join(f"sum(d.m_{name}) != 0" for name in measures)
    return (
        f"SELECT '{part}' AS part, count() AS keys FROM (SELECT {own} FROM (SELECT {own}, {of_left} FROM {left} "
        f"UNION ALL SELECT {', '.join(keys.split(';'))}, {of_right} FROM {right}) AS d GROUP BY {own} HAVING {unequal})"
    )


_SHOWN = [
    _differ("event_counts", f"{_BY_EVENT} AS hour;toString(name) AS name;toString(bot) AS bot",
            {"n": ("events", "1"), "p": ("page_views", _PAGE)},
            "(SELECT hour, toString(name) AS name, toString(bot) AS bot, events, page_views FROM event_counts)",
            "events"),
    _differ("visitors", "visitor_id", {"n": ("events", "1"), "p": ("page_views", _PAGE)},
            "visitors", "events"),
    _differ("sessions of visitors", "visitor_id", {"n": ("sessions", "1")}, "visitors", "(SELECT * FROM sessions FINAL)"),
    _differ("source_counts", f"{_BY_START} AS hour;toString(source) AS source;toString(campaign) AS campaign",
            {"s": ("sessions", "1"), "e": ("events", "s.events"), "p": ("page_views", "s.page_views"),
             "b": ("bounces", "s.acts <= 1"),
             "d": ("duration_ms", "dateDiff('millisecond', s.started_at, s.ended_at)")},
            "(SELECT hour, toString(source) AS source, toString(campaign) AS campaign, sessions, events, page_views, "
            "bounces, duration_ms FROM source_counts)", "(SELECT * FROM sessions FINAL) AS s"),
    _differ("sessions", "toString(session_id) AS session;visitor_id", {"n": ("events", "1"), "p": ("page_views", _PAGE)},
            "(SELECT toString(session_id) AS session, visitor_id, events, page_views FROM sessions FINAL)", "(SELECT * FROM events WHERE toString(session_id) NOT LIKE '00000000-%')"),
    _differ("orders", "toString(properties.order_id) AS order_id",
            {"a": ("amount", "if(name = 'Order Completed', revenue, 0)"),
             "r": ("refunds", "if(name = 'Order Refunded', abs(revenue), 0)")},
            "(SELECT * FROM orders FINAL WHERE NOT gone AND kind = 'order')",
            "(SELECT * FROM events WHERE name IN ('Order Completed', 'Order Refunded'))"),
]  # fmt: skip
"""What a project's own SQL can see."""

_HIDDEN = [
    _differ("activity", f"{_BY_EVENT} AS hour;identity;xxh3(visitor_id) AS visitor", {"n": ("events", "1")},
            "activity", "events"),
    _differ("person_hours", f"{_BY_EVENT} AS hour;identity;toString(name) AS name",
            {"n": ("events", "1"), "d": ("if(isFinite(duration_s), duration_s, 0)", f"if(isFinite({_LASTED}), {_LASTED}, 0)")},
            "(SELECT hour, identity, toString(name) AS name, events, duration_s FROM person_hours)", "events"),
    _differ("actions", "identity;timestamp;toString(name) AS name",
            {"n": ("actions", "1"), "d": ("if(isFinite(duration_s), duration_s, 0)", f"if(isFinite({_LASTED}), {_LASTED}, 0)")},
            "(SELECT identity, timestamp, toString(name) AS name, actions, duration_s FROM actions)",
            f"(SELECT * FROM events WHERE type IN ('page', 'screen', 'track') AND name NOT IN ({_PASSIVE}))"),
    _differ("revenue_counts", f"{_BY_EVENT} AS hour;toString(name) AS name;toString(currency) AS currency",
            {"n": ("revenue", "e.revenue")},
            "(SELECT hour, toString(name) AS name, toString(currency) AS currency, revenue FROM revenue_counts)",
            "events AS e"),
    _differ("interaction_hours", f"{_BY_EVENT} AS hour;entity_id;toString(name) AS name",
            {"n": ("events", "1"), "d": ("if(isFinite(duration_s), duration_s, 0)", f"if(isFinite({_LASTED}), {_LASTED}, 0)")},
            "(SELECT hour, entity_id, toString(name) AS name, events, duration_s FROM interaction_hours)",
            "(SELECT * FROM events WHERE entity_id != '')"),
    _differ("session_hours", f"{_BY_START} AS hour;identity", {"n": ("sessions", "1")},
            "session_hours", "(SELECT * FROM sessions FINAL)"),
    _differ("customers", "identity", {"n": ("sessions", "1"),
            "d": ("duration_ms", "dateDiff('millisecond', started_at, ended_at)")},
            "customers", "(SELECT * FROM sessions FINAL)"),
    _differ("reviews of customers", "identity", {"n": ("reviews", "name = 'Review Submitted'")}, "customers", "events"),
    _differ("property_counts", "toString(name) AS name;pair.1 AS property;pair.2 AS type", {"n": ("events", "1")},
            "(SELECT toString(name) AS name, property, toString(type) AS type, events FROM property_counts)",
            "(SELECT name, arrayJoin(CAST(JSONAllPathsWithTypes(properties), 'Array(Tuple(String, String))')) AS pair "
            "FROM events)"),
    _differ("order_totals", "identity", {"o": ("orders", "t.orders"), "v": ("value", "t.value")},
            "(SELECT * FROM order_totals FINAL)", "order_totals_now AS t"),
    "SELECT 'identities of two numbers' AS part, count() AS keys FROM "
    "(SELECT number FROM identities FINAL GROUP BY number HAVING uniq(token) > 1)",
    "SELECT 'events without an identity' AS part, countIf(identity = 0) AS keys FROM events",
]  # fmt: skip
"""What only the stopped directory shows."""


def while_running(victim: Victim, book: Book) -> Verdict:
    """Look at the running server, once all is stored and nobody sends."""
    verdict = Verdict()
    events = victim.sql(
        "SELECT message_id, toString(type) AS type, toString(name) AS name, visitor_id, user_id, "
        "toUnixTimestamp64Milli(timestamp) AS at, toInt64OrZero(toString(properties.n)) AS number FROM events"
    )
    assert len(events) < 100_000, "the run is longer than what one question answers"
    _ids(verdict, events, book, book.hostile)
    sessions = victim.sql(
        "SELECT visitor_id, toUnixTimestamp64Milli(started_at) AS since, toUnixTimestamp64Milli(ended_at) AS until, "
        "events, page_views FROM sessions FINAL"
    )
    _sessions(verdict, events, sessions, book)
    _tables(verdict, victim.sql(" UNION ALL ".join(_SHOWN)))
    return verdict


def when_stopped(victim: Victim, book: Book, aside: tuple[str, ...] = ()) -> Verdict:
    """Look at the directory of a server that has ended: every table but those `aside`, and the dead letters."""
    verdict = Verdict()
    ids = "SELECT message_id AS part, count() AS keys, true AS is_id FROM events GROUP BY message_id"
    checks = [f"SELECT part, keys, false AS is_id FROM ({one})" for one in [*_SHOWN, *_HIDDEN]]
    rows = victim.query(" UNION ALL ".join([ids, *checks]))
    stored = {row["part"]: int(row["keys"]) for row in rows if row["is_id"]}
    _tables(verdict, [row for row in rows if not row["is_id"] and row["part"] not in aside])
    missing = set(book.acknowledged) - set(stored)
    letters = _dead_letters(victim) if missing or book.hostile else set()
    verdict.letters = len(letters)
    verdict.lost = missing - letters
    verdict.doubled = {one for one, times in stored.items() if times > 1} | (set(stored) & letters)
    doctor = victim.command("doctor", "--json")
    if doctor.returncode:
        bad = [f"{one['part']}: {one['text']}" for one in _findings(doctor.stdout) if one["state"] == "bad"]
        verdict.disagreements.append(f"doctor on a sound directory: {bad or doctor.stderr[-800:]}")
    return verdict


def _dead_letters(victim: Victim) -> set[str]:
    there = "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'dead_letters'"
    if not victim.query(there):
        return set()
    return {row["message_id"] for row in victim.query("SELECT DISTINCT message_id FROM dead_letters")}


def _findings(output: str) -> list[Row]:
    try:
        return list(json.loads(output))
    except ValueError:
        return []


def _ids(verdict: Verdict, events: list[Row], book: Book, aside: set[str]) -> None:
    times = Counter(row["message_id"] for row in events)
    verdict.lost = set(book.acknowledged) - set(times) - aside
    verdict.doubled = {one for one, count in times.items() if count > 1}
    changed = [
        row["message_id"] for row in events
        if (said := book.sent.get(row["message_id"])) and row["message_id"] not in aside
        and said != Sent(row["name"], row["visitor_id"], int(row["number"]))
    ]  # fmt: skip
    if changed:
        verdict.disagreements.append(f"{len(changed)} messages are stored with another content: {changed[:3]}")
    if strangers := set(times) - set(book.sent):
        verdict.disagreements.append(f"{len(strangers)} messages that nobody sent: {sorted(strangers)[:3]}")


def _tables(verdict: Verdict, rows: list[Row]) -> None:
    verdict.disagreements += [f"{row['part']} differs in {row['keys']}" for row in rows if int(row["keys"])]


def _sessions(verdict: Verdict, events: list[Row], sessions: list[Row], book: Book) -> None:
    """Compare the sessions with the rule, applied again to each visitor's events."""
    of_visitor: dict[str, list[Row]] = defaultdict(list)
    for row in events:
        if row["message_id"] in book.sent and row["message_id"] not in book.hostile:
            of_visitor[row["visitor_id"]].append(row)
    found: dict[str, Counter[tuple[int, ...]]] = defaultdict(Counter)
    for row in sessions:
        found[row["visitor_id"]][tuple(int(row[name]) for name in ("since", "until", "events", "page_views"))] += 1
    wrong = []
    for visitor, theirs in of_visitor.items():
        if len({row["at"] for row in theirs}) == len(theirs) and found[visitor] != Counter(sessions_of(theirs)):
            wrong.append(visitor)
    if wrong:
        theirs = of_visitor[wrong[0]]
        surplus = found[wrong[0]] - Counter(sessions_of(theirs)), Counter(sessions_of(theirs)) - found[wrong[0]]
        text = (
            f"sessions of {len(wrong)} visitors differ, of {wrong[0]} stored {dict(surplus[0])} for {dict(surplus[1])}"
        )
        verdict.disagreements.append(text)


def sessions_of(events: list[Row]) -> list[tuple[int, int, int, int]]:
    """A visitor's sessions by the rule: start, end, events and page views of each."""
    made: list[list[int]] = []
    closed, user = True, ""
    for row in sorted(events, key=lambda one: int(one["at"])):
        at, page = int(row["at"]), int(row["type"] in ("page", "screen"))
        changed = bool(user and row["user_id"] and row["user_id"] != user)
        if closed or changed or at - made[-1][1] >= _GAP:
            made.append([at, at, 0, 0])
            user = ""
        made[-1][1] = at
        made[-1][2] += 1
        made[-1][3] += page
        user, closed = row["user_id"] or user, row["name"] in (_OUT, _ENDED)
    return [(one[0], one[1], one[2], one[3]) for one in made]


def demand(verdict: Verdict, where: str) -> None:
    """Raise Violation unless a verdict is fine."""
    if not verdict.fine:
        raise Violation(f"{where}: {verdict}")
