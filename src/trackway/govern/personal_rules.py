"""The rules of a metrics pack about single people: how their preferences are weighted, the stages of their journey,
their intents, and what to suggest to whom. Rules are data, so that every answer can name the rule and the numbers that
met it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from trackway.govern.messages import BadMessage
from trackway.govern.messages import check as check_message

FACTS = {
    "days": "days since registration; unknown for people who never registered",
    "completeness": "how complete the profile is, 0 to 100; unknown if no trait says it",
    "activities": "all actions so far",
}
"""Numbers about a person that every pack has; the ones in `counts` come besides."""
Priority = Literal["high", "medium", "low"]
_Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
_Language = Annotated[str, msgspec.Meta(pattern="^[a-z]{2}(-[A-Z]{2})?$")]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Trait = Annotated[str, msgspec.Meta(pattern=r"^[^.`\\\x00-\x1f]{1,100}$")]
_Number = Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
"""Not `nan` and `inf`, which TOML has."""


class BadRule(ValueError):
    """A rule that cannot be used: `field` is its place, such as `journey.stages[2].when[0].fact`, and `reason` the
    problem and its fix.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class Counted(msgspec.Struct, forbid_unknown_fields=True):
    """Actions to count among the newest ones: those with one of the `names` and, if given, one of the entity types."""

    names: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=50)]
    entity_types: Annotated[list[_Text], msgspec.Meta(max_length=50)] = []


class When(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A condition: a fact is over a number, below a number, or both. A fact that is unknown meets no condition."""

    fact: _Name
    over: _Number | None = None
    below: _Number | None = None

    def holds(self, value: float | None) -> bool:
        """Whether a value meets the condition."""
        if value is None:
            return False
        return (self.over is None or value > self.over) and (self.below is None or value < self.below)


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """A stage or an intent, and the conditions that must all hold for it; none hold for everybody."""

    name: _Name
    when: Annotated[list[When], msgspec.Meta(max_length=10)] = []


class Journey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Stages and intents. The first rule that holds decides.

    `newest` is the number of newest actions that `counts` look at. `completeness` lists the traits that say how
    complete a profile is (a number from 0 to 100), the first that is there counts; `profile` lists traits whose filled
    share is the completeness if none says it.
    """

    newest: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20
    counts: Annotated[dict[_Name, Counted], msgspec.Meta(max_length=20)] = {}
    completeness: Annotated[list[_Trait], msgspec.Meta(max_length=10)] = msgspec.field(
        default_factory=lambda: ["profile_completeness", "profileCompleteness"]
    )
    profile: Annotated[list[_Trait], msgspec.Meta(max_length=50)] = []
    stages: Annotated[list[Rule], msgspec.Meta(max_length=50)] = []
    intents: Annotated[list[Rule], msgspec.Meta(max_length=50)] = []


class Preferring(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The way in which preferences follow from interactions: those of `days` days, each worth half as much after every
    `half_life_days`. `bands` lists, for an attribute that is a number, the limits of the bands in which it is counted.
    """

    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30
    half_life_days: Annotated[float, msgspec.Meta(gt=0, le=3660)] = 14.0
    bands: dict[_Text, Annotated[list[_Number], msgspec.Meta(min_length=1, max_length=50)]] = {}


class Similar(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The way in which people with the same interests are found, by the interactions of `days` days.

    Candidates come from the person's `entities` entities of highest weight, from each at most `people` of those who did
    something with it; the `candidates` who share most of them are compared exactly. People are shown to other people
    only where at least `group` are found.
    """

    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30
    entities: Annotated[int, msgspec.Meta(ge=1, le=50)] = 10
    people: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    candidates: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    group: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5


class Measured(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A number that is measured on the project's people, for `{percent}` in a text.

    It compares what people `received` in `days` days: how often others did one of its `names` with the entity of one of
    its `entity_types` whose id is a user id of theirs. It says by how many per cent the median of people who ever `did`
    one of these actions `at_least` so many times is above that of people who never did. With fewer than `people` people
    on either side, it is not known.
    """

    did: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=50)]
    at_least: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    received: Counted
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30
    people: Annotated[int, msgspec.Meta(ge=2, le=1_000_000)] = 20
    message: Annotated[dict[_Language, _Text], msgspec.Meta(min_length=1)]


class Predicting(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The predictions about people: how likely they do each of these `events` (and each goal of the project), with at
    most `seconds` for the training.
    """

    events: Annotated[list[_Text], msgspec.Meta(max_length=10)] = []
    seconds: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 600.0


class Suggestion(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A suggestion for a stage; without a `stage`, in every stage that has no suggestion of its own. With an
    `intent`, it goes before those without one.

    `message` and `call_to_action` are messages by language (`messages.py`: ICU, with plural forms); `{n}` stands for
    the number of entities of the type `new` that came after the person's last visit and match what they prefer. While
    that number is 0, the suggestion is not made. After it was shown `times` times it is not made again; after each time
    it rests for `rest_hours`, and after a dismissal for `dismissed_days`. With `measured`, its message is told in place
    of `message` while the number is known and above 0. `goal` lists the events that say that it was followed, with or
    without Trackway; the results of the suggestion compare how many people reach it.
    """

    action: _Name
    stage: str = ""
    intent: str = ""
    priority: Priority = "medium"
    message: Annotated[dict[_Language, _Text], msgspec.Meta(min_length=1)]
    call_to_action: dict[_Language, _Text] = {}
    new: str = ""
    times: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    rest_hours: Annotated[float, msgspec.Meta(ge=0, le=8784)] = 0.0
    dismissed_days: Annotated[float, msgspec.Meta(ge=0, le=3660)] = 30.0
    measured: Measured | None = None
    goal: Annotated[list[_Text], msgspec.Meta(max_length=20)] = []


class Rules(msgspec.Struct, forbid_unknown_fields=True):
    """The rules of a pack that decide about single people: stages, intents and suggestions; `holdout` is the share of
    people who see no suggestions, 0 to 1.
    """

    journey: Journey
    suggestions: Annotated[list[Suggestion], msgspec.Meta(max_length=100)] = []
    holdout: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.1


def check(journey: Journey, suggestions: list[Suggestion]) -> None:
    """Check that rules name facts that exist, and suggestions stages and intents that exist.

    Raises:
        BadRule: it names the place of the first fault, and what may stand there.
    """
    if taken := FACTS.keys() & journey.counts.keys():
        raise BadRule(f"journey.counts.{min(taken)}", "every person has a fact of this name; use another one")
    facts = [*FACTS, *journey.counts]
    _check_rules("journey.stages", journey.stages, facts)
    _check_rules("journey.intents", journey.intents, facts)
    for number, suggestion in enumerate(suggestions):
        place = f"suggestions[{number}]"
        for part, name, rules in (
            ("stage", suggestion.stage, journey.stages), ("intent", suggestion.intent, journey.intents),
        ):  # fmt: skip
            names = [rule.name for rule in rules]
            if name and name not in names:
                raise BadRule(f"{place}.{part}", f"there is no {part} {name!r}; the {part}s are {', '.join(names)}")
        if (measured := suggestion.measured) is not None:
            if not measured.received.entity_types:
                raise BadRule(f"{place}.measured.received.entity_types", "is required")
            for language, text in measured.message.items():
                if not _values(f"{place}.measured.message", language, text, "percent"):
                    raise BadRule(f"{place}.measured.message.{language}", "needs {percent}")
        for part, texts in (("message", suggestion.message), ("call_to_action", suggestion.call_to_action)):
            for language, text in texts.items():
                if _values(f"{place}.{part}", language, text, "n") and not suggestion.new:
                    raise BadRule(f"{place}.{part}.{language}", "{n} needs `new`, the type of the entities to count")


def _values(place: str, language: str, message: str, name: str) -> set[str]:
    """Return the names of the values in a message, which has at most this one."""
    try:
        return check_message(message, language, {name})
    except BadMessage as wrong:
        raise BadRule(f"{place}.{language}", str(wrong)) from wrong


def _check_rules(place: str, rules: list[Rule], facts: list[str]) -> None:
    names = [rule.name for rule in rules]
    for number, rule in enumerate(rules):
        if rule.name in names[:number]:
            raise BadRule(f"{place}[{number}].name", f"there are two rules {rule.name!r}")
        for part, when in enumerate(rule.when):
            at = f"{place}[{number}].when[{part}]"
            if when.fact not in facts:
                raise BadRule(f"{at}.fact", f"there is no fact {when.fact!r}; the facts are {', '.join(facts)}")
            if when.over is None and when.below is None:
                raise BadRule(f"{at}.over", f"{when.fact} needs `over` or `below`")
            if when.over is not None and when.below is not None and when.over >= when.below:
                raise BadRule(f"{at}.over", f"no {when.fact} is over {when.over:g} and below {when.below:g}")
