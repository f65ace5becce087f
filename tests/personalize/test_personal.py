"""What is known of one person, against numbers counted by hand."""

from __future__ import annotations

import contextlib
import inspect
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from personal_cases import (
    DAY,
    HOUR,
    NOW,
    PACK,
    accounts,  # noqa: F401
    did,
    known,
    project,  # noqa: F401
    register,  # noqa: F401
    saved,  # noqa: F401
)

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.enrich.session import PASSIVE
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.person import Personalize, personalize
from trackway.store.entities import Entity, Register
from trackway.store.policy import Policy
from trackway.store.recount import differences, recount


def test_content_types_are_the_sums_of_engagement_scores(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [
        did("view", DAY, "product:1", user="ann"),                                        # 0.5 + 0.1
        did("view", DAY, "product:2", user="ann", properties={"duration_s": 31}),         # 0.5 + 0.2 + 0.1
        did("click", DAY, "product:2", user="ann", properties={"duration_s": 61}),        # 0.5 + 0.4 + 0.2 = 1.1 -> 1
        did("apply", DAY, "job:1", user="ann"),                                           # 0.5 + 0.5
        did("view", 31 * DAY, "product:3", user="ann"),                                   # too long ago
        did("impression", DAY, "seller:3", user="ann"),                                   # not an action
        did("wave", DAY, "seller:3", user="ann"),                                         # not weighted
    ])  # fmt: skip
    found = known(loaded, saved, project, user_id="ann")
    assert [(one.type, one.score) for one in found.content_types] == [("product", 2.4), ("job", 1.0)]


def test_one_click_is_no_preference_and_many_are(
    loaded: Loaded, saved: StatedPreferences, register: Register, project: UUID
) -> None:
    register.write(project, [
        Entity(type="gig", id="1", attributes={"genre": ["jazz", "soul"], "price": 30}, parents=["artist:7"]),
        Entity(type="gig", id="2", attributes={"genre": "rock", "price": 300}),
    ], "test")  # fmt: skip
    loaded.load(project, [did("click", HOUR, "gig:2", user="one")])
    loaded.load(project, [did("click", n * HOUR, "gig:1", "w", user="many") for n in range(1, 21)])
    one = {(like.key, like.value): like for like in known(loaded, saved, project, user_id="one").preferences}
    many = {(like.key, like.value): like for like in known(loaded, saved, project, user_id="many").preferences}
    # One interaction of 0.7 is a share of 1 of 0.7 trials: 0.7 / (0.7 + 1.96²).
    weight = 0.7 * 0.5 ** (1 / 24 / 14)
    assert one["genre", "rock"].confidence == pytest.approx(weight / (weight + 1.959963984540054**2), abs=1e-6)
    assert one["genre", "rock"].confidence < 0.16 and one["price", ">=200"].interactions == 1
    assert many["genre", "jazz"].confidence == many["genre", "soul"].confidence > 0.75
    assert many["artist", "7"].confidence == many["price", "20-50"].confidence == many["genre", "jazz"].confidence
    assert many["genre", "jazz"].evidence[0].at == NOW - HOUR
    assert ("genre", "rock") not in many


def test_what_people_state_wins_and_what_they_clear_is_gone(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [did("click", n * HOUR, "product:1", user="sam") for n in range(1, 9)])
    saved.state(project, "sam", "content_type", "product", likes=False)
    saved.state(project, "sam", "genre", "jazz", likes=True)
    likes = {(like.key, like.value): like for like in known(loaded, saved, project, user_id="sam").preferences}
    assert (likes["content_type", "product"].confidence, likes["content_type", "product"].source) == (0, "explicit")
    assert (likes["genre", "jazz"].confidence, likes["genre", "jazz"].interactions) == (1, 0)
    saved.clear(project, "sam")
    assert known(loaded, saved, project, user_id="sam").preferences == []


def test_what_people_mute_is_listed_with_its_interactions_beside_the_twenty_most_certain_values(
    loaded: Loaded, saved: StatedPreferences, register: Register, project: UUID
) -> None:
    register.write(project, [Entity(type="gig", id=f"{n}", attributes={"genre": f"g{n}"}) for n in range(30)], "test")
    loaded.load(
        project, [did("click", times * HOUR, f"gig:{n}", user="u") for n in range(30) for times in range(1, n + 2)]
    )
    saved.state(project, "u", "genre", "g2", likes=False)
    genres = [like for like in known(loaded, saved, project, user_id="u").preferences if like.key == "genre"]
    assert [like.value for like in genres] == [*(f"g{n}" for n in range(29, 9, -1)), "g2"]
    assert (genres[-1].confidence, genres[-1].interactions) == (0, 3)


def test_attributes_say_what_they_are_and_nothing_else(
    loaded: Loaded, saved: StatedPreferences, register: Register, project: UUID
) -> None:
    attributes: dict[str, Any] = {
        "year": 1_234_567, "size": 1_234_568.5, "whole": 3.0, "huge": 10**30, "price": 10**30, "free": False,
        "weekday": "funday", "hour": 99, "content_type": "other", "": "nameless", "about": "x" * 201, "k" * 101: "long",
        "list": ["a", "", None, ["b"], {"c": 1}], "nested": {"genre": "jazz"},
    }  # fmt: skip
    register.write(project, [Entity(type="gig", id="1", attributes=attributes, parents=["hour:98"])], "test")
    loaded.load(project, [
        did("click", HOUR, "gig:1", user="u"), did("click", HOUR, user="u", properties={"entity_id": "1"}),
    ])  # fmt: skip
    found = known(loaded, saved, project, user_id="u")
    assert {(like.key, like.value) for like in found.preferences} == {
        ("content_type", "gig"), ("weekday", "monday"), ("hour", "13"), ("year", "1234567"), ("size", "1234568.5"),
        ("whole", "3"), ("huge", str(10**30)), ("price", ">=200"), ("free", "false"), ("list", "a"),
    }  # fmt: skip
    assert [one.type for one in found.content_types] == ["gig"]


def test_what_somebody_states_counts_who_was_only_ever_named_by_a_server(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [did("like", HOUR, "gig:1", visitor="", user="server")])
    saved.state(project, "server", "genre", "jazz", likes=True)
    person = (found := known(loaded, saved, project, user_id="server")).person
    assert ("genre", "explicit") in {(like.key, like.source) for like in found.preferences}
    assert known(loaded, saved, project, person=person).preferences == found.preferences


def test_a_merged_person_stated_what_they_stated_under_any_id_and_the_newer_statement_counts(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [
        did("like", 2 * HOUR, "gig:1", user="old"), did("like", 2 * HOUR, "gig:1", visitor="w", user="new"),
        message(type="alias", at=NOW - HOUR, user="new", previous_id="old", context=PERSON_AT_A_BROWSER),
    ])  # fmt: skip
    saved.state(project, "new", "genre", "jazz", likes=True)
    saved.state(project, "old", "genre", "rock", likes=True)
    saved.state(project, "old", "genre", "jazz", likes=False)
    for user in ("old", "new"):
        likes = {like.value: like for like in known(loaded, saved, project, user_id=user).preferences}
        assert (likes["jazz"].confidence, likes["rock"].confidence, likes["gig"].interactions) == (0, 1, 2)
    saved.clear(project, "new")
    assert [
        like for like in known(loaded, saved, project, user_id="old").preferences if like.source == "inferred"
    ] == []


def test_people_who_share_a_browser_state_nothing_for_each_other(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    """The visitor is kim, who was seen there first; lou signed in there later, without a sign-out between."""
    loaded.load(project, [did("like", 2 * HOUR, "gig:1", user="kim"), did("like", HOUR, "gig:2", user="lou")])
    saved.state(project, "lou", "genre", "jazz", likes=True)
    assert "jazz" not in {like.value for like in known(loaded, saved, project, user_id="kim").preferences}
    assert "jazz" in {like.value for like in known(loaded, saved, project, user_id="lou").preferences}
    saved.opt_out(project, "lou")
    assert not known(loaded, saved, project, user_id="kim").opted_out
    assert known(loaded, saved, project, user_id="lou").opted_out


@pytest.mark.parametrize(
    "stage, traits, since, actions",
    [
        ("new_user", {}, 0.9, 3),
        ("incomplete_profile", {"profile_completeness": 49}, 2, 200),
        ("low_engagement", {"profile_completeness": 50}, 2, 9),
        ("low_engagement", {}, 40, 9),
        ("active_user", {}, 2, 10),
        ("active_user", {}, 40, 100),
        ("power_user", {}, 40, 101),
    ],
)
def test_the_stage_is_the_first_rule_that_holds(
    loaded: Loaded, saved: StatedPreferences, project: UUID, stage: str, traits: dict[str, Any], since: float,
    actions: int,
) -> None:  # fmt: skip
    registered = message(
        type="identify", at=NOW - since * DAY, visitor="v", user="u", traits=traits, context=PERSON_AT_A_BROWSER
    )
    gap = since * DAY * 0.9 / actions
    loaded.load(project, [registered, *(did("like", n * gap + gap / 2, "a:1", user="u") for n in range(actions))])
    found = known(loaded, saved, project, user_id="u", include=["stage"])
    assert found.stage.name == stage
    assert all(met.below is None or met.value < met.below for met in found.stage.because)
    assert all(met.over is None or met.value > met.over for met in found.stage.because)


@pytest.mark.parametrize("created", [
    "2026-03-20", "2026-03-20T00:00:00Z", "2026-03-20 02:00+02:00", 1_773_964_800, 1_773_964_800_000, "1773964800",
])  # fmt: skip
def test_a_registration_is_a_time_a_day_or_a_unix_time(
    loaded: Loaded, saved: StatedPreferences, project: UUID, created: str | int
) -> None:
    loaded.load(project, [message(
        type="identify", at=NOW - DAY / 2, visitor="v", user="u", traits={"createdAt": created}, context=PERSON_AT_A_BROWSER
    )])  # fmt: skip
    pack = pack_of('name = "mine"\n[subjects]\n[[journey.stages]]\nname = "any"\nwhen = [{ fact = "days", over = 0 }]')
    assert known(loaded, saved, project, pack, user_id="u").stage.because[0].value == 10.5


@pytest.mark.parametrize(
    "intent, newest",
    [
        ("actively_searching", ["search"] * 6 + ["view profile:1"] * 4),
        ("recruiting", ["search"] * 5 + ["view profile:1"] * 4 + ["view project:1"] * 4),
        ("researching", ["view profile:1"] * 3 + ["view project:1"] * 4),
        ("browsing", ["view profile:1"] * 3 + ["view project:1"] * 3),
        ("browsing", ["like a:1"] * 20 + ["search"] * 6),
    ],
)
def test_the_intent_looks_at_the_newest_twenty_actions(
    loaded: Loaded, saved: StatedPreferences, project: UUID, intent: str, newest: list[str]
) -> None:
    messages = [
        did(name, timedelta(minutes=5 * n + 1), entity, user="u")
        for n, (name, _, entity) in enumerate(text.partition(" ") for text in newest)
    ]
    loaded.load(project, messages)
    assert known(loaded, saved, project, user_id="u", include=["intent"]).intent.name == intent


def test_a_person_of_thousands_of_entities_is_known(
    loaded: Loaded, saved: StatedPreferences, register: Register, project: UUID
) -> None:
    ids = [f"{n:036}" for n in range(4000)]
    register.write(project, [Entity(type="gig", id=ids[-1], attributes={"genre": "jazz"})], "test")
    loaded.load(
        project, [did("view", n * timedelta(minutes=1), f"gig:{one}", user="u") for n, one in enumerate(ids, 1)]
    )
    found = known(loaded, saved, project, user_id="u")
    assert [(one.type, one.score) for one in found.content_types] == [("gig", 2400.0)]
    assert {like.value: like.interactions for like in found.preferences if like.key == "genre"} == {"jazz": 1}


def test_an_entity_that_is_registered_again_is_not_new(loaded: Loaded, register: Register, project: UUID) -> None:
    def times(entity: str) -> dict[str, Any]:
        at = "SELECT added_at, updated_at FROM entities FINAL WHERE project_id = {p:UUID} AND entity_id = '%s'"
        [row] = loaded.rows(project, at % entity)
        return row

    register.write(project, [Entity(type="gig", id="1")], "test")
    first = times("1")
    register.write(project, [Entity(type="gig", id="1", name="Again"), Entity(type="gig", id="2")], "test")
    assert first["added_at"] == first["updated_at"] == times("1")["added_at"] < times("1")["updated_at"]
    assert times("2")["added_at"] == times("1")["updated_at"]


def test_nobody_and_others_are_not_told(loaded: Loaded, saved: StatedPreferences, project: UUID) -> None:
    question = Question(project_id=project, period=Period(NOW - DAY, NOW), timezone="UTC")
    assert personalize(loaded.store, question, Personalize(user_id="nobody"), PACK, saved, NOW) == ([], None)
    with pytest.raises(BadQuestion, match="exactly one"):
        personalize(loaded.store, question, Personalize(), PACK, saved, NOW)
    with pytest.raises(BadQuestion, match="does not see single people"):
        of_entities = loaded.store.within(Policy(project, (("gig", "1"),)))
        personalize(of_entities, question, Personalize(user_id="ann"), PACK, saved, NOW)


def test_every_statement_about_actions_knows_the_same_passive_events() -> None:
    store = Path(inspect.getfile(Register)).parent
    files = [store / "schema" / "0020_actions.sql", store / "late_sign_outs.sql", store / "derived_tables.sql"]
    for file in files:
        [listed] = re.findall(r"name NOT IN \(('impression'[^)]+)\)", file.read_text())
        assert {name.strip("' ") for name in listed.split(",")} == PASSIVE, file.name


def test_a_recount_makes_actions_as_they_were(loaded: Loaded, saved: StatedPreferences, project: UUID) -> None:
    loaded.load(project, [did("view", n * HOUR, f"gig:{n % 3}", user="u") for n in range(30)])
    before = known(loaded, saved, project, user_id="u")
    lock, start, end = contextlib.nullcontext(), NOW.replace(tzinfo=None) - 3 * DAY, NOW.replace(tzinfo=None) + DAY
    assert differences(loaded.store, lock, project, start, end) == []
    loaded.store.command(f"ALTER TABLE actions DELETE WHERE project_id = '{project}' SETTINGS mutations_sync = 2")
    assert {one.counter: one.rows for one in differences(loaded.store, lock, project, start, end)} == {"actions": 30}
    recount(loaded.store, lock, project, start, end)
    assert known(loaded, saved, project, user_id="u") == before
