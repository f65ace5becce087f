"""Late events: 10,000 in random order, over a month of visitors whose visits are stored, until they are stored.

Each visitor had two visits a week. Of the late events most are pages, many of which join visits, and one of each visitor
is a sign-out, after which everything is somebody else's. Then a trickle: one late event every half second.
`./run bench late`
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from machinery import WRITE_KEY, cpu_seconds, machine, trackway

VISITORS, LATE_EACH, TRICKLE = 1_000, 10, 30
MINUTE, DAY = 60_000, 86_400_000


def page(visitor: int, at: int, sign_out: bool = False) -> dict[str, object]:
    """A message of a visitor at a time."""
    return {
        "type": "track" if sign_out else "page",
        "event": "Signed Out" if sign_out else None,
        "messageId": f"{visitor}-{at}",
        "anonymousId": f"visitor-{visitor}",
        "timestamp": at,
        "context": {"page": {"url": f"https://concerts.example/{at % 50}", "referrer": "https://www.google.com/"}},
    }


def stories(start: int, rng: random.Random) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """What came in time, in order, and what comes late, in any order."""
    in_time, late = [], []
    for visitor in range(VISITORS):
        visits = [start + week * 7 * DAY + rng.randrange(6 * DAY) for week in range(4)]
        # Two visits of three pages each, 40 minutes apart: a page between them makes them one.
        in_time += [page(visitor, at + minute * MINUTE) for at in visits for minute in (0, 3, 5, 45, 47, 50)]
        late += [
            page(visitor, rng.choice(visits) + 10_000 * rng.randrange(400) + number) for number in range(LATE_EACH - 1)
        ]
        late.append(page(visitor, rng.choice(visits) + 4 * MINUTE + 1, sign_out=True))
    in_time.sort(key=lambda message_: int(str(message_["timestamp"])))
    rng.shuffle(late)
    return in_time, late


def send(address: str, process: psutil.Process, messages: list[dict[str, object]]) -> tuple[float, float]:
    """Seconds until all of them are stored, and seconds of CPU."""
    http = httpx.Client(base_url=address, timeout=60, auth=(WRITE_KEY, ""))
    before, started = cpu_seconds(process), time.perf_counter()
    for first in range(0, len(messages), 500):
        http.post("/v1/batch", json={"batch": messages[first : first + 500]}).raise_for_status()
    while (status := http.get("/readyz").json())["stored"] < status["logged"]:
        time.sleep(0.02)
    return time.perf_counter() - started, cpu_seconds(process) - before


def main() -> None:
    """Measure both."""
    in_time, late = stories(int(time.time() * 1000) - 32 * DAY, random.Random(5))
    print(f"\nLate events on {machine()}\n")
    print("| what | events | s to stored | s of CPU |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as directory, trackway(Path(directory) / "data") as (address, process):
        seconds, cpu = send(address, process, in_time)
        print(f"| in order | {len(in_time):,} | {seconds:.1f} | {cpu:.1f} |", flush=True)
        seconds, cpu = send(address, process, late)
        print(f"| late, in random order | {len(late):,} | {seconds:.1f} | {cpu:.1f} |", flush=True)
        seconds, cpu = 0.0, 0.0
        for index in range(TRICKLE):
            at = int(str(in_time[index * 700]["timestamp"])) + 20 * MINUTE
            took, used = send(address, process, [page(int(str(in_time[index * 700]["messageId"]).split("-")[0]), at)])
            seconds, cpu = seconds + took / TRICKLE, cpu + used / TRICKLE
        print(f"| late, one at a time, mean of {TRICKLE} | 1 | {seconds:.2f} | {cpu:.2f} |", flush=True)


if __name__ == "__main__":
    main()
