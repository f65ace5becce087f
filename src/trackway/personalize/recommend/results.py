"""The question `recommendation_results`: how many people saw and clicked recommendations on each surface, and how many
more click than in the holdout, who see what is popular.

The page reports what it showed with the event `Recommendation Shown`, and clicks with `Recommendation Clicked`: the
entity as `entity_type` and `entity_id`, and `surface`, `position` and `propensity` as the answer had them. Both groups
count who was shown the surface; so they differ by chance, and by what they were shown.
"""

from __future__ import annotations

import math

import msgspec

from trackway.analyze.language.question import Answer, Question, ask
from trackway.govern.metric_packs import Pack
from trackway.personalize.results import Lift, lift
from trackway.store.connection import Store

SHOWN, CLICKED = "Recommendation Shown", "Recommendation Clicked"


class RecommendationResults(msgspec.Struct, tag="recommendation_results", tag_field="question", kw_only=True):
    """The results of each surface of the metrics pack in the period."""


class SurfaceGroup(msgspec.Struct, kw_only=True):
    """People to whom a surface was shown, those of them who clicked (`clicked`), and the events: `shown` exposures and
    `clicks`.
    """

    people: int = 0
    clicked: int = 0
    shown: int = 0
    clicks: int = 0


class SurfaceResult(msgspec.Struct, kw_only=True):
    """The results of a surface: of those who see `recommended` entities, and of the `holdout`. `lift` is the share of
    people who clicked less that of the holdout, null while one of the groups is empty.
    """

    surface: str
    recommended: SurfaceGroup
    holdout: SurfaceGroup
    lift: Lift | None


def recommendation_results(
    store: Store, question: Question, _: RecommendationResults, pack: Pack
) -> tuple[list[Answer], list[SurfaceResult]]:
    """Count what became of recommendations, in the order of the pack's surfaces."""
    surfaces = pack.recommend.surfaces
    answer = ask(
        store, "personalize/recommend/results.sql", question, shown=SHOWN, clicked=CLICKED,
        surfaces=[one.name for one in surfaces], bounds=[math.ceil(one.holdout * 2.0**64) for one in surfaces],
    )  # fmt: skip
    groups = {
        (row.pop("surface"), bool(row.pop("held"))): SurfaceGroup(**row) for row in map(dict, answer.rows())
    }  # fmt: skip
    results = []
    for one in surfaces:
        own, held = (groups.get((one.name, of), SurfaceGroup()) for of in (False, True))
        results.append(SurfaceResult(
            surface=one.name, recommended=own, holdout=held,
            lift=lift(own.clicked, own.people, held.clicked, held.people),
        ))  # fmt: skip
    return [answer], results
