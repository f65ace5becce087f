"""The loader's reader of the log: the messages of a range, the refused ones, and the gaps that cannot be read."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import zstandard

from trackway.enrich.ordinary_messages import Arrived
from trackway.enrich.pipeline import message_key
from trackway.event import UNREADABLE, Arrival, Millis, Rejection, Violation
from trackway.log import Gap, Readable, Span


class LogRange(NamedTuple):
    """The messages at offsets [first, last) of the log.

    `received_at` is the arrival time of the last request. `earliest` is the lowest arrival time of all requests: it can
    be lower than that of the first, because the clock may have been set back. `token` tells the range from every other;
    `spans` are its records when the log numbers them anew in each process.
    """

    first: int
    last: int
    earliest: Millis
    received_at: Millis
    messages: list[Arrived]
    rejected: list[tuple[Arrival, Rejection]]
    broken: list[tuple[Arrival, Violation]]
    token: str = ""
    spans: Sequence[Span] = ()


def read(log: Readable, first: int, most: int, report: Callable[[Gap], None], exactly: bool = False) -> LogRange:
    """Read about `most` messages from offset `first` on, or fewer at the end of the log.

    Args:
        report: called with each range that cannot be read.
        exactly: end after `most` messages, even in the middle of a request.
    """
    messages: list[Arrived] = []
    rejected: list[tuple[Arrival, Rejection]] = []
    broken: list[tuple[Arrival, Violation]] = []
    earliest, received_at, position = 2**63, 0, first
    until = first + most if exactly else 2**63
    for item in log.read(first, most):
        if isinstance(item, Gap):
            report(item)
            position = item.last
            continue
        offset = item.first
        try:
            arrivals = list(item.arrivals())
        except (*UNREADABLE, zstandard.ZstdError, struct.error):
            report(Gap(item.first, item.last, log.directory, 0))
            position = item.last
            continue
        for arrival in arrivals:
            begin, middle = offset, offset + len(arrival.messages)
            offset = middle + len(arrival.rejections)
            if offset <= first or begin >= until:
                continue
            received_at = arrival.received_at
            earliest = min(earliest, received_at)
            # Nearly always the whole request; a part of it when a batch ends inside the request.
            in_range = arrival.messages if begin >= first and middle <= until else (
                arrival.messages[max(first - begin, 0) : max(until - begin, 0)]
            )  # fmt: skip
            messages += [
                (message, arrival, message_key(arrival.project_id, str(message.message_id))) for message in in_range
            ]
            refused = arrival.rejections[max(first - middle, 0) : max(until - middle, 0)]
            rejected += [(arrival, rejection) for rejection in refused]
            if begin >= first:
                broken += [(arrival, violation) for violation in arrival.violations]
        position = min(item.last, until)
    token, spans = log.token(first, position), log.spans(first, position)
    return LogRange(first, position, min(earliest, received_at), received_at, messages, rejected, broken, token, spans)


def range_of(log: Readable, first: int, last: int) -> LogRange:
    """Return the range of a batch, with its message when it has only one."""
    if last - first > 1:
        return LogRange(first, last, 0, 0, [], [], [])
    return read(log, first, 1, lambda _: None, exactly=True)
