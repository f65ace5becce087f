"""Violations: what messages broke of the tracking plan, and who sent them."""

from __future__ import annotations

from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store


def violations(store: Store, question: Question, limit: int = 100) -> Answer:
    """The period's violations by event, property, problem and version of the library, those of most messages first.

    Returns:
        `messages` counts each message once; `some` has up to five of their ids, to be looked up among the events (or,
        where `rejected`, among the rejections). `property` is empty when the event itself is not in the plan.
    """
    return ask(store, "data/violations.sql", question, limit=limit)
