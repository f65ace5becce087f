"""The Python client: it records and reads with the standard library only; recording never raises or blocks.

from trackway.client import Trackway

trackway = Trackway("WRITE_KEY", "https://t.example.com")
trackway.track("user-1", "Order Completed", {"revenue": 12.5, "currency": "EUR"})
"""

from trackway.client.answers import Personal, Preference
from trackway.client.client import AsyncTrackway, Trackway
from trackway.client.middleware import TrackwayASGI, TrackwayWSGI, from_cookies
from trackway.client.reading import Reader, ReadFailed

__all__ = [
    "AsyncTrackway",
    "Personal",
    "Preference",
    "ReadFailed",
    "Reader",
    "Trackway",
    "TrackwayASGI",
    "TrackwayWSGI",
    "from_cookies",
]
