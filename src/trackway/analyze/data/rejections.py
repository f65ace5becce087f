"""Refused messages of the last 7 days."""

from __future__ import annotations

from datetime import datetime

import msgspec

from trackway.analyze.language.question import Answer, Question, ask
from trackway.store.connection import Store


class Rejections(msgspec.Struct, tag="rejections", tag_field="question", kw_only=True):
    """The newest 100 refused messages of the last 7 days, with the reasons, whatever the period is."""


class Rejection(msgspec.Struct):
    """A refused message: the wrong field, the reason, and the message as JSON. For an imported file, `line` is the
    number of its line (0 for others) and `text` its content.
    """

    received_at: datetime
    message_id: str
    field: str
    reason: str
    body: str
    line: int
    text: str


def rejections(store: Store, question: Question) -> Answer:
    """Return the newest 100 refused messages of a project, whatever the question's period is."""
    return ask(store, "data/rejections.sql", question)
