"""What recommendations change: people who click, beside the holdout."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from market import NOW, Market, did

from conftest import Loaded
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.govern.metric_packs import included, pack_of
from trackway.personalize.person import persons_of
from trackway.personalize.recommend.answer import in_holdout
from trackway.personalize.recommend.results import RecommendationResults, SurfaceGroup, recommendation_results
from trackway.personalize.results import lift

RULES = pack_of(
    f'{included("concerts")}\n[[recommend.surfaces]]\nname = "home"\nentity_types = ["concert"]\nholdout = 0.5\n'
    '[[recommend.surfaces]]\nname = "mail"\nentity_types = ["concert"]'
)


@pytest.fixture(scope="module")
def market(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    made = Market(loaded, tmp_path_factory.mktemp("results"))
    yield made
    made.close()


def test_clicks_of_those_who_see_recommendations_are_compared_with_the_holdout(market: Market) -> None:
    def told(person: int, entity: str, name: str, surface: str = "home") -> Any:
        properties = {"surface": surface, "position": 1, "propensity": 1}
        return did(f"v{person}", entity, 60 - person / 10, name, user=f"u{person}", properties=properties)

    market.loaded.load(market.id, [
        *(told(person, entity, "Recommendation Shown") for person in range(60) for entity in "ab"),
        *(told(person, "a", "Recommendation Clicked") for person in range(0, 60, 3)),
        told(99, "a", "Recommendation Clicked"), told(1, "a", "Recommendation Shown", "elsewhere"),
    ])  # fmt: skip
    question = Question.of(market.project, Period(NOW - timedelta(days=1), datetime.now(UTC)))
    home, mail = recommendation_results(market.loaded.store, question, RecommendationResults(), RULES)[1]
    numbers = persons_of(market.loaded.store, question, [f"u{person}" for person in range(60)])
    surface = RULES.recommend.surfaces[0]
    held = {int(user[1:]) for user, number in numbers.items() if in_holdout(question, number, surface)}
    assert 10 < len(held) < 50
    for group, people in ((home.holdout, held), (home.recommended, set(range(60)) - held)):
        clicked = sum(person % 3 == 0 for person in people)
        assert group == SurfaceGroup(people=len(people), clicked=clicked, shown=2 * len(people), clicks=clicked)
    of = home.recommended.clicked, home.recommended.people, home.holdout.clicked, home.holdout.people
    assert home.lift == lift(*of) and home.lift.low < home.lift.difference < home.lift.high
    assert (mail.surface, mail.recommended.people, mail.lift) == ("mail", 0, None)
    assert recommendation_results(market.loaded.store, question, RecommendationResults(), pack_of("concerts"))[1] == []
