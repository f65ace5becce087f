"""The order of a training, from the job to the process that trains; the job imports no library of models."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from trackway.personalize.predict.targets import Target


class Files(msgspec.Struct, kw_only=True):
    """Arrow files of one time: what was known of people (`person`, `f0`, `f1`, …), and what those did after who did
    anything (`person`, `label`).
    """

    known: str
    labels: str


class Wanted(msgspec.Struct, kw_only=True):
    """A target and its examples; `reason` is why not, and then there are none."""

    target: Target
    learned: list[Files] = []
    measured: Files | None = None
    reason: str = ""


class Order(msgspec.Struct, kw_only=True):
    """An order to train: `inputs` are the names of the columns, `known` is the file of what is known now (`until`).
    After `budget_s` seconds no further model is begun. For each finished version, its folder is written to `done`, a
    line each.
    """

    project_id: UUID
    until: datetime
    inputs: list[str]
    known: str
    wanted: list[Wanted]
    models: str
    done: str
    budget_s: float
    memory_mb: int
