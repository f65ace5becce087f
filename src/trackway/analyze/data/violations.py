"""Violations of the tracking plan, and the libraries that sent them."""

from __future__ import annotations

from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store


def violations(store: Store, question: Question, limit: int = 100) -> Answer:
    """Count the period's violations by event, property, problem and version of the library, the most frequent first.

    Returns:
        `messages` counts each message once; `some` contains up to five of their ids, which can be looked up among the
        events (or among the rejections, if `rejected`). `property` is empty if the event itself is not in the plan.
    """
    return ask(store, "data/violations.sql", question, limit=limit)
