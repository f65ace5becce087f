"""The durable, ordered record of what arrived."""

from trackway.log.commit import Committer
from trackway.log.frame import Frame
from trackway.log.local import Gap, LocalLog, LogInUse, LogUnavailable

__all__ = ["Committer", "Frame", "Gap", "LocalLog", "LogInUse", "LogUnavailable"]
