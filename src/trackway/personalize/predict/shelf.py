"""The place of trained models of predictions: `predictions/` in the data directory, by project, target and version.

Each version has the model, its card and the scores that it gave. The store has the scores in use and the cards; the
files are for looking back, and to go back to an earlier version.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import xxhash

from trackway.personalize.predict.quality import Reliability
from trackway.personalize.predict.targets import Target

KEPT = 5
"""Versions that are kept of a model."""


class InputEffect(msgspec.Struct, frozen=True, kw_only=True):
    """An input, and how much worse (in loss) predictions become when it is shuffled among people."""

    input: str
    loss: float


class Card(msgspec.Struct, kw_only=True):
    """A trained model: what it predicts, whether it is used and why (not), from how many examples it learned, how good
    it was for people of a later period, and on which inputs it depends, the most important first. `until` is the time
    of the newest data, `people` the number of people with a prediction.
    """

    version: str
    target: Target
    used: bool
    reason: str
    until: datetime
    examples: int
    people: int
    seconds: float
    measured: Reliability | None
    inputs: list[InputEffect]


def new_version() -> str:
    """Return a version; later ones sort after earlier ones."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def put(directory: Path, project_id: UUID, card: Card, model: Any, scores: pa.Table | None) -> Path:
    """Keep a version, whole or not at all; remove versions beyond the last few. Returns its folder."""
    place = place_of(directory, project_id, card.target.name)
    unfinished = place / f".{card.version}"
    unfinished.mkdir(parents=True)
    if model is not None and scores is not None:
        import joblib  # comes with scikit-learn, which only the process that trains imports

        joblib.dump(model, unfinished / "model.joblib", compress=3)
        with pa.OSFile(str(unfinished / "scores.arrow"), "wb") as sink, pa.ipc.new_file(sink, scores.schema) as writer:
            writer.write_table(scores)
    (unfinished / "card.json").write_bytes(msgspec.json.encode(card))
    for file in unfinished.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
    unfinished.rename(place / card.version)
    versions = sorted(one for one in place.iterdir() if one.is_dir() and not one.name.startswith("."))
    for old in versions[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return place / card.version


def place_of(directory: Path, project_id: UUID, target: str) -> Path:
    """Return the folder of a target's versions. A name may have any characters; the card has it."""
    return directory / str(project_id) / xxhash.xxh3_64_hexdigest(target.encode())
