"""The stages and intents of everybody at once: the rules of a metrics pack, compiled to SQL.

A person's stage or intent is the first rule that holds for what they did, under all their ids, before the end of the
period (or before now, if that is earlier). `personalize/journey.py` decides the same for one person and says why;
`tests/personalize/test_journeys.py` holds them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from trackway.govern.personal_rules import Counted, Journey, Rule
from trackway.statements import Statements

_sql = Statements(__name__)
OF_JOURNEY = {"stage": "stages", "intent": "intents"}
"""Columns with a person's stage and intent, and the rules that decide them."""
Bind = Callable[[object, str], str]


class Profile(NamedTuple):
    """The SQL of the traits that say how complete a profile is, and the names of those that are counted if filled."""

    stated: tuple[str, ...]
    filled: tuple[str, ...]


class Latest(NamedTuple):
    """The number of newest actions to look at, and the lists of names and entity types that rules count."""

    most: int
    names: str
    types: str


class Everybody(NamedTuple):
    """The statement that lists people with the number of their rule, the names of the rules (the first, `''`, for the
    number 0), and the number of the rule for somebody who did nothing.
    """

    sql: str
    names: tuple[str, ...]
    nobody: int


def rules_of(journey: Journey, column: str) -> list[Rule]:
    """Return the rules that decide a column, in their order."""
    rules: list[Rule] = getattr(journey, OF_JOURNEY[column])
    return rules


def everybody(journey: Journey, column: str, person: str, counts: str, bind: Bind, end: str) -> Everybody:
    """Compile the rules of a column.

    Args:
        person: the SQL of a row's person.
        counts: the condition that a row counts, by its reason to be a bot.
        bind: binds a value and returns its placeholder.
        end: the SQL of the time at which people are looked at.
    """
    rules = rules_of(journey, column)
    used = {when.fact for rule in rules for when in rule.when}
    counted = {name: what for name, what in journey.counts.items() if name in used}
    names = sorted({name for what in counted.values() for name in what.names})
    types = sorted({kind for what in counted.values() for kind in what.entity_types})
    profile = latest = None
    if "completeness" in used and (journey.completeness or journey.profile):
        stated = tuple(f"properties.`{trait}`" for trait in journey.completeness)
        profile = Profile(stated, tuple(bind(trait, "String") for trait in journey.profile))
    if counted:
        latest = Latest(journey.newest, bind(names, "Array(String)"), bind(types, "Array(String)"))
    facts = {name: _count(what, names, types) for name, what in counted.items()}
    sql = _sql(
        "journeys", person=person, counts=counts, end=end, rule=_first_that_holds(rules, facts, bind), profile=profile,
        latest=latest,
    )  # fmt: skip
    return Everybody(sql, ("", *(rule.name for rule in rules)), _of_nobody(journey, rules))


def list_sql(of: Everybody) -> str:
    """Return the SELECT of the list in which `column_sql` looks people up."""
    return _sql("pairs", everybody=of.sql, nobody=of.nobody)


def column_sql(of: Everybody, listed: str, person: str, bind: Bind) -> str:
    """Return the SQL of the name of the rule that holds for a row's person.

    Args:
        listed: the name of the list, which the statement's WITH has.
    """
    number = _sql("rule_of", person=person, listed=listed, nobody=of.nobody)
    return f"{bind(list(of.names), 'Array(String)')}[1 + {number}]"


def _first_that_holds(rules: Sequence[Rule], facts: dict[str, str], bind: Bind) -> str:
    """Return the SQL of the number of the first rule that holds; a fact that is unknown (NULL) meets no condition."""
    cases = []
    for number, rule in enumerate(rules, 1):
        conditions = [
            f"{facts.get(when.fact, when.fact)} {sign} {bind(limit, 'Float64')}"
            for when in rule.when
            for sign, limit in ((">", when.over), ("<", when.below))
            if limit is not None
        ]
        cases += [f"ifNull({' AND '.join(conditions) or '1'}, 0)", str(number)]
    return f"multiIf({', '.join(cases)}, 0)" if cases else "0"


def _count(what: Counted, names: list[str], types: list[str]) -> str:
    """Return the SQL of the number of newest actions that a fact counts; `key` in journeys.sql defines the ranks."""

    def ranks(wanted: list[str], among: list[str]) -> list[int]:
        return sorted({2 * among.index(one) + 1 for one in wanted})

    condition = f"has({ranks(what.names, names)}, bitAnd(bitShiftRight(key, 11), 2047))"
    if what.entity_types:
        condition += f" AND has({ranks(what.entity_types, types)}, bitAnd(key, 2047))"
    return f"arrayCount(key -> {condition}, newest)"


def _of_nobody(journey: Journey, rules: Sequence[Rule]) -> int:
    facts = {**dict.fromkeys(["activities", *journey.counts], 0.0), "completeness": 0.0 if journey.profile else None}
    holding = (n for n, rule in enumerate(rules, 1) if all(when.holds(facts.get(when.fact)) for when in rule.when))
    return next(holding, 0)
