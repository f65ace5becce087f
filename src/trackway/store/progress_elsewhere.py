"""The progress of the loaders, for a process that is none: it asks the brokers when somebody wants to know it."""

from __future__ import annotations

import threading
from uuid import UUID

from trackway.govern.loaders import Placement
from trackway.log import DirectoryUnusable
from trackway.store.progress import Mark, OtherLoader
from trackway.store.refusals import StoreBusy


class ProgressElsewhere:
    """The progress of all loaders, which are other processes.

    Args:
        address: the setting `log`.
        count: the number of loaders that it names.
        placement: knows the loader of each project.
    """

    def __init__(self, address: str, count: int, placement: Placement) -> None:
        self._address, self._count, self._placement = address, count, placement
        self._loaders: dict[int, OtherLoader] = {}
        self._lock = threading.Lock()

    def _number(self, project_id: UUID) -> int:
        """Return the number of a project's loader. Raises StoreBusy."""
        number = self._placement(project_id.bytes)
        if number is None or number >= self._count:
            text = "this process does not know the loader of the project; give all processes the same setting log"
            raise StoreBusy(text, text)
        return number

    def _of(self, project_id: UUID) -> OtherLoader:
        """Return the loader of a project; the brokers are connected to when it is asked for first. Raises StoreBusy."""
        from trackway.log.kafka_group import Group

        number = self._number(project_id)
        with self._lock:
            if number not in self._loaders:
                try:
                    self._loaders[number] = OtherLoader(number, Group(self._address, number), lambda: None)
                except DirectoryUnusable as error:
                    raise StoreBusy(str(error)) from error
            return self._loaders[number]

    def mark(self, project_id: UUID) -> Mark:
        """Return whether everything is stored that is in the topic of the project's loader now, as a function.

        Raises:
            StoreBusy: the brokers do not say it; the function raises it too.
        """
        loader = self._of(project_id)
        try:
            is_stored = loader.mark()
        except DirectoryUnusable as error:
            raise StoreBusy(str(error)) from error

        def asked() -> bool:
            try:
                return is_stored()
            except DirectoryUnusable as error:
                raise StoreBusy(str(error)) from error

        return asked

    def waiting(self, project_id: UUID | None = None) -> int:
        """Return the number of records that wait for the loader of the project, as far as it is known; 0 for none."""
        return self._of(project_id).waiting if project_id else 0

    def version(self, project_id: UUID) -> int:
        """Return a number that grows with what is stored, as far as it is known. Raises StoreBusy."""
        loader = self._loaders.get(self._number(project_id))
        return loader.version if loader else 0
