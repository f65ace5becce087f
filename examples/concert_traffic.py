"""Traffic of a concert site: people who come, look around, search, and some of whom buy a ticket.

It uses only Trackway's public interface and the standard library:

    python examples/concert_traffic.py --url http://127.0.0.1:8700 --write-key wk_… --days 60 --live

`--days` first sends that many past days of a growing site; `--live` then sends new visits until it is stopped. The same
`--seed` gives the same past.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from concert_visits import Site, Step


def messages(site: Site, start: datetime, visitor: dict[str, Any], steps: list[Step]) -> Iterator[dict[str, Any]]:
    """Yield the messages of a visit, in Segment's format."""
    for second, step in steps:
        step = dict(step)
        page = step.pop("page", None)
        context = {**visitor["context"], **({"page": page} if page else {})}
        message_id = f"concert-{site.random.getrandbits(96):024x}"
        at = (start + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
        yield {**visitor, **step, "context": context, "messageId": message_id, "timestamp": at}


class Sender:
    """Sends batches, and retries while the server is not reachable."""

    def __init__(self, url: str, write_key: str) -> None:
        self.url = url.rstrip("/")
        self.authorization = "Basic " + b64encode(f"{write_key}:".encode()).decode()

    def send(self, batch: list[dict[str, Any]]) -> None:
        """Send messages in one request."""
        self._post("/v1/batch", {"batch": batch})

    def count_view(self, view: dict[str, Any]) -> None:
        """Count a view of an entity, as the page of a concert or artist does."""
        entity, context = view["properties"], view["context"]
        path = f"/v1/entities/{entity['entity_type']}/{urllib.parse.quote(entity['entity_id'], safe='')}/view"
        body = {
            "session_id": context["sessionId"],
            "anonymous_id": view["anonymousId"],
            "referrer_source": entity["referrer_source"],
        }
        self._post(path, body, context["userAgent"])

    def _post(self, path: str, content: dict[str, Any], agent: str = "concert-traffic") -> None:
        """Send one request. Raises SystemExit when the server refuses it or stays unreachable."""
        headers = {
            "authorization": self.authorization,
            "content-type": "application/json",
            "content-encoding": "gzip",
            "user-agent": agent,
        }
        body = gzip.compress(json.dumps(content).encode(), 1)
        for pause in (0.5, 1, 2, 4, 8):
            try:
                request = urllib.request.Request(self.url + path, body, headers)
                urllib.request.urlopen(request, timeout=30).close()
                return
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise SystemExit(f"{self.url}{path} answered {error.code}: {error.read().decode()}") from error
            except OSError:
                pass
            time.sleep(pause)
        raise SystemExit(f"{self.url} cannot be reached")


def visits_in(day: datetime, per_day: int, back: int) -> int:
    """Return the number of visits of a day: more on Fridays and Saturdays; the site doubles in seven weeks."""
    weekday = 1.5 if day.weekday() in (4, 5) else 1.0
    return int(per_day * weekday * (0.85 + 0.15 * math.sin(day.timetuple().tm_yday / 9)) * 0.5 ** (back / 49))


def backfill(site: Site, sender: Sender, days: int, per_day: int) -> int:
    """Send the messages of past days, the oldest first, and return their number."""
    now, sent, batch = datetime.now(UTC), 0, []
    for back in range(days, -1, -1):
        midnight = (now - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        if back and back % 30 == 0:
            print(f"  {back} days ago …", flush=True)
        for _ in range(visits_in(midnight, per_day, back)):
            hour = min(23.99, max(0.0, site.random.gauss(18, 4.5)))
            start = midnight + timedelta(hours=hour)
            visitor, steps = site.visit()
            if start + timedelta(seconds=steps[-1][0]) > now:
                continue
            batch += messages(site, start, visitor, steps)
            if len(batch) >= 400:
                sender.send(batch[:500])
                sent += len(batch[:500])
                batch = batch[500:]
    if batch:
        sender.send(batch)
    return sent + len(batch)


def live(site: Site, sender: Sender, per_minute: float) -> None:
    """Send new visits until interrupted, each message and each view at its time. Views count in the session that the
    messages name.
    """
    due: list[tuple[float, dict[str, Any]]] = []
    next_visit = time.time()
    while True:
        now = time.time()
        if now >= next_visit:
            next_visit = now + site.random.expovariate(per_minute / 60)
            visitor, steps = site.visit()
            session = f"{visitor['anonymousId']}-{int(now)}"
            visitor = {**visitor, "context": {**visitor["context"], "sessionId": session}}
            moment = datetime.fromtimestamp(now, UTC)
            whole = zip((now + second for second, _ in steps), messages(site, moment, visitor, steps), strict=True)
            due = sorted([*due, *whole], key=lambda item: item[0])
        ready = [message for at, message in due if at <= now]
        due = due[len(ready) :]
        batch = [message for message in ready if message.get("event") != "view"]
        for start in range(0, len(batch), 400):
            sender.send(batch[start : start + 400])
        for message in ready:
            if message.get("event") == "view":
                sender.count_view(message)
        time.sleep(0.2)


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8700")
    parser.add_argument("--write-key", required=True)
    parser.add_argument("--days", type=int, default=0)
    parser.add_argument("--visits-per-day", type=int, default=250)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--visits-per-minute", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    site = Site(options.seed)
    sender = Sender(options.url, options.write_key)
    if options.days:
        sent = backfill(site, sender, options.days, options.visits_per_day)
        print(f"sent {sent:,} events of {options.days} days", flush=True)
    if options.live:
        site.views = True  # a view counts when it is sent, so past visits have none
        with contextlib.suppress(KeyboardInterrupt):
            live(site, sender, options.visits_per_minute)


if __name__ == "__main__":
    main()
