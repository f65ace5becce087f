"""The process that trains: it reads interactions from a file, and keeps the model in the directory of models.

    python -m trackway.personalize.recommend.training_main ORDER

ORDER is a file of JSON (`Order`). The process has a limit of memory, and the lowest priority.
"""

from __future__ import annotations

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from trackway.personalize.recommend.order import Order
from trackway.personalize.recommend.shelf import Shelf
from trackway.personalize.recommend.training import feedback_of, train


def main(path: str) -> None:
    """Train what the file says; print what was kept."""
    order = msgspec.json.decode(Path(path).read_bytes(), type=Order)
    os.nice(19)
    with suppress(ValueError, OSError):  # not on every system
        resource.setrlimit(resource.RLIMIT_DATA, (order.memory_mb * 1024**2,) * 2)
    with pa.memory_map(order.interactions) as file:
        feedback = feedback_of(pa.ipc.open_file(file).read_all())
    shelf = Shelf(Path(order.models))
    kept = shelf.of(order.project_id, order.entity_type)
    model, trained = train(feedback, order.budget_s, last=kept.card.trained if kept else None)
    people = np.asarray(feedback.history.getnnz(axis=0), np.float32)
    card = shelf.put(order.project_id, order.entity_type, order.until, model, trained, feedback.entities, people)
    print(f"{trained.kind}, version {card.version}: {trained.reason}")


if __name__ == "__main__":
    main(sys.argv[1])
