"""The campaign on Kafka: three brokers, two collectors and the loader, killed at random; after it, everything is stored once.

python benchmarks/faults.py --log kafka --n 100 --seed 7 [--aloud]
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from story import Story

from conftest import WRITE_KEY, Server
from kafka import Kafka, missing

PATIENCE_S = 240.0
"""So long nothing may move before it is called a stall: far more than a slow machine needs."""


class Broken(Exception):
    """The promise is broken; the text says how."""


class Sender(threading.Thread):
    """Sends batches of several visitors to one collector after another; sends again, unchanged, what was not answered 202."""

    def __init__(self, urls: list[str], number: int, seed: str) -> None:
        super().__init__(daemon=True)
        self.urls, self.number, self.rng = urls, number, random.Random(f"{seed}/{number}")
        self.acknowledged: list[str] = []
        self.sent_again = 0
        self.stopping = False

    def run(self) -> None:
        http, serial = httpx.Client(timeout=60), 0
        while not self.stopping:
            ids = [f"k{self.number}-{serial + offset}" for offset in range(self.rng.randint(1, 60))]
            serial += len(ids)
            batch = [
                {"type": "track", "event": "Kill", "messageId": one, "anonymousId": f"v{self.number}-{index % 7}",
                 "properties": {"number": serial + index}}
                for index, one in enumerate(ids)
            ]  # fmt: skip
            while not self.stopping:
                try:
                    url = f"{self.rng.choice(self.urls)}/v1/batch"
                    if http.post(url, json={"batch": batch}, auth=(WRITE_KEY, "")).status_code == 202:
                        self.acknowledged += ids
                        break
                except httpx.TransportError:
                    pass
                self.sent_again += 1
                time.sleep(0.05)
            time.sleep(len(ids) / 1000)


class Cluster:
    """Brokers, a loader that collects too, and two more collectors on the same data directory."""

    def __init__(self, folder: Path, seed: str, aloud: bool = False, **settings: Any) -> None:
        self.rng, self.story = random.Random(seed), Story(seed, aloud)
        self.kafka = Kafka(3)
        options = {"log": self.kafka.topic("events", 6, min_insync_replicas="2"), **settings}
        self.loader = Server(folder / "data", **options)
        self.collectors = [Server(folder / "data", role="collector", **options) for _ in range(2)]
        self.senders = [
            Sender([one.url for one in (*self.collectors, self.loader)], number, seed) for number in range(2)
        ]
        self.down: list[int] = []

    def start(self) -> None:
        """Start the servers and those who send to them."""
        for one in (self.loader, *self.collectors, *self.senders):
            one.start()

    def kill_collector(self) -> None:
        """SIGKILL to a collector, and a new one."""
        one = self.rng.choice(self.collectors)
        one.stop(signal.SIGKILL)
        _supervised(one)

    def kill_loader(self) -> None:
        """SIGKILL to the loader, and a new one on its data directory."""
        self.loader.stop(signal.SIGKILL)
        time.sleep(self.rng.uniform(0, 1))
        _supervised(self.loader)

    def kill_broker(self) -> None:
        """SIGKILL to a broker; the one that was down before is started first, so that two of three are up."""
        self.bring_back()
        broker = self.rng.randint(1, 3)
        self.kafka.kill(broker)
        self.down.append(broker)

    def kill_two_brokers(self) -> None:
        """SIGKILL to two of three: collecting answers 503 until one is back."""
        self.bring_back()
        self.down = self.rng.sample([1, 2, 3], 2)
        for broker in self.down:
            self.kafka.kill(broker)
        time.sleep(self.rng.uniform(0, 3))
        self.kafka.restart(self.down.pop())

    def bring_back(self) -> None:
        """Start the brokers that are down, and wait until each has everything.

        A replica that was killed does not become leader before it has caught up. When all those in sync are killed, a
        partition waits for the last of them, and no other broker can help.
        """
        while self.down:
            self.kafka.restart(self.down.pop())
        self.kafka.wait_in_sync("events")

    def settle(self) -> dict[str, Any]:
        """Wait until everything in the topic is stored; the status then."""
        moved, seen = time.monotonic(), -1
        while True:
            status = self.loader.http.get("/readyz", timeout=60).json()
            if status["stored"] == status["logged"] and status["ready"]:
                return dict(status)
            if status["stored"] != seen:
                moved, seen = time.monotonic(), status["stored"]
            if time.monotonic() - moved > PATIENCE_S:
                raise Broken(f"nothing moves: {status}\n{self.loader.said()}")
            time.sleep(0.1)

    def close(self) -> None:
        """End everything."""
        for one in self.senders:
            one.stopping = True
        for one in (*self.collectors, self.loader):
            if one.process is not None:
                one.stop(signal.SIGKILL)
        for one in self.senders:
            if one.is_alive():
                one.join(90)
        self.kafka.remove()


def _supervised(server: Server) -> None:
    """Start a server as a supervisor does: again when it ends because no broker answers."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            server.start()
            return
        except AssertionError:
            if "cannot be used" not in server.said()[-1000:] or time.monotonic() > until:
                raise


KINDS: dict[str, tuple[int, Callable[[Cluster], None]]] = {
    "kill_collector": (3, Cluster.kill_collector),
    "kill_loader": (3, Cluster.kill_loader),
    "kill_broker": (3, Cluster.kill_broker),
    "kill_two_brokers": (1, Cluster.kill_two_brokers),
}
"""What is broken, and how often it is drawn."""


def campaign(n: int, seed: str, folder: Path, aloud: bool = False, each: list[str] | None = None) -> str:
    """Do `n` faults, or those of `each`; what it came to. Raises Broken."""
    cluster = Cluster(folder, seed, aloud)
    done: Counter[str] = Counter()
    try:
        cluster.start()
        weights = [weight for weight, _ in KINDS.values()]
        for name in each or cluster.rng.choices(list(KINDS), weights, k=n):
            time.sleep(cluster.rng.uniform(0.1, 1.5))
            cluster.story.tell(f"fault: {name}")
            KINDS[name][1](cluster)
            done[name] += 1
        cluster.bring_back()
        before = [len(one.acknowledged) for one in cluster.senders]
        until = time.monotonic() + PATIENCE_S
        while any(len(one.acknowledged) == count for one, count in zip(cluster.senders, before, strict=True)):
            if time.monotonic() > until:
                raise Broken(f"nothing is acknowledged any more\n{cluster.collectors[0].said()}")
            time.sleep(0.05)
        for one in cluster.senders:
            one.stopping = True
        for one in cluster.senders:
            one.join(90)
        status = cluster.settle()
        return _verdict(cluster, status, done)
    except Broken as error:
        raise Broken(f"{cluster.story}\n{error}\nseed {seed}") from error
    finally:
        cluster.close()


def _verdict(cluster: Cluster, status: dict[str, Any], done: Counter[str]) -> str:
    acknowledged = {one for sender in cluster.senders for one in sender.acknowledged}
    stored = _stored_ids(cluster.loader)
    lost, doubled = len(acknowledged - set(stored)), len(stored) - len(set(stored))
    (sums,) = cluster.loader.sql(
        "SELECT (SELECT count() FROM events) AS events, (SELECT sum(events) FROM sessions FINAL) AS in_sessions, "
        "(SELECT sum(events) FROM event_counts) AS counted, (SELECT sum(events) FROM visitors) AS of_visitors"
    )
    kinds = ", ".join(f"{count} {name}" for name, count in done.most_common())
    again = sum(one.sent_again for one in cluster.senders)
    text = (
        f"{sum(done.values())} faults: {kinds}\nacknowledged {len(acknowledged):,} messages, {again} requests sent again\n"
        f"lost {lost}, doubled {doubled}, gaps {status['lost']}, dead letters {status['dead_letters']}"
    )
    if lost or doubled or status["lost"] or len(set(map(int, sums.values()))) != 1 or len(acknowledged) < 100:
        raise Broken(f"{text}\n{sums}")
    return text


def _stored_ids(server: Server) -> list[str]:
    found = server.message_ids()
    (counted,) = server.sql("SELECT count() AS rows FROM events")
    return found + found[:1] * (int(counted["rows"]) - len(found))


def main(arguments: list[str]) -> int:
    """The command line; 1 after a violation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=20, help="how many faults")
    parser.add_argument("--seed", default=str(int(time.time())), help="the same seed draws the same faults")
    parser.add_argument("--fault", action="append", choices=list(KINDS), help="these, in order, instead of drawn ones")
    parser.add_argument("--aloud", action="store_true", help="tell the story while it happens")
    given = parser.parse_args(arguments)
    if reason := missing():
        print(reason)
        return 1
    # The end of a campaign takes its brokers and servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    folder, began = Path(tempfile.mkdtemp(prefix="trackway-faults-")), time.monotonic()
    try:
        print(f"seed {given.seed}\n{campaign(given.n, given.seed, folder, given.aloud, given.fault)}")
        print(f"in {(time.monotonic() - began) / 60:.1f} minutes")
        return 0
    except Broken as error:
        print(error)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
