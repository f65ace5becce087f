"""Small sets of events that are made to be awkward, and what they mean, for tests of questions against plain Python.

Ties, gaps, days of 23 and 25 hours, merged persons, repeated and late messages, in any order of arrival.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from conftest import Loaded, cases
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.event import Message, new_id

BERLIN = ZoneInfo("Europe/Berlin")
# The last days of March 2026: in Berlin the 29th has 23 hours.
START = datetime(2026, 3, 20, tzinfo=BERLIN).astimezone(UTC)
END_OF = datetime(2026, 4, 3, tzinfo=BERLIN).astimezone(UTC)
SPAN = int((END_OF - START).total_seconds() * 1000)
NOW = datetime(2026, 4, 10, tzinfo=UTC)
EXAMPLES = cases(6)


class Happened(NamedTuple):
    """An event as the reference sees it; `at` in ms from START, `who` a person."""

    at: int
    name: str
    who: str
    visitor: str
    path: str
    value: int


def person_of(visitor: str, users: dict[str, str]) -> str:
    return users.get(visitor, visitor)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Message]], list[Happened]]:
    """Batches of messages, and what they mean. Visitors `a` and `b` may turn out to be one user."""
    users = draw(st.sampled_from([{}, {"a": "ann"}, {"a": "ann", "b": "ann"}, {"a": "ann", "b": "bob"}]))
    moments = st.one_of(
        st.integers(0, 14 * 86_400).map(lambda s: s * 1000),
        st.integers(0, 60).map(lambda s: s * 1000),
        st.sampled_from([86_400_000 * n - d for n in range(1, 14) for d in (0, 1, 3_600_000)]),
        st.integers(-5 * 86_400, 0).map(lambda s: s * 1000),
        st.integers(-3, 3).map(lambda s: SPAN + s * 500),
    )
    rows = draw(
        st.lists(
            st.tuples(moments, st.sampled_from("ABCXpp"), st.sampled_from("abc"), st.sampled_from("xyz"), st.integers(0, 3)),
            min_size=1, max_size=22,
        )
    )  # fmt: skip
    messages, happened = [], []
    for number, (at, name, visitor, path, value) in enumerate(rows):
        moment = int(START.timestamp() * 1000) + at
        common: dict[str, Any] = {
            "id": f"m{number}", "visitor": visitor, "at": moment, "url": f"https://s.example/{path}", "context": PERSON_AT_A_BROWSER,
            "properties": {"value": value, "revenue": value} if name != "p" else {},
        }  # fmt: skip
        messages.append(message("" if name == "p" else name, **common))
        happened.append(
            Happened(at, "page" if name == "p" else name, person_of(visitor, users), visitor, f"/{path}", value)
        )
    latest = int(START.timestamp() * 1000) - 6 * 86_400_000
    for visitor, user in users.items():
        # Before the oldest event, but a message like any other: one more event of that person.
        messages.append(
            message(
                at=latest, visitor=visitor, user=user, id=f"i{visitor}", type="identify", context=PERSON_AT_A_BROWSER
            )
        )
        happened.append(Happened(-6 * 86_400_000, "identify", user, visitor, "", 0))
    order = draw(st.permutations(messages))
    repeated = order + draw(st.lists(st.sampled_from(order), max_size=3))
    cut = draw(st.integers(0, len(repeated)))
    return [batch for batch in (repeated[:cut], repeated[cut:]) if batch], sorted(happened)


def loaded_with(loaded: Loaded, batches: list[list[Message]]) -> Question:
    project = new_id()
    for batch in batches:
        loaded.load(project, batch)
    return Question(project_id=project, period=Period(START, END_OF), timezone="Europe/Berlin")
