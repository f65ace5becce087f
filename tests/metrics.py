"""A scrape of a process as Prometheus does it, for tests."""

from __future__ import annotations

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

TOKEN = "of-prometheus-alone"
_OPEN = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;q=0.4,text/plain;version=0.0.4;q=0.3"
)
Samples = dict[tuple[str, str], float]
"""By name and loader (empty for those without): values."""


def scraped(http: httpx.Client, accept: str = _OPEN) -> Samples:
    """Return the samples of a process, whose text both parsers of the library have to take."""
    answer = http.get("/metrics", headers={"authorization": f"Bearer {TOKEN}", "accept": accept})
    assert answer.status_code == 200, answer.text
    parse = open_metrics if answer.headers["content-type"].startswith("application/openmetrics-text") else plain_text
    families = list(parse(answer.text))
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    found = {(sample.name, sample.labels.get("loader", "")): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found
