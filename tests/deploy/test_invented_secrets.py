"""deploy/secrets.sh: what it writes are settings of Trackway, and it never writes over what is there."""

import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from trackway import config

SCRIPT = Path(__file__).parents[2] / "deploy" / "secrets.sh"
URL, EMAIL = "https://stats.example.com", "admin@example.com"


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRACKWAY_SECRETS": str(folder)}
    return subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("kind", ["one", "cluster"])
def test_its_settings_are_taken_and_others_do_not_reach_the_folder(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "secrets"
    made = make(folder, kind, URL, EMAIL)
    assert made.returncode == 0, made.stderr
    settings = config.load(folder / "trackway.toml")
    assert (settings.url, settings.admin_email) == (URL, EMAIL)
    assert bool(settings.store) == bool(settings.accounts) == (kind == "cluster")
    Fernet(settings.secrets)
    if kind == "cluster":  # a collector shares the accounts and the keys, and only reads the store
        collector = config.load(folder / "collector.toml")
        assert (collector.store, collector.store_reader) == (settings.store_reader, "")
        assert (collector.accounts, collector.secrets) == (settings.accounts, settings.secrets)
    secret = [settings.admin_password, settings.write_key, settings.secret_key, settings.secrets]
    assert len(set(secret)) == 4
    assert min(map(len, secret)) >= 44
    assert not any(one in made.stdout + made.stderr for one in secret)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # Containers read the files as their own users.
    assert all(file.stat().st_mode & stat.S_IROTH for file in folder.iterdir())


def test_it_changes_nothing_that_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make(folder, "one", URL, EMAIL)
    before = (folder / "trackway.toml").read_text()
    again = make(folder, "cluster", URL, EMAIL)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert (folder / "trackway.toml").read_text() == before
    assert [file.name for file in folder.iterdir()] == ["trackway.toml"]


@pytest.mark.parametrize(
    "arguments", [(), ("two", URL, EMAIL), ("one", "stats", EMAIL), ("one", URL, "admin"), ("one", URL, 'a"@b')]
)
def test_it_says_what_it_needs(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = make(tmp_path / "secrets", *arguments)
    assert done.returncode == 2
    assert "https://stats.example.com" in done.stdout or "give the" in done.stderr or "may not have" in done.stderr
    assert not (tmp_path / "secrets").exists()
