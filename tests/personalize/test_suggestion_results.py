"""What suggestions change, against plain Python over made-up people of a known effect."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.filters import Condition
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question, ask
from trackway.enrich.identity import user_token
from trackway.event import Message
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import Pack, pack_of
from trackway.personalize.person import Personalize, personalize
from trackway.personalize.results import SuggestionResult, SuggestionResults, lift, suggestion_results
from trackway.personalize.suggestions import in_holdout

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RULES = """
name = "mine"
holdout = {holdout}
[subjects]
[[journey.stages]]
name = "anybody"
[[suggestions]]
action = "buy"
message = {{ en = "Buy" }}
goal = ["Order Completed", "Booking Completed"]
[[suggestions]]
action = "hello"
stage = "anybody"
priority = "high"
message = {{ en = "Hello" }}
"""


def rules(holdout: float) -> Pack:
    return pack_of(RULES.format(holdout=holdout))


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernDatabase]:
    database = GovernDatabase(f"sqlite:///{tmp_path_factory.mktemp('govern') / 'trackway.db'}")
    yield database
    database.close()


def did(user: str, name: str, ago: timedelta = HOUR, action: str = "", **fields: Any) -> Message:
    properties = {"entity_type": "suggestion", "entity_id": action} if action else {}
    context = fields.pop("context", PERSON_AT_A_BROWSER)
    return message(name, NOW - ago, f"at-{user}", user=user, context=context, properties=properties)


def question(project: UUID, *filters: Condition) -> Question:
    return Question(project_id=project, period=Period(NOW - 7 * DAY, NOW), timezone="UTC", filters=filters)


def held_of(loaded: Loaded, project: UUID, users: list[str], share: float) -> dict[str, bool]:
    """Whether each user belongs to the holdout, after their first event."""
    loaded.load(project, [did(user, "Opened", 2 * HOUR) for user in users])
    held = {}
    for user in users:
        token = user_token(project.bytes, user)
        [row] = ask(loaded.store, "personalize/persons_of_users.sql", question(project), tokens=[token]).rows()
        held[user] = in_holdout(project.bytes, row["person"], share)
    return held


def results(loaded: Loaded, project: UUID, share: float, *filters: Condition) -> dict[str, SuggestionResult]:
    _, found = suggestion_results(loaded.store, question(project, *filters), SuggestionResults(), rules(share))
    return {one.action: one for one in found}


def test_the_interval_is_that_of_the_published_examples() -> None:
    """Newcombe 1998, table II, method 10: 56 of 70 against 48 of 80, 9 of 10 against 3 of 10, 10 of 10 against 0 of 10."""
    for counts, low, high in (
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ):
        found = lift(*counts)
        assert found is not None
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    assert lift(1, 1, 0, 0) is None


@pytest.mark.parametrize("share, held_share", [(0.5, 0.5), (0.3, 0.2), (0.05, 0.01), (0.98, 0.9)])
def test_the_interval_covers_the_true_effect_about_as_often_as_it_says(share: float, held_share: float) -> None:
    made = random.Random(7)
    covered = 0
    for _ in range(500):
        reached = sum(made.random() < share for _ in range(400))
        held_reached = sum(made.random() < held_share for _ in range(60))
        found = lift(reached, 400, held_reached, 60)
        covered += found is not None and found.low <= share - held_share <= found.high
    assert covered >= 0.92 * 500


def test_a_known_effect_is_found_and_every_number_is_that_of_plain_python(loaded: Loaded) -> None:
    """Half of those who may see suggestions buy, a fifth of the others; the holdout is three in ten."""
    project, share = uuid4(), 0.3
    users = [f"u{n}" for n in range(300)]
    held = held_of(loaded, project, users, share)
    shown = [user for n, user in enumerate(users) if not held[user] and n % 3]
    buyers = [user for group in (True, False) for n, user in enumerate(one for one in users if held[one] is group)
              if n % 10 < (2 if group else 5)]  # fmt: skip
    clicked, dismissed, done = shown[:40], shown[40:50], shown[:20]
    messages = [did(user, "Suggestion Shown", action="buy") for user in shown for _ in range(2)]
    messages += [did(user, "Suggestion Clicked", action="buy") for user in clicked]
    messages += [did(user, "Suggestion Dismissed", action="hello") for user in dismissed]
    messages += [did(user, "Suggestion Done", action="hello") for user in done]
    messages += [did(user, ("Order Completed", "Booking Completed")[n % 2]) for n, user in enumerate(buyers)]
    loaded.load(project, messages)
    buy, hello = results(loaded, project, share).values()
    free = [user for user in users if not held[user]]
    assert (buy.shown, buy.clicked, buy.dismissed, buy.done) == (len(shown), 40, 0, 0)
    assert (buy.people, buy.holdout) == (len(free), 300 - len(free))
    assert (buy.people_reached, buy.holdout_reached) == (
        sum(not held[user] for user in buyers),
        sum(held[user] for user in buyers),
    )
    assert buy.lift is not None and 0 < buy.lift.low < 0.3 < buy.lift.high
    assert (hello.dismissed, hello.done, hello.people_reached, hello.holdout_reached) == (10, 20, 20, 0)
    assert (hello.goal, hello.stages, hello.priority) == ([], ["anybody"], "high")
    none = results(loaded, project, 0.0)["buy"]
    assert (none.people, none.holdout, none.lift) == (300, 0, None)
    everybody = results(loaded, project, 1.0)["buy"]
    assert (everybody.people, everybody.holdout, everybody.lift) == (0, 300, None)
    one = results(loaded, project, share, Condition("user_id", "is", (buyers[0],)))["buy"]
    assert one.people + one.holdout == one.people_reached + one.holdout_reached == 1


def test_bots_other_times_and_people_who_only_saw_a_suggestion_are_not_compared(loaded: Loaded) -> None:
    project = uuid4()
    crawler = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    loaded.load(project, [
        did("bot", "Order Completed", context=crawler),
        did("old", "Order Completed", 8 * DAY),
        did("saw", "Suggestion Shown", action="buy"),
        did("buyer", "Order Completed"),
    ])  # fmt: skip
    buy = results(loaded, project, 0.0)["buy"]
    assert (buy.shown, buy.people, buy.people_reached) == (1, 1, 1)


def test_nothing_happened_yet_is_an_answer_too(loaded: Loaded) -> None:
    found = results(loaded, uuid4(), 0.1)
    assert [(one.action, one.shown, one.people, one.lift) for one in found.values()] == [
        ("buy", 0, 0, None),
        ("hello", 0, 0, None),
    ]


@pytest.fixture(scope="module")
def crowd(loaded: Loaded) -> tuple[UUID, list[str]]:
    """A project with 30 people at a stage that has a suggestion; some have signed in at the browser of another one."""
    project, users = uuid4(), [f"p{n}" for n in range(30)]
    messages = [did(user, "Opened") for user in users]
    messages += [
        message("Opened", NOW - HOUR / 2, "at-p0", user=user, context=PERSON_AT_A_BROWSER) for user in users[:5]
    ]
    loaded.load(project, messages)
    return project, users


@given(user=st.integers(0, 29), share=st.floats(0, 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_people_of_the_holdout_never_get_a_suggestion_and_all_others_do(
    loaded: Loaded, accounts: GovernDatabase, crowd: tuple[UUID, list[str]], user: int, share: float
) -> None:
    project, users = crowd
    asked = Personalize(user_id=users[user], include=["suggestion"])
    saved = accounts.saved.preferences
    _, personal = personalize(loaded.store, question(project), asked, rules(share), saved, NOW)
    assert personal is not None
    held = in_holdout(project.bytes, int(personal.person), share)
    assert personal.holdout is held
    assert (personal.suggestion is None) is held
