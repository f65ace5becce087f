"""Estimates from logged exposures, against orders whose true effect is known."""

from __future__ import annotations

import numpy as np
import pytest

from trackway.govern.surfaces import Surface
from trackway.personalize.recommend.candidates import Candidate
from trackway.personalize.recommend.off_policy import Logged, doubly_robust, ips, snips
from trackway.personalize.recommend.rules import placed

ENTITIES, PLACES, PEOPLE, RUNS = 6, 3, 400, 200
TASTES = np.array([0.05, 0.1, 0.15, 0.3, 0.4, 0.5])
"""The share of people who click on each entity in the first place; half as many do in the second, and so on."""
LOOKED = 1 / np.arange(1, PLACES + 1)
LOGGED, NEW = list(range(ENTITIES)), list(reversed(range(ENTITIES)))
TRUE = float(np.mean([TASTES[NEW[place]] * LOOKED[place] for place in range(PLACES)]))


def simulated(seed: int) -> tuple[Logged, np.ndarray, np.ndarray]:
    """Show lists of the logged order, of which some are shuffled, to people; return what they clicked, besides the
    rewards that a model with wrong numbers expects of what was shown and of the new order.
    """
    rng = np.random.default_rng(seed)
    surface = Surface(name="home", entity_types=["a"], limit=PLACES, explore=0.6)
    candidates = [Candidate(str(one), 0.0, "popular") for one in LOGGED]
    rewards, propensities, new, people, entities, places = [], [], [], [], [], []
    for person in range(PEOPLE):
        likes = rng.uniform(0.5, 1.5)  # people differ, so that exposures of one person hang together
        for place, one in enumerate(placed([], candidates, surface, int(rng.integers(2**62)))):
            entity = int(one.candidate.entity_id)
            rewards.append(float(rng.random() < likes * TASTES[entity] * LOOKED[place]))
            propensities.append(one.propensity)
            new.append(float(NEW[place] == entity))
            people.append(person)
            entities.append(entity)
            places.append(place)
    wrong = TASTES * 0.8
    logged = Logged(np.array(rewards), np.array(propensities), np.array(new), np.array(people))
    return logged, (wrong[entities] * LOOKED[places]), np.array([wrong[NEW[place]] * LOOKED[place] for place in places])


def test_estimates_agree_with_the_truth_within_their_intervals_in_95_of_100_runs() -> None:
    within = {"ips": 0, "snips": 0, "doubly robust": 0}
    width = dict.fromkeys(within, 0.0)
    for seed in range(RUNS):
        logged, expected, expected_new = simulated(seed)
        for name, one in (
            ("ips", ips(logged)), ("snips", snips(logged)), ("doubly robust", doubly_robust(logged, expected, expected_new)),
        ):  # fmt: skip
            within[name] += one.low <= TRUE <= one.high
            width[name] += (one.high - one.low) / RUNS
    # Of 200 runs, 95 % are 190; three standard errors below are 181.
    assert min(within.values()) >= 181, within
    assert width["doubly robust"] < width["ips"]


def test_the_new_order_is_found_to_be_better_than_the_logged_one() -> None:
    logged, expected, expected_new = simulated(1)
    assert snips(logged).low > logged.rewards.mean() * 1.2
    same = logged._replace(new=logged.propensities)
    assert ips(same).value == snips(same).value == pytest.approx(logged.rewards.mean())
    assert doubly_robust(same, expected, expected).value == pytest.approx(logged.rewards.mean())
    assert expected_new.mean() != pytest.approx(TRUE, rel=0.1), "the model alone is wrong"


def test_what_cannot_be_weighted_is_refused() -> None:
    one = np.array([1.0])
    for wrong, said in (
        (Logged(np.empty(0), np.empty(0), np.empty(0), np.empty(0, int)), "no exposures"),
        (Logged(one, one * 0, one, np.array([1])), "propensity"),
        (Logged(one, one, one * 2, np.array([1])), "probability"),
    ):
        with pytest.raises(ValueError, match=said):
            ips(wrong)
    assert snips(Logged(one, one, one * 0, np.array([1]))).value == 0
