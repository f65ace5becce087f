"""What opens the engine process: only its owner has it, and no statement can read it."""

from __future__ import annotations

import contextlib
import shutil
import stat
import subprocess
from pathlib import Path

import httpx
import pytest

import processes
from stores import has_landlock
from trackway.store.connection import Store
from trackway.store.engine_config import READER, WRITER


def test_only_the_owner_reads_its_address_and_key_and_only_while_it_runs(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, stat\n"
        "from trackway.store.connection import Store\n"
        "store = Store(f'local://{sys.argv[1]}/store', clients=1)\n"
        "told = pathlib.Path(sys.argv[1], 'store.curl')\n"
        "print(stat.S_IMODE(told.stat().st_mode), told.read_text())\n"
        "print(*sorted(path.name for path in pathlib.Path(sys.argv[1], 'store', 'engine').iterdir()))\n"
        "store.close()"
    )
    said = []
    for _ in range(2):
        done = processes.run(["-c", code, str(tmp_path)], umask=0)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{0o600} url = "), done.stdout
        assert done.stdout.split()[-3:] == ["errors.log", "lock", "ready"]
        assert stat.S_IMODE((tmp_path / "store" / "engine" / "lock").stat().st_mode) == 0o600
        assert not (tmp_path / "store.curl").exists()
        said.append(done.stdout)
    assert said[0] != said[1], "each start has a key of its own"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_operator_asks_it_with_curl(tmp_path: Path) -> None:
    with contextlib.closing(Store(f"local://{tmp_path / 'store'}", clients=1)):
        asked = ["curl", "-sS", "-K", str(tmp_path / "store.curl"), "--data-binary", "SELECT currentUser()"]
        assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == f"{READER}\n"


@pytest.mark.parametrize("user", [WRITER, READER])
def test_no_statement_reads_what_opens_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    monkeypatch.setenv("POSTGRESQL_PASSWORD", "of-the-accounts")
    (tmp_path / "store" / "engine").mkdir(parents=True)
    (tmp_path / "store" / "engine" / "password").write_text("of a version before")
    with contextlib.closing(Store(f"local://{tmp_path / 'store'}", clients=1)) as opened:
        given = opened.engine.address(user)
        url, auth = f"http://127.0.0.1:{given['port']}/{given['proxy_path']}", (user, given["password"])

        def asked(path: object) -> httpx.Response:
            return httpx.post(url, content=f"SELECT file('{path}')", auth=auth)

        for name in ("password", "config.xml", "users.xml"):
            assert asked(name).status_code >= 400, name
        environment = asked("/proc/self/environ")
        assert environment.status_code == 200 and "PATH=" in environment.text
        assert "of-the-accounts" not in environment.text
        for path in (tmp_path / "store").rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert given["proxy_path"].encode() not in content and given["password"].encode() not in content, path
        if has_landlock():
            refused = asked(tmp_path / "store.curl")
            assert refused.status_code >= 400 and "Permission denied" in refused.text, refused.text
