"""Funnel: how many units go through steps, how far and how fast, and where they drop out.

Definitions (a unit is a person, a session, an entity, or a person's path with one entity):

- An attempt begins with an event of step 1 in the period. It reaches step k+1 with an event of that step after the one
  of step k, no later than `window` after its beginning; that may be after the period's end.
- `ordered`: other events may come between. `strict`: no other events of the unit may. `any`: distinct events, each of
  another step, in any order within a window that begins in the period; level k then means that k steps were done
  (`funnel_any_order.py`).
- Events of the same millisecond count in the order of the steps. One event counts for at most one step of an attempt.
- An exclusion is an event that ends an attempt which has reached step `after` but not yet step `before`.
- A unit counts once, with the attempt that gets furthest; among several, with the one that got there first, and among
  those with the one that began last.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from trackway.analyze.behavior.funnel_any_order import families
from trackway.analyze.language.columns import column
from trackway.analyze.language.period import BadQuestion, Interval, buckets, page
from trackway.analyze.language.question import Answer, Question, ask, compiler
from trackway.analyze.language.sampling import Margin
from trackway.analyze.language.steps import Step, any_of, unit
from trackway.store.connection import Store

ENTITY_STEPS = {
    "impression": ["impression"],
    "click": ["click", "event click"],
    "view_details": ["view_details"],
    "interest": ["interest"],
    "ticket_click": ["ticket_click"],
}
"""The standard funnel of an entity: its steps, and the events of each step."""
QUANTILES = ("p10", "p25", "median", "p75", "p90", "p99")
LONGEST_WINDOW_S = 366 * 86_400
_MOST_STEPS, _MOST_EXCLUSIONS = 20, 3  # together with 41 bits of time, these fill a 64-bit number


class Exclusion(Step, kw_only=True, forbid_unknown_fields=True):
    """Events that end an attempt which has reached step `after` (from 1) but not yet step `before`."""

    after: int = 1
    before: int = 0


class Funnel(msgspec.Struct, tag="funnel", tag_field="question", kw_only=True):
    """A funnel of steps.

    `interval` adds the trend of conversion by the start of attempts; `by` adds a breakdown by a column of a unit's
    first event of step 1 in the period; `times` adds the times between steps.
    """

    steps: list[Step]
    order: Literal["ordered", "strict", "any"] = "ordered"
    window_s: float = 14 * 86_400
    unit: str = "person"
    exclusions: list[Exclusion] = []
    by: str = ""
    top: int = 10
    interval: Interval | None = None
    times: bool = True


class FunnelUnits(Funnel, tag="funnel_units", tag_field="question", kw_only=True):
    """The units that reached a step or, with `dropped`, got exactly that far; as a list, or with `rows` every step of
    each unit.
    """

    step: int = 1
    dropped: bool = False
    rows: bool = False
    limit: int = 100
    offset: int = 0


class FunnelStep(msgspec.Struct, kw_only=True):
    """The number of units that reached a step, and their share (0 to 1) of the first and of the previous step's."""

    name: str
    units: int
    units_margin: Margin = msgspec.UNSET
    of_first: float | None
    of_previous: float | None


class FunnelPart(msgspec.Struct):
    """The steps of the units with one value of the breakdown, or with all `other` values together."""

    value: str
    other: bool
    steps: list[FunnelStep]


class FunnelTrendPoint(msgspec.Struct):
    """Units that began in an interval, those of them that reached the last step, and their share (0 to 1)."""

    at: datetime
    entered: int
    converted: int
    rate: float | None
    entered_margin: Margin = msgspec.UNSET
    converted_margin: Margin = msgspec.UNSET


class FunnelTimeBin(msgspec.Struct, kw_only=True):
    """The number of units that took from `from_s` to `to_s` seconds."""

    from_s: int
    to_s: int
    units: int
    units_margin: Margin = msgspec.UNSET


class FunnelTime(msgspec.Struct, kw_only=True):
    """The time that units took from one step to a later one (numbered from 1), in seconds."""

    start: int = msgspec.field(name="from")
    end: int = msgspec.field(name="to")
    units: int
    units_margin: Margin = msgspec.UNSET
    mean_s: float
    p10: float
    p25: float
    median: float
    p75: float
    p90: float
    p99: float
    least_s: float
    most_s: float
    histogram: list[FunnelTimeBin]


class FunnelAnswer(msgspec.Struct):
    """The steps of a funnel.

    `times`: durations between each pair of steps, if asked for. `parts`: one funnel for each value of `by`. `trend`:
    one point for each interval.
    """

    steps: list[FunnelStep]
    unit: str
    times: list[FunnelTime] | msgspec.UnsetType = msgspec.UNSET
    parts: list[FunnelPart] | msgspec.UnsetType = msgspec.UNSET
    trend: list[FunnelTrendPoint] | msgspec.UnsetType = msgspec.UNSET


class FunnelUnit(msgspec.Struct, kw_only=True):
    """A unit: a person's number, a session's id, or the parts of an entity's name. It has the last step that it reached
    (`level`) and the `times` of its steps; or with `rows` one step, whose name is null for steps in any order, its
    `position` (the number of steps done by then), and the seconds since its first and its previous step.
    """

    unit: str | list[str]
    level: int | msgspec.UnsetType = msgspec.UNSET
    times: list[datetime] | msgspec.UnsetType = msgspec.UNSET
    position: int | msgspec.UnsetType = msgspec.UNSET
    at: datetime | msgspec.UnsetType = msgspec.UNSET
    from_start_s: float | msgspec.UnsetType = msgspec.UNSET
    from_previous_s: float | msgspec.UnsetType | None = msgspec.UNSET
    step: str | msgspec.UnsetType | None = msgspec.UNSET


def entity_funnel(unit_: str = "person_entity") -> Funnel:
    """Return the standard funnel: impression → click → view_details → interest → ticket_click."""
    steps = [Step(event=names, name=name) for name, names in ENTITY_STEPS.items()]
    return Funnel(steps=steps, unit=unit_, window_s=30 * 86_400)


def funnel(store: Store, question: Question, asked: Funnel) -> tuple[list[Answer], FunnelAnswer]:
    """Count the units that reached each step.

    Raises:
        BadQuestion: the steps, the window or the unit are invalid.
    """
    names = [step.shown for step in asked.steps]
    timed = asked.times and len(names) > 1
    answer = _ask(store, question, asked, "whole", timed=timed)
    row = answer.rows()[0]
    reached = [row["entered"], *row["reached"][1:], *[0] * len(names)][: len(names)]
    answers, data = [answer], FunnelAnswer(_steps(names, reached), asked.unit)
    if timed:
        data.times = _times(row, len(names))
    if asked.by:
        split = _ask(store, question, asked, "steps", by=True)
        answers.append(split)
        data.parts = _parts(names, split.rows())
    if asked.interval:
        trend = _ask(store, question, asked, "steps", interval=asked.interval)
        answers.append(trend)
        moments = buckets(question.period, question.timezone, asked.interval)
        data.trend = _trend(len(names), trend.rows(), moments)
    return answers, data


def funnel_units(store: Store, question: Question, asked: FunnelUnits) -> tuple[list[Answer], list[FunnelUnit]]:
    """List the units that reached a step, the latest first; with `rows`, list every step of each unit."""
    if not 1 <= asked.step <= len(asked.steps):
        raise BadQuestion("step", f"is from 1 to {len(asked.steps)}")
    page(asked.limit, asked.offset)
    level = f"level {'=' if asked.dropped else '>='} {int(asked.step)}"
    show = "rows" if asked.rows else "units"
    answer = _ask(store, question, asked, show, level=level, limit=asked.limit, offset=asked.offset)
    rows = answer.rows()
    if asked.rows:
        names = [None if asked.order == "any" else step.shown for step in asked.steps]
        return [answer], [FunnelUnit(**row, step=names[row["position"] - 1]) for row in rows]
    units = []
    for row in rows:
        times = [datetime.fromtimestamp(at / 1000, UTC) for at in row["times"]]
        units.append(FunnelUnit(unit=row["unit"], level=row["level"], times=times))
    return [answer], units


def _ask(store: Store, question: Question, asked: Funnel, show: str, **shape: Any) -> Answer:
    n, window = len(asked.steps), round(asked.window_s * 1000)
    if not 1 <= n <= _MOST_STEPS or len(asked.exclusions) > _MOST_EXCLUSIONS:
        raise BadQuestion("steps", f"a funnel has 1 to {_MOST_STEPS} steps and at most {_MOST_EXCLUSIONS} exclusions")
    if not 0 < asked.window_s <= LONGEST_WINDOW_S:
        raise BadQuestion("window_s", f"is more than 0 and at most {LONGEST_WINDOW_S} seconds")
    if asked.exclusions and asked.order == "any":
        raise BadQuestion("exclusions", "cannot be used with steps in any order: `after` and `before` need an order")
    if asked.by and not column(asked.by).events:
        raise BadQuestion("by", f"{asked.by!r} is not a column of events")
    conditions = compiler(store, question)
    steps = [conditions.on_events(step.node(f"steps[{i}]")) for i, step in enumerate(asked.steps)]
    exclusions = [
        conditions.on_events(exclusion.node(f"exclusions[{i}]")) for i, exclusion in enumerate(asked.exclusions)
    ]
    counted = unit(asked.unit, conditions)
    structure = {
        "show": show,
        "n": n,
        # Without exclusions, units that began and never did step 2 have reached exactly step 1; one group with hash 0
        # represents all of them.
        "collapsed": show == "whole" and "entity" in asked.unit and n > 1 and asked.order != "any" and not exclusions,
        "bits": n + len(exclusions),
        "order": asked.order,
        "families": families(asked.steps) if asked.order == "any" else [],
        "unit": counted.key,
        "shown": counted.shown if show in ("units", "rows") else "",
        "unit_set": "entity_id != ''" if "entity" in asked.unit else "",
        "steps": steps,
        "exclusions": exclusions,
        "ends": _ends(asked.exclusions, n),
        "names": "1" if asked.order == "strict" else any_of([*asked.steps, *asked.exclusions], conditions),
        "by": conditions.column(asked.by).text if asked.by and shape.get("by") else "",
        "interval": shape.get("interval"),
        "level": shape.get("level"),
        "timed": shape.get("timed"),
        "pairs": str(_pairs(n)),
    }
    return ask(
        store,
        "behavior/funnel.sql",
        question,
        structure,
        conditions,
        window=window,
        entry_end=int(question.period.end.timestamp() * 1000),
        top=asked.top,
        limit=shape.get("limit"),
        offset=shape.get("offset"),
    )


def _ends(exclusions: list[Exclusion], n: int) -> dict[int, int]:
    """Map each step k to a bit mask of the exclusions that end an attempt which has reached step k."""
    ends: dict[int, int] = {}
    for number, exclusion in enumerate(exclusions):
        before = exclusion.before or n
        if not 1 <= exclusion.after < before <= n:
            raise BadQuestion(f"exclusions[{number}].after", f"after and before are steps from 1 to {n}, after first")
        for k in range(exclusion.after, before):
            ends[k] = ends.get(k, 0) | 1 << (n + number)
    return ends


def _pairs(n: int) -> list[tuple[int, int]]:
    """Return every two steps, in order of the later one."""
    return [(first, second) for second in range(2, n + 1) for first in range(1, second)]


def _reached(n: int, rows: list[dict[str, Any]]) -> list[int]:
    exactly = [0] * (n + 1)
    for row in rows:
        exactly[row["level"]] += row["units"]
    return [sum(exactly[k:]) for k in range(1, n + 1)]


def _steps(names: list[str], reached: list[int]) -> list[FunnelStep]:
    return [
        FunnelStep(
            name=name,
            units=units,
            of_first=units / reached[0] if reached[0] else None,
            of_previous=units / reached[max(0, k - 1)] if reached[max(0, k - 1)] else None,
        )
        for k, (name, units) in enumerate(zip(names, reached, strict=True))
    ]


def _parts(names: list[str], rows: list[dict[str, Any]]) -> list[FunnelPart]:
    by_part: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        by_part.setdefault(tuple(row["part"]), []).append(row)
    parts = [
        FunnelPart(part[0] if part else "", not part, _steps(names, _reached(len(names), own)))
        for part, own in by_part.items()
    ]
    return sorted(parts, key=lambda part: (part.other, -part.steps[0].units, part.value))


def _trend(n: int, rows: list[dict[str, Any]], moments: list[datetime]) -> list[FunnelTrendPoint]:
    entered: dict[int, int] = {}
    converted: dict[int, int] = {}
    for row in rows:
        entered[row["at"]] = entered.get(row["at"], 0) + row["units"]
        converted[row["at"]] = converted.get(row["at"], 0) + row["units"] * (row["level"] == n)
    points = []
    for moment in moments:
        at = int(moment.timestamp())
        started, finished = entered.get(at, 0), converted.get(at, 0)
        points.append(FunnelTrendPoint(moment, started, finished, finished / started if started else None))
    return points


def _times(row: dict[str, Any], n: int) -> list[FunnelTime]:
    """Return the times between every two steps that some unit went through. The histogram's bins double: under 1 s, 1
    to 2 s, …
    """
    times = []
    for number, (first, second) in enumerate(_pairs(n)[: len(row["units"])]):
        times.append(
            FunnelTime(
                start=first,
                end=second,
                units=row["units"][number],
                mean_s=row["mean"][number] / 1000,
                **{name: ms / 1000 for name, ms in zip(QUANTILES, row["quantiles"][number], strict=True)},
                least_s=row["least"][number] / 1000,
                most_s=row["most"][number] / 1000,
                histogram=[
                    FunnelTimeBin(from_s=2 ** (bin_ - 1) if bin_ else 0, to_s=2**bin_, units=units)
                    for bin_, units in sorted(dict(row["bins"][number]).items())
                ],
            )
        )
    return times
