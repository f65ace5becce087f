"""The predictions in the store: written after a training, and taken away from people of whom nothing may be said."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa

from trackway.analyze.language.question import Question, ask
from trackway.personalize.person import persons_of
from trackway.personalize.predict.shelf import KEPT, Card
from trackway.statements import Statements
from trackway.store.connection import Store
from trackway.store.policy import Policy

_sql = Statements(__name__)
_ROWS = 200_000


def put(store: Store, project_id: UUID, card: Card, scores: pa.Table | None) -> None:
    """Replace the predictions of a target by those of a new model; without scores, nobody has one any more."""
    version = time.time_ns()
    moment = pa.scalar(datetime.now(UTC), pa.timestamp("ms", "UTC"))
    parts = [] if scores is None else [scores.slice(at, _ROWS) for at in range(0, scores.num_rows, _ROWS)]
    for number, part in enumerate(parts):
        rows = {
            "project_id": _all(pa.scalar(project_id.bytes, pa.binary(16)), part),
            "target": _all(card.target.name, part),
            **{name: part[name].combine_chunks() for name in part.column_names},
            "model": _all(card.version, part), "scored_at": _all(moment, part),
            "version": _all(pa.scalar(version, pa.uint64()), part),
        }  # fmt: skip
        store.put("predictions", pa.table(rows), f"predictions-{project_id}-{card.target.name}-{version}-{number}")
    row = {
        "project_id": [project_id.bytes], "target": [card.target.name], "model": [card.version], "used": [card.used],
        "card": [msgspec.json.encode(card).decode()], "version": [version],
    }  # fmt: skip
    of_row = {"project_id": pa.binary(16), "version": pa.uint64()}
    columns = {name: pa.array(values, of_row.get(name)) for name, values in row.items()}
    store.put("prediction_models", pa.table(columns), f"models-{project_id}-{card.target.name}-{version}")
    values = {"project": project_id, "target": card.target.name, "version": version}
    store.change(_sql("forget_older"), values, everywhere=True)
    newest = store.ask(_sql("newest_models"), {**values, "kept": KEPT})["model"].to_pylist()
    store.change(_sql("forget_models"), {**values, "models": newest}, everywhere=True)


def forget_user(store: Store, question: Question, user_id: str) -> None:
    """Take the predictions away from the person who has a user id. The next training has to leave them out itself."""
    # The caller may change this user; as somebody who sees only themselves, they would not find their own ids.
    store = store.within(Policy(question.project_id))
    found = persons_of(store, question, [user_id])
    ids = ask(store, "language/person_ids.sql", question, persons=list(found.values())) if found else None
    forget_people(
        store, question.project_id, [*found.values(), *(row["identity"] for row in (ids.rows() if ids else ()))]
    )


def forget_people(store: Store, project_id: UUID, identities: Iterable[int]) -> None:
    """Take the predictions away from the people with these identities, for good."""
    values = {"project": project_id, "identities": sorted(set(identities))}
    # Most have none, and then nothing has to be written.
    if store.ask(_sql("any_of_people"), values)["found"][0].as_py():
        store.change(_sql("forget_people"), values, everywhere=True)


def forget_targets(store: Store, project_id: UUID, kept: Sequence[str]) -> None:
    """Take away predictions and models of targets other than these, which the project does not predict any more."""
    for statement in ("forget_targets", "forget_models_of_targets"):
        store.change(_sql(statement), {"project": project_id, "targets": list(kept)}, everywhere=True)


def _all(value: Any, rows: pa.Table) -> pa.Array:
    return pa.repeat(value, rows.num_rows)
