"""`GET /metrics` of the role all, of a loader and of a collector, with Kafka between them: the lag is what waits."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from loaders import Site, send

from conftest import eventually
from kafka import Kafka
from metrics import TOKEN, scraped

pytestmark = pytest.mark.timeout(300)


def test_the_lag_of_each_loader_is_told_by_itself_and_by_the_role_all(kafka: Kafka, tmp_path: Path) -> None:
    site = Site(kafka, tmp_path, "measured", 2)
    for process in site.processes:
        process.environment["TRACKWAY_METRICS_TOKEN"] = TOKEN
    (loader,) = site.loaders
    lag = "trackway_log_lag_messages"
    try:
        site.main.start()
        _, key, _ = site.project("measured", 1)
        site.start()
        message = {"type": "track", "event": "E", "anonymousId": "v"}
        send(site.collector, key, [{**message, "messageId": "before"}])
        site.stored()
        eventually(lambda: scraped(loader.http)["trackway_durable_messages_total", "1"] == 1)
        own, everything, collector = (scraped(one.http) for one in (loader, site.main, site.collector))
        assert own["trackway_stored_offset", "1"] == 1
        assert own[lag, "1"] == everything[lag, "0"] == everything[lag, "1"] == 0
        assert own["trackway_ready", ""] == everything["trackway_ready", ""] == collector["trackway_ready", ""] == 1
        assert not any(name == lag for name, _ in collector), "it does not know it"
        assert ("trackway_refused_messages", "") in everything
        assert ("trackway_engine_starts_total", "") not in everything, "a server is nobody's process"
        loader.stop(signal.SIGKILL)
        for number in range(3):
            send(site.collector, key, [{**message, "messageId": f"waits-{number}"}])
        eventually(lambda: scraped(site.main.http)[lag, "1"] == 3)
        assert scraped(site.main.http)[lag, "0"] == 0
        loader.start()
        eventually(lambda: scraped(site.main.http)[lag, "1"] == 0)
        site.stored()
        for process in (loader, site.collector):
            assert process.http.get("/metrics").status_code == 401
    finally:
        site.close()
