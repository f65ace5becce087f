"""Recommendations of a server on one core, beside plain `implicit` without Trackway.

    ./run bench recommend [THOUSANDS OF PEOPLE [INTERACTIONS EACH [ENTITIES]]]

By default 5,000 people with 40 interactions each on 2,000 entities; 100 100 50000 are 100,000 people with 10 million
interactions. The rows are made in the tables that the calls read: 20 groups of people with tastes of their own, of which
a fifth of the interactions do not care. The training is that of the nightly job. Server and engine have one core; the
load has the other.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

import personalize
from machinery import cpu_seconds, load, machine, resident_mb, stored, trackway
from trackway.govern.database import GovernDatabase
from trackway.operate.model_training import train_project
from trackway.personalize.recommend.shelf import Shelf

RATE, SECONDS, CONNECTIONS, CORE, TASTES = 100, 15.0, 16, 0, 20
_ACTIONS = """
INSERT INTO actions (project_id, identity, timestamp, name, entity_type, entity_id, bot, actions, duration_s)
SELECT {project:UUID}, {people:UInt64} + 1 + person, toDateTime64(now() - toIntervalSecond(cityHash64(number, 1) % 2592000), 3, 'UTC'),
    ['view', 'view', 'click', 'like'][1 + cityHash64(number, 2) % 4], 'product',
    toString(20 * rank + if(cityHash64(number, 5) % 5 = 0, cityHash64(number, 6), cityHash64(person, 7)) % 20), '', 1, 10
FROM
(
    SELECT
        number, number % {people:UInt64} AS person,
        toUInt32({entities:UInt64} / 20 * pow(cityHash64(number, 4) / 18446744073709551615., 3)) AS rank
    FROM numbers({since:UInt64}, {step:UInt64})
)
SETTINGS max_partitions_per_insert_block = 0
"""
CALLS = {
    "for you": "entity_type=product&user=u{person}",
    "now": "entity_type=product&kind=now&context={entity}",
    "similar": "entity_type=product&entity={entity}",
    "also viewed": "entity_type=product&kind=also_viewed&entity={entity}",
    "trending": "entity_type=product&kind=trending",
    "a surface with rules": "surface=home&user=u{person}",
}
_RULES = """
[recommend]
seconds = 20
[[recommend.surfaces]]
name = "home"
entity_types = ["product"]
where = [{attribute = "price", below = 200}]
at_most = [{of = "genre", n = 3}]
diversity = 0.3
freshness = 0.2
"""


def main() -> None:
    """Measure and print."""
    given = [int(one) for one in sys.argv[1:]]
    people, each, entities = (given[0] * 1000 if given else 5000), *(given[1:] + [40, 2000][len(given[1:]) :])
    print(
        f"\nRecommendations, on {machine()}: {people:,} people, {people * each:,} interactions, {entities:,} entities\n"
    )
    personalize.ENTITIES, personalize._ACTIONS = entities, _ACTIONS
    personalize._REGISTER = personalize._REGISTER.replace("if(number % 3 = 0, 'seller', 'product')", "'product'")
    with tempfile.TemporaryDirectory() as directory:
        _measured(Path(directory) / "data", people, each, entities)


def _measured(data: Path, people: int, each: int, entities: int) -> None:
    from trackway.govern.metric_packs import included

    with trackway(data) as (address, _):
        [project] = personalize._json(address, "/api/v1/projects")
    accounts = GovernDatabase(f"sqlite:///{data / 'accounts.db'}")
    text = included("marketplace") + _RULES
    accounts.change_project(UUID(project["id"]), None, None, None, None, metrics=text)
    with stored(data) as store:
        personalize._fill(store, UUID(project["id"]), people, each)
        [of] = accounts.projects()
        started, before = time.perf_counter(), _children()
        said = train_project(store, of, accounts.saved.preferences, data / "models", threading.Event())
        took, cpu = time.perf_counter() - started, _children() - before
    accounts.close()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"training: {took:.0f} s, {cpu:.0f} s of CPU, at most {peak:.0f} MB; {said}", flush=True)
    with trackway(data, CORE) as (address, process):
        print("| calls | p50 | p99 | CPU of a call | memory |\n|---|---|---|---|---|")
        for name, query in CALLS.items():
            _measure(name, address, process, query, people, entities)
    _plain(data, UUID(project["id"]))


def _measure(name: str, address: str, process: Any, query: str, people: int, entities: int) -> None:
    rng = random.Random(name)
    calls = [
        personalize._get(0, "").replace(
            b"/v1/personalize/u0?include=",
            f"/v1/recommend?{query.format(person=rng.randrange(people), entity=int(entities * rng.random() ** 3))}".encode(),
        )
        for _ in range(5000)
    ]
    asyncio.run(load(address, calls[:50], 10, 2, 10, 200, 50))
    before = cpu_seconds(process)
    done = asyncio.run(load(address, calls[50:], SECONDS, CONNECTIONS, RATE, 200))
    cpu = (cpu_seconds(process) - before) / max(1, len(done.latencies))
    assert not done.failed, f"{name}: {done.failed} calls failed"
    print(
        f"| {name}, {RATE}/s | {done.percentile(0.5):.1f} ms | {done.percentile(0.99):.1f} ms "
        f"| {1000 * cpu:.2f} ms | {resident_mb(process):.0f} MB |",
        flush=True,
    )


def _plain(data: Path, project: UUID) -> None:
    """The library in this process: what somebody would write without Trackway, without rules, reasons and HTTP."""
    kept = Shelf(data / "models").of(project, "product")
    assert kept is not None
    if kept.card.trained.kind != "als":
        print(f"the model in use is {kept.card.trained.kind}; `implicit` has none to compare with")
        return
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy import sparse

    model = AlternatingLeastSquares(factors=kept.model.arrays["factors"].shape[1], num_threads=1)
    model.item_factors = np.array(kept.model.arrays["factors"])  # a copy: the library refuses a mapped file
    rng, times = np.random.default_rng(1), []
    for _ in range(300):
        columns = rng.choice(len(kept.entities), 60, replace=False)
        row = sparse.csr_matrix((np.ones(60, np.float32), (np.zeros(60, int), columns)), (1, len(kept.entities)))
        started = time.perf_counter()
        model.recommend(0, row, N=20, recalculate_user=True)
        times.append((time.perf_counter() - started) * 1000)
    print(
        f"| plain implicit, a call in Python | {np.quantile(times, 0.5):.1f} ms | {np.quantile(times, 0.99):.1f} ms | | |"
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
