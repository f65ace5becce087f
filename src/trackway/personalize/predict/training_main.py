"""The process that trains: it reads what was known of people from files, and writes models and scores to files.

    python -m trackway.personalize.predict.training_main ORDER

ORDER is a file of JSON (`Order`). The process has a limit of memory, and the lowest priority. It knows neither the
store nor the settings.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trackway.personalize.predict.features import LAST_ACTION
from trackway.personalize.predict.order import Files, Order, Wanted
from trackway.personalize.predict.quality import Floats
from trackway.personalize.predict.shelf import Card, new_version, put
from trackway.personalize.predict.targets import ACTIVE_DAYS, Target
from trackway.personalize.predict.training import Examples, Inputs, Learned, Scores, learn, score, together


def main(path: str) -> None:
    """Train what the file says; print what became of it."""
    order = msgspec.json.decode(Path(path).read_bytes(), type=Order)
    os.nice(19)
    with suppress(ValueError, OSError):  # not on every system
        resource.setrlimit(resource.RLIMIT_DATA, (order.memory_mb * 1024**2,) * 2)
    began = time.monotonic()
    for wanted in order.wanted:
        if time.monotonic() - began > order.budget_s:
            print(f"no time was left for {wanted.target.name}")
            break
        folder = _train(order, wanted)
        with Path(order.done).open("a") as done:
            done.write(f"{folder}\n")


def _train(order: Order, wanted: Wanted) -> Path:
    began, target = time.monotonic(), wanted.target
    learned = Learned(None, wanted.reason, None, [], 0)
    if wanted.measured is not None:
        earlier = _examples(target, order.inputs, wanted.learned)
        later = _examples(target, order.inputs, [wanted.measured])
        learned = learn(earlier, later, order.inputs, target.kind == "value")
    scores = None
    if learned.model is not None:
        people, inputs = _known(order.known)
        about = _population(target, order.inputs, inputs)
        if about.any():
            scored = score(learned.model, inputs[about], order.inputs, learned.effects)
            scores = _table(people[about], scored, order.inputs)
    card = Card(
        version=new_version(), target=target, used=scores is not None, reason=learned.reason, until=order.until,
        examples=learned.examples, people=0 if scores is None else scores.num_rows,
        seconds=round(time.monotonic() - began, 2), measured=learned.measured, inputs=learned.effects[:20],
    )  # fmt: skip
    return put(Path(order.models), order.project_id, card, learned.model, scores)


def _examples(target: Target, names: list[str], files: Sequence[Files]) -> Examples:
    parts = []
    for one in files:
        people, inputs = _known(one.known)
        about = _population(target, names, inputs)
        at = np.zeros(int(about.sum()), np.int64)
        parts.append(Examples(people[about], inputs[about], _labels(target, one.labels, people[about]), at))
    return together(parts)


@lru_cache(maxsize=2)
def _known(path: str) -> tuple[NDArray[np.uint64], Inputs]:
    with pa.memory_map(path) as file:
        table = pa.ipc.open_file(file).read_all()
        inputs = np.empty((table.num_rows, table.num_columns - 1), np.float32)
        for column in range(inputs.shape[1]):
            inputs[:, column] = table[f"f{column}"].to_numpy()
        return table["person"].to_numpy().astype(np.uint64), inputs


def _labels(target: Target, path: str, people: NDArray[np.uint64]) -> Floats:
    """Return what each person did; people who are not in the file did nothing."""
    with pa.memory_map(path) as file:
        table = pa.ipc.open_file(file).read_all()
        listed, values = table["person"].to_numpy(), table["label"].to_numpy().astype(np.float64)
    labels = np.zeros(len(people))
    if len(listed):
        at = np.minimum(np.searchsorted(listed, people), len(listed) - 1)
        labels = np.where(listed[at] == people, values[at], 0.0)
    # More refunds than orders are no amount to expect.
    return 1 - labels if target.kind == "churn" else np.maximum(0, labels)


def _population(target: Target, names: list[str], inputs: Inputs) -> NDArray[np.bool_]:
    """Return of whom a target is predicted: churn, of those who were active lately; others, of everybody known."""
    if target.kind != "churn":
        return np.ones(len(inputs), bool)
    return np.asarray(inputs[:, names.index(LAST_ACTION)] < ACTIVE_DAYS)


def _table(people: NDArray[np.uint64], scores: Scores, names: list[str]) -> pa.Table:
    """Return the rows that the store takes: a person, the prediction, and what moved it."""
    lengths = pa.array(np.arange(len(people) + 1) * scores.columns.shape[1], pa.int32())

    def lists(values: NDArray[np.generic] | list[str], kind: pa.DataType) -> pa.Array:
        return pa.ListArray.from_arrays(lengths, pa.array(values, kind))

    return pa.table({
        "identity": pa.array(people, pa.uint64()),
        "prediction": pa.array(scores.predicted, pa.float64()),
        "moved_by": lists([names[at] for at in scores.columns.ravel()], pa.string()),
        "has": lists(scores.values.ravel(), pa.float64()),
        "typical": lists(scores.typical.ravel(), pa.float64()),
        "effect": lists(scores.effects.ravel(), pa.float64()),
    })  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
