"""What people state, written by many at the same time, in both databases of accounts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

import trackway.govern.saved.preferences
from trackway.govern.database import GovernDatabase
from trackway.govern.tables import BadAccount


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def accounts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernDatabase]:
    if request.param == "sqlite":
        dsn = f"sqlite:///{tmp_path_factory.mktemp('govern') / 'trackway.db'}"
    else:
        dsn = request.getfixturevalue("postgres").dsn
    database = GovernDatabase(dsn)
    yield database
    database.close()


@pytest.fixture
def project(accounts: GovernDatabase) -> UUID:
    return UUID(accounts.add_project("mine")[0].id)


def test_many_state_take_back_and_clear_at_the_same_time(accounts: GovernDatabase, project: UUID) -> None:
    preferences = accounts.saved.preferences

    def writes(number: int) -> None:
        for value in range(3):
            preferences.state(project, f"u{number % 2}", "genre", f"{value}", likes=bool(value % 2))
            preferences.take_back(project, [f"u{number % 2}", "u9"], "genre", f"{(value + number) % 3}")
        preferences.clear(project, f"u{number % 2}")

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(writes, range(10)))
    preferences.state(project, "u0", "genre", "1", likes=True)
    stated = preferences.of(project, ["u0"])
    assert stated.preferences["genre", "1"][0] is True and stated.cleared_at is not None


def test_the_newest_statement_under_any_id_counts_and_clearing_clears_those_of_all(
    accounts: GovernDatabase, project: UUID
) -> None:
    preferences = accounts.saved.preferences
    preferences.state(project, "a", "genre", "jazz", likes=True)
    preferences.state(project, "b", "genre", "jazz", likes=False)
    assert preferences.of(project, ["b", "a"]).preferences["genre", "jazz"][0] is False
    assert preferences.take_back(project, ["a", "b"], "genre", "jazz")
    assert not preferences.take_back(project, ["a", "b"], "genre", "jazz")
    preferences.state(project, "a", "genre", "jazz", likes=True)
    preferences.clear(project, "b")
    assert preferences.of(project, ["a", "b"]).preferences == {}
    assert ("genre", "jazz") in preferences.of(project, ["a"]).preferences


def test_what_cannot_be_stored_is_refused_by_name(accounts: GovernDatabase, project: UUID) -> None:
    preferences = accounts.saved.preferences
    for user, key, value, problem in (
        ("u" * 201, "k", "v", "user_id has 1 to 200 characters"), ("", "k", "v", "user_id has 1"),
        ("u", "k" * 101, "v", "key has 1 to 100"), ("u", "k", "", "value has 1 to 200"),
        ("u", "k\0", "v", "key has a character NUL"), ("u", "k", "\0", "value has a character NUL"),
    ):  # fmt: skip
        with pytest.raises(BadAccount, match=problem):
            preferences.state(project, user, key, value, likes=True)
    with pytest.raises(BadAccount, match="user_id has 1 to 200"):
        preferences.clear(project, "u" * 201)


def test_a_user_states_so_many_and_not_more(
    accounts: GovernDatabase, project: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackway.govern.saved.preferences, "MOST", 5)
    preferences = accounts.saved.preferences
    preferences.clear(project, "u")
    for number in range(5):
        preferences.state(project, "u", "k", f"{number}", likes=True)
    preferences.state(project, "u", "k", "3", likes=False)
    with pytest.raises(BadAccount, match="take one back first"):
        preferences.state(project, "u", "k", "more", likes=True)
    assert preferences.take_back(project, ["u"], "k", "3")
    preferences.state(project, "u", "k", "more", likes=True)
