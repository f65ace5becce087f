"""Collection: authenticate, decode and check messages; answer 202 only when the log has them."""

from trackway.collect.door import Collector, Keys
from trackway.collect.privacy import Privacy

__all__ = ["Collector", "Keys", "Privacy"]
