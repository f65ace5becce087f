"""Persons: who is who, against a reference written from the rule, in any order of arrival."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Loaded, cases
from factories import message
from trackway.event import Message, new_id

DAY = datetime(2026, 3, 10, tzinfo=UTC)
START = int(DAY.timestamp() * 1000)
PERSON = "(identity + dictGet('persons', 'delta', identity))"


def said(second: int, visitor: str = "", user: str = "", event: str = "", previous: str = "", **fields: Any) -> Message:
    kind = "alias" if previous else "track" if event else "page"
    return message(
        event,
        START + second * 1000,
        visitor=visitor,
        user=user,
        id=f"{second} {visitor} {user} {event} {previous}",
        type=fields.pop("type", kind),
        previous_id=previous or None,
        **fields,
    )


def partition(loaded: Loaded, project: UUID) -> set[frozenset[str]]:
    """Message ids by person, as the engine says."""
    loaded.store.persons.refresh()
    rows = loaded.rows(
        project, f"SELECT groupArray(message_id) AS ids FROM events WHERE project_id = {{p:UUID}} GROUP BY {PERSON}"
    )
    return {frozenset(row["ids"]) for row in rows}


def reference(messages: list[Message]) -> set[frozenset[str]]:
    """The rule of enrich/identity.py, word by word."""
    ordered = sorted(messages, key=lambda one: one.timestamp)
    leaving = [
        (one.anonymous_id or f"user:{one.user_id}", one.timestamp) for one in ordered if one.event == "Signed Out"
    ]

    def stretch(visitor: Any, at: Any) -> tuple[Any, ...]:
        return ("visitor", visitor, max((when for who, when in leaving if who == visitor and when < at), default=0))

    firsts: dict[tuple[Any, ...], tuple[Any, str]] = {}
    same: dict[str, set[str]] = {}
    for one in ordered:
        if one.user_id:
            claimed = [one.anonymous_id] if one.anonymous_id else []
            if one.previous_id and one.previous_id != one.user_id:
                claimed.append(one.previous_id)
                joined = same.get(one.user_id, {one.user_id}) | same.get(one.previous_id, {one.previous_id})
                same.update(dict.fromkeys(joined, joined))
            for visitor in claimed:
                key = stretch(visitor, one.timestamp)
                firsts[key] = min(firsts.get(key, (one.timestamp, one.user_id)), (one.timestamp, one.user_id))
    persons: dict[Any, set[str]] = {}
    for one in ordered:
        user = one.user_id
        if not user:
            key = stretch(one.anonymous_id, one.timestamp)
            user = firsts[key][1] if key in firsts else None
            who: Any = frozenset(same.get(user, {user})) if user else key
        else:
            who = frozenset(same.get(user, {user}))
        persons.setdefault(who, set()).add(str(one.message_id))
    return {frozenset(ids) for ids in persons.values()}


def test_the_past_of_a_visitor_becomes_the_persons_when_they_identify(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, [said(1, "v"), said(2, "v"), said(3, "w")])
    assert len(partition(loaded, project)) == 2
    loaded.load(project, [said(9, "v", "ann", type="identify")])
    assert {len(ids) for ids in partition(loaded, project)} == {3, 1}


def test_two_devices_of_one_user_are_one_person(loaded: Loaded, project: UUID) -> None:
    loaded.load(
        project,
        [said(1, "phone"), said(2, "phone", "ann"), said(3, "desk"), said(4, "desk", "ann"), said(5, "", "ann")],
    )
    assert len(partition(loaded, project)) == 1


def test_a_known_user_is_never_swallowed_by_another_who_identifies_on_the_same_device(
    loaded: Loaded, project: UUID
) -> None:
    loaded.load(project, [said(1, "v"), said(2, "v", "ann"), said(3, "v", "bob"), said(4, "v")])
    ids = [{one.split()[0] for one in group} for group in partition(loaded, project)]
    assert sorted(ids, key=len) == [{"3"}, {"1", "2", "4"}]


@pytest.mark.parametrize("late", [False, True])
def test_a_shared_device_keeps_its_people_apart_after_sign_out(loaded: Loaded, project: UUID, late: bool) -> None:
    story = [
        said(1, "v"), said(2, "v", "ann"), said(3, "v"), said(5, "v", "ann", "Signed Out"),
        said(6, "v"), said(7, "v", "bob"), said(8, "v"),
    ]  # fmt: skip
    if late:
        loaded.load(project, [one for one in story if one.event is None])
        loaded.load(project, [one for one in story if one.event])
    else:
        loaded.load(project, story)
    ids = [{one.split()[0] for one in group} for group in partition(loaded, project)]
    assert sorted(ids, key=min) == [{"1", "2", "3", "5"}, {"6", "7", "8"}]
    sessions = loaded.rows(
        project,
        f"SELECT groupArray(user_id) AS users FROM sessions FINAL WHERE project_id = {{p:UUID}} GROUP BY {PERSON}",
    )
    assert sorted(sorted(row["users"]) for row in sessions) == [["ann"], ["bob"]]


def test_an_alias_joins_two_user_ids_and_an_earlier_visitor(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, [said(1, "v"), said(2, "", "old"), said(3, "", "new"), said(4, "", "third")])
    loaded.load(project, [said(5, "", "new", previous="old"), said(6, "", "new", previous="v")])
    assert sorted(len(ids) for ids in partition(loaded, project)) == [1, 5]


def test_an_earlier_claim_that_arrives_late_restates_history(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, [said(1, "v"), said(5, "v", "bob")])
    loaded.load(project, [said(3, "v", "ann")])
    ids = [{one.split()[0] for one in group} for group in partition(loaded, project)]
    assert sorted(ids, key=min) == [{"1", "3"}, {"5"}]


@st.composite
def stories(draw: st.DrawFn) -> list[list[Message]]:
    messages: list[Message] = []
    for second in draw(st.lists(st.integers(0, 40), min_size=1, max_size=16, unique=True)):
        visitor, user = draw(st.sampled_from(["v", "w", "x", ""])), draw(st.sampled_from(["", "", "ann", "bob", "cat"]))
        kind = draw(st.sampled_from(["page", "page", "page", "out", "alias"]))
        if kind == "alias" and user:
            messages.append(said(second, visitor, user, previous=draw(st.sampled_from(["v", "x", "ann", "bob"]))))
        elif visitor or user:
            messages.append(said(second, visitor, user, "Signed Out" if kind == "out" else ""))
    messages = draw(st.permutations(messages))
    cuts = sorted(draw(st.lists(st.integers(0, len(messages)), max_size=3)))
    return [messages[a:b] for a, b in zip([0, *cuts], [*cuts, len(messages)], strict=True) if messages[a:b]]


@settings(max_examples=cases(12), deadline=None)
@given(stories())
def test_persons_and_their_activity_are_the_same_in_any_order_of_arrival(
    loaded: Loaded, batches: list[list[Message]]
) -> None:
    project = new_id()
    for batch in batches:
        loaded.load(project, batch)
    assert partition(loaded, project) == reference([one for batch in batches for one in batch])
    counted = "SELECT identity, toInt64(count()) AS n FROM events WHERE project_id = {p:UUID} GROUP BY identity ORDER BY identity"
    for table in ("activity", "person_hours"):
        active = (
            f"SELECT identity, toInt64(sum(events)) AS n FROM {table} WHERE project_id = {{p:UUID}} "
            "GROUP BY identity HAVING n != 0 ORDER BY identity"
        )
        assert loaded.rows(project, active) == loaded.rows(project, counted), table
    acted = counted.replace("GROUP BY", "AND type IN ('page', 'screen', 'track') GROUP BY")
    actions = active.replace(f"sum(events)) AS n FROM {table}", "sum(actions)) AS n FROM actions")
    assert loaded.rows(project, actions) == loaded.rows(project, acted)


def test_time_of_day_is_kept(loaded: Loaded, project: UUID) -> None:
    loaded.load(project, [said(0, "v", "ann")])
    row = loaded.rows(project, "SELECT min(at) AS at FROM claims WHERE project_id = {p:UUID}")[0]
    assert row["at"] == DAY + timedelta(0)
