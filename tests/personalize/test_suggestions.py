"""Suggestions: which one is made to whom, and when it rests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trackway.govern.metric_packs import BadPack, pack_of
from trackway.govern.personal_rules import Counted, Measured, Suggestion
from trackway.personalize.journey import Decided
from trackway.personalize.preferences import Action
from trackway.personalize.suggestions import DISMISSED, DONE, SHOWN, Suggested, in_holdout, suggested

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
HELLO = Suggestion(action="hello", stage="new_user", message={"en": "Hello", "de": "Hallo"}, times=3, rest_hours=2)
BUY = Suggestion(action="buy", intent="buying", message={"en": "Buy"}, priority="low")
NEWS = Suggestion(action="news", message={"en": "{n} new"}, new="concert", call_to_action={"en": "See {n}"})
GROW = Suggestion(action="grow", stage="grown", message={"en": "Grow"}, measured=Measured(
    did=["Grown"], received=Counted(["view"], ["profile"]), message={"en": "Grow by {percent} %"}))  # fmt: skip
ALL = [NEWS, BUY, HELLO, GROW]


def said(name: str, hours_ago: float, times: int = 1, action: str = "hello") -> Action:
    return Action(NOW - timedelta(hours=hours_ago), name, "suggestion", action, times, 0)


def made(stage: str, intent: str = "", actions: list[Action] | None = None, **more: Any) -> Suggested | None:
    language, new, percent = more.pop("language", "en"), more.pop("new", 2), more.pop("percent", None)
    decided = (Decided(name, []) if name else None for name in (stage, intent))
    return suggested(
        ALL, *decided, actions or [], NOW, language, lambda kind: new if kind == "concert" else 0, lambda _: percent
    )


def test_a_stage_has_its_own_suggestion_and_others_have_the_one_for_everybody() -> None:
    assert (own := made("new_user")) is not None and (own.action, own.n, own.because) == ("hello", None, ["new_user"])
    assert (other := made("power_user")) is not None and (other.message, other.call_to_action) == ("2 new", "See 2")
    assert (wants := made("power_user", "buying")) is not None and wants.action == "buy"
    assert (nobody := made("")) is not None and nobody.action == "news"


def test_a_number_that_is_not_known_is_left_out() -> None:
    assert (plain := made("grown")) is not None and (plain.message, plain.n) == ("Grow", None)
    assert (known := made("grown", percent=12)) is not None and (known.message, known.n) == ("Grow by 12 %", 12)


def test_a_message_with_the_number_0_is_not_shown() -> None:
    assert made("power_user", new=0) is None


@pytest.mark.parametrize("language, text", [("de", "Hallo"), ("de-AT", "Hallo"), ("fr", "Hello")])
def test_texts_are_in_the_language_of_the_person_or_in_english(language: str, text: str) -> None:
    found = made("new_user", language=language)
    assert found is not None and found.message == text


@pytest.mark.parametrize(
    "actions, is_made",
    [
        ([said(SHOWN, 2.1)], True),
        ([said(SHOWN, 1.9)], False),
        ([said(SHOWN, 9, times=2)], True),
        ([said(SHOWN, 9, times=2), said(SHOWN, 5)], False),
        ([said(DISMISSED, 24 * 30 - 1)], False),
        ([said(DISMISSED, 24 * 30 + 1)], True),
        ([said(DONE, 24 * 29)], False),
        ([said(DONE, 1, action="buy")], True),
    ],
)
def test_what_was_shown_dismissed_or_done_rests(actions: list[Action], is_made: bool) -> None:
    assert (made("new_user", actions=actions) is not None) is is_made


def test_the_holdout_is_its_share_of_people_and_always_the_same() -> None:
    project = bytes(range(16))
    held = {person for person in range(20_000) if in_holdout(project, person, 0.1)}
    assert abs(len(held) - 2000) < 5 * (20_000 * 0.1 * 0.9) ** 0.5
    assert held == {person for person in range(20_000) if in_holdout(project, person, 0.1)}
    assert held < {person for person in range(20_000) if in_holdout(project, person, 0.2)}
    assert not any(in_holdout(project, person, 0.0) for person in range(1000))
    assert all(in_holdout(project, person, 1.0) for person in range(1000))


@pytest.mark.parametrize(
    "rules, problem",
    [
        ('[[journey.stages]]\nname = "a"\nwhen = [{ fact = "luck", over = 1 }]', "there is no fact 'luck'; the facts are days"),
        ('[[journey.stages]]\nname = "a"\nwhen = [{ fact = "days" }]', "days needs `over` or `below`"),
        ('[[journey.stages]]\nname = "a"\n[[journey.stages]]\nname = "a"', "two rules 'a'"),
        ('[journey.counts]\ndays = { names = ["x"] }', "every person has a fact of this name"),
        ('[[suggestions]]\naction = "x"\nstage = "b"\nmessage = { en = "x" }', "there is no stage 'b'"),
        ('[[suggestions]]\naction = "x"\nmessage = { en = "{n} x" }', "{n} needs `new`"),
        ('[[suggestions]]\naction = "x"\nmessage = {}', "message"),
        ("[preferences]\nhalf_life_days = 0", "half_life_days"),
        ("[preferences]\nhalf_life_days = nan", "half_life_days"),
        ("[preferences]\nbands = { price = [1, inf] }", "preferences.bands"),
        ('[[journey.stages]]\nname = "a"\nwhen = [{ fact = "days", over = nan }]', "over"),
        ('[[journey.stages]]\nname = "a"\nwhen = [{ fact = "days", over = 5, below = 3 }]', "no days is over 5 and below 3"),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_used_are_refused_by_name(rules: str, problem: str) -> None:
    with pytest.raises(BadPack) as refused:
        pack_of(f'name = "mine"\n[subjects]\n{rules}\n')
    assert problem in str(refused.value)
