"""The parts of a ClickHouse address, `clickhouse://user:password@HOSTS/database?options`.

HOSTS is `host:port` for one server; `a:8123,b:8123` for replicas that hold the same rows; and shards of a cluster are
separated by semicolons, `a1:8123,a2:8123;b1:8123,b2:8123`, with its name in the servers' configuration as `?cluster=`.
"""

from __future__ import annotations

from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

OF_ALL_SHARDS = "_all"
"""What the name of the database ends with whose tables read and write all shards (store/cluster.py)."""
_CLUSTER = "cluster"


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


def _at(parts: SplitResult, hosts: str) -> str:
    user, separator, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{separator}{hosts}").geturl()


def _alone(parts: SplitResult) -> SplitResult:
    """Return an address without the name of the cluster, which is no option of a connection."""
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != _CLUSTER]
    return parts._replace(query=urlencode(options))
