"""Metrics packs: the daily metrics of a kind of business, declared as data (TOML), so that they need no code.

A pack has subjects (persons, or entities of a type) and for each subject its metrics with the way each is counted. It
also scores interactions, and has the rules about single people (`personal_rules.py`). `concerts`, `marketplace` and
`community` are included.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Literal

import msgspec

from trackway.govern.access.permissions import PERMISSIONS, SEEN, AccountType, Gate
from trackway.govern.personal_rules import (
    BadRule,
    Journey,
    Predicting,
    Preferring,
    Rules,
    Similar,
    Suggestion,
    check,
)
from trackway.govern.surfaces import Recommending
from trackway.govern.surfaces import check as check_surfaces

INCLUDED = ("concerts", "marketplace", "community")
_Trait = Annotated[str, msgspec.Meta(pattern="^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class BadPack(ValueError):
    """A metrics pack that cannot be used; the text says where it is wrong and how to fix it."""


class Metric(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The way in which one metric is counted. Exactly one of the first nine fields is set; lists contain event names.

    `count`: number of events; `unique`: number of visitors with any of the events; `time`: sum of their durations in
    seconds; `rating`: mean of the ratings given with them; `score`: sum of their scores (see `Score`); `running`:
    number of events until now, less those named in `minus`; `ratio`: the first of two metrics of the subject divided by
    the second; `children`: sum of `metric` over the entities of this type that belong to the subject, or without
    `metric` the number of those entities that had any event; `sessions`: number, time or average time of a person's
    sessions.
    """

    count: list[str] = []
    unique: list[str] = []
    time: list[str] = []
    rating: list[str] = []
    score: list[str] = []
    running: list[str] = []
    ratio: list[str] = []
    children: str = ""
    sessions: Literal["", "count", "time", "average"] = ""
    minus: list[str] = []
    metric: str = ""


class Subject(msgspec.Struct, forbid_unknown_fields=True):
    """The persons or entities that the metrics describe: `of` is `person` or an entity type."""

    of: str
    metrics: dict[str, Metric]


class Score(msgspec.Struct, forbid_unknown_fields=True):
    """The score of an interaction: the sum of `base`, the weight of the event's name in `weights`, and `over_30`,
    `over_60` and `over_120` if it lasted over 30, 60 and 120 s; at most 1.
    """

    base: _Share = 0.5
    over_30: _Share = 0.2
    over_60: _Share = 0.2
    over_120: _Share = 0.1
    weights: dict[str, _Share] = {}

    def of(self, name: str, lasted_s: float) -> float:
        """Return the score of one interaction, 0 to 1."""
        added = 0.0
        if lasted_s > 30:
            added += self.over_30 + (lasted_s > 60) * self.over_60 + (lasted_s > 120) * self.over_120
        return min(1.0, self.base + added + self.weights.get(name, 0.0))


class HostKey(msgspec.Struct, forbid_unknown_fields=True):
    """A permission of the host application, which asks for it by name. `what` describes it; `opens` lists Trackway's
    permissions to see that hold as long as the account has this key.
    """

    what: str
    opens: list[str] = []


class Pack(msgspec.Struct, forbid_unknown_fields=True):
    """A metrics pack.

    `bookings`: the events that views lead to. `permissions`: for each account type, the condition (`Gate`) under which
    a permission is granted; one without a condition is not granted. `keys`: the host application's own permission
    names; they need a condition too. `demographics`: the traits by which viewers are grouped. `preferences`, `similar`,
    `journey` and `suggestions`: the rules about single people; `holdout`: the share of people who see no suggestions,
    so that their effect can be measured. `recommend`: how recommendations are learned and the surfaces on which they
    are shown; `predict`: what is predicted of people.
    """

    name: str
    subjects: dict[str, Subject]
    score: Score = msgspec.field(default_factory=Score)
    bookings: list[str] = msgspec.field(default_factory=lambda: ["Order Completed", "Booking Completed"])
    permissions: dict[AccountType, dict[str, Gate]] = {}
    keys: dict[str, HostKey] = {}
    demographics: Annotated[list[_Trait], msgspec.Meta(max_length=10)] = msgspec.field(
        default_factory=lambda: ["gender", "age_range"]
    )
    preferences: Preferring = msgspec.field(default_factory=Preferring)
    similar: Similar = msgspec.field(default_factory=Similar)
    journey: Journey = msgspec.field(default_factory=Journey)
    suggestions: Annotated[list[Suggestion], msgspec.Meta(max_length=100)] = []
    holdout: _Share = 0.1
    recommend: Recommending = msgspec.field(default_factory=Recommending)
    predict: Predicting = msgspec.field(default_factory=Predicting)

    @property
    def rules(self) -> Rules:
        """The rules that decide about single people."""
        return Rules(self.journey, self.suggestions, self.holdout)

    @property
    def named(self) -> dict[str, str]:
        """Every permission that an account can have, with its description."""
        return {**SEEN, **{name: key.what for name, key in self.keys.items()}}

    @property
    def opens(self) -> dict[str, list[str]]:
        """For each key of the host, the permissions that it opens."""
        return {name: key.opens for name, key in self.keys.items()}


@lru_cache(maxsize=100)
def pack_of(text: str) -> Pack:
    """Parse a pack from TOML, or return the included pack of that name.

    Raises:
        BadPack: there is no such pack, or the text is not a valid pack.
    """
    if text in INCLUDED:
        text = included(text)
    elif "\n" not in text and "=" not in text:
        raise BadPack(f"there is no metrics pack {text!r}; the included ones are {', '.join(INCLUDED)}")
    try:
        pack = msgspec.toml.decode(text, type=Pack)
    except msgspec.DecodeError as error:
        raise BadPack(f"the metrics pack is wrong: {error}") from error
    for key, host_key in pack.keys.items():
        if key in PERMISSIONS or not set(host_key.opens) <= SEEN.keys():
            raise BadPack(
                f"keys.{key}: use a name that is not a permission of Trackway, and list in `opens` some of "
                f"{', '.join(SEEN)}"
            )
    for account_type, gates in pack.permissions.items():
        for permission in gates.keys() - pack.named.keys():
            raise BadPack(
                f"permissions.{account_type}: there is no permission {permission!r}; the permissions are "
                f"{', '.join(pack.named)}"
            )
    for name, subject in pack.subjects.items():
        for metric_name, metric in subject.metrics.items():
            try:
                _check(subject, metric)
            except BadPack as error:
                raise BadPack(f"subjects.{name}.metrics.{metric_name}: {error}") from error
    try:
        check(pack.journey, pack.suggestions)
        check_surfaces(pack.recommend)
    except BadRule as error:
        raise BadPack(str(error)) from error
    return pack


def included(name: str) -> str:
    """Return the text of an included pack."""
    return files("trackway.govern").joinpath("packs", f"{name}.toml").read_text()


def with_rules(text: str, rules: Rules) -> str:
    """Return a pack with other rules; everything else, comments included, stays as it is.

    Args:
        text: the pack as TOML, or the name of an included one.

    Raises:
        BadRule: a rule names a fact, stage or intent that does not exist; `field` is its place.
    """
    import tomlkit  # only where somebody edits rules: starts are faster without it

    check(rules.journey, rules.suggestions)
    pack = tomlkit.parse(included(text) if text in INCLUDED else text)
    for name, value in msgspec.to_builtins(rules).items():
        pack[name] = value
    return tomlkit.dumps(pack)


def _check(subject: Subject, metric: Metric) -> None:
    ways = ("count", "unique", "time", "rating", "score", "running", "ratio", "children", "sessions")
    ways_set = [way for way in ways if getattr(metric, way)]
    if len(ways_set) != 1:
        raise BadPack(f"sets {' and '.join(ways_set) or 'nothing'}; set exactly one of {', '.join(ways)}")
    if metric.minus and not metric.running:
        raise BadPack("`minus` needs `running`")
    if metric.metric and not metric.children:
        raise BadPack("`metric` needs `children`")
    if metric.ratio and (len(metric.ratio) != 2 or not set(metric.ratio) <= subject.metrics.keys()):
        raise BadPack(f"`ratio` needs two metrics of the subject, not {metric.ratio}")
    of_person = subject.of == "person"
    if of_person and ways_set[0] in ("unique", "rating", "score", "running", "children"):
        raise BadPack(f"{ways_set[0]} is for entities; a person can have count, time, ratio and sessions")
    if not of_person and metric.sessions:
        raise BadPack("`sessions` is only for persons")
