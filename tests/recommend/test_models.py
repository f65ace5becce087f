"""Models of recommendations and their proof: by hand, with planted tastes, and when files are broken."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from trackway.personalize.recommend.models import SEARCHED, Als, Ease, History, Popularity
from trackway.personalize.recommend.proof import best, measure
from trackway.personalize.recommend.shelf import BadModel, Shelf
from trackway.personalize.recommend.training import Feedback, feedback_of, split, train

PROJECT, UNTIL = UUID(int=7), datetime(2026, 3, 1, tzinfo=UTC)


def matrix(*rows: str) -> History:
    """A row for each person, a character for each entity: x for an interaction."""
    return sparse.csr_matrix(np.array([[float(one == "x") for one in row] for row in rows]))


def market(seed: int, people: int = 400, entities: int = 60, tastes: int = 4, taste: float = 0.9) -> Feedback:
    """People who interact with entities of their own taste, apart from a share that they choose by popularity."""
    rng = np.random.default_rng(seed)
    of_entity, weight = np.arange(entities) % tastes, rng.pareto(2, entities) + 0.2
    rows = []
    for person in range(people):
        likes = weight * np.where(of_entity == person % tastes, taste, 1 - taste)
        for entity in rng.choice(entities, 8, replace=False, p=likes / likes.sum()):
            rows.append((person + 1, f"e{entity}", 1.0, int(rng.integers(1, 10**9))))
    person, entity, weights, at = (list(column) for column in zip(*rows, strict=True))
    return feedback_of(pa.table({
        "person": pa.array(person, pa.uint64()), "entity_id": entity, "weight": pa.array(weights, pa.float32()),
        "first_at": pa.array(at, pa.timestamp("ms", "UTC")),
    }))  # fmt: skip


def test_lists_leave_out_what_is_known_and_are_in_the_order_of_scores() -> None:
    history = matrix("x....", ".x.x.")
    scores = np.array([[9, 1, 3, 3, 0], [1, 2, 3, 4, 5]], np.float32)
    assert best(scores, history, 3).tolist() == [[2, 3, 1], [4, 2, 0]]
    assert best(scores, matrix("xxxx.", "xxxxx"), 3).tolist() == [[4, -1, -1], [-1, -1, -1]]


def test_measures_are_those_counted_by_hand() -> None:
    history, hidden = matrix("x....", "x....", "xx..."), matrix("..x..", ".x..x", ".....")
    model = Popularity(np.array([5, 4, 3, 2, 1], np.float32))
    measured, of_each = measure(model, history, hidden)
    assert measured is not None and measured.people == 2
    # The lists are 1, 2, 3, 4: the hidden ones are in the places 2, and 1 and 4.
    first, second = 1 / math.log2(3), (1 + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    assert of_each.tolist() == pytest.approx([first, second])
    assert measured.ndcg == pytest.approx((first + second) / 2, abs=1e-6)
    assert (measured.hit_rate, measured.recall, measured.map) == (1, 1, pytest.approx((1 / 2 + (1 + 2 / 4) / 2) / 2))
    assert measured.coverage == 4 / 5
    assert measure(model, history, matrix(*["....."] * 3))[0] is None


def test_the_last_interactions_are_hidden_and_none_is_on_both_sides() -> None:
    feedback = market(1)
    earlier, hidden = split(feedback)
    assert earlier.nnz + hidden.nnz == feedback.history.nnz and not earlier.multiply(hidden).nnz
    assert 0.09 < hidden.nnz / feedback.history.nnz < 0.11


@pytest.mark.parametrize("kind", ["ease", "als"])
def test_each_kind_of_model_finds_planted_tastes(kind: str) -> None:
    feedback = market(2)
    earlier, hidden = split(feedback)
    by_popularity = measure(Popularity.fit(earlier, {}), earlier, hidden)[0]
    fitted, parameters = SEARCHED[kind]
    measured = [measure(fitted.fit(earlier, one), earlier, hidden)[0] for one in parameters]
    assert by_popularity is not None
    assert max(one.ndcg for one in measured if one) > 1.5 * by_popularity.ndcg


def test_people_without_taste_get_what_is_popular() -> None:
    _, trained = train(market(3, taste=0.5, tastes=2), budget_s=3)
    assert trained.kind == "popularity" and "better than popularity" in trained.reason


def test_a_fit_is_the_same_each_time() -> None:
    history = market(4).history
    for kind, (fitted, parameters) in SEARCHED.items():
        one, other = (fitted.fit(history, parameters[0]).scores(history[:5]) for _ in range(2))
        assert np.array_equal(one, other), kind


@pytest.mark.parametrize("rows", [[], [(1, "only")], [(1, "a"), (1, "b")], [(n, "same") for n in range(1, 50)]])
def test_a_tiny_catalogue_trains_to_popularity(rows: list[tuple[int, str]]) -> None:
    feedback = feedback_of(pa.table({
        "person": pa.array([person for person, _ in rows], pa.uint64()),
        "entity_id": pa.array([entity for _, entity in rows], pa.string()),
        "weight": pa.array([1.0] * len(rows), pa.float32()),
        "first_at": pa.array(list(range(len(rows))), pa.timestamp("ms", "UTC")),
    }))  # fmt: skip
    model, trained = train(feedback, budget_s=1)
    assert trained.kind == "popularity"
    assert model.scores(feedback.history).shape == feedback.history.shape


def test_the_parameters_in_use_are_tried_first_so_that_both_can_be_compared() -> None:
    feedback = market(6)
    _, before = train(feedback, budget_s=30)
    assert before.better and not any(one.last for one in before.tried)
    _, trained = train(feedback, budget_s=0.0001, last=before)
    assert [one.kind for one in trained.tried] == ["popularity"], "the time is over"
    _, trained = train(feedback, budget_s=30, last=before)
    assert [one.last for one in trained.tried] == [False, True, *[False] * (len(trained.tried) - 2)]
    assert (trained.tried[1].kind, trained.tried[1].parameters) == (before.kind, before.parameters)


def kept(shelf: Shelf, seed: int) -> str:
    feedback = market(seed, people=50, entities=12)
    model = Ease.fit(feedback.history, {"regularization": 10.0, "damping": 0.0})
    _, trained = train(feedback, budget_s=0)
    trained.kind = "ease"
    people = feedback.history.getnnz(axis=0).astype(np.float32)
    return shelf.put(PROJECT, "odd/type ", UNTIL, model, trained, feedback.entities, people).version


def test_versions_are_kept_used_and_rolled_back(tmp_path: Path) -> None:
    shelf, other = Shelf(tmp_path / "models"), Shelf(tmp_path / "models")
    assert shelf.of(PROJECT, "odd/type ") is None and shelf.cards() == []
    versions = [kept(shelf, seed) for seed in range(7)]
    assert [(card.version, used) for card, used in shelf.cards()] == [
        (version, version == versions[-1]) for version in reversed(versions[2:])
    ]
    newest = other.of(PROJECT, "odd/type ")
    assert newest is not None and newest.card.version == versions[-1]
    shelf.use(PROJECT, "odd/type ", versions[3])
    before = other.of(PROJECT, "odd/type ")
    assert before is not None and before.card.version == versions[3]
    with pytest.raises(BadModel, match="'gone' of the model for 'odd/type ' cannot be read"):
        shelf.use(PROJECT, "odd/type ", "gone")
    shelf.forget(PROJECT)
    assert other.of(PROJECT, "odd/type ") is None


@pytest.mark.parametrize("damage", ["card.json", "entities.json", "weights.npy", "people.npy"])
def test_a_broken_file_is_no_model(tmp_path: Path, damage: str) -> None:
    shelf = Shelf(tmp_path)
    good, bad = kept(shelf, 1), kept(shelf, 2)
    [file] = tmp_path.glob(f"*/*/{bad}/{damage}")
    file.write_bytes(file.read_bytes()[:20])
    assert Shelf(tmp_path).of(PROJECT, "odd/type ") is None
    with pytest.raises(BadModel):
        shelf.use(PROJECT, "odd/type ", bad)
    shelf.use(PROJECT, "odd/type ", good)
    assert Shelf(tmp_path).of(PROJECT, "odd/type ") is not None


def test_the_factors_of_a_person_are_those_of_the_library() -> None:
    from implicit.cpu.als import AlternatingLeastSquares

    history = market(5).history
    own = Als.fit(history, {"factors": 8, "regularization": 2.0, "confidence": 10.0})
    library = AlternatingLeastSquares(factors=8, regularization=2.0, alpha=10.0, use_cg=False, num_threads=1)
    library.item_factors = own.factors
    expected = library.recalculate_user(0, history[:1].astype(np.float32)) @ own.factors.T
    assert own.scores(history[:1])[0] == pytest.approx(expected.ravel(), abs=1e-3)
