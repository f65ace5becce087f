"""A full disk: 503 with Retry-After, nothing half-accepted, and collecting goes on by itself."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import Server


def test_a_full_disk_answers_503_and_collecting_resumes_by_itself(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here: " + mounted.stderr.decode())
    server = Server(disk / "data")
    try:
        server.start()

        def send(name: str) -> Any:
            # Random text, so that the log's frame is larger than what is left of the file system's last block.
            padding = {"properties": {"padding": os.urandom(12_000).hex()}}
            return server.post(
                "batch", {"batch": [{"type": "track", "event": name, "anonymousId": "v", **padding}] * 3}
            )

        assert send("before").status_code == 202
        server.stored()
        with (disk / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(b"x" * 65_536)
        with (disk / "ballast").open("ab", buffering=0) as file, pytest.raises(OSError):
            while True:
                file.write(b"x" * 512)
        refused = [send("during") for _ in range(3)]
        assert {answer.status_code for answer in refused} == {503}
        assert refused[0].headers["retry-after"] == "5"
        assert refused[0].headers["content-type"] == "application/problem+json"
        assert server.http.get("/healthz").status_code == 200
        (disk / "ballast").unlink()
        assert send("after").status_code == 202
        server.stored()
        counts = server.sql("SELECT name, count() AS n FROM events GROUP BY name ORDER BY name")
        assert counts == [{"name": "after", "n": 3}, {"name": "before", "n": 3}]
    finally:
        server.stop()
        subprocess.run(["umount", "-l", disk], check=True)
