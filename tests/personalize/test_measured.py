"""Numbers in suggestions, measured on a project's people, against medians counted in plain Python."""

from __future__ import annotations

import random
import statistics
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from conftest import Loaded, eventually
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.event import Message
from trackway.govern.metric_packs import BadPack, pack_of
from trackway.govern.personal_rules import Counted, Measured
from trackway.personalize.measured import Measurements, measure

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
VIEWS = Measured(
    did=["Project Added"], at_least=2, received=Counted(["view"], ["profile"]), people=3, message={"en": "{percent} %"}
)


def did(user: str, name: str, of: str = "", ago: timedelta = timedelta(days=1)) -> Message:
    properties = {"entity_type": "profile", "entity_id": of} if of else {}
    return message(name, NOW - ago, f"at-{user}", user=user, properties=properties, context=PERSON_AT_A_BROWSER)


def question(project: UUID) -> Question:
    return Question(project_id=project, period=Period(NOW - timedelta(days=90), NOW), timezone="UTC")


def test_the_number_compares_the_medians_of_people_who_did_it_and_who_never_did(loaded: Loaded, project: UUID) -> None:
    dice = random.Random(5)
    projects = {f"u{n}": n % 4 for n in range(24)}  # 0, 1, 2 or 3 each: those with 1 are in no group
    views = {user: dice.randrange(1, 4) if n < 2 else dice.randrange(3, 9) for user, n in projects.items()}
    messages = [
        did(user, "Project Added", ago=timedelta(days=40 + k)) for user, n in projects.items() for k in range(n)
    ]
    for user, n in views.items():
        messages += [did(f"u{dice.choice([k for k in range(24) if f'u{k}' != user])}", "view", user) for _ in range(n)]
        messages += [did(user, "view", user), did(user, "view", user, timedelta(days=31)), did(user, "like", user)]
    loaded.load(project, messages)
    more = statistics.median(views[user] for user, n in projects.items() if n >= 2)
    none = statistics.median(views[user] for user, n in projects.items() if n == 0)
    assert measure(loaded.store, question(project), VIEWS, NOW)[1] == round(100 * (more / none - 1)) > 0
    kept = Measurements()
    assert kept.percent(loaded.store, question(project), VIEWS, NOW) is None  # nobody waits for it
    eventually(lambda: kept.percent(loaded.store, question(project), VIEWS, NOW) is not None)


@pytest.mark.parametrize(
    "viewed",
    [
        {"a1": 2, "a2": 2, "a3": 2, "b1": 2, "b2": 2, "b3": 2},  # no difference
        {"a1": 1, "a2": 1, "a3": 1, "b1": 3, "b2": 3, "b3": 3},  # less
        {"a1": 1, "a2": 1, "a3": 1},  # nobody views those without
        {"a1": 9, "a2": 9, "a3": 9, "b1": 1, "b2": 1},  # two people without are too few
    ],
)
def test_what_is_not_above_or_not_known_is_no_number(loaded: Loaded, project: UUID, viewed: dict[str, int]) -> None:
    people = {"a1", "a2", "a3", "b1", "b2", "b3"} if len(viewed) != 5 else set(viewed)
    messages = [did(user, "page") for user in people]
    messages += [did(user, "Project Added") for user in people if user.startswith("a") for _ in range(2)]
    messages += [did("", "view", user) for user, n in viewed.items() for _ in range(n)]
    loaded.load(project, messages)
    assert measure(loaded.store, question(project), VIEWS, NOW)[1] is None


def test_a_pack_with_a_number_that_cannot_be_measured_is_refused() -> None:
    pack = "name = 'x'\n[subjects]\n[[suggestions]]\naction = 'grow'\nmessage = { en = 'Grow' }\n[suggestions.measured]\ndid = ['G']\n"
    with pytest.raises(BadPack, match="entity_types"):
        pack_of(pack + "received = { names = ['view'] }\nmessage = { en = '{percent}' }\n")
    with pytest.raises(BadPack, match="percent"):
        pack_of(pack + "received = { names = ['view'], entity_types = ['p'] }\nmessage = { en = 'more' }\n")
