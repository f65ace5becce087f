"""Daily metrics of a subject (persons, or entities of a type), as a metrics pack declares them
(govern/metric_packs.py).

They are computed from hourly counters, which materialized views maintain, so that they are fast in every time zone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from trackway.analyze.language.conditions import Compiler
from trackway.analyze.language.period import BadQuestion
from trackway.analyze.language.question import Answer, Question, ask, compiler
from trackway.govern.metric_packs import Metric, Pack, Score, Subject
from trackway.store.connection import Store
from trackway.store.policy import Policy

MOST_DAYS = 400
SMALLEST_GROUP = 5
_PLACES = 6
"""Decimal places of sums of floats; further digits depend on the order in which parts were merged."""


class Daily(msgspec.Struct, tag="daily", tag_field="question", kw_only=True):
    """The daily metrics of a `subject` of the project's metrics pack, for all its members or for some `ids`.

    For persons, an id is the `person` of the question `persons`. `viewers` adds the viewers of entities by country and
    demographics; it needs the permission `audience`. By default (null) it is on for callers with that permission.
    """

    subject: str
    ids: list[str] = []
    limit: int = 10_000
    viewers: bool | None = None


DailyRow = dict[str, int | float | str | dict[str, int | dict[str, int]] | None]
"""The metrics of a member (`id`) on a day (YYYY-MM-DD). The columns are dynamic: the metrics pack names them. Rows of
entities also have `viewer_locations` (viewers by country) and `viewer_demographics` (viewers by trait and its value).
"""
Row = dict[str, Any]


def daily(store: Store, question: Question, asked: Daily, pack: Pack) -> tuple[list[Answer], list[DailyRow]]:
    """Return a row for each day and member with any activity: `day`, `id`, and each metric of the subject. Unique
    counts are exact; a ratio with a denominator of 0, or a rating without ratings, is None. Rows of entities also have
    `viewer_locations` (viewers by country) and `viewer_demographics` (viewers by trait and its value; limited for
    accounts, see `large_groups`).

    Raises:
        BadQuestion: there is no such subject, or the period is longer than 400 days.
    """
    subject = pack.subjects.get(asked.subject)
    if subject is None:
        raise BadQuestion(
            "subject", f"{asked.subject!r} is not a subject of the pack; use one of {', '.join(pack.subjects)}"
        )
    if (question.period.end - question.period.start).days > MOST_DAYS:
        raise BadQuestion("from", f"is at most {MOST_DAYS} days before the end")
    if not 1 <= asked.limit <= 100_000 or len(asked.ids) > 1000:
        raise BadQuestion("limit", "is from 1 to 100000, and there are at most 1000 ids")
    answers, own = _own(store, question, asked, subject, pack.score)
    rows: dict[tuple[str, str], Row] = {(row["day"], row["id"]): row for row in own}
    empty = {name: None if metric.ratio or metric.rating else 0 for name, metric in subject.metrics.items()}
    for name, metric in subject.metrics.items():
        if not metric.children:
            continue
        answer, values = _children(store, question, asked, subject.of, metric, pack)
        answers.append(answer)
        for row in values:
            rows.setdefault((row["day"], row["id"]), {"day": row["day"], "id": row["id"]})[name] = row["n"]
    for row in rows.values():
        for name, value in empty.items():
            row.setdefault(name, value)
        for name, metric in subject.metrics.items():
            if metric.ratio:
                above, below = (row[part] or 0 for part in metric.ratio)
                row[name] = above / below if below else None
    ordered = [rows[key] for key in sorted(rows)][: asked.limit]
    shown = [{"day": row["day"], "id": row["id"], **{name: row[name] for name in empty}} for row in ordered]
    names = [] if subject.of == "person" else _viewing(subject)
    if names and asked.viewers is not False and (store.policy is None or store.policy.person is None):
        answers.append(_viewers(store, question, asked, subject.of, names, pack.demographics, shown))
    return answers, shown


def _viewing(subject: Subject) -> list[str]:
    """Return the events that make somebody a viewer: those of unique counts, or else `view` if views are counted."""
    metrics = subject.metrics.values()
    unique = {name for metric in metrics for name in metric.unique}
    return sorted(unique) or [name for name in ("view",) if any(name in metric.count for metric in metrics)]


def _viewers(
    store: Store,
    question: Question,
    asked: Daily,
    entity_type: str,
    names: list[str],
    traits: list[str],
    rows: list[Row],
) -> Answer:
    """Add the viewers to rows."""
    narrow = store.policy is not None and store.policy.narrow
    # Traits from `identify` events belong to no entity, so they are read from the whole project, but only for viewers
    # of these rows.
    ids = sorted({row["id"] for row in rows}) if narrow else asked.ids
    shape = {"traits": traits, "some": narrow or bool(asked.ids)}
    answer = ask(
        store.within(Policy(question.project_id)), "entities/daily_viewers.sql", question, shape,
        entity_type=entity_type, ids=ids, names=names,
    )  # fmt: skip
    known = {(row["day"], row["id"]): row for row in rows}
    everybody: dict[tuple[str, str], int] = {}
    for row in rows:
        row["viewer_locations"] = {}
        row["viewer_demographics"] = {trait: {} for trait in traits}
    for group in sorted(answer.rows(), key=lambda group: (-group["persons"], group["value"])):
        key, trait = (group["day"], group["id"]), group["trait"]
        if trait == "*":
            everybody[key] = group["persons"]
        elif (found := known.get(key)) is not None:
            into = found["viewer_demographics"][trait] if trait else found["viewer_locations"]
            into[group["value"]] = group["persons"]
    for key, row in known.items() if narrow else ():
        row["viewer_demographics"] = {
            trait: large_groups(said, everybody.get(key, 0)) for trait, said in row["viewer_demographics"].items()
        }
    return answer


def large_groups(groups: dict[str, int], everybody: int) -> dict[str, int]:
    """Remove small groups before people are shown by trait to an account: only groups of 5 or more people stay, and
    only so many of them that the people in no group are either none or 5 or more. Traits are not part of an entity's
    events, and a small group would reveal the trait of each of its members.

    Args:
        groups: the number of persons by value of the trait.
        everybody: the number of all persons, including those without the trait.
    """
    shown = {value: persons for value, persons in groups.items() if persons >= SMALLEST_GROUP}
    for value in sorted(shown, key=lambda value: shown[value]):
        if (rest := everybody - sum(shown.values())) == 0 or rest >= SMALLEST_GROUP:
            break
        del shown[value]
    return shown


def _own(
    store: Store, question: Question, asked: Daily, subject: Subject, score: Score
) -> tuple[list[Answer], list[Row]]:
    conditions = compiler(store, question)
    of_person = subject.of == "person"
    # The names in a pack are user input, so the statement names its columns by number.
    metrics = {f"m{place}": metric for place, metric in enumerate(subject.metrics.values())}
    columns = {place: text for place, metric in metrics.items() if (text := _counted(metric, conditions, score))}
    running = {
        place: tuple(conditions.values.bind(names, "Array(String)") for names in (metric.running, metric.minus))
        for place, metric in metrics.items()
        if metric.running
    }
    sessions = {place: metric.sessions for place, metric in metrics.items() if metric.sessions}
    shape = {"columns": columns, "running": running, "sessions": sessions, "some": bool(asked.ids)}
    template = "entities/daily_person.sql" if of_person else "entities/daily_entity.sql"
    answer = ask(store, template, question, shape, conditions, entity_type=subject.of, ids=asked.ids)
    named = dict(zip(metrics, subject.metrics, strict=True))
    return [answer], [{named.get(name, name): value for name, value in row.items()} for row in answer.rows()]


def _counted(metric: Metric, conditions: Compiler, score: Score) -> str:
    """Return the SQL of a metric over the hourly counters; empty for metrics that are computed differently."""

    def of(names: list[str]) -> str:
        return f"name IN {conditions.values.bind(names, 'Array(String)')}"

    if metric.count:
        return f"toInt64(sumIf(events, {of(metric.count)}))"
    if metric.unique:
        return f"uniqExactMergeIf(visitors, {of(metric.unique)})"
    if metric.time:
        return f"round(sumIf(duration_s, {of(metric.time)}), {_PLACES})"
    if metric.rating:
        names = of(metric.rating)
        mean = f"round(sumIf(rating, {names}) / sumIf(ratings, {names}), {_PLACES})"
        return f"if(sumIf(ratings, {names}) = 0, NULL, {mean})"
    if metric.score:
        weights = dict(sorted(score.weights.items()))
        names, values = (
            conditions.values.bind(list(items), kind)
            for items, kind in ((weights.keys(), "Array(String)"), (weights.values(), "Array(Float64)"))
        )
        lasting = [0.0, score.over_30, score.over_30 + score.over_60, score.over_30 + score.over_60 + score.over_120]
        added = conditions.values.bind(lasting, "Array(Float64)")
        base = conditions.values.bind(score.base, "Float64")
        each = f"least(1, {base} + {added}[lasted + 1] + transform(toString(name), {names}, {values}, toFloat64(0)))"
        return f"round(sumIf(events * {each}, {of(metric.score)}), {_PLACES})"
    return ""


def _children(
    store: Store, question: Question, asked: Daily, parent: str, metric: Metric, pack: Pack
) -> tuple[Answer, list[Row]]:
    """Return, for each parent and day, the sum of a metric over its children, or the number of children with any
    activity.
    """
    conditions = compiler(store, question)
    counted = "uniqExact(entity_id)"
    if metric.metric:
        own = next((subject for subject in pack.subjects.values() if subject.of == metric.children), None)
        child = None if own is None else own.metrics.get(metric.metric)
        if child is None or not child.count:
            raise BadQuestion("subject", f"{metric.metric!r} is not a metric of {metric.children!r} that counts events")
        counted = _counted(child, conditions, pack.score)
    shape = {"counted": counted, "some": bool(asked.ids)}
    answer = ask(
        store, "entities/daily_children.sql", question, shape, conditions,
        entity_type=metric.children, parent=f"{parent}:", ids=asked.ids,
    )  # fmt: skip
    # A child with several parents counts for each of them, but a caller sees only the numbers of parents they may see.
    shown = [row for row in answer.rows() if store.policy is None or store.policy.covers(parent, row["id"])]
    return answer, shown
