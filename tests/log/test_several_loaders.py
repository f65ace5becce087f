"""Several loaders: each project has one, each message is stored once, and pages see all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loaders import Site, events, send

from conftest import WRITE_KEY
from kafka import Kafka

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def site(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(kafka, tmp_path_factory.mktemp("site"), "several")
    try:
        yield made.start()
    finally:
        made.close()


def test_each_project_is_stored_by_its_loader_and_pages_see_it(site: Site) -> None:
    keys = [WRITE_KEY, *(site.project(name)[1] for name in ("second", "third"))]
    projects = site.accounts().projects()
    assert [project.loader for project in projects] == [0, 1, 2]
    for server in (site.collector, site.main):
        for key in keys:
            send(server, key, [
                {"type": "track", "event": "E", "messageId": f"{server.port}-{n}", "anonymousId": f"v{n % 3}",
                 "userId": f"u{n % 2}"} for n in range(10)
            ])  # fmt: skip
    site.stored()
    assert [events(site, project) for project in projects] == [20, 20, 20]
    assert (
        site.rows(
            "SELECT count() = uniqExact(number) FROM (SELECT token, any(number) AS number FROM identities GROUP BY token)"
        )
        == "1"
    )
