"""Room 1: authenticate, decode, check; answer 202 only when the log has it."""

from trackway.collect.door import Collector, Keys
from trackway.collect.privacy import Privacy

__all__ = ["Collector", "Keys", "Privacy"]
