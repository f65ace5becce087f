"""Stages and intents of everybody at once, against those of each person, and in every question that can use them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from conftest import Loaded, cases
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.behavior.funnel import Funnel, funnel
from trackway.analyze.behavior.retention import Retention, retention
from trackway.analyze.behavior.trend import Trend, trend
from trackway.analyze.customers.customers import Customers, customers
from trackway.analyze.language.filters import parse
from trackway.analyze.language.journeys import OF_JOURNEY
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question, compiler
from trackway.analyze.language.series import Series
from trackway.analyze.language.steps import Step
from trackway.analyze.people.persons import Persons, persons
from trackway.analyze.traffic.breakdown import breakdown
from trackway.event import Message, new_id
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.moves import StageMoves, stage_moves
from trackway.personalize.person import Personalize, personalize
from trackway.store.policy import Policy

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BOT = {"userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)", "ip": "y"}
PACK = """
name = "small"
subjects = {}
[journey]
newest = 3
completeness = ["done", "complete"]
profile = ["city", "links"]
[journey.counts]
searches = { names = ["search"] }
looks = { names = ["view", "like"], entity_types = ["gig"] }
likes = { names = ["like"] }
[[journey.stages]]
name = "fresh"
when = [{ fact = "days", below = 2 }]
[[journey.stages]]
name = "bare"
when = [{ fact = "completeness", below = 50 }, { fact = "activities", over = 1 }]
[[journey.stages]]
name = "keen"
when = [{ fact = "activities", over = 2, below = 6 }, { fact = "likes", over = 0 }]
[[journey.stages]]
name = "regular"
when = [{ fact = "activities", over = 3 }]
[[journey.intents]]
name = "looking"
when = [{ fact = "looks", over = 1 }]
[[journey.intents]]
name = "searching"
when = [{ fact = "searches", over = 0 }]
[[journey.intents]]
name = "liking"
when = [{ fact = "likes", over = 0 }, { fact = "days", over = 1 }]
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StatedPreferences]:
    database = GovernDatabase(f"sqlite:///{tmp_path_factory.mktemp('govern') / 'trackway.db'}")
    yield database.saved.preferences
    database.close()


def question_about(project: Any, days: int = 90, metrics: str = PACK, **fields: Any) -> Question:
    period = Period(NOW - timedelta(days=days), NOW)
    return Question(project_id=project, period=period, timezone="Europe/Berlin", metrics=metrics, **fields)


def of_everybody(loaded: Loaded, question: Question) -> dict[str, tuple[str, str]]:
    """Stage and intent of everybody who has events, by the SQL of all people."""
    conditions = compiler(loaded.store, question)
    stage, intent = (conditions.column(name).text for name in OF_JOURNEY)
    rows = loaded.store.ask(
        conditions.with_lists(
            f"SELECT DISTINCT toString({conditions.person}) AS who, {stage} AS stage, {intent} AS intent FROM events "
            f"WHERE project_id = {{project:UUID}} AND timestamp < {{end:DateTime64(3,'UTC')}}"
        ),
        {"project": question.project_id, "end": question.period.end.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
         **conditions.values.parameters},
    )  # fmt: skip
    found = {row["who"]: (row["stage"], row["intent"]) for row in rows.to_pylist()}
    assert len(found) == rows.num_rows
    return found


def of_one(loaded: Loaded, saved: StatedPreferences, question: Question, who: str) -> tuple[str, str]:
    asked = Personalize(person=who, include=["stage", "intent"])
    _, found = personalize(loaded.store, question, asked, pack_of(question.metrics), saved, NOW)
    assert found is not None
    return tuple(at.name if at else "" for at in (found.stage, found.intent))  # type: ignore[return-value,union-attr]


MOMENTS = st.one_of(
    st.integers(0, 5).map(lambda n: n * DAY),  # ties, and rules that a second decides
    st.integers(-1, 60 * 86_400).map(lambda s: timedelta(seconds=s)),
    st.sampled_from([2 * DAY, DAY, timedelta(milliseconds=1), timedelta(0)]),
)
ACTIONS = ["search", "view gig:1", "view gig:2", "view act:1", "like gig:1", "like", "page", "wave", "impression gig:1"]
TRAITS = [
    {"done": 80}, {"done": "80"}, {"done": 20.5}, {"complete": 10}, {"done": 300}, {"done": True},
    {"city": "Berlin"}, {"city": ""}, {"links": []}, {"links": ["a"], "city": None}, {"links": {"a": {"b": 1}}}, {},
    {"createdAt": "2026-03-29T18:00:00Z"}, {"createdAt": "2026-01-01T00:00:00Z"},
]  # fmt: skip


@st.composite
def batches(draw: st.DrawFn) -> list[list[Message]]:
    """Messages of three visitors and two users, in any order of arrival: late ones, repeated ones, sign-outs, bots."""
    messages = []
    for number in range(draw(st.integers(1, 30))):
        visitor = draw(st.sampled_from("abc"))
        at, user = NOW - draw(MOMENTS), draw(st.sampled_from(["", "", "ann", "bob"]))
        what = draw(st.sampled_from([*ACTIONS, *ACTIONS, "identify", "identify", "Signed Out"]))
        fields: dict[str, Any] = {
            "id": f"m{number}",
            "visitor": visitor,
            "at": at,
            "context": BOT if visitor == "c" and draw(st.booleans()) else PERSON_AT_A_BROWSER,
        }
        if what == "identify":
            traits = draw(st.sampled_from(TRAITS))
            messages.append(message(type="identify", user=user or "ann", traits=traits, **fields))
            continue
        name, _, entity = what.partition(" ")
        kind, _, id_ = entity.partition(":")
        properties = {"entity_type": kind, "entity_id": id_} if entity else {}
        name = "" if name == "page" else name
        messages.append(message(name, user=user, properties=properties, **fields))
    if draw(st.booleans()):  # ann says something else so often that what she said before is far behind
        messages += [
            message(type="identify", user="ann", traits={"seen": number}, id=f"s{number}", visitor="a",
                    at=NOW - timedelta(seconds=number), context=PERSON_AT_A_BROWSER)
            for number in range(1, 102)
        ]  # fmt: skip
    order = draw(st.permutations(messages))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=2)))
    parts = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    return [part for part in [*parts, draw(st.lists(st.sampled_from(order), max_size=2))] if part]


@given(batches=batches(), bots=st.booleans(), earlier=st.sampled_from([0, 1, 3]))
@settings(max_examples=cases(25), phases=[Phase.generate])
def test_everybody_is_where_each_of_them_is(
    loaded: Loaded, saved: StatedPreferences, batches: list[list[Message]], bots: bool, earlier: int
) -> None:
    project = new_id()
    for batch in batches:
        loaded.load(project, batch)
    question = question_about(project, bots=bots)
    period = Period(question.period.start, NOW - earlier * DAY)
    question = msgspec.structs.replace(question, period=period)
    found = of_everybody(loaded, question)
    assert found == {who: of_one(loaded, saved, question, who) for who in found}


def test_a_later_event_says_that_somebody_registered_before_the_end(loaded: Loaded, saved: StatedPreferences) -> None:
    """Two visitors are ann: one who liked something before the end, one who tells afterwards when ann registered."""
    project, end = new_id(), NOW - 3 * DAY
    loaded.load(project, [
        message("like", end - DAY, visitor="a", context=PERSON_AT_A_BROWSER),
        message(type="identify", at=end + DAY, visitor="a", user="ann", traits={}, context=PERSON_AT_A_BROWSER),
        message("view", end + DAY, visitor="c", context=PERSON_AT_A_BROWSER),
        message(type="identify", at=end + 2 * DAY, visitor="c", user="ann", traits={"createdAt": "2026-01-01T00:00:00Z"},
                context=PERSON_AT_A_BROWSER),
    ])  # fmt: skip
    question = msgspec.structs.replace(question_about(project), period=Period(NOW - 90 * DAY, end))
    found = of_everybody(loaded, question)
    assert [intent for _, intent in found.values()] == ["liking"]
    assert found == {who: of_one(loaded, saved, question, who) for who in found}


def test_traits_of_a_bot_complete_no_profile(loaded: Loaded, saved: StatedPreferences) -> None:
    project = new_id()
    loaded.load(project, [
        message(type="identify", at=NOW - 3 * DAY, visitor="c", user="ann", traits={"done": 80}, context=BOT),
        *(message("search", NOW - 3 * DAY, user="ann", context=PERSON_AT_A_BROWSER) for _ in range(2)),
        message("identify", NOW - DAY, user="ann", properties={"done": 80}, context=PERSON_AT_A_BROWSER),  # an event
    ])  # fmt: skip
    for bots, stage in ((False, "bare"), (True, "")):
        question = question_about(project, bots=bots)
        found = of_everybody(loaded, question)
        assert [of for of, _ in found.values()] == [stage]
        assert found == {who: of_one(loaded, saved, question, who) for who in found}


@pytest.fixture(scope="module")
def town(loaded: Loaded) -> Question:
    """Six people: ann and eve registered today, bob did little, cyd, dan and fay did enough; fay searches, dan orders."""

    def of(user: str, since: float, actions: list[str]) -> list[Message]:
        common: dict[str, Any] = {"user": user, "visitor": user, "context": PERSON_AT_A_BROWSER}
        gap = since * DAY * 0.9 / (len(actions) + 1)
        orders = {"order_id": user, "revenue": 10, "currency": "USD"}
        return [
            message(type="identify", at=NOW - since * DAY, traits={}, **common),
            *(
                message(name, NOW - n * gap, properties=orders if name.startswith("Order") else {}, **common)
                for n, name in enumerate(actions, 1)
            ),
        ]

    project = new_id()
    loaded.load(project, [
        *of("ann", 0.5, ["like"] * 3), *of("eve", 0.9, ["like"] * 30), *of("bob", 20, ["like"] * 9),
        *of("cyd", 20, ["like"] * 10), *of("dan", 40, ["like"] * 50 + ["Order Completed"]),
        *of("fay", 10, ["search"] * 6 + ["like"] * 6),
    ])  # fmt: skip
    return question_about(project, metrics="marketplace")


STAGES = {"new_user": 2, "low_engagement": 1, "active_user": 3}
INTENTS = {"browsing": 5, "actively_searching": 1}


def test_trends_and_breakdowns_count_people_by_stage_and_intent(loaded: Loaded, town: Question) -> None:
    for name, counts in (("stage", STAGES), ("intent", INTENTS)):
        [line] = trend(loaded.store, town, Trend(series=[Series(metric="persons")], by=[name]))[1].series
        assert isinstance(line.parts, list) and {part.values[0]: part.total for part in line.parts} == counts
        rows = breakdown(loaded.store, town, name).rows()
        assert {row["value"]: row["visitors"] for row in rows} == counts
    both = Trend(series=[Series(metric="sessions"), Series(metric="revenue")], by=["stage", "intent"])
    of_sessions, of_orders = trend(loaded.store, town, both)[1].series
    assert isinstance(of_sessions.parts, list) and isinstance(of_orders.parts, list)
    assert ["active_user", "actively_searching"] in [part.values for part in of_sessions.parts]
    assert [(part.values, part.total) for part in of_orders.parts] == [(["active_user", "browsing"], 10)]


def test_a_statement_has_the_list_of_everybody_once_however_often_it_is_used(loaded: Loaded, town: Question) -> None:
    filters = tuple(parse(text) for text in ("stage:set", "stage:is_not:new_user", "intent:set"))
    question = msgspec.structs.replace(town, filters=filters)
    asked = Trend(series=[Series(metric="persons"), Series(metric="sessions")], by=["stage"])
    answers = [*trend(loaded.store, question, asked)[0], breakdown(loaded.store, question, "intent")]
    assert all(answer.sql.count("arrayPushFront(arraySort(groupArray(") == 2 for answer in answers)
    conditions = compiler(loaded.store, town)
    assert conditions.with_lists("-- says\nSELECT 1") == "-- says\nSELECT 1"
    conditions.column("stage")
    assert conditions.with_lists("-- says\n-- more\nSELECT 1").startswith("-- says\n-- more\nWITH (SELECT")
    both = conditions.with_lists("WITH a AS (SELECT 1) SELECT * FROM a")
    assert both.count("WITH") == 1 and both.endswith("AS everybodys_stage,\na AS (SELECT 1) SELECT * FROM a")


def test_a_filter_on_the_stage_holds_for_people_their_sessions_and_their_events(loaded: Loaded, town: Question) -> None:
    for text, people in (
        ("stage:is:new_user", {"ann", "eve"}),
        ("stage:is_not:new_user", {"bob", "cyd", "dan", "fay"}),
        ("stage:contains:engagement", {"bob"}),
        ("intent:is:actively_searching|recruiting", {"fay"}),
        ("stage:set", {"ann", "bob", "cyd", "dan", "eve", "fay"}),
    ):
        question = msgspec.structs.replace(town, filters=(parse(text),))
        assert {row.user_id for row in persons(loaded.store, question, Persons())[1]} == people
        listed = customers(loaded.store, question, Customers(), "USD")[1].rows
        assert {row.user_id for row in listed} == people
        [line] = trend(loaded.store, question, Trend(series=[Series(metric="persons")]))[1].series
        assert line.total == len(people)


def test_funnels_and_retention_are_broken_down_by_stage(loaded: Loaded, town: Question) -> None:
    steps = [Step(event="like"), Step(event="Order Completed", where="stage:is:active_user")]
    parts = funnel(loaded.store, town, Funnel(steps=steps, by="stage", window_s=60 * 86_400))[1].parts
    assert isinstance(parts, list)
    found = {part.value: [step.units for step in part.steps] for part in parts}
    assert found == {"new_user": [2, 0], "low_engagement": [1, 0], "active_user": [3, 0]}  # dan ordered first
    asked = Retention(interval="month", intervals=2, by="stage")
    triangles = retention(loaded.store, town, asked, NOW)[1].parts
    assert isinstance(triangles, list) and {part.value for part in triangles} == STAGES.keys()


def test_accounts_of_entities_cannot_ask_for_stages(loaded: Loaded, town: Question) -> None:
    store = loaded.store.within(Policy(town.project_id, (("gig", "1"),)))
    with pytest.raises(BadQuestion, match="does not see single people"):
        breakdown(store, town, "stage")


def test_without_rules_nobody_has_a_stage(loaded: Loaded, town: Question) -> None:
    bare = msgspec.structs.replace(town, metrics='name = "bare"\nsubjects = {}\n')
    assert {row["value"] for row in breakdown(loaded.store, bare, "stage").rows()} == {""}


def test_the_stage_is_that_at_the_end_of_the_period(loaded: Loaded, town: Question) -> None:
    start, end = town.period
    earlier = msgspec.structs.replace(town, period=Period(start, end - 19.5 * DAY))
    rows = breakdown(loaded.store, earlier, "stage").rows()
    assert {row["value"]: row["visitors"] for row in rows} == {"new_user": 2, "active_user": 1}


def moves(loaded: Loaded, question: Question, **asked: Any) -> Counter[tuple[int, str | None, str]]:
    _, found = stage_moves(loaded.store, question, StageMoves(**asked), NOW)
    return Counter({(move.interval, move.was, move.became): move.people for move in found.moves})


def test_moves_lead_from_each_moments_stages_to_the_next_ones(loaded: Loaded, town: Question) -> None:
    question = msgspec.structs.replace(town, period=Period(datetime(2026, 3, 9, tzinfo=UTC), NOW), timezone="UTC")
    # On the 9th only dan is there, who ordered among his newest 20 actions. Bob and cyd came on the 10th, fay on the 20th, eve on the 29th,
    # ann on the 30th. By then cyd has liked 10 times, and fay has done 12 things.
    assert moves(loaded, question) == {
        (0, "buyer", "active_user"): 1, (0, None, "low_engagement"): 2,
        (1, "active_user", "active_user"): 1, (1, "low_engagement", "low_engagement"): 2, (1, None, "low_engagement"): 1,
        (2, "active_user", "active_user"): 1, (2, "low_engagement", "low_engagement"): 1,
        (2, "low_engagement", "active_user"): 2, (2, None, "new_user"): 1,
        (3, "active_user", "active_user"): 3, (3, "low_engagement", "low_engagement"): 1, (3, "new_user", "new_user"): 1,
        (3, None, "new_user"): 1,
    }  # fmt: skip
    one = msgspec.structs.replace(question, filters=(parse("user_id:is:fay"),))
    assert moves(loaded, one, of="intent", interval="month") == {(0, None, "actively_searching"): 1}
    with pytest.raises(BadQuestion, match="choose a longer interval"):
        moves(loaded, town, interval="day")


@given(batches=batches(), bots=st.booleans(), of=st.sampled_from(["stage", "intent"]))
@settings(max_examples=cases(8), phases=[Phase.generate])
def test_moves_agree_with_the_stages_of_each_moment(
    loaded: Loaded, batches: list[list[Message]], bots: bool, of: Literal["stage", "intent"]
) -> None:
    project = new_id()
    for batch in batches:
        loaded.load(project, batch)
    question = question_about(project, days=20, bots=bots)
    answer = stage_moves(loaded.store, question, StageMoves(of=of), NOW)[1]
    for number, at in enumerate(answer.moments[1:]):
        then = msgspec.structs.replace(question, period=Period(question.period.start - 90 * DAY, at))
        counts = Counter(row["value"] for row in people_then(loaded, then, of))
        ended: Counter[str] = Counter()
        for move in answer.moves:
            ended[move.became] += move.people * (move.interval == number)
        assert +ended == counts
        stayed = sum(move.people for move in answer.moves if move.interval == number + 1 and move.was is not None)
        assert number == len(answer.moments) - 2 or stayed == ended.total()


def people_then(loaded: Loaded, question: Question, of: str) -> list[dict[str, Any]]:
    conditions = compiler(loaded.store, question)
    value = conditions.column(of).text
    counts = "1" if question.bots else "bot = ''"
    end = {"project": question.project_id, "end": question.period.end.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]}
    return loaded.store.ask(
        conditions.with_lists(
            f"SELECT DISTINCT {conditions.person} AS who, {value} AS value FROM events "
            f"WHERE project_id = {{project:UUID}} AND timestamp < {{end:DateTime64(3,'UTC')}} AND {counts}"
        ),
        end | conditions.values.parameters,
    ).to_pylist()
