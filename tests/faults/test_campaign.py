"""A short campaign: some faults of most kinds, the same ones every time; `./run bench faults --n 1000` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign import campaign
from oracle import Verdict, _ids, sessions_of
from senders import Book, Sent

from conftest import cases

SEED = "20261128"
FAULTS = ["power_cut", "repeats", "kill_starting", "loader_killed"] * cases(1)
FAULTS += ["slow_disk", "kill", "engine_killed", "kill_stopping", "power_cut", "engine_hangs", "loader_hangs"] * (
    cases(1) - 1
)


@pytest.mark.timeout(1200)
def test_whatever_fails_what_was_acknowledged_is_stored_once_and_every_table_agrees(tmp_path: Path) -> None:
    totals = campaign(len(FAULTS), SEED, kept=tmp_path / "broken", each=FAULTS)
    assert totals.acknowledged > 100
    assert (totals.lost, totals.doubled, totals.disagreements) == (0, 0, 0)
    print(totals)


def test_the_oracle_sees_what_is_lost_doubled_or_changed() -> None:
    book = Book()
    for one in ("kept", "lost", "doubled", "changed"):
        book.sent[one] = Sent("page", "v", 1)
        book.acknowledged[one] = {}
    row = {"name": "page", "visitor_id": "v", "number": 1}
    rows = [{**row, "message_id": one} for one in ("kept", "doubled", "doubled", "stranger")]
    verdict = Verdict()
    _ids(verdict, [*rows, {**row, "message_id": "changed", "number": 2}], book, set())
    assert (verdict.lost, verdict.doubled) == ({"lost"}, {"doubled"})
    assert [text[:30] for text in verdict.disagreements] == [
        "1 messages are stored with ano", "1 messages that nobody sent: [",
    ]  # fmt: skip


def test_the_oracle_knows_sessions_by_the_rule() -> None:
    minute = 60_000

    def event(at: float, name: str = "page", user: str = "") -> dict[str, object]:
        return {"at": int(at * minute), "name": name, "type": "page" if name == "page" else "track", "user_id": user}

    told = [event(0), event(29.9, user="ann"), event(40, "Signed Out"), event(41), event(42, user="ann"),
            event(43), event(44, user="ben"), event(74, "Session Ended")]  # fmt: skip
    found = [(start / minute, end / minute, events, pages) for start, end, events, pages in sessions_of(told)]
    assert found == [(0, 40, 3, 2), (41, 43, 3, 3), (44, 44, 1, 1), (74, 74, 1, 0)]
