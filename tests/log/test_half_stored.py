"""A batch of which the store has a part: nobody counts its events before the loader has stored the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from loaders import Site, send

from conftest import EMAIL, PASSWORD, also, eventually
from kafka import Kafka

# The engine feeds the views of a table in no certain order: this counter has nothing of the batch, others may have it.
BREAK = "ALTER TABLE event_counts ADD CONSTRAINT fault CHECK 0"
MEND = "ALTER TABLE event_counts DROP CONSTRAINT fault"


def job_run(site: Site, name: str) -> str:
    """Run a job for the first time; what it said."""
    with httpx.Client(base_url=site.main.url, timeout=60) as admin:
        me = admin.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}).json()
        assert admin.post(f"/api/v1/jobs/{name}/run", headers={"x-csrf-token": me["csrf"]}).status_code == 202
        eventually(lambda: admin.get(f"/api/v1/jobs/{name}/runs").json()[0]["ended_at"])
        [run] = admin.get(f"/api/v1/jobs/{name}/runs").json()
    assert run["status"] == "done", run
    return str(run["message"])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [also(0), 1])
def test_a_job_leaves_out_a_project_whose_batch_is_stored_in_part(kafka: Kafka, tmp_path: Path, number: int) -> None:
    site = Site(kafka, tmp_path, f"in-part-{number}", 2)
    try:
        site.main.start()
        project, key, _ = site.project("half", number)
        site.start()
        loader = site.loaders[0] if number else site.main
        yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()

        def sent(prefix: str) -> None:
            message = {"type": "track", "event": "E", "timestamp": yesterday}
            # One visitor, so that they are in one record and in one batch.
            send(site.collector, key, [{**message, "messageId": f"{prefix}{n}", "anonymousId": "v"} for n in range(10)])

        def counted() -> list[str]:
            own = f"WHERE project_id = '{project.id}'"
            counters = "event_counts", "person_hours", "activity"
            return [
                site.rows(f"SELECT count() FROM events {own}"),
                *(site.rows(f"SELECT sum(events) FROM {name} {own}") for name in counters),
            ]

        sent("before")
        site.stored()
        site.rows(BREAK)
        sent("in-part")
        eventually(lambda: "refuses" in loader.http.get("/readyz").json()["trouble"])
        assert counted()[:2] == ["20", "10"]
        said = job_run(site, "aggregate")
        assert "half was left out: " in said and "batch" in said
        site.rows(MEND)
        site.stored()
        assert counted() == ["20"] * 4
    finally:
        site.close()
