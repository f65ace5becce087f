"""A full disk: 503 with Retry-After, nothing half-accepted, and collecting goes on by itself; questions are answered."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import SECRET_KEY, Server


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
        assert server.sql("SELECT count() AS n FROM events") == [{"n": 3}]
        assert server.asked({"question": "newest_events", "limit": 5})
        headers = {"authorization": f"Bearer {SECRET_KEY}"}
        project = server.http.get("/api/v1/projects", headers=headers).json()[0]["id"]
        # More than the engine keeps in memory: it writes the rest of such an answer to a file until it is complete.
        large = ", ".join(f"hex(SHA512(concat(toString(n), '{salt}')))" for salt in "abc")
        body = {"sql": f"SELECT {large} FROM (SELECT arrayJoin(range(100000)) AS n)"}
        cut = server.http.post(f"/api/v1/projects/{project}/query", json=body, headers=headers)
        entity = [{"type": "artist", "id": "a1", "name": "One"}]
        unwritten = server.http.put(f"/api/v1/projects/{project}/entities", json=entity, headers=headers)
        for answer, sentence in ((cut, "the answer broke off"), (unwritten, "the disk of the store is full")):
            assert (answer.status_code, answer.headers.get("retry-after")) == (503, "5"), answer.text
            assert sentence in answer.json()["detail"]
        (disk / "ballast").unlink()
        assert send("after").status_code == 202
        assert server.http.post(f"/api/v1/projects/{project}/query", json=body, headers=headers).status_code == 200
        server.stored()
        counts = server.sql("SELECT name, count() AS n FROM events GROUP BY name ORDER BY name")
        assert counts == [{"name": "after", "n": 3}, {"name": "before", "n": 3}]
    finally:
        server.stop()
        subprocess.run(["umount", "-l", disk], check=True)
