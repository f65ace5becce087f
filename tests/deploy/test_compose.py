"""deploy/compose*.yaml and deploy/Caddyfile: checked against their specifications, and Caddy run in front of a server."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pytest
import yaml

from conftest import EMAIL, PASSWORD, Server, eventually
from ports import free_port
from trackway.collect.door import _KINDS, _PIXEL_PATH
from trackway.collect.session_end import PATHS as ENDS
from trackway.config import Settings, variable
from trackway.web.server.serve import MOST_ENDING_S

DEPLOY = Path(__file__).parents[2] / "deploy"
PROGRAMS = Path(sys.executable).parent
FILES = [DEPLOY / "compose.yaml", DEPLOY / "compose.cluster.yaml"]
ELSEWHERE = {"TRACKWAY_CONFIG", "TRACKWAY_DOMAIN", "TRACKWAY_COLLECTOR", "TRACKWAY_UPSTREAM"}


def caddy(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRACKWAY_DOMAIN": "stats.example.com", **variables}
    return subprocess.run([PROGRAMS / "caddy", *arguments], env=environment, capture_output=True, text=True)


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def composed(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(yaml.safe_load(request.param.read_text()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_follows_the_compose_specification(file: Path) -> None:
    command = [PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_every_service_restarts_has_limits_gains_no_rights_and_logs_within_bounds(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service["restart"] != "no", name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert not service.get("privileged"), name
        if name != "topic":  # it ends at once
            assert service["deploy"]["resources"]["limits"].keys() >= {"cpus", "memory"}, name
        if service["image"].startswith("trackway"):
            assert service["read_only"] is True
            assert int(service["stop_grace_period"].removesuffix("s")) > MOST_ENDING_S
        else:  # the image of Trackway has its own
            assert ("healthcheck" in service) or name == "topic", name


def test_only_the_proxy_is_reached_from_outside_and_images_are_pinned(composed: dict[str, Any]) -> None:
    assert [name for name, service in composed["services"].items() if "ports" in service] == ["caddy"]
    images = {service["image"] for service in composed["services"].values()}
    assert [image for image in images if not re.fullmatch(r"(apache/)?[a-z]+:\d+\.?[\w.]*(-\w+)?", image)] == []


def test_what_it_names_exists(composed: dict[str, Any]) -> None:
    declared = {kind: set(composed.get(kind) or {}) for kind in ("volumes", "secrets", "networks")}
    for service in composed["services"].values():
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith("./") else source in declared["volumes"], mount
        assert set(service.get("secrets", [])) <= declared["secrets"]
        assert set(service["networks"]) <= declared["networks"]
        assert set(service.get("depends_on", {})) <= set(composed["services"])
    made = (DEPLOY / "secrets.sh").read_text()
    assert [one for one in composed["secrets"].values() if f'/{Path(one["file"]).name}"' not in made] == []


def test_the_variables_of_trackway_are_settings(composed: dict[str, Any]) -> None:
    known = {variable(name) for name in get_type_hints(Settings)} | ELSEWHERE
    used = {name for service in composed["services"].values() for name in service.get("environment", {})}
    missing = {name for name in used if name.startswith("TRACKWAY_")} - known
    assert missing == set()


def test_collectors_get_what_they_answer() -> None:
    named = dict(re.findall(r"@(messages|beside) path (.*)", (DEPLOY / "Caddyfile").read_text()))
    assert set(named["messages"].split()) == {*_KINDS, _PIXEL_PATH}
    assert set(named["beside"].split()) == {"/v1/entities/*", "/api/profiles/*", *ENDS, "/t.js", "/t/*"}


def test_caddy_takes_its_file() -> None:
    checked = caddy("validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile"))
    assert checked.returncode == 0, checked.stderr
    formatted = caddy("fmt", str(DEPLOY / "Caddyfile"))
    assert formatted.stdout == (DEPLOY / "Caddyfile").read_text(), "caddy fmt --overwrite deploy/Caddyfile"


@pytest.fixture
def through(new_server: Callable[..., Server], tmp_path: Path) -> Iterator[tuple[Server, httpx.Client]]:
    """A server with Caddy in front of it, as in compose.yaml, but for the certificate; and a client of Caddy."""
    service = yaml.safe_load(FILES[0].read_text())["services"]["trackway"]
    server = new_server(trusted_proxies=service["environment"]["TRACKWAY_TRUSTED_PROXIES"]).start()
    address, upstream = f"http://127.0.0.1:{free_port()}", f"127.0.0.1:{server.port}"
    # A busy machine may take longer to start the server; how long requests wait is no question here.
    text = (DEPLOY / "Caddyfile").read_text()
    assert "lb_try_duration 15s" in text
    (tmp_path / "Caddyfile").write_text(text.replace("lb_try_duration 15s", "lb_try_duration 5m"))
    process = subprocess.Popen(
        [PROGRAMS / "caddy", "run", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"],
        env={**os.environ, "TRACKWAY_DOMAIN": address, "TRACKWAY_UPSTREAM": upstream, "TRACKWAY_COLLECTOR": upstream,
             "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL, stderr=(tmp_path / "caddy.log").open("wb"),
    )  # fmt: skip
    client = httpx.Client(base_url=address, timeout=300)

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "caddy.log").read_text()
        try:
            return client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    try:
        eventually(answers)
        yield server, client
    finally:
        client.close()
        process.terminate()
        process.wait(30)


def test_a_visitor_cannot_choose_the_address_that_trackway_sees(through: tuple[Server, httpx.Client]) -> None:
    _, client = through
    forged = {"x-forwarded-for": "203.0.113.9", "forwarded": "for=203.0.113.9", "x-real-ip": "203.0.113.9"}
    signed_in = client.post("/api/v1/sign-in", json={"email": EMAIL, "password": PASSWORD}, headers=forged)
    assert signed_in.status_code == 200
    seen = str(client.get("/api/v1/me/sign-ins").json())
    assert "127.0.0.1" in seen, seen
    assert "203.0.113.9" not in seen


@pytest.mark.thorough
def test_requests_wait_while_the_server_restarts(through: tuple[Server, httpx.Client]) -> None:
    server, client = through
    server.stop()
    again = threading.Timer(1, server.start)
    again.start()
    posted = client.post("/v1/track", json={"event": "Seen", "anonymousId": "a"}, auth=("wk_test", ""))
    again.join()
    assert posted.status_code == 202, posted.text
    assert server.stored()["stored"] == 1
