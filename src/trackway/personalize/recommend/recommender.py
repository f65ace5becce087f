"""The sources of recommendations in memory: models, lists that are the same for everybody, and the register."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from trackway.personalize.recommend.catalogue import Catalogues
from trackway.personalize.recommend.common import Common
from trackway.personalize.recommend.shelf import Shelf


class Recommender(NamedTuple):
    """The sources of one process, with which questions are answered."""

    shelf: Shelf
    common: Common
    catalogues: Catalogues

    @classmethod
    def of(cls, models: Path) -> Recommender:
        """Return sources with the models of a directory."""
        return cls(Shelf(models), Common(), Catalogues())
