"""The durable, ordered record of all messages that arrived."""

from trackway.log.commit import Committer
from trackway.log.frame import Frame
from trackway.log.local import LocalLog, LogDamaged, LogInUse, locked
from trackway.log.protocol import DirectoryUnusable, Gap, Log, LogUnavailable, Readable, Span

__all__ = [
    "Committer", "DirectoryUnusable", "Frame", "Gap", "LocalLog", "Log", "LogDamaged", "LogInUse", "LogUnavailable",
    "Readable", "Span", "locked",
]  # fmt: skip
