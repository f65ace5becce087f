"""Moves of people between stages, or between intents, from one interval to the next.

People are looked at when the period starts, at the end of each interval, and at its end (or now, if that is earlier).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from trackway.analyze.language.journeys import everybody, rules_of
from trackway.analyze.language.period import BadQuestion, buckets
from trackway.analyze.language.question import (
    Answer,
    Question,
    ask,
    compiler,
    moment,
    people_filter,
    sampled,
    without_bots,
)
from trackway.govern.personal_rules import Journey
from trackway.store.connection import Store
from trackway.store.policy import NotVisible

Column = Literal["stage", "intent"]
_MOST_INTERVALS = 31  # everybody is looked at once for each


class StageMoves(msgspec.Struct, tag="stage_moves", tag_field="question", kw_only=True):
    """The moves of people between stages, or between intents, by `interval`. At most 31 intervals."""

    of: Column = "stage"
    interval: Literal["day", "week", "month"] = "week"


class StageMove(msgspec.Struct, kw_only=True):
    """The people who were in a stage at the beginning of an interval and in another, or the same one, at its end.
    `from` is null for people who came in the interval; a stage is empty for people whom no rule fits.
    """

    interval: int
    was: str | None = msgspec.field(name="from")
    became: str = msgspec.field(name="to")
    people: int


class StageMovesAnswer(msgspec.Struct, kw_only=True):
    """The moments at which people were looked at, the stages in the order of their rules, and the moves. If the last
    moment is in the future, people were looked at now. The `interval` of a move, from 0, is the one that begins at that
    moment. `rules` is the version of the rules that decided.
    """

    rules: int
    moments: list[datetime]
    stages: list[str]
    moves: list[StageMove]


class RuleChange(msgspec.Struct, kw_only=True):
    """The people whom other rules would move from one stage (or intent) to another, or leave where they are. A stage is
    empty for people whom no rule fits.
    """

    was: str = msgspec.field(name="from")
    became: str = msgspec.field(name="to")
    people: int


def stage_moves(
    store: Store, question: Question, asked: StageMoves, now: datetime
) -> tuple[list[Answer], StageMovesAnswer]:
    """Count the people who moved from each stage to each other one.

    Raises:
        BadQuestion: there are too many intervals.
        NotVisible: the caller sees only some entities.
    """
    if store.policy is not None and store.policy.entities is not None:
        raise NotVisible("stages are those of people; an account of entities does not see single people")
    moments = _moments(question, asked, now)
    looks = [(question.journey, min(at, max(now, question.period.start))) for at in moments]
    answer = _ask(store, question, asked.of, looks)
    stages = [rule.name for rule in rules_of(question.journey, asked.of)]
    names = [None, "", *stages]
    moves = [
        StageMove(
            interval=row["interval"], was=names[row["was"]], became=names[row["became"]] or "", people=row["people"]
        )
        for row in answer.rows()
    ]
    rules = question.metrics_version
    return [answer], StageMovesAnswer(rules=rules, moments=moments, stages=stages, moves=moves)


def rule_changes(store: Store, question: Question, of: Column, journey: Journey, now: datetime) -> list[RuleChange]:
    """Count the people by where they are now and where the rules of another journey would put them, most people
    first.
    """
    answer = _ask(store, question, of, [(question.journey, now), (journey, now)])
    before, after = (["", *(rule.name for rule in rules_of(rules, of))] for rules in (question.journey, journey))
    changes = [
        RuleChange(was=before[row["was"] - 1], became=after[row["became"] - 1], people=row["people"])
        for row in answer.rows()
    ]
    return sorted(changes, key=lambda change: -change.people)


def _ask(store: Store, question: Question, of: Column, looks: list[tuple[Journey, datetime]]) -> Answer:
    """Look at everybody by the rules of a journey at a time, several times, and count the steps from one look to the
    next.
    """
    conditions = compiler(store, question)
    counts = without_bots(question, conditions) + sampled(question, conditions)
    counts += people_filter(question, conditions)["people_filter"]
    bind = conditions.values.bind
    moments = [
        everybody(journey, of, conditions.person, counts, bind, bind(moment(at), "DateTime64(3,'UTC')")).sql
        for journey, at in looks
    ]
    return ask(store, "personalize/moves.sql", question, {"moments": moments}, conditions)


def _moments(question: Question, asked: StageMoves, now: datetime) -> list[datetime]:
    """Return the start of the period, the starts of the intervals within it up to now, and the end of the last one."""
    start, end = question.period
    starts = buckets(question.period, question.timezone, asked.interval)
    inside = [at for at in starts if start < at < min(end, now)]
    end = next((at for at in starts if at > start and at >= now), end)
    if len(inside) >= _MOST_INTERVALS:
        raise BadQuestion("interval", f"more than {_MOST_INTERVALS} {asked.interval}s; choose a longer interval")
    return [start, *inside, end]
