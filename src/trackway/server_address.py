"""The parts of a ClickHouse address, `clickhouse://user:password@HOSTS/database?options`.

HOSTS is `host:port` for one server; `a:8123,b:8123` for replicas that hold the same rows; and shards of a cluster are
separated by semicolons, `a1:8123,a2:8123;b1:8123,b2:8123`, with its name in the servers' configuration as `?cluster=`.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

OF_ALL_SHARDS = "_all"
"""The end of the name of the database whose tables read and write all shards (store/cluster.py)."""
_CLUSTER = "cluster"
_OPTIONS = (
    "cluster",
    "secure",
    "ca_cert",
    "verify",
    "client_cert",
    "client_cert_key",
    "server_host_name",
    "connect_timeout",
)


def database_of(dsn: str) -> str:
    """Return the database that an address names."""
    return urlsplit(dsn).path.strip("/") or "default"


def user_of(dsn: str) -> tuple[str, str]:
    """Return the name and the password that an address contains."""
    name, _, password = urlsplit(dsn).netloc.rpartition("@")[0].partition(":")
    return unquote(name or "default"), unquote(password)


def cluster_of(dsn: str) -> str:
    """Return the name of the cluster; empty when the address is of one server and its replicas."""
    return dict(parse_qsl(urlsplit(dsn).query)).get(_CLUSTER, "")


def hosts_of(dsn: str) -> list[list[str]]:
    """Return the hosts of each shard's replicas, with their ports."""
    return [shard.split(",") for shard in urlsplit(dsn).netloc.rpartition("@")[2].split(";")]


def shards_of(dsn: str) -> list[str]:
    """Return the address of each shard of a cluster."""
    parts = _alone(urlsplit(dsn))
    return [_at(parts, ",".join(replicas)) for replicas in hosts_of(dsn)]


def all_shards_of(dsn: str) -> str:
    """Return the address of the database over all shards of a cluster; every server of it answers alike."""
    parts = _alone(urlsplit(dsn))._replace(path=f"/{database_of(dsn)}{OF_ALL_SHARDS}")
    return _at(parts, ",".join(host for replicas in hosts_of(dsn) for host in replicas))


def servers_of(dsn: str) -> list[str]:
    """Return the address of each server that an address names."""
    return [_at(urlsplit(dsn), host) for replicas in hosts_of(dsn) for host in replicas]


def problem(address: str) -> str:
    """Return what is wrong with a ClickHouse server's address; the text does not quote it: it may hold a password."""
    example = "clickhouse://user:password@host:8123/database"
    try:
        parts = urlsplit(address)
        shards = hosts_of(address)
        servers = [urlsplit(server) for server in servers_of(address)]
        sound = parts.scheme in ("clickhouse", "http", "https") and all(
            server.hostname and (server.port or 8123) for server in servers
        )
    except ValueError:
        sound = False
    if address and (not sound or parts.netloc.count("@") > 1):
        return f"it is no address such as {example}; write special characters of the password as %40, %2F, %23 …"
    names = (user_of(address)[0], database_of(address)) if address else ()
    if not all(re.fullmatch(r"\w+", name, re.ASCII) for name in names):
        return "the names of the user and of the database may have letters, digits and _ only"
    if unknown := [name for name, _ in parse_qsl(parts.query) if name not in _OPTIONS] if address else []:
        return f"there is no option {unknown[0][:40]!r}; there are {', '.join(_OPTIONS)}"
    if address and len(shards) > 1 and not cluster_of(address):
        return "it has several shards, so it needs ?cluster=NAME, the cluster's name in the servers' configuration"
    if address and not re.fullmatch(r"[\w.-]*", cluster_of(address), re.ASCII):
        return "the name of the cluster may have letters, digits, _, - and . only"
    return ""


def _at(parts: SplitResult, hosts: str) -> str:
    user, separator, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{separator}{hosts}").geturl()


def _alone(parts: SplitResult) -> SplitResult:
    """Return an address without the name of the cluster, which is no option of a connection."""
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != _CLUSTER]
    return parts._replace(query=urlencode(options))
