"""Directories that earlier versions made are opened as they are.

`made_by_26_7.tar.xz` is a data directory with 500 events of three visitors, made through the embedded engine of chdb-core
26.7.3, before the engine was a process of its own.
"""

import tarfile
from pathlib import Path
from uuid import UUID

from conftest import Loaded
from factories import message
from trackway.event import now

MADE = Path(__file__).with_name("made_by_26_7.tar.xz")


def test_a_directory_of_the_previous_release_is_opened_and_goes_on(tmp_path: Path) -> None:
    with tarfile.open(MADE) as archive:
        archive.extractall(tmp_path / "data", filter="data")
    loaded = Loaded(tmp_path / "data")
    try:
        ask = loaded.store.ask
        assert ask("SELECT count() AS n, sum(toInt64(properties.a)) AS total FROM events").to_pylist() == [
            {"n": 500, "total": 24_750}
        ]
        loaded.load(UUID(int=7), [message("x", now(), visitor="v1", id="new")])
        assert ask("SELECT count() AS n FROM events").to_pylist() == [{"n": 501}]
        assert ask("SELECT sum(events) AS n FROM event_counts").to_pylist() == [{"n": 501}]
        loaded.restart()
        assert loaded.store.ask("SELECT uniqExact(visitor_id) AS n FROM events").to_pylist() == [{"n": 3}]
    finally:
        loaded.store.close()
        loaded.log.close()
