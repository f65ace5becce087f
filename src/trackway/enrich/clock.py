"""Correction of device clocks by the server's clock. See docs/explanation/counting.md."""

from __future__ import annotations

from trackway.event import MOST_AHEAD, Millis
from trackway.storable import EARLIEST


def corrected(received_at: Millis, sent_at: Millis | None, original: Millis | None) -> Millis:
    """Return the time of an event by the server's clock: `receivedAt − (sentAt − originalTimestamp)`.

    Without `sentAt`, the client's time is used unchanged. Times more than 5 minutes ahead of arrival become the arrival
    time, and so do times that no column can hold; the collector refuses times before 2000.
    Segment's rule: https://segment.com/docs/connections/spec/common/#timestamp-overview
    """
    if original is None:
        return received_at
    timestamp = original if sent_at is None else received_at - (sent_at - original)
    return received_at if timestamp < EARLIEST or is_ahead(timestamp, received_at) else timestamp


def is_ahead(at: Millis, received_at: Millis) -> bool:
    """Whether a time is more than 5 minutes after the arrival of the message that states it."""
    return at > received_at + MOST_AHEAD
