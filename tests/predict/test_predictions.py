"""Predictions about people whose truth is known: learned, measured, stored, and used in filters and answers."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message, order
from trackway.analyze.language.filters import parse, read
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.analyze.people.persons import Persons, persons
from trackway.analyze.traffic.breakdown import breakdown
from trackway.event import new_id
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.govern.tables import Project
from trackway.operate.prediction_training import train_predictions
from trackway.personalize.person import Personalize, personalize
from trackway.personalize.predict.answer import PredictionModel, PredictionQuality, prediction_quality
from trackway.personalize.predict.features import FEATURES, Feature, Leak, Reader
from trackway.personalize.predict.scores import forget_user
from trackway.personalize.predict.targets import propensity, times
from trackway.store.policy import NotVisible, Policy

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PEOPLE, DAYS = 600, 200
DAILY = {"keen": 0.25, "usual": 0.08, "rare": 0.02}
"""The chance that somebody of a kind visits on a day. Each visit is an order with a fifth of that chance again."""


class Shop(NamedTuple):
    """A project whose people visit by chance, some more than others, and what was predicted of them."""

    loaded: Loaded
    project: Project
    saved: StatedPreferences
    folder: Path
    said: list[str]
    did: dict[str, list[datetime]]

    @property
    def id(self) -> UUID:
        return UUID(self.project.id)

    def question(self, *filters: Any) -> Question:
        return Question.of(self.project, Period(NOW - DAYS * DAY, NOW), *filters)

    def users(self, filter_: Any) -> set[str]:
        node = parse(filter_) if isinstance(filter_, str) else read(filter_)
        return {row.user_id for row in persons(self.loaded.store, self.question(node), Persons(limit=1000))[1]}

    def quality(self, target: str = "") -> dict[str, PredictionModel]:
        found = prediction_quality(self.loaded.store, self.question(), PredictionQuality(target=target))[1]
        return {model.target: model for model in found}

    def personal(self, user: str, *include: Any) -> Any:
        asked, pack = Personalize(user_id=user, include=list(include)), pack_of(self.project.metrics)
        return personalize(self.loaded.store, self.question(), asked, pack, self.saved, NOW)[1]


def visits(rng: random.Random, user: str) -> list[Any]:
    """What somebody does in all days: pages, likes, and orders."""
    chance = DAILY[user.partition("-")[0]]
    found = []
    for day in range(DAYS):
        if not day or rng.random() < chance:
            at = NOW - (DAYS - day) * DAY + timedelta(seconds=rng.uniform(0, 80_000))
            own: dict[str, Any] = {"visitor": f"v-{user}", "user": user, "context": PERSON_AT_A_BROWSER}
            found.append(message("", at, url="https://shop.example/", **own))
            if rng.random() < 0.2:
                found.append(order(f"{user}-{day}", rng.choice([10, 20, 30]), at + timedelta(minutes=1), **own))
    return found


@pytest.fixture(scope="module")
def shop(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("predict")
    accounts = GovernDatabase(f"sqlite:///{folder / 'trackway.db'}")
    project = accounts.add_project("shop")[0]
    project.goals = ["Order Completed"]
    rng = random.Random(3)
    users = [f"{rng.choice(list(DAILY))}-{n}" for n in range(PEOPLE)]
    messages = [one for user in users for one in visits(rng, user)]
    loaded.load(UUID(project.id), messages)
    saved = accounts.saved.preferences
    saved.opt_out(UUID(project.id), "keen-out")
    loaded.load(UUID(project.id), visits(rng, "keen-out"))
    said = train_predictions(loaded.store, project, saved, folder / "models", threading.Event(), NOW)
    did: dict[str, list[datetime]] = {}
    for one in messages:
        did.setdefault(one.user_id, []).append(datetime.fromtimestamp(one.timestamp / 1000, UTC))
    yield Shop(loaded, project, saved, folder / "models", said, did)
    accounts.close()


def test_models_are_measured_on_a_later_period_beside_the_base_rate(shop: Shop) -> None:
    models = shop.quality()
    assert set(models) == {"propensity_Order Completed", "propensity_7_Order Completed", "churn", "value_90"}
    bought = models["propensity_Order Completed"]
    assert bought.used and bought.people > 500 and bought.version and "better than the base rate" in bought.reason
    measured = bought.measured
    assert measured.loss < measured.loss_base and measured.brier < measured.brier_base and measured.auc > 0.7
    assert sum(one.people for one in measured.deciles) == measured.people
    assert [one.predicted for one in measured.deciles] == sorted(one.predicted for one in measured.deciles)
    # The truth is that of three kinds of people; each tenth has about 60 people.
    print(measured)
    assert all(one.low - 0.05 <= one.predicted <= one.high + 0.05 for one in measured.deciles)
    assert measured.predicted == pytest.approx(measured.base, abs=0.05)
    assert models["churn"].used and models["churn"].measured.auc > 0.7
    assert "too little data" in models["value_90"].reason and not models["value_90"].used
    assert models["value_90"].measured is None and models["value_90"].people == 0
    assert len(shop.said) == 4 and any(one.startswith("churn: used") for one in shop.said)
    assert set(shop.quality("churn")) == {"churn"}


def test_churn_is_predicted_of_people_who_were_active_lately(shop: Shop) -> None:
    recent = {user for user, at in shop.did.items() if max(at) >= NOW - 30 * DAY}
    assert shop.users("churn:set") == recent
    assert shop.users("churn:not_set") == set(shop.did) - recent | {"keen-out"}


def test_predictions_are_columns_of_filters_segments_and_breakdowns(shop: Shop) -> None:
    likely = shop.users("propensity_Order Completed:at_least:0.5")
    unlikely = shop.users("propensity_Order Completed:less:0.2")
    assert likely and unlikely and not likely & unlikely
    assert sum(user.startswith("keen") for user in likely) / len(likely) > 0.9
    assert not any(user.startswith("keen") for user in unlikely)
    assert likely == shop.users({"all": ["propensity_Order Completed:between:0.5|1", "churn:less:1"]})
    rows = breakdown(shop.loaded.store, shop.question(), "propensity_Order Completed").rows()
    of_band = {row["value"]: row["visitors"] for row in rows}
    assert {name for name in of_band if name} <= {f"{n}0–{n + 1}0 %" for n in range(1, 9)} | {"0–10 %", "90–100 %"}
    high = sum(n for name, n in of_band.items() if name and int(name.partition("–")[0]) >= 50)
    assert high == len(likely)
    with pytest.raises(NotVisible):
        breakdown(shop.loaded.store.within(Policy(new_id(), entities=())), shop.question(), "churn")


def test_a_person_is_told_the_prediction_its_model_and_what_moved_it(shop: Shop) -> None:
    keen = next(user for user in shop.users("propensity_Order Completed:at_least:0.5"))
    assert shop.personal(keen).predictions is msgspec.UNSET, "they are told to who asks for them"
    of = {one.target: one for one in shop.personal(keen, "predictions").predictions}
    one = of["propensity_Order Completed"]
    assert one.value >= 0.5 and one.version == shop.quality()[one.target].version
    assert one.moved_by and all(moved.effect for moved in one.moved_by)
    strongest = one.moved_by[0]
    assert strongest.has != strongest.typical
    assert {moved.input for moved in one.moved_by} <= {used.input for used in shop.quality()[one.target].inputs}
    # What is told of a person is what the person has.
    reader = Reader(shop.loaded.store, shop.question(), pack_of(shop.project.metrics), "USD", NOW)
    table = reader.at(NOW)
    row = table["person"].to_pylist().index(int(shop.personal(keen, "stage").person))
    for moved in one.moved_by:
        assert table[f"f{reader.names.index(moved.input)}"][row].as_py() == pytest.approx(moved.has)


def test_who_opted_out_has_no_prediction_and_who_opts_out_loses_theirs(shop: Shop) -> None:
    rows = "SELECT count() AS n FROM predictions FINAL WHERE project_id = {p:UUID}"
    assert "keen-out" not in shop.users("propensity_Order Completed:set")
    before = shop.loaded.rows(shop.id, rows)[0]["n"]
    gone = sorted(shop.users("propensity_Order Completed:less:0.1"))[0]
    forget_user(shop.loaded.store, shop.question(), gone)
    assert gone not in shop.users("propensity_Order Completed:set")
    assert shop.personal(gone, "predictions").predictions == []
    assert shop.loaded.rows(shop.id, rows)[0]["n"] < before
    forget_user(shop.loaded.store, shop.question(), "nobody")
    shop.saved.opt_out(shop.id, gone)
    assert shop.personal(gone, "predictions").opted_out


LEAKS = {
    "an event of later": "max(person IN (SELECT identity FROM events WHERE name = 'Order Completed' "
    "AND timestamp > {cutoff:DateTime64(3,'UTC')}))",
    "a table with what came later in its rows": "max(person IN (SELECT identity FROM order_totals FINAL WHERE orders > 3))",
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS.keys())
def test_an_input_from_after_its_time_is_refused(shop: Shop, leak: str) -> None:
    planted = [*FEATURES, Feature("planted", leak)]
    said = train_predictions(
        shop.loaded.store, shop.project, shop.saved, shop.folder / "leaky", threading.Event(), NOW, planted
    )
    assert len(said) == 1 and "refused: the input 'planted'" in said[0]
    assert not list((shop.folder / "leaky").glob("*/*")), "nothing was trained"
    assert shop.quality()["churn"].used, "the predictions of before stay"


def test_inputs_are_those_of_events_that_had_arrived(loaded: Loaded) -> None:
    project, at = new_id(), NOW - 10 * DAY
    who: dict[str, Any] = {"visitor": "a", "context": {**PERSON_AT_A_BROWSER, "library": {"name": "@trackway/browser"}}}
    arrived = int(at.timestamp() * 1000)
    loaded.load(project, [message("seen", at - DAY, **who)], arrived - 1)
    loaded.load(project, [message("late", at - DAY, **who)], arrived + 1)
    loaded.load(project, [message("kept long", at - 20 * DAY, **who)], arrived + 1)
    imported = message("imported", at - 20 * DAY, "b", context=PERSON_AT_A_BROWSER)
    loaded.load(project, [imported], arrived + 5 * 86_400_000)
    question = Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="UTC")
    reader = Reader(loaded.store, question, pack_of("concerts"), "USD", at)
    table = reader.at(at)
    actions = table[f"f{reader.names.index('actions_30')}"].to_pylist()
    assert actions == [1, 1], "one event each: what a browser sent late was not known"
    reader.refuse_leaks(at)
    assert reader.at(NOW)[f"f{reader.names.index('actions_90')}"].to_pylist() != actions


def test_an_order_counts_once_and_a_later_refund_is_not_known_before(loaded: Loaded) -> None:
    project, at = new_id(), NOW - 10 * DAY
    who: dict[str, Any] = {"visitor": "a", "user": "a", "context": PERSON_AT_A_BROWSER}
    orders = [
        order("1", 40, at - 3 * DAY, **who),
        order("1", 40, at - 2 * DAY, **who),
        order("2", 9, at - 50 * DAY, **who),
    ]
    loaded.load(project, [*orders, order("1", 40, at + DAY, event="Order Refunded", **who)])
    question = Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="UTC")
    reader = Reader(loaded.store, question, pack_of("concerts"), "USD", NOW)

    def known(cutoff: datetime) -> dict[str, float]:
        [row] = reader.at(cutoff).to_pylist()
        return {name: row[f"f{n}"] for n, name in enumerate(reader.names)}

    before, after = known(at), known(NOW)
    assert (before["orders_90"], before["orders_30"], before["revenue_90"], before["revenue_30"]) == (2, 1, 49, 40)
    assert (before["refunds"], after["refunds"]) == (0, 40)
    assert before["days_since_order"] == pytest.approx(2, abs=0.01)
    assert before["mean_order"] == pytest.approx(24.5)


def test_too_little_data_says_so(loaded: Loaded, shop: Shop, tmp_path: Path) -> None:
    accounts = GovernDatabase(f"sqlite:///{tmp_path / 'trackway.db'}")
    project = accounts.add_project("new")[0]
    project.goals = ["Signed Up"]
    arguments = (loaded.store, project, accounts.saved.preferences, tmp_path / "models", threading.Event(), NOW)
    assert train_predictions(*arguments) == []
    loaded.load(
        UUID(project.id), [message("", NOW - 20 * DAY, f"v{n}", context=PERSON_AT_A_BROWSER) for n in range(30)]
    )
    said = train_predictions(*arguments)
    assert len(said) == 4 and all("too little data" in one for one in said)
    question = Question.of(project, Period(NOW - 30 * DAY, NOW))
    models = prediction_quality(loaded.store, question, PredictionQuality())[1]
    assert {model.target for model in models} == {"propensity_Signed Up", "propensity_7_Signed Up", "churn", "value_90"}
    assert not any(model.used for model in models)
    accounts.close()


def test_a_training_that_is_stopped_leaves_the_predictions_of_before(shop: Shop) -> None:
    before = shop.quality()["churn"].version
    ending = threading.Event()
    ending.set()
    assert train_predictions(shop.loaded.store, shop.project, shop.saved, shop.folder, ending, NOW) == []
    assert shop.quality()["churn"].version == before and shop.users("churn:set")
    assert not list(shop.folder.glob(".training-*"))


def test_models_learn_from_days_that_were_over_when_they_are_measured() -> None:
    for days in (7, 30):
        found = times(propensity("x", days), NOW - 365 * DAY, NOW)
        assert found.measured == NOW - days * DAY
        assert all(at + days * DAY <= found.measured for at in found.learned) and len(found.learned) == 5
    assert times(propensity("x", 30), NOW - 89 * DAY, NOW) is None


def test_what_cannot_be_a_column_is_refused() -> None:
    with pytest.raises(BadQuestion, match="propensity_EVENT"):
        parse("propensity_:set")
    assert parse("propensity_Order Completed:greater:0.5").column == "propensity_Order Completed"
    assert Leak("x")
