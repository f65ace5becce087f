"""Who sees a part sees the same part on three shards as on one engine, whatever the shape of the statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from clickhouse import ADMIN, Shards

import stores
from factories import message
from trackway.analyze.data.free_sql import query
from trackway.analyze.language.period import BadQuestion
from trackway.event import Message, new_id, now
from trackway.store.policy import Policy
from trackway.store.refusals import QuestionFailed

FOREIGN = "count() AS n, countIf(startsWith(s.visitor_id, 'theirs')) AS foreign"
STATEMENTS = [
    f"SELECT {FOREIGN} FROM events e CROSS JOIN sessions s",
    f"SELECT {FOREIGN} FROM sessions e CROSS JOIN events s",
    f"SELECT {FOREIGN} FROM events e, visitors s",
    f"SELECT {FOREIGN} FROM events e CROSS JOIN (SELECT * FROM sessions) s",
    f"SELECT {FOREIGN} FROM (SELECT * FROM events) e CROSS JOIN sessions s",
    f"SELECT {FOREIGN} FROM events e JOIN sessions s ON e.timestamp < s.started_at",
    f"SELECT {FOREIGN} FROM events e JOIN sessions s ON 1 = 1",
    f"SELECT {FOREIGN} FROM events e LEFT JOIN sessions s ON e.session_id = s.session_id",
    f"SELECT {FOREIGN} FROM events e JOIN visitors v ON e.visitor_id = v.visitor_id CROSS JOIN sessions s",
    "SELECT count() AS n FROM events WHERE visitor_id IN (SELECT s.visitor_id FROM sessions s CROSS JOIN visitors)",
    "SELECT count() AS n FROM events WHERE 'theirs5' IN (SELECT visitor_id FROM sessions)",
    "WITH (SELECT groupArray(visitor_id) FROM sessions) AS x SELECT countIf(has(x, 'theirs5')) AS n FROM events",
    "SELECT count() AS n FROM (SELECT visitor_id FROM events UNION ALL SELECT visitor_id FROM sessions)",
]


ENTITIES = (
    "INSERT INTO entities (project_id, entity_type, entity_id, name, updated_at) "
    "SELECT {project:UUID}, 'concert', concat('c', toString(number)), 'of it', now64(3) FROM numbers(5)"
)


def seen(tag: str, visitors: int, times: int) -> list[Message]:
    at = now() - 60_000
    return [
        message(
            "Seen", at + n, f"{tag}{v}", id=f"{tag}{v}-{n}", properties={"entity_type": "concert", "entity_id": f"c{n}"}
        )
        for v in range(visitors)
        for n in range(times)
    ]


class Both:
    """The same messages of two projects on one engine and on three shards."""

    def __init__(self, directory: Path, shards: Shards, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project, other = new_id(), new_id()
        self.loaded = []
        for address in ("", shards.dsn("admin", ADMIN.replace(" ", "%20"))):
            monkeypatch.setattr(stores, "SERVER", address)
            one = stores.Loaded(directory / ("shards" if address else "one"))
            one.load(self.project, seen("mine", 9, 5))
            one.load(other, seen("theirs", 70, 2))
            for project in (self.project, other):
                one.store.command(ENTITIES, {"project": project})
            self.loaded.append(one)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    home = tmp_path_factory.mktemp("policies")
    shards = Shards(home / "clickhouse").start()
    with pytest.MonkeyPatch.context() as monkeypatch:
        made = Both(home, shards, monkeypatch)
        yield made
        for one in made.loaded:
            one.loader.stop()
            one.store.close()
            one.log.close()
    shards.remove()


@pytest.mark.parametrize("sql", STATEMENTS)
def test_free_sql_sees_its_project(both: Both, sql: str) -> None:
    alone, on_shards = (query(one.store.within(Policy(both.project)), sql).rows() for one in both.loaded)
    assert on_shards == alone
    assert all(row.get("foreign", 0) == 0 for row in alone)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT entity_id FROM entities FINAL ORDER BY entity_id",
        "SELECT count() AS n FROM events e CROSS JOIN entities t",
        "SELECT count() AS n FROM events",
    ],
)
def test_a_person_and_an_entity_see_what_is_theirs(both: Both, sql: str) -> None:
    for narrowed in ({"entities": (("concert", "c1"),)}, {"person": None}):
        answers = []
        for one in both.loaded:
            if "person" in narrowed:
                identity = one.rows(both.project, "SELECT identity FROM events WHERE visitor_id = 'mine4' LIMIT 1")
                narrowed = {"person": identity[0]["identity"]}
            answers.append(one.store.within(Policy(both.project, **narrowed)).ask(sql).to_pylist())
        assert answers[0] == answers[1] and answers[0] != [{"n": 0}]


def test_which_shard_has_a_row_is_nobodys_business(both: Both) -> None:
    for one in both.loaded:
        with pytest.raises(BadQuestion, match="_shard_num"):
            query(one.store.within(Policy(UUID(bytes=both.project.bytes))), "SELECT _shard_num FROM events")


@pytest.mark.parametrize(
    "called", ["* APPLY(file)", "arrayMap(file, ['password'])", "arrayReduce('flameGraph', [[1]])"]
)
def test_no_shard_is_made_to_call_what_reads_files(both: Both, called: str) -> None:
    for one in both.loaded:
        with pytest.raises(BadQuestion, match=r"cannot be used|leave APPLY away"):
            query(one.store.within(Policy(both.project)), f"SELECT {called} FROM (SELECT 'password' AS a)")


@pytest.mark.parametrize(
    ("correlated", "alone"),
    [
        (
            "SELECT count() AS n FROM events e WHERE EXISTS (SELECT 1 FROM sessions s WHERE s.visitor_id = e.visitor_id)",
            "SELECT count() AS n FROM events WHERE visitor_id IN (SELECT visitor_id FROM sessions)",
        ),
        (
            "SELECT sum(c) AS n FROM (SELECT (SELECT count() FROM events x WHERE x.visitor_id = s.visitor_id) AS c FROM sessions s)",
            "SELECT sum(x.c) AS n FROM sessions s JOIN (SELECT visitor_id, count() AS c FROM events GROUP BY visitor_id) x "
            "USING (visitor_id)",
        ),
    ],
)
def test_a_subquery_that_uses_columns_around_it_is_refused_on_shards_in_words(
    both: Both, correlated: str, alone: str
) -> None:
    one, shards = (loaded.store.within(Policy(both.project)) for loaded in both.loaded)
    assert query(one, correlated).rows() == query(shards, alone).rows() == [{"n": 45}]
    with pytest.raises(QuestionFailed, match=r"a subquery uses a column of the statement around it.*write a JOIN"):
        query(shards, correlated)
