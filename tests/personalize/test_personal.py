"""What is known of one person, against numbers counted by hand."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.analyze.language.period import BadQuestion, Period
from trackway.analyze.language.question import Question
from trackway.collect.views.ledger import Ledger
from trackway.enrich.session import PASSIVE
from trackway.event import Message
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import Pack, pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.hours import ActiveHours
from trackway.personalize.person import Personalize, personalize
from trackway.personalize.suggestions import Suggested
from trackway.store.entities import Entity, Register
from trackway.store.policy import Policy
from trackway.store.recount import differences, recount

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
PACK = pack_of("marketplace")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernDatabase]:
    database = GovernDatabase(f"sqlite:///{tmp_path_factory.mktemp('govern') / 'trackway.db'}")
    yield database
    database.close()


@pytest.fixture
def saved(accounts: GovernDatabase) -> StatedPreferences:
    return accounts.saved.preferences


@pytest.fixture
def project(accounts: GovernDatabase) -> UUID:
    return UUID(accounts.add_project("mine")[0].id)


@pytest.fixture(scope="module")
def register(loaded: Loaded, accounts: GovernDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('views') / 'views.db'}", "c")
    yield Register(accounts, loaded.store, ledger)
    ledger.close()


def did(name: str, ago: timedelta, entity: str = "", visitor: str = "v", **fields: Any) -> Message:
    properties = fields.pop("properties", {})
    if entity:
        kind, _, id_ = entity.partition(":")
        properties = {"entity_type": kind, "entity_id": id_, **properties}
    return message(name, NOW - ago, visitor, context=PERSON_AT_A_BROWSER, properties=properties, **fields)


def known(loaded: Loaded, saved: StatedPreferences, project: UUID, pack: Pack = PACK, **asked: Any) -> Any:
    question = Question(project_id=project, period=Period(NOW - timedelta(days=90), NOW), timezone="Europe/Berlin")
    _, found = personalize(loaded.store, question, Personalize(**asked), pack, saved, NOW)
    assert found is not None
    return found


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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


def test_active_hours_are_those_of_the_persons_own_time_zone(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    tokyo = message(type="identify", at=NOW - 8 * DAY, visitor="v", user="kei", traits={"timezone": "Asia/Tokyo"})
    at = [datetime(2026, 3, day, hour, 30, tzinfo=UTC) for day, hour in ((28, 3), (29, 3), (29, 4), (30, 5), (30, 9))]
    loaded.load(project, [tokyo, *(did("like", NOW - one, "a:1", user="kei") for one in at)])
    loaded.load(project, [did("like", 7 * DAY + HOUR, "a:1", user="kei")])
    hours = known(loaded, saved, project, user_id="kei", include=["hours"]).hours
    assert hours.timezone == "Asia/Tokyo"
    assert [(one.hour, one.actions) for one in hours.hours] == [(12, 2), (13, 1), (14, 1)]
    assert hours.notify_at == 12 and hours.week[6][12] == 1 and sum(map(sum, hours.week)) == 5


@pytest.mark.parametrize("name, days, made", [
    ("Done", 300, None), ("Dismissed", 29, None), ("Dismissed", 31, "complete_profile"), ("Shown", 29, None),
    ("Shown", 31, "complete_profile"),
])  # fmt: skip
def test_a_suggestion_that_was_done_long_ago_is_not_made_again(
    loaded: Loaded, saved: StatedPreferences, project: UUID, name: str, days: int, made: str | None
) -> None:
    pack = msgspec.structs.replace(PACK, holdout=0.0)
    about = [did(f"Suggestion {name}", days * DAY + n * HOUR, "suggestion:complete_profile", "w") for n in range(10)]
    signed_up = message(type="identify", at=NOW - HOUR, visitor="w", user="new", context=PERSON_AT_A_BROWSER)
    loaded.load(project, [*about, signed_up])
    found = known(loaded, saved, project, pack, user_id="new", include=["stage", "suggestion"])
    assert found.stage.name == "new_user"
    assert (found.suggestion and found.suggestion.action) == made


def test_preferences_look_at_the_days_of_the_pack_also_when_they_are_fewer_than_those_of_hours(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [did("like", n * DAY - HOUR, f"gig:{n}", user="u") for n in (1, 2, 3)])
    preferring = msgspec.structs.replace(PACK.preferences, days=2)
    found = known(loaded, saved, project, msgspec.structs.replace(PACK, preferences=preferring), user_id="u")
    assert [(one.type, one.score) for one in found.content_types] == [("gig", 1.6)]
    assert sum(map(sum, found.hours.week)) == 3


def test_what_a_bot_or_an_event_of_that_name_says_is_no_trait(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    crawler = {**PERSON_AT_A_BROWSER, "userAgent": "Googlebot/2.1 (+http://www.google.com/bot.html)"}
    zone = {"timezone": "Asia/Tokyo"}
    loaded.load(project, [
        did("like", HOUR, "gig:1", user="u"),
        did("identify", HOUR, user="u", properties=zone),
        message(type="identify", at=NOW - HOUR, visitor="v", user="u", traits=zone, context=crawler),
    ])  # fmt: skip
    assert known(loaded, saved, project, user_id="u").hours.timezone == "Europe/Berlin"


@pytest.mark.parametrize("last, new", [(timedelta(minutes=10), 2), (timedelta(hours=2), 1)])
def test_a_suggestion_counts_what_is_new_since_the_last_visit_before_the_present_one(
    loaded: Loaded, saved: StatedPreferences, project: UUID, last: timedelta, new: int
) -> None:
    visits = [*(last + n * timedelta(seconds=30) for n in range(40)), *(last + n * DAY for n in range(2, 12))]
    loaded.load(project, [did("like", ago, "product:seen", user="u") for ago in visits])
    at = {"a": NOW - timedelta(hours=1), "b": NOW - last - DAY, "c": NOW - last - 3 * DAY}
    rows = [
        f"('{project}', 'product', '{id_}', '{{\"genre\":\"jazz\"}}', '{f'{time:%F %T}'}')"
        for id_, time in [*at.items(), ("seen", at["c"])]
    ]
    loaded.store.command(
        "INSERT INTO entities (project_id, entity_type, entity_id, attributes, updated_at) VALUES " + ", ".join(rows)
    )
    pack = msgspec.structs.replace(PACK, holdout=0.0)
    found = known(loaded, saved, project, pack, user_id="u").suggestion
    assert (found.action, found.n) == ("explore_jobs", new)


def test_the_time_zone_is_the_trait_else_that_of_the_browser_else_that_of_the_project(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    def at(zone: str) -> dict[str, str]:
        return {**PERSON_AT_A_BROWSER, "timezone": zone}

    def zone(user: str) -> str:
        hours: ActiveHours = known(loaded, saved, project, user_id=user, include=["hours"]).hours
        return hours.timezone

    def acted(user: str, ago: timedelta, context: dict[str, str]) -> Message:
        return message("like", NOW - ago, f"at-{user}", user=user, context=context)

    loaded.load(project, [
        acted("ada", 3 * HOUR, at("Asia/Tokyo")), acted("ada", 2 * HOUR, at("America/New_York")),
        acted("ada", HOUR, PERSON_AT_A_BROWSER),
        acted("bo", HOUR, at("Nowhere/At_All")), acted("cy", HOUR, at("'; DROP TABLE actions")),
        message(type="identify", at=NOW - DAY, visitor="at-di", user="di", traits={"timezone": "Asia/Kolkata"},
                context=PERSON_AT_A_BROWSER),
        acted("di", HOUR, at("Asia/Tokyo")), acted("eli", 60 * DAY, at("Asia/Tokyo")),
    ])  # fmt: skip
    assert {user: zone(user) for user in ("ada", "bo", "cy", "di", "eli")} == {
        "ada": "America/New_York", "bo": "Europe/Berlin", "cy": "Europe/Berlin", "di": "Asia/Kolkata",
        "eli": "Asia/Tokyo",
    }  # fmt: skip


def test_the_best_time_to_notify_has_the_actions_that_say_so(
    loaded: Loaded, saved: StatedPreferences, project: UUID
) -> None:
    loaded.load(project, [
        *(did("like", n * DAY, f"a:{n}", user="kit") for n in range(1, 6)), did("like", HOUR, "a:0", user="kit"),
    ])  # fmt: skip
    hours = known(loaded, saved, project, user_id="kit", include=["hours"]).hours
    assert (hours.timezone, hours.notify_at) == ("Europe/Berlin", 13)  # before the change to summer time
    at = [NOW - HOUR, NOW - 2 * DAY, NOW - 3 * DAY]
    assert [(one.at, one.entity_id) for one in hours.evidence] == list(zip(at, "023", strict=True))


def test_nobody_and_others_are_not_told(loaded: Loaded, saved: StatedPreferences, project: UUID) -> None:
    question = Question(project_id=project, period=Period(NOW - DAY, NOW), timezone="UTC")
    assert personalize(loaded.store, question, Personalize(user_id="nobody"), PACK, saved, NOW) == ([], None)
    with pytest.raises(BadQuestion, match="exactly one"):
        personalize(loaded.store, question, Personalize(), PACK, saved, NOW)
    with pytest.raises(BadQuestion, match="does not see single people"):
        of_entities = loaded.store.within(Policy(project, (("gig", "1"),)))
        personalize(of_entities, question, Personalize(user_id="ann"), PACK, saved, NOW)


def test_people_themselves_are_told_how_many_entities_are_new(
    loaded: Loaded, saved: StatedPreferences, register: Register, project: UUID
) -> None:
    register.write(project, [Entity(type="product", id=str(n), attributes={"genre": "jazz"}) for n in range(3)], "test")
    traits = {"profile_completeness": 100}
    loaded.load(project, [
        message(type="identify", at=NOW - 5 * DAY, visitor="v", user="jo", traits=traits, context=PERSON_AT_A_BROWSER),
        *(did("click", DAY + n * timedelta(minutes=1), "product:0", user="jo") for n in range(20)),
        did("page", HOUR, user="jo"),
    ])  # fmt: skip
    person = int(known(loaded, saved, project, user_id="jo", include=["stage"]).person)
    pack = msgspec.structs.replace(PACK, holdout=0.0)
    question = Question(project_id=project, period=Period(NOW - 90 * DAY, NOW), timezone="Europe/Berlin")
    own = loaded.store.within(Policy(project, person=person))
    _, told = personalize(own, question, Personalize(include=["suggestion"]), pack, saved, NOW)
    assert told is not None and isinstance(told.suggestion, Suggested)
    # The register is as of the present, which is after this visit; the product that they clicked is not new.
    assert (told.suggestion.action, told.suggestion.n) == ("explore_jobs", 2)
    assert told == known(loaded, saved, project, pack, user_id="jo", include=["suggestion"])


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
