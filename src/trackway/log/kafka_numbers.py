"""The numbers of messages that are read from several partitions: which record of which partition each number is in."""

from __future__ import annotations

from trackway.log.protocol import Positions, Span


class Numbers:
    """Numbers the messages from a checkpoint on, and remembers their records until the next checkpoint.

    Args:
        number: the first number.
        positions: the place of the first number in each partition. When it lies inside a record, that record is read
            first (`first_to_read`).
    """

    def __init__(self, number: int, positions: Positions) -> None:
        self._given = number, positions
        inside = [(partition, taken) for partition, (_, taken) in positions.items() if taken]
        self.first_to_read = inside[0][0] if inside else None
        """The partition whose next record must be read before all others; None when any may be."""
        self._base = number - sum(taken for _, taken in inside)
        self._offsets = {partition: offset for partition, (offset, _) in positions.items()}
        self._spans: list[Span] = []
        self._next = dict(self._offsets)

    @property
    def start(self) -> int:
        """The lowest number whose record is known."""
        return self._base

    @property
    def end(self) -> int:
        """The number that the next message gets."""
        if self._spans:
            return self._spans[-1].last
        return self._given[0] if self.first_to_read is not None else self._base

    def next_of(self, partition: int) -> int:
        """Return the offset of the next record of a partition."""
        return self._next.get(partition, 0)

    def add(self, partition: int, offset: int, until: int, counts: list[int]) -> Span:
        """Number the messages of the next records of a partition."""
        first = self._spans[-1].last if self._spans else self._base
        span = Span(first, partition, offset, until, counts)
        self.follow(span)
        return span

    def follow(self, span: Span) -> None:
        """Take over a span whose messages already have numbers."""
        if not self._spans or span.first >= self._spans[-1].last:
            self._spans.append(span)
            self._next[span.partition] = span.until
            self.first_to_read = None

    def spans(self, first: int, last: int) -> list[Span]:
        """Return the spans that contain the numbers [first, last)."""
        return [span for span in self._spans if span.last > first and span.first < last]

    def positions(self, number: int) -> Positions:
        """Return the places to read next for whoever has everything below `number`."""
        if number == self._given[0]:
            return self._given[1]
        places: Positions = {partition: (offset, 0) for partition, offset in self._offsets.items()}
        for span in self._spans:
            if span.first >= number:
                break
            places[span.partition] = _place(span, number)
        return places

    def settle(self, number: int) -> None:
        """Forget the records below `number`."""
        places = self.positions(number)
        kept = [span for span in self._spans if span.last > number]
        if any(taken for _, taken in places.values()) or len(kept) == len(self._spans):
            return
        self._given = number, places
        self._base, self._spans = (kept[0].first if kept else number), kept
        self._offsets = {partition: offset for partition, (offset, _) in places.items()}
        for span in reversed(kept):
            self._offsets[span.partition] = span.offset


def _place(span: Span, number: int) -> tuple[int, int]:
    """Return the place in a span's partition of a number that is above the span's first."""
    if number >= span.last or span.lost:
        return span.until, 0
    first = span.first
    for index, count in enumerate(span.counts):
        if number < first + count:
            return span.offset + index, number - first
        first += count
    return span.until, 0
