"""Suggestions: the next best action of a person, by their stage and intent.

Trackway learns what became of a suggestion from events that name it: `Suggestion Shown`, `Suggestion Clicked`,
`Suggestion Dismissed` and `Suggestion Done`, with the entity type `suggestion` and the action as entity id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec
import xxhash

from trackway.govern.messages import filled
from trackway.govern.personal_rules import Measured, Priority, Suggestion
from trackway.personalize.journey import Decided
from trackway.personalize.preferences import Action

SHOWN, DISMISSED, DONE = "Suggestion Shown", "Suggestion Dismissed", "Suggestion Done"
ENTITY_TYPE = "suggestion"
_RANKS: dict[Priority, int] = {"high": 0, "medium": 1, "low": 2}


class Suggested(msgspec.Struct, kw_only=True):
    """A suggestion to a person: an action, texts in their language, and `n`, the number in the message, if it has
    one (of new entities, or per cent that were measured). `because` is the stage and the intent that led to it.
    """

    action: str
    message: str
    call_to_action: str
    priority: Priority
    n: int | None
    because: list[str]


def in_holdout(project_id: bytes, person: int, share: float) -> bool:
    """Whether a person belongs to the share of people who see no suggestions, always the same ones."""
    return xxhash.xxh3_64_intdigest(project_id + b" holdout " + person.to_bytes(8, "big")) < share * 2.0**64


def suggested(
    suggestions: Iterable[Suggestion],
    stage: Decided | None,
    intent: Decided | None,
    actions: Iterable[Action],
    now: datetime,
    language: str,
    count_new: Callable[[str], int],
    percent: Callable[[Measured], int | None],
) -> Suggested | None:
    """Return what to suggest now; None if nothing fits.

    Args:
        actions: the events in which suggestions to the person were shown, dismissed and done.
        count_new: returns the number of entities of a type that are new to the person and match what they prefer.
        percent: returns the number that a suggestion measures, None if it is not known.
    """
    at_stage, at_intent = stage.name if stage else "", intent.name if intent else ""
    all_ = list(suggestions)
    fitting = [one for one in all_ if one.stage == at_stage != ""] or [one for one in all_ if not one.stage]
    fitting = [one for one in fitting if one.intent in ("", at_intent)]
    of_suggestions = [action for action in actions if action.entity_type == ENTITY_TYPE]
    for one in sorted(fitting, key=lambda one: (one.intent == "", _RANKS[one.priority])):
        if not _may_be_shown(one, [action for action in of_suggestions if action.entity_id == one.action], now):
            continue
        n = count_new(one.new) if one.new else None
        if n == 0:
            continue
        values = {} if n is None else {"n": n}
        message, call = (_said(texts, language, values) for texts in (one.message, one.call_to_action))
        if one.measured is not None and (measured := percent(one.measured)) is not None:
            n, message = measured, _said(one.measured.message, language, {"percent": measured})
        return Suggested(
            action=one.action, message=message, call_to_action=call,
            priority=one.priority, n=n, because=[name for name in (at_stage, at_intent) if name],
        )  # fmt: skip
    return None


def _may_be_shown(suggestion: Suggestion, actions: list[Action], now: datetime) -> bool:
    """Whether a suggestion was never done, not shown too often or too recently, and not dismissed lately."""
    of = {name: [action for action in actions if action.name == name] for name in (SHOWN, DISMISSED, DONE)}
    rests = now - timedelta(hours=suggestion.rest_hours)
    dismissed = now - timedelta(days=suggestion.dismissed_days)
    return not (
        of[DONE]
        or sum(action.times for action in of[SHOWN]) >= suggestion.times
        or any(action.at > rests for action in of[SHOWN])
        or any(action.at > dismissed for action in of[DISMISSED])
    )


def _said(texts: dict[str, str], language: str, values: dict[str, int]) -> str:
    """Return a text with its numbers, in a language, in its main language, in English, or in the first one."""
    if not texts:
        return ""
    wanted = (language, language.partition("-")[0], "en")
    name = next((name for name in wanted if name in texts), next(iter(texts)))
    return filled(texts[name], name, values)
