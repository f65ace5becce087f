"""Batches of messages for the tests of the loader, some of which cannot be stored, and what has become of those."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from conftest import Loaded
from factories import message
from trackway.enrich.columns import Columns
from trackway.enrich.ordinary_messages import Arrived
from trackway.event import Arrival, Event, Message
from trackway.store import preparing


def messages(count: int, prefix: str = "m", visitors: int = 5) -> list[Message]:
    return [
        message(
            "" if number % 2 else "Clicked",
            1_790_000_000_000 + number * 1000,
            visitor=f"visitor-{number % visitors}",
            id=f"{prefix}{number}",
            url=f"https://a.example/{number % 7}",
        )
        for number in range(count)
    ]


def unstorable(name: str) -> Message:
    """A message that enriching fails on, as the fixture has it: none that the door lets in is known."""
    return message("Unstorable", visitor="v", id=name)


@pytest.fixture(autouse=True)
def enriching_fails_on_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways fail: that of one message, and that of many, whichever of them is the cause."""
    enrich, ordinary = preparing.enrich, preparing.ordinary

    def failing(message: Message, arrival: Arrival, key: bytes) -> Event:
        if message.event == "Unstorable":
            raise ValueError("it cannot be enriched")
        return enrich(message, arrival, key)

    def all_failing(items: Sequence[Arrived], special: set[int]) -> tuple[Columns | None, list[int]]:
        if any(message.event == "Unstorable" for message, _, _ in items):
            raise ValueError("one of them cannot be enriched")
        return ordinary(items, special)

    monkeypatch.setattr(preparing, "enrich", failing)
    monkeypatch.setattr(preparing, "ordinary", all_failing)


def letters(loaded: Loaded, project: UUID) -> list[str]:
    found = loaded.rows(project, "SELECT message_id FROM dead_letters FINAL WHERE project_id = {p:UUID} ORDER BY ALL")
    return [row["message_id"] for row in found]
