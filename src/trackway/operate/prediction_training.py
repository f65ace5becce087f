"""The job that trains predictions about people, in a process of its own.

This process reads what was known of people from the store into files, and the other one learns from them. It may be
killed at any time: the predictions of before stay.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from trackway.analyze.language.goals import goals_of
from trackway.analyze.language.period import Period
from trackway.analyze.language.question import Question, ask, moment
from trackway.govern.metric_packs import pack_of
from trackway.govern.saved.preferences import StatedPreferences
from trackway.govern.tables import Project
from trackway.operate.model_training import MEMORY_MB, run
from trackway.personalize.person import persons_of
from trackway.personalize.predict import scores
from trackway.personalize.predict.features import Feature, Leak, Reader
from trackway.personalize.predict.order import Files, Order, Wanted
from trackway.personalize.predict.shelf import Card
from trackway.personalize.predict.targets import Target, Times, targets, times
from trackway.store.connection import Store

MOST_EXAMPLES = 50_000
"""People, about, from whom a model learns at each time."""
_GRACE_S = 300.0
"""Seconds that the training may take beyond those of the pack, to finish what it began."""


def train_predictions(
    store: Store, project: Project, saved: StatedPreferences, directory: Path, ending: threading.Event,
    now: datetime | None = None, features: Sequence[Feature] | None = None,
) -> list[str]:  # fmt: skip
    """Train the predictions of a project and score everybody; return what became of each.

    Args:
        directory: of the models; it need not exist.
        now: the time of the newest data that is looked at; for tests and benchmarks.
        features: replaces the inputs; for tests.
    """
    now, pack = now or datetime.now(UTC), pack_of(project.metrics)
    question = Question.of(project, Period(datetime(2000, 1, 1, tzinfo=UTC), now))
    wanted = targets([*project.goals, *pack.predict.events])
    [span] = ask(store, "personalize/predict/span.sql", question).rows()
    if not span["people"]:
        return []
    of_times = {target: times(target, span["first_at"].replace(tzinfo=UTC), now) for target in wanted}
    until = min((found.measured for found in of_times.values() if found), default=now)
    left_out = _opted_out(store, question, saved)
    reader = Reader(store, question, pack, project.currency, until, left_out, features)
    every = max(1, span["people"] // MOST_EXAMPLES)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".training-", dir=directory) as place:
        files = _Writer(Path(place), reader, every, lambda target, at: _labels(store, question, project, target, at))
        try:
            reader.refuse_leaks(until, every)
            order = _order(files, wanted, of_times, UUID(project.id), now, directory, pack.predict.seconds, ending)
        except Leak as error:
            return [f"predictions: refused: {error}; those of before stay"]
        if order is None:
            return []
        said = run(
            "trackway.personalize.predict.training_main",
            order,
            pack.predict.seconds + _GRACE_S,
            ending,
            threads=1,
        )
        cards = _keep(store, question, saved, Path(place) / "done")
    scores.forget_targets(store, UUID(project.id), [target.name for target in wanted])
    results = [f"{card.target.name}: {'used' if card.used else 'not used'}, {card.reason}" for card in cards]
    return results + ([f"predictions: {said}"] if len(cards) < len(wanted) else [])


class _Writer:
    """Writes tables of examples to files; what was known at a time once for all targets."""

    def __init__(self, place: Path, reader: Reader, every: int, labels: Callable[[Target, datetime], pa.Table]) -> None:
        self.place, self.reader = place, reader
        self._every, self._labels = every, labels
        self._known: dict[datetime, str] = {}

    def files(self, target: Target, at: datetime) -> Files:
        """Write the examples of a target at a time."""
        if at not in self._known:
            self._known[at] = self.write(f"known-{len(self._known)}", self.reader.at(at, self._every))
        name = f"labels-{target.kind}-{target.name.encode().hex()[:100]}-{at:%Y%m%d%H%M%S}"
        return Files(known=self._known[at], labels=self.write(name, self._labels(target, at)))

    def write(self, name: str, table: pa.Table) -> str:
        """Write a table to a file of this name; return its path."""
        path = str(self.place / f"{name}.arrow")
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        return path


def _order(
    files: _Writer, wanted: list[Target], of_times: dict[Target, Times | None], project_id: UUID, now: datetime,
    directory: Path, budget_s: float, ending: threading.Event,
) -> Path | None:  # fmt: skip
    """Write everything that the training reads; None once `ending` is set."""
    found = []
    for target in wanted:
        at = of_times[target]
        if ending.is_set():
            return None
        if at is None:
            reason = f"too little data: it takes events of {30 + 2 * target.days} days to learn and to measure"
            found.append(Wanted(target=target, reason=reason))
            continue
        learned = [files.files(target, one) for one in at.learned]
        found.append(Wanted(target=target, learned=learned, measured=files.files(target, at.measured)))
    order = Order(
        project_id=project_id, until=now, inputs=files.reader.names, known=files.write("now", files.reader.at(now)),
        wanted=found, models=str(directory), done=str(files.place / "done"), budget_s=budget_s, memory_mb=MEMORY_MB,
    )  # fmt: skip
    path = files.place / "order.json"
    path.write_bytes(msgspec.json.encode(order))
    return path


def _labels(store: Store, question: Question, project: Project, target: Target, at: datetime) -> pa.Table:
    kinds, names = goals_of([target.event])
    return ask(
        store, "personalize/predict/labels.sql", question, {"kind": target.kind}, kinds=kinds, names=names,
        currency=project.currency, since=moment(at), until=moment(at + target.length),
    ).table  # fmt: skip


def _keep(store: Store, question: Question, saved: StatedPreferences, done: Path) -> list[Card]:
    """Put the scores of all finished models into the store, but those of people who opted out meanwhile."""
    cards = []
    for folder in map(Path, done.read_text().splitlines() if done.exists() else ()):
        card = msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
        rows = pa.ipc.open_file(str(folder / "scores.arrow")).read_all() if card.used else None
        if rows is not None:
            gone = pa.array(_opted_out(store, question, saved), pa.uint64())
            rows = rows.filter(pc.invert(pc.is_in(rows["identity"], gone)))
        scores.put(store, question.project_id, card, rows)
        cards.append(card)
    return cards


def _opted_out(store: Store, question: Question, saved: StatedPreferences) -> list[int]:
    """Return the persons who opted out of personalization: models learn nothing of them, and say nothing."""
    users = saved.all_opted_out(question.project_id)
    return sorted(set(persons_of(store, question, users).values())) if users else []
