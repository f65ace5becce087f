"""When somebody is active, in their own time zone, and which of their actions count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
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

import trackway.personalize.known
from conftest import Loaded
from factories import PERSON_AT_A_BROWSER, message
from trackway.event import Message
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.personalize.hours import ActiveHours


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


def test_of_a_person_with_very_many_actions_the_newest_count_and_all_are_activities(
    loaded: Loaded, saved: StatedPreferences, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackway.personalize.known, "_MOST_ACTIONS", 25)
    loaded.load(project, [did("view", n * HOUR, f"gig{n // 20}:{n}", user="u") for n in range(1, 61)])
    pack = pack_of(
        'name = "a"\n[subjects]\n[score.weights]\nview = 0.1\n[[journey.stages]]\nname = "all"\nwhen = [{ fact = "activities", over = 59 }]'
    )
    found = known(loaded, saved, project, pack, user_id="u")
    assert [(one.type, one.score) for one in found.content_types] == [("gig0", 11.4), ("gig1", 3.6)]
    assert sum(map(sum, found.hours.week)) == 25
    assert found.stage.because[0].value == 60
