"""What one project asks, however it ends, reaches no other: each project's rows carry a mark, and every byte of every
answer and error of the others is searched for it.

TRACKWAY_TEST_ISOLATION_S makes the interleaved tests run for so many seconds.
"""

import os
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest

from conftest import EMAIL, PASSWORD, Loaded, Server
from factories import message
from trackway.analyze.data import free_sql
from trackway.analyze.language.period import BadQuestion
from trackway.event import Message, new_id, now
from trackway.store import connection
from trackway.store.connection import running
from trackway.store.policy import Policy
from trackway.store.refusals import QuestionCancelled, QuestionFailed, StoreBusy

LASTING_S = float(os.environ.get("TRACKWAY_TEST_ISOLATION_S", "5"))
ENDINGS = {
    "fails late": "SELECT name, concat(name, '-', toString(n)) AS text, intDiv(1, n - 290000) AS late FROM events "
    "ARRAY JOIN range(300000) AS n",
    "fails in a cast": "SELECT name, n, toUInt8(if(n = 290000, name, '1')) AS late FROM events ARRAY JOIN range(300000) AS n",
    "fails at once": "SELECT name, nothing_like_it FROM events",
    "takes long": "SELECT concat(name, toString(n)) AS text FROM events ARRAY JOIN range(300000) AS n "
    "WHERE cityHash64(n) % 7 != 8",
    "answers": "SELECT name, count() AS n FROM events GROUP BY name",
}  # fmt: skip


class Party:
    """A project whose every row carries a mark."""

    def __init__(self, project: UUID) -> None:
        self.project, self.mark = project, f"mark{uuid.uuid4().hex}"

    def messages(self) -> list[Message]:
        return [message(self.mark, now(), visitor=self.mark, id=f"{self.mark}{n}") for n in range(20)]


@pytest.fixture(scope="module")
def parties(loaded: Loaded) -> list[Party]:
    made = [Party(new_id()), Party(new_id())]
    for one in made:
        loaded.load(one.project, one.messages())
    # Rows of both are in one part and one granule.
    for table in ("events", "visitors", "sessions", "event_counts", "source_counts"):
        loaded.store.everywhere(f"OPTIMIZE TABLE {table} FINAL")
    return made


def interleaved(ask: Callable[[int, random.Random], None], threads: int) -> None:
    """Ask from many threads at once for the time; the first failed assertion is raised here."""
    failures: list[BaseException] = []
    until = time.monotonic() + LASTING_S

    def work(number: int) -> None:
        chance = random.Random(number)
        try:
            while time.monotonic() < until and not failures:
                ask(number, chance)
        except BaseException as failure:
            failures.append(failure)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    if failures:
        raise failures[0]


@pytest.mark.timeout(LASTING_S + 120)
def test_questions_that_fail_take_too_long_or_are_cancelled_leave_nothing_to_the_next(
    loaded: Loaded, parties: list[Party]
) -> None:
    ends: Counter[str] = Counter()

    def ask(number: int, chance: random.Random) -> None:
        own, other = parties[number % 2], parties[1 - number % 2]
        store = loaded.store.within(Policy(own.project))
        how = chance.choice([*ENDINGS, "cancelled"])
        settings = "max_execution_time = 0.05" if how == "takes long" else ""
        name, timer = uuid.uuid4().hex, None
        if how == "cancelled":
            running.set(name)
            timer = threading.Timer(chance.uniform(0, 0.05), loaded.store.cancel, (name,))
            timer.start()
        try:
            seen = str(store.ask(ENDINGS.get(how, ENDINGS["takes long"]), settings=settings).to_pydict())
            assert how != "answers" or own.mark in seen
            ends["answered"] += 1
        except QuestionFailed as error:
            seen = f"{error} {error.full} {error.__cause__}"
            ends[type(error).__name__ if how == "cancelled" else error.code] += 1
        finally:
            running.set("")
            if timer is not None:
                timer.join()
                loaded.store.forget(name)
        assert other.mark not in seen

    interleaved(ask, 6)
    assert {"answered", "ILLEGAL_DIVISION", "CANNOT_PARSE_TEXT", "UNKNOWN_IDENTIFIER", "TIMEOUT_EXCEEDED"} <= set(ends)
    assert ends["QuestionCancelled"], ends
    for one in parties:
        found = loaded.store.within(Policy(one.project)).ask("SELECT DISTINCT name FROM events")
        assert found.to_pylist() == [{"name": one.mark}]


@pytest.fixture(scope="module")
def tenants(server: Server) -> Iterator[list[tuple[Party, str, httpx.Client]]]:
    """Two projects of a server, with their secret keys."""
    with httpx.Client(base_url=server.url, timeout=60) as admin:
        me = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        admin.headers["x-csrf-token"] = me["csrf"]
        found = []
        for name in ("one", "two"):
            made = admin.post("/api/v1/projects/", json={"name": name}).json()
            party = Party(UUID(made["project_id"]))
            batch = [
                {
                    "type": "track",
                    "event": party.mark,
                    "anonymousId": f"{party.mark}-{n}",
                    "properties": {"m": party.mark},
                }
                for n in range(20)
            ]
            # A new key is known to the collector within a second.
            while admin.post("/v1/batch", json={"batch": batch}, auth=(made["write_key"], "")).status_code == 401:
                time.sleep(0.05)
            found.append((party, made["secret_key"]))
        server.stored()
        clients = [
            httpx.Client(base_url=f"{server.url}/api/v1/projects/{party.project}", timeout=60,
                         headers={"authorization": f"Bearer {key}"})
            for party, key in found
        ]  # fmt: skip
        yield [(party, key, client) for (party, key), client in zip(found, clients, strict=True)]
        for client in clients:
            client.close()


@pytest.mark.timeout(LASTING_S + 120)
def test_the_same_over_http(tenants: list[tuple[Party, str, httpx.Client]]) -> None:
    statuses: Counter[int] = Counter()
    slow = {"question": "funnel", "order": "any", "window_s": 86_400, "steps": [
        {"event": ".*", "where": {"column": "visitor_id", "operator": "matches_not", "values": [f"(x+x+)+{n}"]}}
        for n in range(8)
    ]}  # fmt: skip

    def ask(number: int, chance: random.Random) -> None:
        (own, _, client), (other, *_) = tenants[number % 2], tenants[1 - number % 2]
        how = chance.choice([*ENDINGS, "cancelled", "hung up", "asked"])
        try:
            if how == "cancelled":
                name = uuid.uuid4().hex
                timer = threading.Timer(chance.uniform(0, 0.05), client.delete, (f"/ask/{name}",))
                timer.start()
                response = client.post("/ask", json={**slow, "id": name, "max_age_s": -1})
                timer.join()
            elif how == "asked":
                response = client.post("/ask", json={"question": "event_names", "max_age_s": -1})
            else:
                patience = chance.uniform(0.001, 0.1) if how == "hung up" else 60
                statement = ENDINGS.get(how, ENDINGS["takes long"])
                response = client.post("/query", json={"sql": statement}, timeout=patience)
        except httpx.TimeoutException:
            assert how == "hung up"
            return
        assert response.status_code in (200, 400, 422), response.text[:500]
        statuses[response.status_code] += 1
        assert how not in ("answers", "asked") or (response.status_code == 200 and own.mark in response.text)
        assert other.mark.encode() not in response.content
        if response.status_code != 200:
            assert own.mark.encode() not in response.content, "an error shows rows"
            assert b"DB::Exception" not in response.content and b"Code:" not in response.content

    interleaved(ask, 6)
    assert statuses[200] and statuses[422], statuses


def test_a_statement_finds_out_nothing_of_others_by_failing_on_their_rows(loaded: Loaded, parties: list[Party]) -> None:
    own, other = parties
    store = loaded.store.within(Policy(own.project))
    for table, column in (
        ("events", "name"), ("events", "visitor_id"), ("visitors", "visitor_id"), ("visitors FINAL", "visitor_id"),
        ("sessions", "visitor_id"), ("sessions FINAL", "visitor_id"), ("event_counts", "name"),
    ):  # fmt: skip
        fails = f"toUInt8(if({column} = '{other.mark}', 'x', '1')) = 1"
        assert free_sql.query(store, f"SELECT count() AS n FROM {table} WHERE {fails}").rows()[0]["n"]
        assert free_sql.query(store, f"SELECT min({fails}) AS n FROM {table}").rows() == [{"n": 1}]
        assert free_sql.query(store, f"SELECT count() AS n FROM (SELECT * FROM {table}) AS a WHERE {fails}").rows()[0][
            "n"
        ]
        with pytest.raises(BadQuestion, match="instead of PREWHERE"):
            free_sql.query(store, f"SELECT count() FROM {table} Prewhere {fails}")


@pytest.mark.parametrize("table", ["events", "visitors", "sessions FINAL", "event_counts"])
def test_what_one_project_did_not_find_is_found_by_the_other(loaded: Loaded, parties: list[Party], table: str) -> None:
    """The engine remembers where a condition held for no row: that is about all rows, not about those of who asked."""
    column = "name" if table.startswith("event") else "visitor_id"
    for own, other in (parties, parties[::-1]):
        statement = f"SELECT count() AS n FROM {table} WHERE {column} = '{own.mark}' AND {column} LIKE 'mark%'"
        for _ in range(3):
            assert free_sql.query(loaded.store.within(Policy(other.project)), statement).rows() == [{"n": 0}]
        assert free_sql.query(loaded.store.within(Policy(own.project)), statement).rows()[0]["n"]
        assert loaded.store.within(Policy(other.project)).ask(statement).to_pylist() == [{"n": 0}]
        assert loaded.store.within(Policy(own.project)).ask(statement).to_pylist()[0]["n"]


def test_an_insert_that_fails_half_way_leaves_nothing_either(loaded: Loaded, parties: list[Party]) -> None:
    import pyarrow as pa

    wrong = pa.table({"project_id": [parties[0].mark] * 10})
    for _ in range(4):
        with pytest.raises(QuestionFailed) as failed:
            loaded.store.put("events", wrong, "wrong")
        assert parties[0].mark not in str(failed.value)
        assert loaded.store.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_what_is_cancelled_while_all_handles_are_busy_is_stopped(loaded: Loaded) -> None:
    endless = "SELECT sum(cityHash64(number)) FROM numbers(1000000000000)"
    ended: list[BaseException] = []

    def ask(name: str) -> None:
        running.set(name)
        try:
            loaded.store.ask(endless)
        except QuestionFailed as error:
            ended.append(error)

    names = [uuid.uuid4().hex for _ in range(3)]  # one more than there are handles
    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for one in threads:
        one.start()
    loaded.store.check()  # it says that the engine answers, however busy it is
    for name in names:
        loaded.store.cancel(name)
    for one in threads:
        one.join()
    for name in names:
        loaded.store.forget(name)
    assert [type(one) for one in ended] == [QuestionCancelled] * 3


def test_who_waits_for_a_free_place_waits_for_a_while_only(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE_S", 0.05)
    store = loaded.store.beside(clients=1)
    with store._client(""), pytest.raises(StoreBusy) as refused:
        store.ask("SELECT 1 AS one")
    assert "as many statements as may run at once" in refused.value.full
    assert store.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_busy_engine_is_a_503_with_retry_after() -> None:
    from trackway.web.server.problems import HANDLERS

    response = HANDLERS[StoreBusy](None, StoreBusy("all handles have been in use"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.content["detail"] == "the engine is busy; ask again in a moment"
