"""Cohorts: people selected by a filter (live) or stored by identity (a list), and their number over time.

A live cohort is a saved filter: by time of the first visit (`person.first_seen`), by source (`person.first_source`), by
behaviour (`did`) or by property. Its size at a time is the number of people who matched the filter at that time: "did X
in the last 7 days" looks back from there. A list contains people's identities, so that it stays correct when persons
are merged.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from trackway.analyze.language.filters import read
from trackway.analyze.language.period import BadQuestion, Interval, buckets
from trackway.analyze.language.question import Answer, Question, ask, moment
from trackway.enrich.identity import user_token, visitor_token
from trackway.statements import Statements
from trackway.store.connection import Store

_sql = Statements(__name__)
MOST_MEMBERS = 1_000_000
_MOST_MOMENTS = 62


class CohortSizes(msgspec.Struct, tag="cohort_sizes", tag_field="question", kw_only=True):
    """The number of people that match `cohort` (a filter) at the end of each interval of the period."""

    cohort: Any
    interval: Interval = "week"


class CohortSize(msgspec.Struct):
    """The number of people at the end of an interval."""

    at: datetime
    persons: int


class CohortSizesAnswer(msgspec.Struct):
    """The sizes in order of time. If the period is not over, the last one is that of now."""

    sizes: list[CohortSize]


def cohort_sizes(
    store: Store, question: Question, asked: CohortSizes, now: datetime
) -> tuple[list[Answer], CohortSizesAnswer]:
    """Count the people of a cohort at the end of each interval.

    Raises:
        BadQuestion: the period has too many intervals.
    """
    node = read(asked.cohort, "cohort")
    starts = buckets(question.period, question.timezone, asked.interval)
    ends = [at for at in (*starts[1:], question.period.end) if at <= now] or [now]
    if ends[-1] < min(now, question.period.end):
        ends.append(min(now, question.period.end))
    if len(ends) > _MOST_MOMENTS:
        raise BadQuestion("interval", f"more than {_MOST_MOMENTS} {asked.interval}s; choose a longer interval")
    answers, sizes = [], []
    for end in ends:
        stretch = question.period._replace(start=datetime(2000, 1, 1, tzinfo=UTC), end=end)
        own = msgspec.structs.replace(question, period=stretch, filters=(*question.filters, node))
        answer = ask(store, "people/cohort.sql", own)
        answers.append(answer)
        sizes.append(CohortSize(end, answer.rows()[0]["persons"]))
    return answers[-1:], CohortSizesAnswer(sizes)


def freeze(store: Store, question: Question, cohort_id: UUID, now: datetime) -> int:
    """Store the people who match the question's filters now as a list, and return their number.

    Raises:
        BadQuestion: there are more than a million.
    """
    answer = ask(store, "people/cohort_freeze.sql", question)
    return _write(store, question.project_id, cohort_id, answer.table["identity"].to_pylist(), now)


def listed(store: Store, project_id: UUID, cohort_id: UUID, ids: list[str], now: datetime) -> int:
    """Store people as a list, by their user ids or visitor ids, and return the number of known people."""
    own = project_id.bytes
    tokens = [token for id_ in ids for token in (user_token(own, id_), visitor_token(own, id_))]
    known: list[int] = []
    for first in range(0, len(tokens), 50_000):
        numbers = store.ask(_sql("known_identities"), {"tokens": tokens[first : first + 50_000]})
        known += numbers["number"].to_pylist()
    return _write(store, project_id, cohort_id, known, now)


def _write(store: Store, project_id: UUID, cohort_id: UUID, identities: list[int], now: datetime) -> int:
    if len(identities) > MOST_MEMBERS:
        raise BadQuestion("filter", f"a list has at most {MOST_MEMBERS} people; save the filter as a live cohort")
    with store.lasting():
        for first in range(0, len(identities), 50_000):
            store.command(
                _sql("insert_members"),
                {
                    "project": project_id,
                    "cohort": cohort_id,
                    "identities": identities[first : first + 50_000],
                    "at": moment(now),
                },
            )
    return len(identities)


def forget(store: Store, project_id: UUID, cohort_id: UUID) -> None:
    """Remove all people from a list."""
    store.change(_sql("delete_members"), {"project": project_id, "cohort": cohort_id}, everywhere=True)
