"""The place of trained models: `models/` in the data directory, by project, type of entity and version.

A version is complete before its name is written into `current`, so that a training that is killed changes nothing. The
tables of numbers are mapped, not read: processes share their memory.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np
import xxhash

from trackway.personalize.recommend.cards import Card, Trained
from trackway.personalize.recommend.models import Floats, Model, from_arrays

KEPT = 5
"""Versions that are kept of a model."""


class BadModel(ValueError):
    """There is no such version, or its files cannot be used; the text says which and why."""


class Kept(NamedTuple):
    """A model that answers: entities in the order of its columns, and for each the number of people."""

    card: Card
    model: Model
    entities: list[str]
    column: Mapping[str, int]
    people: Floats


class Shelf:
    """The models of all projects.

    Args:
        directory: of the models; it need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._loaded: dict[Path, Kept] = {}

    def of(self, project_id: UUID, entity_type: str) -> Kept | None:
        """Return the model in use. None without one, or if its files cannot be read."""
        place = self._place(project_id, entity_type)
        try:
            folder = place / (place / "current").read_text()
            if folder not in self._loaded:
                self._loaded = {one: kept for one, kept in self._loaded.items() if one.parent != place}
                self._loaded[folder] = _read(folder)
        except (OSError, ValueError):
            return None
        return self._loaded[folder]

    def put(
        self, project_id: UUID, entity_type: str, until: datetime, model: Model, trained: Trained,
        entities: list[str], people: Floats,
    ) -> Card:  # fmt: skip
        """Keep a model and use it from now on; remove versions beyond the last few."""
        place = self._place(project_id, entity_type)
        card = Card(
            version=datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ"), project_id=str(project_id),
            entity_type=entity_type, until=until, trained=trained,
        )  # fmt: skip
        unfinished = place / f".{card.version}"
        unfinished.mkdir(parents=True)
        for name, array in {**model.arrays, "people": people}.items():
            _written(unfinished / f"{name}.npy", lambda file, array=array: np.save(file, array))
        _written(unfinished / "entities.json", lambda file: file.write(msgspec.json.encode(entities)))
        _written(unfinished / "card.json", lambda file: file.write(msgspec.json.encode(card)))
        unfinished.rename(place / card.version)
        self.use(project_id, entity_type, card.version)
        for old in self._versions(place)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return card

    def use(self, project_id: UUID, entity_type: str, version: str) -> None:
        """Use a version from now on. Raises BadModel if it cannot be read."""
        place = self._place(project_id, entity_type)
        try:
            _read(place / version)
        except (OSError, ValueError) as error:
            raise BadModel(f"version {version!r} of the model for {entity_type!r} cannot be read: {error}") from error
        _written(place / ".current", lambda file: file.write(version.encode()))
        (place / ".current").replace(place / "current")

    def cards(self) -> list[tuple[Card, bool]]:
        """Return all versions that can be read, the newest of each model first, and whether it is the one in use."""
        found: list[tuple[Card, bool]] = []
        for place in sorted(self._directory.glob("*/*")):
            current = (place / "current").read_text() if (place / "current").exists() else ""
            for folder in reversed(self._versions(place)):
                try:
                    card = msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
                except (OSError, ValueError):
                    continue
                found.append((card, folder.name == current))
        return found

    def forget(self, project_id: UUID) -> None:
        """Remove all models of a project."""
        shutil.rmtree(self._directory / str(project_id), ignore_errors=True)

    def _place(self, project_id: UUID, entity_type: str) -> Path:
        # A type may have any characters; its own name is in the card.
        return self._directory / str(project_id) / xxhash.xxh3_64_hexdigest(entity_type.encode())

    @staticmethod
    def _versions(place: Path) -> list[Path]:
        return sorted(one for one in place.iterdir() if one.is_dir() and not one.name.startswith("."))


def _written(path: Path, write: Any) -> None:
    with path.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _read(folder: Path) -> Kept:
    card = msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
    entities = msgspec.json.decode((folder / "entities.json").read_bytes(), type=list[str])
    arrays = {file.stem: np.load(file, mmap_mode="r") for file in folder.glob("*.npy")}
    people = arrays.pop("people")
    if len(people) != len(entities):
        raise BadModel(f"{folder.name} has {len(entities)} entities, and numbers for {len(people)}")
    model = from_arrays(card.trained.kind, arrays)
    return Kept(card, model, entities, {name: column for column, name in enumerate(entities)}, people)
