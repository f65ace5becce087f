"""The runtime of a process that only collects: messages go to a log in Kafka, and nothing is kept in the process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trackway.collect.pseudonym import DailySalt
from trackway.config import Settings
from trackway.govern.database import AccountsUnavailable
from trackway.govern.first_start import FirstStart
from trackway.log import Committer
from trackway.operate import several
from trackway.operate.places import privacy_of
from trackway.runtime import Runtime
from trackway.store.recovery import kafka_log


class CollectingRuntime(Runtime):
    """Log, accounts and collector. Any number of these processes may run, beside one with the role `all`.

    Raises:
        TopicUnusable: the topic cannot be reached.
        AccountsUnavailable: the accounts database cannot be opened, or has no project yet.
    """

    def _open(
        self,
        settings: Settings,
        directory: Path,  # noqa: ARG002
        on_first_start: Callable[[FirstStart], None],  # noqa: ARG002
        waits_for: str,  # noqa: ARG002
    ) -> None:
        self.log = kafka_log(settings.log, None)
        self._closers.append(self.log.close)
        self._open_accounts()
        if not self.accounts.projects():
            raise AccountsUnavailable(
                "the accounts database has no project; start the process with the role all first, which creates one, "
                "and give both the same setting accounts"
            )
        several.divide(settings, self.log, self.accounts)

    def _wire(self, settings: Settings, directory: Path) -> None:
        self.privacy = privacy_of(settings, self._warn)
        self._salt = DailySalt(directory)
        self._committer: Committer | None = None

    def status(self) -> tuple[bool, dict[str, object]]:
        """Return whether messages can be taken, and the state for health checks; this asks the brokers."""
        self.log.mark()
        trouble = self.log.trouble or self.accounts.unusable()
        return not trouble, {"ready": not trouble, "trouble": trouble, "warnings": self.warnings}

    async def finish(self) -> None:
        """Wait until the log's last group is written."""
        if self._committer is not None:
            await self._committer.close()
