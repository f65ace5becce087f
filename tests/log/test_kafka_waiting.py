"""A start while no broker can be reached: it waits, says so, and takes nothing that it could not keep."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from conftest import Server, eventually
from kafka import Kafka

Make = Callable[..., Server]


def event(name: str) -> dict[str, Any]:
    return {"event": "E", "messageId": name, "anonymousId": "v"}


def ready(server: Server) -> bool:
    try:
        return server.http.get("/readyz").status_code == 200
    except httpx.TransportError:  # between the end of the wait and the first answer nobody listens
        return False


def test_a_loader_and_a_collector_wait_for_the_brokers(kafka: Kafka, new_server: Make) -> None:
    loader = new_server(log=kafka.topic("waiting", 2)).start()
    assert loader.post("track", event("before")).status_code == 202
    loader.stored()
    loader.stop()
    kafka.kill()
    collector = Server(loader.data, role="collector", log=loader.environment["TRACKWAY_LOG"])
    try:
        for one in (loader, collector):
            one.start()
            assert one.http.get("/healthz").json()["status"] == "alive"
            health = one.http.get("/readyz")
            assert (health.status_code, health.json()["ready"]) == (503, False)
            assert health.json()["trouble"] == "the brokers of the log cannot be reached"
            batch = [{**event(f"{n}"), "type": "track", "properties": {"padding": "x" * 20_000}} for n in range(20)]
            for refused in (one.post("track", event("during")), one.post("batch", {"batch": batch}), one.http.get("/")):
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
                assert "the brokers of the log cannot be reached" in refused.json()["detail"]
        kafka.restart()
        for one in (loader, collector):
            eventually(lambda one=one: ready(one))
            assert one.post("track", event(f"after-{one.port}")).status_code == 202
        loader.stored()
        found = loader.sql("SELECT message_id FROM events ORDER BY message_id")
        assert [row["message_id"] for row in found] == sorted(
            ["before", f"after-{loader.port}", f"after-{collector.port}"]
        )
    finally:
        collector.stop()


def test_sigterm_ends_the_wait(new_server: Make) -> None:
    server = new_server(log="kafka://127.0.0.1:9/none")
    server.start()
    assert server.http.get("/readyz").status_code == 503
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0, server.said()


def test_a_topic_that_a_broker_does_not_have_is_refused_at_once(kafka: Kafka, new_server: Make) -> None:
    with pytest.raises(AssertionError, match=r"the topic 'none' at\s.*cannot be used"):
        new_server(log=f"kafka://{kafka.brokers}/none").start()
