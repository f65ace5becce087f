"""Refused messages of the last 7 days."""

from __future__ import annotations

from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store


def rejections(store: Store, question: Question) -> Answer:
    """Return the newest 100 refused messages of a project, whatever the question's period is."""
    return ask(store, "data/rejections.sql", question)
