"""The memory of the user of questions on a ClickHouse server, whatever a statement says."""

from pathlib import Path

import httpx
from clickhouse import ClickHouse
from test_server import OnServer, clickhouse

__all__ = ["clickhouse"]


def test_the_server_limits_the_memory_of_the_reader(clickhouse: ClickHouse, tmp_path: Path) -> None:
    server = OnServer(tmp_path / "data", clickhouse, "limited", engine_memory_mb="256")
    server.create_users()
    try:
        assert server.command("store", "migrate").returncode == 0
        assert server.command("store", "check").returncode == 0
        url = f"http://127.0.0.1:{clickhouse.http}/"
        for value in ("0", "268435457", "100000000000"):
            for body, parameters in ((f"SELECT 1 SETTINGS max_memory_usage = {value}", {}),
                                     ("SELECT 1", {"max_memory_usage": value})):  # fmt: skip
                answer = httpx.post(url, content=body, params=parameters, auth=("reader_limited", "hidden"))
                assert "SETTING_CONSTRAINT_VIOLATION" in answer.text, (value, answer.text)
        large = httpx.post(
            url, content="SELECT groupArray(number) FROM numbers(100000000)", auth=("reader_limited", "hidden")
        )
        assert "MEMORY_LIMIT_EXCEEDED" in large.text
        server.environment["TRACKWAY_ENGINE_MEMORY_MB"] = "512"
        raised = server.command("store", "check")
        assert raised.returncode == 1
        assert "max_memory_usage = 536870912 MIN 1 MAX 536870912" in " ".join(raised.stdout.split())
    finally:
        server.drop()
