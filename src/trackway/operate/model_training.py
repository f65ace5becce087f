"""The job that trains models of recommendations, each in a process of its own.

The process reads the interactions from a file and does not know the store. It may be killed at any time: the model
before stays in use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question
from trackway.govern.metric_packs import Pack, pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.govern.tables import Project
from trackway.personalize.person import persons_of
from trackway.personalize.recommend.interactions import interactions, types
from trackway.personalize.recommend.order import Order
from trackway.store.connection import Store

MEMORY_MB = 4096
"""Memory of a training, besides what the interactions take."""
_GRACE_S = 600.0
"""Seconds that a training may take beyond those of the pack, to finish what it began."""


def train_project(
    store: Store, project: Project, saved: StatedPreferences, models: Path, ending: threading.Event
) -> list[str]:
    """Train the models of a project, without people who opted out; return what became of each. None is trained once
    `ending` is set.
    """
    now, pack = datetime.now(UTC), pack_of(project.metrics)
    question = Question.of(project, Period(datetime(2000, 1, 1, tzinfo=UTC), now))
    out = set(persons_of(store, question, saved.all_opted_out(question.project_id)).values())
    return [
        f"{entity_type}: {_train(store, question, entity_type, pack, now, out, models, ending)}"
        for entity_type in pack.recommend.entity_types or types(store, question, pack, now)
        if not ending.is_set()
    ]


def _train(
    store: Store,
    question: Question,
    entity_type: str,
    pack: Pack,
    now: datetime,
    out: set[int],
    models: Path,
    ending: threading.Event,
) -> str:
    table = interactions(store, question, entity_type, pack, now).table
    if out:
        table = table.filter(pc.invert(pc.is_in(table["person"], pa.array(sorted(out), pa.uint64()))))
    if not table.num_rows:
        return "no interactions"
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".training-", dir=models) as place:
        file, order = Path(place) / "interactions.arrow", Path(place) / "order.json"
        with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        order.write_bytes(msgspec.json.encode(Order(
            project_id=UUID(str(question.project_id)), entity_type=entity_type, until=now, interactions=str(file),
            models=str(models), budget_s=pack.recommend.seconds, memory_mb=MEMORY_MB,
        )))  # fmt: skip
        return run("trackway.personalize.recommend.training_main", order, pack.recommend.seconds + _GRACE_S, ending)


def run(module: str, order: Path, most_s: float, ending: threading.Event, threads: int = 0) -> str:
    """Run a training process to its end, or until `ending` is set; return its last line.

    Args:
        threads: of its loops, if not as many as there are cores: several wait for the slowest at each step, which takes
            long beside other work.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)} if threads else None
    command = [sys.executable, "-m", module, str(order)]
    until = time.monotonic() + most_s
    with (
        (order.parent / "said").open("w+") as said,
        subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as process,
    ):
        while process.poll() is None:
            if ending.wait(0.1) or time.monotonic() > until:
                process.kill()
        said.seek(0)
        last = ["", *said.read().strip().splitlines()][-1][-500:]
    if process.returncode < 0:
        return "stopped; the model before stays in use"
    return last if process.returncode == 0 else f"failed: {last}; the model before stays in use"
