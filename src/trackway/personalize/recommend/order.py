"""The order of a training, from the job to the process that trains; the job imports no library of models."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Order(msgspec.Struct, kw_only=True):
    """An order to train: `interactions` is an Arrow file, `until` the time up to which it has them."""

    project_id: UUID
    entity_type: str
    until: datetime
    interactions: str
    models: str
    budget_s: float
    memory_mb: int
