"""deploy/Dockerfile: linted, built from locked packages only, and its commands run as its user on a read-only file system."""

import json
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from confined_server import ConfinedServer

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
INSTRUCTIONS = re.findall(r"^([A-Z]+) (.*(?:\\\n.*)*)", DOCKERFILE.read_text().replace("\\\n", " "), re.MULTILINE)
FINAL = INSTRUCTIONS[max(number for number, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :]
"""The instructions of the image that runs."""


def final(name: str) -> str:
    """The only instruction of a name in the image that runs."""
    (value,) = [value for one, value in FINAL if one == name]
    return value


def pins(lock: Path) -> dict[str, str]:
    """Each package of a lock file: its release and its hashes."""
    found = re.findall(r"^([\w.-]+)==(\S+).*?\n((?: +--hash.*\n)+)", lock.read_text(), re.MULTILINE)
    return {name: f"{release} {hashes}" for name, release, hashes in found}


@pytest.fixture
def server() -> Iterator[ConfinedServer]:
    variables = dict(part.split("=", 1) for part in shlex.split(final("ENV")) if not part.startswith("PATH="))
    assert variables["TRACKWAY_HOST"] == "0.0.0.0"
    made = ConfinedServer(json.loads(final("CMD")), {**variables, "TRACKWAY_HOST": "127.0.0.1"}, {})
    yield made
    made.remove()


def test_hadolint_finds_nothing() -> None:
    linted = subprocess.run([Path(sys.executable).parent / "hadolint", DOCKERFILE], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_images_are_pinned_by_tag_and_the_user_is_not_root() -> None:
    images = [value.split()[0] for name, value in INSTRUCTIONS if name == "FROM"]
    assert [image for image in images if not re.fullmatch(r"\w+:\d[\w.]*-[\w-]+", image)] == []
    assert final("USER") == "10001:10001"
    assert final("VOLUME") == "/data"
    assert "TRACKWAY_DATA=/data" in final("ENV")


def test_the_images_packages_are_those_of_the_development_lock_without_its_tools() -> None:
    ours, all_of_them = pins(ROOT / "deploy" / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert ours.items() <= all_of_them.items(), "run ./run lock"
    assert {"chdb-core", "granian", "litestar"} <= ours.keys()
    assert ours.keys() & {"pytest", "hypothesis", "helm-python-sdk", "hatchling"} == set()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    if "kafka" in extras:
        assert "confluent-kafka" in ours, "./run lock needs --extra kafka for deploy/requirements.lock"
    backend = re.search(r"\^\(([\w|-]+)\)==", DOCKERFILE.read_text())
    assert backend is not None
    assert set(backend[1].split("|")) <= all_of_them.keys()


def test_every_file_that_is_copied_exists_and_is_sent_to_the_builder() -> None:
    kept = re.findall(r"^!(.+)", DOCKERFILE.with_name("Dockerfile.dockerignore").read_text(), re.MULTILINE)
    copied = {
        file
        for name, value in INSTRUCTIONS
        if name == "COPY" and not value.startswith("--from")
        for file in value.split()[:-1]
    }
    assert [file for file in copied if not (ROOT / file).exists()] == []
    assert [file for file in copied if not any(file == one or file.startswith(f"{one}/") for one in kept)] == []


def test_it_serves_on_a_read_only_file_system_and_its_health_check_tells(server: ConfinedServer) -> None:
    check = json.loads(final("HEALTHCHECK").partition(" CMD ")[2])
    assert check[0] == "python"
    assert "8700" in check[2]
    check = [sys.executable, "-c", check[2].replace("8700", str(server.port))]
    assert subprocess.run(check, capture_output=True).returncode != 0
    server.start()
    # A proxy of the host that reaches the container is not asked.
    environment = {"http_proxy": "http://127.0.0.1:9", "PATH": "/usr/bin"}
    assert subprocess.run(check, env=environment).returncode == 0
    assert server.post("track", {"event": "Seen", "anonymousId": "a"}).status_code == 202
    assert server.stored()["stored"] == 1
    assert server.process is not None
    server.process.send_signal(getattr(signal, final("STOPSIGNAL")))
    assert server.process.wait(60) == 0, server.said()
    assert subprocess.run(check, capture_output=True).returncode != 0
