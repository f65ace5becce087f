"""All parts of deploy/compose.cluster.yaml as processes of this machine, on the files that Compose mounts into containers."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_type_hints

import httpx
import pytest
import yaml
from test_clickhouse_settings import ClickHouse, reached, secrets, server
from test_kafka_settings import FOLDER as KAFKA
from test_kafka_settings import Broker, broker

import processes
from conftest import Server, eventually
from ports import free_port
from postgres import Postgres, programs
from trackway.config import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text())["services"]
__all__ = ["broker", "secrets", "server"]

pytestmark = [
    pytest.mark.skipif("role" not in get_type_hints(Settings), reason="this tree has no log in Kafka yet"),
    pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed, and cannot be"),
]

Make = Callable[[str], Server]


@pytest.fixture
def make(server: ClickHouse, broker: Broker, secrets: Path, tmp_path: Path) -> Iterator[Make]:
    """Makes `trackway`, `loader` or `collector` as Compose starts them, with addresses of this machine."""
    database = Postgres()
    address = f"127.0.0.1:{broker.port}"
    created = broker.run(KAFKA / "topic.sh", address, *SERVICES["topic"]["command"][1:])
    assert created.returncode == 0, created.stderr
    made: list[Server] = []

    def one(name: str) -> Server:
        variables = SERVICES[name]["environment"]
        file = Path(variables["TRACKWAY_CONFIG"]).name
        settings = {
            **reached(secrets, server, file),
            "accounts": database.dsn.replace("postgresql:", "postgresql+psycopg:"),
        }
        config = tmp_path / file
        config.write_text("".join(f'{key} = "{value}"\n' for key, value in settings.items()))
        running = Server(tmp_path / name, fresh=True)
        ours = {
            "TRACKWAY_CONFIG": str(config),
            "TRACKWAY_LOG": variables["TRACKWAY_LOG"].replace("kafka:9092", address),
        }
        others = {key: it for key, it in running.environment.items() if not key.startswith("TRACKWAY_")}
        running.environment = {**others, **variables, **ours}
        made.append(running)
        return running

    yield one
    for running in made:
        if running.process is not None:
            running.stop(signal.SIGKILL)
    database.close()


@pytest.mark.thorough
def test_messages_are_taken_without_the_server_and_stored_when_it_is_back(
    make: Make, server: ClickHouse, secrets: Path, tmp_path: Path
) -> None:
    trackway = make("trackway").start()
    loader = make("loader").start()
    collector = make("collector").start()
    address = f"http://127.0.0.1:{free_port()}"
    caddy = subprocess.Popen(
        [Path(sys.executable).parent / "caddy", "run", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"],
        env={**os.environ, "TRACKWAY_DOMAIN": address, "TRACKWAY_UPSTREAM": f"127.0.0.1:{trackway.port}",
             "TRACKWAY_COLLECTOR": f"127.0.0.1:{collector.port}", "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path),
             "XDG_CONFIG_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL, stderr=(tmp_path / "caddy.log").open("wb"),
    )  # fmt: skip
    keys = reached(secrets, server)
    try:
        with httpx.Client(base_url=address, timeout=60) as client:

            def send(name: str) -> int:
                body = {"event": name, "anonymousId": "a"}
                return client.post("/v1/track", json=body, auth=(keys["write_key"], "")).status_code

            def answers() -> bool:
                try:
                    return client.get("/healthz").status_code == 200
                except httpx.TransportError:
                    return False

            eventually(answers)
            assert send("Before") == 202
            view = {"anonymousId": "a", "session_id": "s"}
            viewed = client.post("/v1/entities/concert/1/view", json=view, auth=(keys["write_key"], ""))
            assert viewed.status_code == 200, viewed.text
            trackway.stop(signal.SIGKILL)
            assert send("Meanwhile") == 202
            viewed = client.post("/v1/entities/concert/2/view", json=view, auth=(keys["write_key"], ""))
            assert viewed.status_code == 200, "a collector takes it"
            assert client.get("/t.js").status_code == 200
            trackway.start()
            eventually(lambda: stored(server) == ["Before", "Meanwhile"])
            other = distant_key(trackway)
            for name in ("Distant", "Killed"):
                event = {"event": name, "anonymousId": "a"}
                eventually(
                    lambda event=event: client.post("/v1/track", json=event, auth=(other, "")).status_code == 202
                )
                loader.stop(signal.SIGKILL)
                loader.start()
            eventually(lambda: stored(server, "Distant", "Killed") == ["Distant", "Killed"])
            signed_in = {"email": "admin@example.com", "password": keys["admin_password"]}
            assert client.post("/api/v1/sign-in", json=signed_in).status_code == 200
    finally:
        caddy.terminate()
        caddy.wait(30)


def distant_key(trackway: Server) -> str:
    """The write key of a new project, which belongs to the other loader."""
    command = ["-m", "trackway", "project", "add", "Other", "--data", str(trackway.data), "--json"]
    made = processes.run(command, env=trackway.environment)
    assert made.returncode == 0, made.stderr
    listed = processes.run([*command[:3], "list", *command[5:]], env=trackway.environment)
    assert [one["loader"] for one in json.loads(listed.stdout)] == [0, 1]
    return str(json.loads(made.stdout)[0]["write_key"])


def stored(server: ClickHouse, *names: str) -> list[str]:
    """The names of the events in ClickHouse that this test sent."""
    listed = ", ".join(f"'{name}'" for name in names or ("Before", "Meanwhile"))
    return server.ask(f"SELECT name FROM trackway.events WHERE name IN ({listed}) ORDER BY name").split()
