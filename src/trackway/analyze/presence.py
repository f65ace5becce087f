"""Presence: rows that say that somebody was there, from the counters by the hour when those know enough."""

from __future__ import annotations

from typing import NamedTuple

from trackway.analyze.conditions import Compiler
from trackway.analyze.filters import Group
from trackway.analyze.question import Question, everybody, without_bots
from trackway.analyze.steps import Step
from trackway.store.connection import Store


class Presence(NamedTuple):
    """A table, its time, what rows must be, and whether it is the counters (which have no columns but a person)."""

    table: str
    at: str
    conditions: str
    counted: bool


def presence(store: Store, question: Question, steps: list[Step], conditions: Compiler, by: str = "") -> Presence:
    """Where to look for people who did any of the steps."""
    if not by and question.plain(store) and all(not step.events and not step.where for step in steps):
        return Presence(store.persons.activity, "hour", without_bots(question, conditions), True)
    node = Group("all", (*question.filters, Group("any", tuple(step.node("event") for step in steps))))
    return Presence("events", "timestamp", conditions.on_events(node) + everybody(question, conditions), False)
