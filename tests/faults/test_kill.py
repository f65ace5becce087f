"""Killed again and again: whatever was acknowledged is stored exactly once, and nothing twice."""

import random
import signal
import threading
import time
from typing import Any

import httpx
import pytest

from conftest import WRITE_KEY, cases

KILLS = cases(8)
SEED = 20260131
A_SECOND = 1000


class Client(threading.Thread):
    """Sends batches, A_SECOND messages a second at most; sends again, unchanged, what was not answered with 202."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(daemon=True)
        self.url, self.number = url, number
        self.acknowledged: list[str] = []
        self.sent_again = 0
        self.stopping = False

    def run(self) -> None:
        random_sizes = random.Random(SEED + self.number)
        http = httpx.Client(timeout=10)
        serial = 0
        while not self.stopping:
            ids = [f"k{self.number}-{serial + offset}" for offset in range(random_sizes.randint(1, 60))]
            serial += len(ids)
            batch = [
                {"type": "track", "event": "Kill test", "messageId": one, "anonymousId": f"v{self.number}-{index % 3}"}
                for index, one in enumerate(ids)
            ]
            while True:
                try:
                    answer = http.post(f"{self.url}/v1/batch", json={"batch": batch}, auth=(WRITE_KEY, ""))
                    if answer.status_code == 202:
                        self.acknowledged += ids
                        break
                except httpx.TransportError:
                    pass
                if self.stopping:
                    return
                self.sent_again += 1
                time.sleep(0.02)
            time.sleep(len(ids) / A_SECOND)


def stored_ids(server: Any) -> list[str]:
    """Every message id in the store; fails when one is there twice."""
    (counted,) = server.sql("SELECT count() AS rows, uniqExact(message_id) AS ids FROM events")
    assert counted["rows"] == counted["ids"], "a message is stored twice"
    found: list[str] = server.message_ids()
    assert len(found) == counted["rows"]
    return found


@pytest.mark.timeout(1200)
def test_kills_at_random_moments_lose_nothing_and_double_nothing(new_server: Any) -> None:
    moments = random.Random(SEED)
    server = new_server(batch_seconds="0.05").start()
    clients = [Client(server.url, number) for number in range(2)]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        time.sleep(moments.uniform(0.02, 0.9))
        server.stop(signal.SIGKILL)
        server.start()
    before = [len(client.acknowledged) for client in clients]
    while any(len(client.acknowledged) == count for client, count in zip(clients, before, strict=True)):
        time.sleep(0.05)
    for client in clients:
        client.stopping = True
    for client in clients:
        client.join(60)
    acknowledged = {one for client in clients for one in client.acknowledged}
    assert sum(client.sent_again for client in clients) > KILLS / 2, "the kills did not hit anything under way"
    status = server.stored()
    assert status["lost"] == 0
    server.stop()
    server.start()
    stored = stored_ids(server)
    assert acknowledged <= set(stored), f"{len(acknowledged - set(stored))} acknowledged messages are not stored"
    (totals,) = server.sql(
        "SELECT (SELECT count() FROM events) AS events, (SELECT sum(events) FROM sessions FINAL) AS in_sessions, "
        "(SELECT sum(events) FROM event_counts) AS counted, (SELECT sum(events) FROM visitors) AS of_visitors, "
        "(SELECT sum(events) FROM source_counts) AS sourced, (SELECT sum(sessions) FROM source_counts) AS sessions, "
        "(SELECT count() FROM sessions FINAL) AS rows"
    )
    assert {int(totals[name]) for name in ("in_sessions", "counted", "of_visitors", "sourced")} == {totals["events"]}, (
        totals
    )
    assert int(totals["sessions"]) == totals["rows"]
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged, {len(stored)} stored, each once")
