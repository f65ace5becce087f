"""deploy/clickhouse/: the settings are taken by a real ClickHouse, and its users have the rights that Trackway needs."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

import processes
from conftest import Server
from postgres import Postgres, programs
from trackway.config import Settings
from trackway.store.engine_config import READER_SETTINGS
from trackway.store.server_rights import READER_RIGHTS, WRITER_RIGHTS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "clickhouse"
sys.path.insert(0, str(ROOT / "tests" / "cluster"))

from clickhouse import ClickHouse  # noqa: E402


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What deploy/secrets.sh writes for the cluster."""
    folder = tmp_path_factory.mktemp("secrets") / "made"
    command = [ROOT / "deploy" / "secrets.sh", "cluster", "https://stats.example.com", "admin@example.com"]
    subprocess.run(command, env={**os.environ, "TRACKWAY_SECRETS": str(folder)}, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, secrets: Path) -> Iterator[ClickHouse]:
    """A ClickHouse with the files of deploy/clickhouse where an installed one has them."""
    made = ClickHouse(tmp_path_factory.mktemp("clickhouse") / "home")
    for target, name in (("config.d", "server.xml"), ("config.d", "cluster.xml"), ("users.d", "users.xml")):
        (made.own / target).mkdir(parents=True, exist_ok=True)
        text = (FOLDER / name).read_text().replace("/run/secrets", str(secrets))
        (made.own / target / f"trackway-{name}").write_text(text)
    (made.home / "secrets").symlink_to(secrets)  # the process reads no files beside its own directory
    with pytest.MonkeyPatch.context() as patched:
        for variable, value in (("SHARD", "2"), ("REPLICA", "clickhouse-2-1"), ("CLUSTER_SECRET", "shared")):
            patched.setenv(variable, value)
        made.start()
    yield made
    made.remove()


def reached(secrets: Path, server: ClickHouse, file: str = "trackway.toml") -> dict[str, str]:
    """The settings that deploy/secrets.sh wrote, with the address of this server; the database is created."""
    server.ask((FOLDER / "database.sql").read_text())
    made = tomllib.loads((secrets / file).read_text())
    return {name: str(value).replace("clickhouse:8123", f"127.0.0.1:{server.http}") for name, value in made.items()}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.xml")), ids=lambda file: file.name)
def test_files_are_xml_for_clickhouse(file: Path) -> None:
    assert ElementTree.parse(file).getroot().tag == "clickhouse"


def test_settings_of_the_server_are_taken(server: ClickHouse) -> None:
    wanted = {
        name: (ElementTree.parse(FOLDER / "server.xml").findtext(name) or "").strip()
        for name in (
            "max_server_memory_usage_to_ram_ratio", "max_concurrent_queries", "mark_cache_size", "uncompressed_cache_size",
            "max_table_size_to_drop", "keep_alive_timeout",
        )
    }  # fmt: skip
    for name, value in wanted.items():
        assert server.ask(f"SELECT value FROM system.server_settings WHERE name = '{name}'").strip() == value, name
    merges = {
        node.tag: (node.text or "").strip()
        for file in ("server.xml", "cluster.xml")
        for node in ElementTree.parse(FOLDER / file).findall("merge_tree/*")
    }
    for name, value in merges.items():
        found = server.ask(f"SELECT value FROM system.merge_tree_settings WHERE name = '{name}'").strip()
        assert found == value, f"{name} is {found or 'no setting'}"


def test_the_cluster_has_three_shards_of_two_replicas(server: ClickHouse) -> None:
    asked = "SELECT shard_num, count() FROM system.clusters WHERE cluster = 'trackway' GROUP BY shard_num ORDER BY shard_num"
    assert server.ask(asked).split() == ["1", "2", "2", "2", "3", "2"]
    macros = dict(line.split("\t") for line in server.ask("SELECT macro, substitution FROM system.macros").splitlines())
    assert macros == {"shard": "2", "replica": "clickhouse-2-1"}


def test_settings_of_the_profile_are_settings(server: ClickHouse) -> None:
    for node in ElementTree.parse(FOLDER / "users.xml").findall("profiles/trackway/*"):
        assert server.ask(f"SELECT count() FROM system.settings WHERE name = '{node.tag}'").strip() == "1", node.tag


def test_the_users_have_the_rights_that_trackway_needs_and_their_passwords_are_those_of_the_secrets(
    server: ClickHouse, secrets: Path
) -> None:
    for user, rights in (("trackway", WRITER_RIGHTS), ("reader", READER_RIGHTS)):
        grants = ElementTree.parse(FOLDER / "users.xml").findall(f"users/{user}/grants/query")
        assert [one.text for one in grants] == [f"GRANT {right.format(database='trackway')}" for right in rights]
    fixed = ElementTree.parse(FOLDER / "users.xml").find("profiles/reader")
    assert fixed is not None
    most = str(Settings().engine_memory_mb * 1024 * 1024)
    assert {one.tag: one.text for one in fixed if one.tag not in ("profile", "constraints")} == {
        **{name: str(value) for name, value in READER_SETTINGS.items()}, "max_memory_usage": most,
    }  # fmt: skip
    assert {one.tag for one in fixed.findall("constraints/*")} == {*READER_SETTINGS, "max_memory_usage"} - {"readonly"}
    assert [fixed.findtext(f"constraints/max_memory_usage/{name}") for name in ("min", "max")] == ["1", most]
    settings = reached(secrets, server)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRACKWAY_")},
        "TRACKWAY_STORE": settings["store"], "TRACKWAY_STORE_READER": settings["store_reader"],
    }  # fmt: skip
    for command in ("migrate", "check"):
        done = processes.run(["-m", "trackway", "store", command], env=environment)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed, and cannot be")
def test_trackway_starts_on_the_secrets_with_clickhouse_and_postgresql(
    server: ClickHouse, secrets: Path, tmp_path: Path
) -> None:
    database = Postgres()
    settings = {**reached(secrets, server), "accounts": database.dsn.replace("postgresql:", "postgresql+psycopg:")}
    config = tmp_path / "trackway.toml"
    config.write_text("".join(f'{name} = "{value}"\n' for name, value in settings.items()))
    trackway = Server(tmp_path / "data", fresh=True)
    ours = {"TRACKWAY_CONFIG": str(config), "TRACKWAY_REQUESTS_PER_MINUTE": "0"}
    trackway.environment = {
        name: it for name, it in trackway.environment.items() if not name.startswith("TRACKWAY_")
    } | ours
    try:
        trackway.start()
        sent = trackway.http.post(
            "/v1/track", json={"event": "Seen", "anonymousId": "a"}, auth=(settings["write_key"], "")
        )
        assert sent.status_code == 202
        assert trackway.stored()["stored"] == 1
        assert server.ask("SELECT count() FROM trackway.events").strip() == "1"
        signed_in = {"email": "admin@example.com", "password": settings["admin_password"]}
        assert trackway.http.post("/api/v1/sign-in", json=signed_in).status_code == 200
        said = trackway.said()
        assert not any(settings[name] in said for name in ("admin_password", "secret_key", "store", "secrets"))
    finally:
        trackway.stop()
        database.close()
