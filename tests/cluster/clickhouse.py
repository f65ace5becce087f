"""A ClickHouse server that is no engine process of Trackway's: with users of its own, its defaults, and nobody who watches it.

It comes out of the wheel that is a dependency already, as decision 17 says; what it lacks of an installed one is replication.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.sax.saxutils import escape

import httpx

from ports import free_port

ADMIN = "admin of it"


def _profile(name: str, settings: str) -> str:
    """Settings as XML."""
    listed = [re.fullmatch(r"(\w+) = (\w+)( CONST| MIN (\d+) MAX (\d+))?", one) for one in settings.split(", ")]
    values = "".join(f"<{one[1]}>{one[2]}</{one[1]}>" for one in listed)
    fixed = "".join(
        f"<{one[1]}>{f'<min>{one[4]}</min><max>{one[5]}</max>' if one[5] else '<const/>'}</{one[1]}>"
        for one in listed
        if one[3]
    )
    return f"<{name}>{values}<constraints>{fixed}</constraints></{name}>"


class ClickHouse:
    """A server in a folder, run by the program of the engine process."""

    def __init__(self, home: Path) -> None:
        self.home, self.own, self.http, self.tcp = home, home / "engine", free_port(), free_port()
        self.cluster = ""
        """The configuration of the cluster that it belongs to."""
        self.process: subprocess.Popen[bytes] | None = None
        self.users: dict[str, tuple[str, list[str]]] = {}
        """Passwords and grants by name. They are in its configuration, as this build keeps no users of its own."""
        self.profiles: dict[str, str] = {}
        """The settings of users by their names, as SQL: `a = 1, b = 2 CONST`."""

    def create(self, statements: list[str]) -> None:
        """Do what an administrator is told to: statements that create a database and users, and grant rights."""
        for statement in statements:
            if user := re.fullmatch(r"CREATE USER IF NOT EXISTS (\w+) IDENTIFIED BY '(.*)'", statement):
                self.users[user[1]] = (re.sub(r"\\(.)", r"\1", user[2]), [])
            elif granted := re.fullmatch(r"(GRANT .*) TO (\w+)", statement):
                self.users[granted[2]][1].append(granted[1])
            elif profile := re.fullmatch(r"CREATE SETTINGS PROFILE OR REPLACE \w+ SETTINGS (.*) TO (\w+)", statement):
                self.ask(f"EXPLAIN AST {statement}")  # its grammar
                self.profiles[profile[2]] = profile[1]
            else:
                self.ask(statement)
        self.restart()

    def restart(self) -> None:
        self.stop()
        self.start()

    def dsn(self, user: str, password: str, database: str = "default") -> str:
        return f"clickhouse://{user}:{password}@127.0.0.1:{self.http}/{database}"

    def start(self) -> ClickHouse:
        self.own.mkdir(parents=True, exist_ok=True)
        here = "<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>"
        others = "".join(
            f"<{name}><password>{escape(password)}</password>{here.replace('default', name, name in self.profiles)}"
            f"<grants>{''.join(f'<query>{escape(grant)}</query>' for grant in grants)}</grants></{name}>"
            for name, (password, grants) in self.users.items()
        )
        profiles = "".join(_profile(name, settings) for name, settings in self.profiles.items())
        users = f"""<clickhouse><profiles><default/>{profiles}</profiles><quotas><default/></quotas><users>
<default><password></password>{here}<grants><query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT SELECT ON system.numbers</query>
</grants></default>{others}<admin><password>{ADMIN}</password>{here}<access_management>1</access_management></admin></users></clickhouse>"""
        (self.own / "users.xml").write_text(users)
        config = f"""<clickhouse><listen_host>127.0.0.1</listen_host><http_port>{self.http}</http_port>
<tcp_port>{self.tcp}</tcp_port>{self.cluster}<users_config>users.xml</users_config><logger><level>none</level></logger></clickhouse>"""
        (self.own / "config.xml").write_text(config)
        (self.own / "ready").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trackway.store.engine_main", str(self.own)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=(self.own / "errors.log").open("wb"),
        )  # fmt: skip
        until = time.monotonic() + 60
        while True:
            try:
                self.ask("SYSTEM START LISTEN TCP" if self.cluster else "SELECT 1")
                return self
            except httpx.TransportError:
                assert self.process.poll() is None and time.monotonic() < until, (self.own / "errors.log").read_text()
                time.sleep(0.02)

    def ask(self, statement: str) -> str:
        """A statement of the administrator; its answer as text."""
        response = httpx.post(f"http://127.0.0.1:{self.http}/", content=statement, auth=("admin", ADMIN), timeout=60)
        assert response.status_code == 200, response.text
        return response.text

    def stop(self, how: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


CLUSTER = "three"


class Shards:
    """Servers that know each other as the shards of one cluster; to a test, like one server."""

    def __init__(self, home: Path, count: int = 3) -> None:
        self.servers = [ClickHouse(home / f"shard{n + 1}") for n in range(count)]
        self.users, self.profiles = self.servers[0].users, self.servers[0].profiles
        self._next = 0
        shards = "".join(
            f"<shard><internal_replication>true</internal_replication>"
            f"<replica><host>127.0.0.1</host><port>{one.tcp}</port></replica></shard>"
            for one in self.servers
        )
        for one in self.servers:
            one.cluster = f"<remote_servers><{CLUSTER}><secret>of it</secret>{shards}</{CLUSTER}></remote_servers>"
            one.users, one.profiles = self.users, self.profiles

    def dsn(self, user: str, password: str, database: str = "default") -> str:
        hosts = ";".join(f"127.0.0.1:{one.http}" for one in self.servers)
        return f"clickhouse://{user}:{password}@{hosts}/{database}?cluster={CLUSTER}"

    def create(self, statements: list[str]) -> None:
        """Do on each server what an administrator is told to."""
        for one in self.servers:
            one.create(statements)

    def ask(self, statement: str) -> str:
        """A statement of the administrator on each server; the answers one after the other."""
        return "".join(one.ask(statement) for one in self.servers)

    def start(self) -> Shards:
        for one in self.servers:
            if one.process is None:
                one.start()
        return self

    def stop(self) -> None:
        """One of them is killed, another each time."""
        self.servers[self._next % len(self.servers)].stop()
        self._next += 1

    def restart(self) -> None:
        for one in self.servers:
            one.restart()

    def remove(self) -> None:
        for one in self.servers:
            one.remove()
