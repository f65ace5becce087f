"""The reply to a question: the answer, with the statements behind it and what helps to read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from trackway.analyze.data.missing_values import Note
from trackway.analyze.language.question import Query


class Stretch(msgspec.Struct):
    """A period: its start, and its end, which is not part of it."""

    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")


class Before(msgspec.Struct):
    """The same answer for the period that it is compared with."""

    data: Any
    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")


class TrendNote(msgspec.Struct):
    """A note of the project about a moment, such as a release."""

    id: str
    at: datetime
    text: str


class Cached(msgspec.Struct):
    """Whether an answer was cached, whether the data have changed since it was made, and the milliseconds that it
    took.
    """

    hit: bool
    stale: bool
    made_at: datetime
    took_ms: float


class Computed(msgspec.Struct, kw_only=True):
    """The part of a reply that is cached. `data` is the question's answer (`catalogue.QUESTIONS` has its type)."""

    data: Any
    queries: list[Query]
    notes: list[Note] | msgspec.UnsetType = msgspec.UNSET
    before: Before | msgspec.UnsetType = msgspec.UNSET
    annotations: list[TrendNote] | msgspec.UnsetType = msgspec.UNSET


class SharedReply(msgspec.Struct, kw_only=True):
    """An answer for readers of a shared board: with notes on filters that match nothing, the answer for an earlier
    period (`before`), and for trends the annotations of the project.
    """

    data: Any
    notes: list[Note] | msgspec.UnsetType = msgspec.UNSET
    before: Before | msgspec.UnsetType = msgspec.UNSET
    annotations: list[TrendNote] | msgspec.UnsetType = msgspec.UNSET
    period: Stretch
    cache: Cached


class Reply(SharedReply, kw_only=True):
    """An answer with the statements behind it; a caller who sees only some rows does not see the statements."""

    queries: list[Query]

    def shared(self) -> SharedReply:
        """Return the reply without the statements."""
        return SharedReply(**{name: getattr(self, name) for name in SharedReply.__struct_fields__})


class _BeforeAsJson(Before):
    """An earlier answer, whose data stay JSON."""

    data: msgspec.Raw


class ComputedAsJson(Computed, kw_only=True):
    """A cached answer, whose data stay JSON: they are sent as they are."""

    data: msgspec.Raw
    before: _BeforeAsJson | msgspec.UnsetType = msgspec.UNSET
