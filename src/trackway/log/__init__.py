"""The durable, ordered record of all messages that arrived."""

from trackway.log.commit import Committer
from trackway.log.frame import Frame
from trackway.log.local import DirectoryUnusable, Gap, LocalLog, LogDamaged, LogInUse, LogUnavailable, locked

__all__ = [
    "Committer", "DirectoryUnusable", "Frame", "Gap", "LocalLog", "LogDamaged", "LogInUse", "LogUnavailable", "locked",
]  # fmt: skip
