"""What belongs to an entity by the register belongs to its account: the same numbers as members see, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Loaded, cases
from factories import message
from trackway.analyze.entities.daily import Daily, daily, large_groups
from trackway.analyze.entities.views import Audience, AudienceRow, audience
from trackway.analyze.language.period import BadQuestion, period
from trackway.analyze.language.question import Question
from trackway.collect.views.ledger import Ledger
from trackway.event import Message, new_id, now
from trackway.govern.database import GovernDatabase
from trackway.govern.metric_packs import pack_of
from trackway.govern.tables import Account
from trackway.store import account_policy
from trackway.store.account_policy import AccountPolicies
from trackway.store.entities import Entity, Register
from trackway.store.policy import Policy
from trackway.store.refusals import QuestionFailed

NAMES = [f"{kind}:{number}" for kind in ("label", "artist", "venue", "concert") for number in "123"]
Pair = tuple[str, str]


def pair(name: str) -> Pair:
    kind, _, one = name.partition(":")
    return kind, one


@pytest.fixture(scope="module")
def register(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Register]:
    directory: Path = tmp_path_factory.mktemp("belonging")
    accounts, ledger = GovernDatabase(f"sqlite:///{directory / 'a.db'}"), Ledger(f"sqlite:///{directory / 'v.db'}", "c")
    yield Register(accounts, loaded.store, ledger)
    ledger.close()
    accounts.close()


def happened(project: UUID, names: list[str]) -> list[Message]:
    return [
        message(event, now(), visitor=f'v{place % 3}', id=str(new_id()), properties=dict(zip(('entity_type', 'entity_id'), pair(name), strict=True)))
        for place, name in enumerate(names)
        for event in ("impression", "click")
    ]  # fmt: skip


def numbers(loaded: Loaded, policy: Policy, subject: str) -> dict[str, dict[str, Any]]:
    """The daily numbers of a subject by id, as somebody sees them."""
    store = loaded.store.within(policy)
    question = Question(project_id=policy.project_id, period=period("7d", "UTC", datetime.now(UTC)), timezone="UTC")
    _, rows = daily(store, question, Daily(subject=subject), pack_of("concerts"))
    return {row["id"]: row for row in rows}


def closure(own: set[Pair], parents: dict[str, list[str]], gone: set[str]) -> set[Pair]:
    """The rule, as plainly as it can be said."""
    found = set(own)
    while True:
        more = {
            pair(child)
            for child, of in parents.items()
            if child not in gone and any(pair(parent) in found for parent in of)
        }
        if more <= found:
            return found
        found |= more


@settings(max_examples=cases(4), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parents=st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3, unique=True)),
    gone=st.sets(st.sampled_from(NAMES), max_size=2),
    events=st.lists(st.sampled_from(NAMES), min_size=1, max_size=20),
    own=st.sets(st.sampled_from(NAMES), max_size=3),
    by_token=st.booleans(),
)
def test_an_account_sees_what_is_its_own_and_what_belongs_to_that_and_never_a_row_of_anything_else(
    loaded: Loaded,
    register: Register,
    parents: dict[str, list[str]],
    gone: set[str],
    events: list[str],
    own: set[str],
    by_token: bool,
) -> None:
    project = new_id()
    made = [
        Entity(type=pair(name)[0], id=pair(name)[1], parents=of, deleted=name in gone) for name, of in parents.items()
    ]
    register.write(project, made, "test")
    loaded.load(project, happened(project, events))
    account = Account(project_id=str(project), id="acc", type="artist", entities=[list(pair(one)) for one in own])
    named = tuple(pair(one) for one in own) if by_token else None
    policy = AccountPolicies(loaded.store, register).policy(project, account, named)
    theirs = closure({pair(one) for one in own}, parents, gone)
    assert set(policy.entities or ()) == theirs

    counted = Counter(pair(name) for name in events)
    for table in ("events", "interaction_hours", "entities_seen", "entities"):
        rows = loaded.store.within(policy).ask(f"SELECT DISTINCT entity_type, entity_id FROM {table}").to_pylist()
        seen = {(row["entity_type"], row["entity_id"]) for row in rows}
        there = {pair(name) for name in parents} if table == "entities" else set(counted)
        assert seen == there & theirs, table
    for subject in ("artist", "venue", "event"):
        members, own_numbers = numbers(loaded, Policy(project), subject), numbers(loaded, policy, subject)
        kind = pack_of("concerts").subjects[subject].of
        assert own_numbers == {one: row for one, row in members.items() if (kind, one) in theirs}


def test_an_account_is_told_where_its_own_viewers_are_and_of_large_groups_who_they_are(
    loaded: Loaded, register: Register, project: UUID
) -> None:
    register.write(project, [Entity(type="concert", id="c1", parents=["artist:1"])], "test")
    said = ["female"] * 7 + ["male"] * 6 + ["other"] * 4
    loaded.load(project, [
        message(event, now(), visitor=f'{concert} {place}', id=f'{kind} {place} {concert}', type=kind, traits={'gender': gender} if kind == 'identify' else None, context={'location': {'country': 'DE' if place else 'FR'}}, properties={'entity_type': 'concert', 'entity_id': concert} if event else None)
        for concert in ("c1", "other")
        for place, gender in enumerate(said)
        for kind, event in (("identify", None), ("track", "impression"))
    ])  # fmt: skip
    account = Account(project_id=str(project), id="acc", type="artist", entities=[["artist", "1"]])
    policy = AccountPolicies(loaded.store, register).policy(project, account, (("artist", "1"),))
    members, own = numbers(loaded, Policy(project), "event"), numbers(loaded, policy, "event")
    assert set(members) == {"c1", "other"} and set(own) == {"c1"}
    assert members["c1"]["viewer_demographics"]["gender"] == {"female": 7, "male": 6, "other": 4}
    assert own["c1"]["viewer_locations"] == members["c1"]["viewer_locations"] == {"DE": 16, "FR": 1}
    assert own["c1"]["viewer_demographics"]["gender"] == {"female": 7}, "what is left out says nothing of the 4"

    question = Question(project_id=project, period=period("7d", "UTC", datetime.now(UTC)), timezone="UTC")
    store = loaded.store.within(policy)
    _, rows = audience(store, question, Audience(entity_type="concert", entity_id="c1", by="traits.gender"))
    assert rows == [AudienceRow("female", 7), AudienceRow("", 10)]
    for wider in ({}, {"entity_type": "concert"}, {"entity_type": "concert", "entity_id": "other"}):
        with pytest.raises(BadQuestion, match="of one entity"):
            audience(store, question, Audience(by="traits.gender", **wider))


@pytest.mark.parametrize(
    ("groups", "everybody", "shown"),
    [
        ({}, 9, {}),
        ({"a": 5, "b": 4}, 9, {}),
        ({"a": 5, "b": 5}, 10, {"a": 5, "b": 5}),
        ({"a": 9, "b": 5}, 15, {"a": 9}),
        ({"a": 9, "b": 4, "c": 1}, 14, {"a": 9}),
        ({"a": 4}, 100, {}),
    ],
)
def test_groups_are_told_of_when_neither_they_nor_those_left_out_are_few(
    groups: dict[str, int], everybody: int, shown: dict[str, int]
) -> None:
    assert large_groups(groups, everybody) == shown


def test_the_concerts_of_an_artist_count_for_the_artists_own_account(
    loaded: Loaded, register: Register, project: UUID
) -> None:
    register.write(project, [Entity(type="concert", id="c1", parents=["artist:1", "venue:9"])], "test")
    loaded.load(project, happened(project, ["concert:c1"] * 6 + ["concert:other"]))
    account = Account(project_id=str(project), id="acc", type="artist", entities=[["artist", "1"]])
    policy = AccountPolicies(loaded.store, register).policy(project, account, (("artist", "1"),))
    found = numbers(loaded, policy, "artist")["1"]
    assert (found["active_events"], found["events_impressions"], found["events_clicks"]) == (1, 6, 6)
    assert found == numbers(loaded, Policy(project), "artist")["1"]
    assert numbers(loaded, policy, "venue") == {}, "a part of the venue's number is no number of the venue"


def test_what_stops_belonging_is_seen_no_more_at_once(loaded: Loaded, register: Register, project: UUID) -> None:
    account = Account(project_id=str(project), id="acc", type="artist", entities=[["artist", "1"]])
    seen = AccountPolicies(loaded.store, register)
    for parents in (["artist:1"], ["artist:2"], ["artist:1"]):
        register.write(project, [Entity(type="concert", id="c", parents=parents)], "test")
        assert seen.policy(project, account, None).covers("concert", "c") is ("artist:1" in parents)
    register.write(project, [Entity(type="concert", id="c", parents=["artist:1"], deleted=True)], "test")
    assert not seen.policy(project, account, None).covers("concert", "c")


def test_as_many_entities_as_a_statement_takes_can_be_seen_and_more_are_refused_by_name(
    loaded: Loaded, register: Register, project: UUID
) -> None:
    account = Account(project_id=str(project), id="acc", type="venue", entities=[["venue", "1"]])
    for start in range(0, account_policy.MOST_SEEN, 1000):
        made = [
            Entity(type="concert", id=f"{n:036}", parents=["venue:1"])
            for n in range(start, start + 1000 - (start == 0))
        ]
        register.write(project, made, "test")
    policy = AccountPolicies(loaded.store, register).policy(project, account, None)
    assert len(policy.entities or ()) == account_policy.MOST_SEEN
    assert (
        loaded.store.within(policy).ask("SELECT count() AS n FROM entities")["n"][0].as_py()
        == account_policy.MOST_SEEN - 1
    )
    register.write(project, [Entity(type="concert", id="one more", parents=["venue:1"])], "test")
    with pytest.raises(QuestionFailed, match="name fewer"):
        AccountPolicies(loaded.store, register).policy(project, account, None)
