"""Violations of the tracking plan, and the libraries that sent them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from trackway.analyze.language.period import page
from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store


class Violations(msgspec.Struct, tag="violations", tag_field="question", kw_only=True):
    """Violations of the tracking plan in the period, by event, property, problem and version of the library."""

    limit: int = 100


class Violation(msgspec.Struct, kw_only=True):
    """Violations of one kind: the number of messages, the first and the last time, and up to five of their ids
    (`some`). `property` is empty if the event itself is not in the plan.
    """

    event: str
    property: str
    problem: str
    library: str
    library_version: str
    rejected: bool
    messages: int
    first_at: datetime
    last_at: datetime
    some: list[str]


def violations(store: Store, question: Question, asked: Violations) -> tuple[list[Answer], list[Violation]]:
    """Count the period's violations by event, property, problem and version of the library, the most frequent first.

    Returns:
        `messages` counts each message once; `some` contains up to five of their ids, which can be looked up among the
        events (or among the rejections, if `rejected`). `property` is empty if the event itself is not in the plan.
    """
    page(asked.limit)
    answer = ask(store, "data/violations.sql", question, limit=asked.limit)
    return [answer], [Violation(**{**row, "rejected": bool(row["rejected"])}) for row in answer.rows()]
