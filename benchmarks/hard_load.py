"""The load of `store.py`, in a process of its own: batches of hard traffic from servers, no two messages with one id but repeats.

    python benchmarks/hard_load.py ADDRESS FIRST SECONDS EVENTS CONNECTIONS RATE

From the request with the number FIRST on, it sends at most EVENTS messages for at most SECONDS, in batches of 100, over so many connections: as fast as answers come, or RATE
messages a second in all; then, latency counts from when a request was due. A request without the answer 202 is sent again, as a
client does, until it has one. Prints a line of JSON: the result, and what must be stored.

The messages are built once for a round of 100,000. Each further round has other message ids, visitors from time to time, unique
parts of URLs, orders and times.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from machinery import request
from traffic import START, message_of

A_BATCH, BATCHES = 100, 1_000
VISITORS, ROUNDS_OF_A_VISITOR = 50_000, 20
REPEATED = 0.02
LATE = timedelta(minutes=10)


class _Body(NamedTuple):
    """A batch with its places to fill in; of its messages that are not repeated, the number and the sum of their serials."""

    text: bytes
    fresh: int
    serials: int


def _body(number: int, rng: random.Random, earlier: list[dict[str, object]]) -> _Body:
    batch: list[dict[str, object]] = []
    fresh: list[dict[str, object]] = []
    serials = 0
    for serial in range(number * A_BATCH, (number + 1) * A_BATCH):
        if earlier and rng.random() < REPEATED:
            batch.append(rng.choice(earlier))
            continue
        fresh.append(_message(serial, rng))
        batch.append(fresh[-1])
        serials += serial
    earlier[:] = [*earlier, *fresh][-500:]
    return _Body(json.dumps({"batch": batch}, separators=(",", ":")).encode(), len(fresh), serials)


def _message(serial: int, rng: random.Random) -> dict[str, object]:
    one = message_of(serial, START, rng, VISITORS, from_server=True)
    page = one.context["page"]
    page["url"] = page["url"].replace("&session=", "&session=@R")
    if "order_id" in one.properties:
        one.properties["order_id"] = f"@R-{one.properties['order_id']}"
    return {
        "type": one.type,
        "messageId": f"@R-{serial}",
        "anonymousId": f"@V-{one.anonymous_id}",
        "context": one.context,
        "properties": one.properties,
        **({"event": one.event} if one.event else {}),
        **({"userId": f"@V-{one.user_id}"} if one.user_id else {}),
        **({"timestamp": "@L"} if one.timestamp < START else {}),
    }


class Requests:
    """Requests by number; the same number is the same request, apart from the times of late messages."""

    def __init__(self) -> None:
        rng, earlier = random.Random(11), list[dict[str, object]]()
        self._bodies = [_body(number, rng, earlier) for number in range(BATCHES)]

    def __getitem__(self, number: int) -> bytes:
        turn, at = divmod(number, BATCHES)
        late = (datetime.now(UTC) - LATE * ((number % 97) / 97)).isoformat(timespec="milliseconds")
        body = self._bodies[at].text.replace(b"@R", b"%d" % turn).replace(b"@V", b"%d" % (turn // ROUNDS_OF_A_VISITOR))
        return request("/v1/batch", body.replace(b"@L", late.encode()))

    def must_be_stored(self, numbers: range) -> dict[str, int]:
        """Of these requests: the number of messages, and the sums of the two parts of their ids."""
        turns = [(number // BATCHES, self._bodies[number % BATCHES]) for number in numbers]
        return {
            "messages": sum(body.fresh for _, body in turns),
            "turns": sum(turn * body.fresh for turn, body in turns),
            "serials": sum(body.serials for _, body in turns),
        }


async def send(
    requests: Requests, address: str, first: int, seconds: float, most: int, connections: int, rate: float
) -> dict[str, object]:
    """Send the load; returns the result."""
    host, port = address.removeprefix("http://").split(":")
    started = time.perf_counter()
    end, taken, again = started + seconds, 0, 0
    latencies: list[float] = []

    async def delivered(number: int, line: list[asyncio.StreamReader | asyncio.StreamWriter]) -> None:
        nonlocal again
        while True:
            try:
                if not line:
                    line[:] = await asyncio.open_connection(host, int(port))
                reader, writer = line
                writer.write(requests[number])  # type: ignore[union-attr]
                head = await reader.readuntil(b"\r\n\r\n")  # type: ignore[union-attr]
                await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0))  # type: ignore[union-attr]
                if b" 202 " in head[:14]:
                    return
            except (OSError, asyncio.IncompleteReadError):
                line.clear()
            again += 1
            await asyncio.sleep(0.2)

    async def connection() -> None:
        nonlocal taken
        line: list[asyncio.StreamReader | asyncio.StreamWriter] = []
        while (now := time.perf_counter()) < end and (taken + 1) * A_BATCH <= most:
            number, due = taken, now
            taken += 1
            if rate and (due := started + number * A_BATCH / rate) > now:
                await asyncio.sleep(due - now)
            await delivered(first + number, line)
            latencies.append(time.perf_counter() - due)

    await asyncio.gather(*(connection() for _ in range(connections)))
    took = time.perf_counter() - started
    latencies.sort()
    at = {share: latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1000 for share in (0.5, 0.99, 1.0)}
    return {
        "requests": taken, "again": again, "seconds": took, "sent": taken * A_BATCH,
        "p50": at[0.5], "p99": at[0.99], "most": at[1.0],
    }  # fmt: skip


def main() -> None:
    """Send what the command line says."""
    address, (first, seconds, most, connections, rate) = sys.argv[1], (float(one) for one in sys.argv[2:])
    requests = Requests()
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    result = asyncio.run(send(requests, address, int(first), seconds, int(most), int(connections), rate))
    result["cpu"] = time.process_time() - before
    sent = range(int(first), int(first) + int(str(result["requests"])))
    print(json.dumps({**result, **requests.must_be_stored(sent)}), flush=True)


if __name__ == "__main__":
    main()
