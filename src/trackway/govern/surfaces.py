"""The rules of recommendations in a metrics pack: how they are learned, and the surfaces of a product on which they are
shown. A surface is data, so that what it leaves out and prefers can be read, checked and changed without code.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from trackway.govern.personal_rules import BadRule

Kind = Literal["for_you", "similar", "also_viewed", "bought_together", "trending", "now"]
_Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Condition(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A condition on an attribute of an entity, or on its parents of a type: it has one of `values`; it is a number
    `over` or `below` another one; or it is a time in the future (`upcoming`), at most `within_days` ahead.

    An entity without the attribute meets the condition unless the attribute is `required`.
    """

    attribute: _Text
    values: Annotated[list[_Text], msgspec.Meta(max_length=1000)] = []
    over: _Number | None = None
    below: _Number | None = None
    upcoming: bool = False
    within_days: Annotated[float, msgspec.Meta(gt=0, le=3660)] | None = None
    required: bool = False


class AtMost(msgspec.Struct, forbid_unknown_fields=True):
    """At most `n` entities with the same value of an attribute, or with the same parent of a type (`of`)."""

    of: _Text
    n: Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Surface(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A place in the product where recommendations are shown, and what may stand there.

    `repeats` allows entities that the person knows, `own` those that belong to the person. `diversity`, 0 to 1, is how
    much an entity loses that is like those before it; `freshness` is how much one gains that the register has for less
    than `freshness_days`. A share `explore` of the lists is shuffled, so that other orders can be judged by what people
    do with these; the share `holdout` of people gets what is popular.
    """

    name: _Name
    kind: Kind = "for_you"
    entity_types: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=10)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    repeats: bool = False
    own: bool = False
    where: Annotated[list[Condition], msgspec.Meta(max_length=20)] = []
    blocked: Annotated[list[_Text], msgspec.Meta(max_length=1000)] = []
    pinned: Annotated[list[_Text], msgspec.Meta(max_length=20)] = []
    at_most: Annotated[list[AtMost], msgspec.Meta(max_length=5)] = []
    diversity: _Share = 0.0
    freshness: _Share = 0.0
    freshness_days: Annotated[float, msgspec.Meta(gt=0, le=3660)] = 14.0
    explore: _Share = 0.0
    holdout: _Share = 0.1


class Recommending(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The way in which recommendations are learned: from the interactions of `days` days, for these types of entities
    (all if there are none), with at most `seconds` for trying models of each type. What is trending loses half its
    weight each `half_life_days`. `surfaces` are the places where they are shown.
    """

    days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 180
    entity_types: Annotated[list[_Text], msgspec.Meta(max_length=50)] = []
    seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 60.0
    half_life_days: Annotated[float, msgspec.Meta(gt=0, le=366)] = 3.0
    surfaces: Annotated[list[Surface], msgspec.Meta(max_length=50)] = []

    def surface(self, name: str) -> Surface | None:
        """Return the surface of a name; None if there is none."""
        return next((one for one in self.surfaces if one.name == name), None)


def check(recommend: Recommending) -> None:
    """Check that the rules of surfaces can be met.

    Raises:
        BadRule: it names the place of the first fault.
    """
    names = [one.name for one in recommend.surfaces]
    for number, surface in enumerate(recommend.surfaces):
        place = f"recommend.surfaces[{number}]"
        if surface.name in names[:number]:
            raise BadRule(f"{place}.name", f"there are two surfaces {surface.name!r}")
        if both := set(surface.pinned) & set(surface.blocked):
            raise BadRule(f"{place}.pinned", f"{min(both)!r} is blocked too")
        for part, one in enumerate(surface.where):
            at = f"{place}.where[{part}]"
            if not one.values and one.over is None and one.below is None and not one.upcoming:
                raise BadRule(f"{at}.attribute", f"{one.attribute} needs `values`, `over`, `below` or `upcoming`")
            if one.over is not None and one.below is not None and one.over >= one.below:
                raise BadRule(f"{at}.over", f"no {one.attribute} is over {one.over:g} and below {one.below:g}")
            if one.within_days is not None and not one.upcoming:
                raise BadRule(f"{at}.within_days", "needs `upcoming`")
