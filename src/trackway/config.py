"""Settings: `TRACKWAY_*` environment variables before `trackway.toml` before defaults."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_type_hints

import msgspec

from trackway import kafka_address, roles, server_address
from trackway.server_address import cluster_of, database_of, hosts_of
from trackway.wording import fault

Network = IPv4Network | IPv6Network

_PRIVATE_PARAMETERS = (
    "access_token api_key apikey auth code email id_token jwt otp pass passwd password phone refresh_token "
    "secret session_id sessionid sid sig signature ssn token"
).split()

_LISTS = ("private_parameters", "placeholder_ids", "allow_private_addresses", "passing_hosts", "internal_domains")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_NUMBERS = re.compile(r"[0-9.]+")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,}")
PLACEHOLDER_IDS = (
    "undefined", "null", "[object object]", "nan", "none", "nil", "(null)", "<null>", "n/a", "0", "-1", "true", "false",
    "anonymous", "guest", "unknown", "not set", "(not set)", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
"""Values that programs write for an id that they do not know."""


class Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """All settings. The names are those of trackway.toml; in the environment, `TRACKWAY_` + upper case."""

    data: str = "./data"
    """Directory of the log, the accounts and the local store."""
    host: str = "127.0.0.1"
    """The address to listen at; 0.0.0.0 for every address of this machine."""
    port: int = 8700
    """The port to listen at."""
    store: str = ""
    """`clickhouse://…` for a server or cluster; empty: an engine process on `data`, which the server starts."""
    store_reader: str = ""
    """The same server with another user, for questions about a project: it needs to read tables and nothing else
    (`trackway store users`). Empty: the user of `store`."""
    log: str = ""
    """`kafka://host:port,host:port/topic` keeps the messages in a topic of Kafka until they are stored; with
    `?loaders=3`, in a topic for each of three loaders. Empty: in files in `data`."""
    role: Literal["all", "collector", "loader"] = "all"
    """The work of this process: `all`; `collector`, which takes messages and views and writes them to Kafka; or
    `loader`, which only stores the messages of its projects."""
    loader: int = 0
    """The number of this process among the loaders, from 1 on; 0, the first of them, has the role `all`."""
    views: str = ""
    """The database that decides which views count, an SQLAlchemy URL; several collectors share one. Empty: the
    accounts database when that is a server, else SQLite in `data`."""
    accounts: str = ""
    """An SQLAlchemy URL such as `postgresql+psycopg://…`; empty means SQLite in `data`."""
    write_key: str = ""
    """Write key of the first project; invented at first start when empty."""
    secret_key: str = ""
    """Secret key of the first project; invented at first start when empty."""
    admin_email: str = "admin@localhost"
    """The e-mail address that the first administrator signs in with."""
    admin_password: str = ""
    """Password of the first administrator; invented and printed once when empty."""
    secrets: str = ""
    """Keys that encrypt what must be read again (embed keys, secrets of authenticator applications), separated by
    commas, the newest first; empty: a key that is created in `data`."""
    url: str = ""
    """The URL under which people reach this server, such as https://stats.example.com; empty: that of the
    request."""
    oidc_issuer: str = ""
    """An OpenID Connect provider that users may sign in with."""
    oidc_client_id: str = ""
    """The name under which that provider knows Trackway."""
    oidc_client_secret: str = ""
    """The secret that goes with it."""
    requests_per_minute: int = 60_000
    """Most requests of one IP address a minute, and of one key ten times as many; 0 for no limit."""
    failed_sign_ins_per_minute: int = 20
    """Most attempts to sign in from one IP address that may fail in a minute; 0 for no limit."""
    places: str = ""
    """A MaxMind-format (.mmdb) file for country, region and city; empty means countries from geoip2fast."""
    datacenters: str = ""
    """A file of network ranges, one CIDR a line, whose visitors are flagged as bots."""
    passing_hosts: list[str] = []
    """Hosts that people only pass through, to pay or to sign in, and that are not sources, in addition to the built-in
    list; `-host` removes one from the list."""
    internal_domains: list[str] = []
    """Domains whose hosts are one site, such as example.com: none of them is a source for another."""
    truncate_ip: bool = True
    """Keep only /24 of an IPv4 and /48 of an IPv6 address, before anything is written."""
    allow_private_addresses: list[str] = []
    """Private addresses that the server may connect to for webhooks, followed databases and OpenID providers: networks
    such as 10.1.0.0/16, addresses and host names. All other private addresses are refused."""
    alert_url: str = ""
    """Where to post JSON to when there are dead letters, when nothing is stored for 30 s, and when messages of the log
    are lost; a private address too, as it is the operator's own. Empty: nowhere."""
    metrics_token: str = ""
    """The secret with which Prometheus reads `/metrics`, as `Authorization: Bearer`; empty: nobody can read it."""
    private_parameters: list[str] = msgspec.field(default_factory=lambda: list(_PRIVATE_PARAMETERS))
    """Query parameters that are dropped from every URL before anything is written."""
    placeholder_ids: list[str] = msgspec.field(default_factory=lambda: list(PLACEHOLDER_IDS))
    """Ids that stand for nobody, in upper or lower case: they are removed from messages, and never join people."""
    plan: str = ""
    """A tracking plan for the first project: a file, or the name of an included one (`concerts`); read at start."""
    segment_bytes: int = 64 * 1024 * 1024
    """Size at which the log starts a new segment file."""
    keep_log_hours: float = 72.0
    """How long segments are kept after all of their messages are stored."""
    archive: str = ""
    """A directory, perhaps on another disk, that then receives the segments, for `trackway rebuild`; empty deletes
    them."""
    keep_views_days: int = 90
    """Raw views are deleted when their month ended so many days ago; their counts stay. 0 keeps them for ever."""
    trust_viewers: bool = False
    """Accept a viewer that is stated with the write key alone; otherwise only a host's token or the secret key can."""
    smtp_host: str = ""
    """The mail server that sends digests, and links to reset a password (they need `url` too); none when empty."""
    smtp_port: int = 25
    """The port of the mail server."""
    smtp_user: str = ""
    """The name to sign in to the mail server with; empty: without signing in."""
    smtp_password: str = ""
    """The password to sign in to the mail server with."""
    mail_from: str = "trackway@localhost"
    """The sender of digests."""
    import_patience_seconds: float = 300
    """Seconds for which an import waits while nothing at all is stored; then it ends and says what still waits, and the
    next import or export begins. A restart of the loader or the store takes less."""
    batch_messages: int = 50_000
    """Most messages that the loader stores in one batch."""
    batch_seconds: float = 0.5
    """Seconds that the loader waits for more messages to store with one; small batches begin at twice that interval."""
    small: bool = True
    """Load in a thread of the server. `false`: in a process beside it, with about 90 MB more memory; requests then wait
    less while much is being loaded. For a log in files and no ClickHouse server; elsewhere it changes nothing."""
    checkpoint_seconds: float = 1.0
    """Most seconds until stored messages are durable; after a crash, the others are stored again from the log."""
    trust_proxy: bool = False
    """The same as `trusted_proxies = 1`."""
    trusted_proxies: str = ""
    """Proxies in front of this server: how many, or their networks as CIDRs separated by commas. The client's IP
    address is the one that the nearest of them gives; addresses that were given before it are ignored."""
    proxy_header: Literal["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP"] = "X-Forwarded-For"
    """The header in which trusted proxies give the client's IP address."""
    connections_per_address: int = 256
    """Most requests of one IP address whose bodies are still on their way after a second; 0 for no limit."""
    secure_cookies: bool = False
    """Mark the session cookie Secure; set it when the dashboard is served over HTTPS."""
    engine_memory_mb: int = 4096
    """Most memory that one question may use in the engine process, or on a server; there, after it was raised, run what
    `trackway store users` prints again."""

    @property
    def loaders(self) -> int:
        """The number of loaders among which the projects are divided."""
        return kafka_address.loaders_of(self.log)

    @property
    def directory(self) -> Path:
        """The data directory, as an absolute path."""
        return Path(self.data).expanduser().resolve()

    @property
    def proxies(self) -> int | list[Network]:
        """The trusted proxies: their number, or their networks. Raises ValueError."""
        return _proxies(self.trusted_proxies.strip() or ("1" if self.trust_proxy else "0"))

    @property
    def store_dsn(self) -> str:
        """The engine's URL: `store`, or an engine process on the data directory."""
        return self.store or f"local://{self.directory / 'store'}"

    @property
    def local_store(self) -> Path | None:
        """The directory of the local store; None when the store is a server."""
        return None if self.store else self.directory / "store"

    @property
    def shares_views(self) -> bool:
        """Whether other collectors may count views in the same database."""
        return bool(self.views) or not self.views_dsn.startswith("sqlite")

    @property
    def views_dsn(self) -> str:
        """The URL of the view ledger's database."""
        if self.views:
            return self.views
        if self.accounts and not self.accounts.startswith("sqlite"):
            return self.accounts
        return f"sqlite:///{self.directory / 'views.db'}"

    @property
    def accounts_dsn(self) -> str:
        """The accounts database's URL: `accounts`, or SQLite in the data directory."""
        return self.accounts or f"sqlite:///{self.directory / 'accounts.db'}"


class Range(NamedTuple):
    """The least and the largest value of a number, and its unit."""

    least: float
    most: float
    unit: str = ""


_YEARS_H, _MANY = 10 * 366 * 24, 1_000_000_000
RANGES = {
    "port": Range(1, 65_535),
    "loader": Range(0, kafka_address.MOST_LOADERS - 1),
    "smtp_port": Range(1, 65_535),
    "requests_per_minute": Range(0, _MANY),
    "failed_sign_ins_per_minute": Range(0, _MANY),
    "connections_per_address": Range(0, _MANY),
    "segment_bytes": Range(1, 2**40, "bytes"),
    "keep_log_hours": Range(0, _YEARS_H, "hours"),
    "keep_views_days": Range(0, 36_500, "days"),
    "import_patience_seconds": Range(1, 86_400, "seconds"),
    "batch_messages": Range(1, 1_000_000, "messages"),
    "batch_seconds": Range(0, 60, "seconds"),
    "checkpoint_seconds": Range(0, 86_400, "seconds"),
    "engine_memory_mb": Range(64, 2**24, "MB"),
}
"""The range of each setting that is a number; error messages show the default as an example."""
_TYPES: dict[str, Any] = get_type_hints(Settings)
_DEFAULTS = Settings()
_BESIDE = ("TRACKWAY_CONFIG", "TRACKWAY_USER_PASSWORD", "TRACKWAY_BENCHMARKS")
"""Variables that are read elsewhere; those of tests begin with TRACKWAY_TEST_."""


class BadSettings(ValueError):
    """A setting that cannot be used; the text names it, its problem and its origin."""


def load(path: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings: `overrides` (None means not given) before environment before file before defaults.

    Raises:
        BadSettings: an unknown name, a value of the wrong type or out of its range, or a file that is not TOML.
    """
    file = path or Path(os.environ.get("TRACKWAY_CONFIG", "trackway.toml"))
    values: dict[str, Any] = {}
    if file.exists():
        try:
            values |= tomllib.loads(file.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadSettings(f"{file} is not valid TOML: {error}") from error
    elif path is not None:
        raise BadSettings(f"there is no settings file {file}")
    origins = {name: f"{name} in {file}" for name in values}
    for name in _TYPES:
        text = os.environ.get(variable(name))
        if text is not None:
            values[name] = [part for part in text.split(",") if part] if name in _LISTS else text
            origins[name] = variable(name)
    for name, value in overrides.items():
        if value is not None:
            values[name], origins[name] = value, f"--{name.replace('_', '-')}"
    if unknown := sorted(set(values) - set(_TYPES)):
        near = difflib.get_close_matches(unknown[0], _TYPES, 1, 0)[0]
        listed = ", ".join(sorted(_TYPES))
        raise BadSettings(f"unknown setting {unknown[0]!r}; did you mean {near!r}? The settings are {listed}")
    settings = Settings(**{name: _checked(name, value, origins[name]) for name, value in values.items()})
    for name, check in _CHECKS.items():
        if problem := check(getattr(settings, name)):
            raise BadSettings(f"{origins.get(name, name)}: {problem}")
    if problem := roles.problem(
        settings.role, settings.loader, settings.loaders, settings.log, settings.store, settings.accounts
    ):
        raise BadSettings(problem if settings.role == "all" else f"{origins['role']} is {settings.role!r}: {problem}")
    if problem := _same_server(settings):
        raise BadSettings(f"{origins.get('store_reader', 'store_reader')}: {problem}")
    return settings


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"TRACKWAY_{name.upper()}"


def allowed(name: str) -> str:
    """Return the values that a setting takes, in words; empty for any text."""
    kind = _TYPES[name]
    if limits := RANGES.get(name):
        whole = "a whole number" if kind is int else "a number"
        return f"{whole} from {limits.least:,} to {limits.most:,} {limits.unit}".rstrip()
    if kind is bool:
        return "true or false"
    if name in _LISTS:
        return "values separated by commas"
    return f"one of {', '.join(kind.__args__)}" if hasattr(kind, "__args__") else ""


def unknown_variables() -> list[str]:
    """Return a sentence for each environment variable that looks like a setting but is not one, without its value."""
    known = [*map(variable, _TYPES), *_BESIDE]
    variables = sorted(
        name for name in os.environ if name.startswith("TRACKWAY_") and not name.startswith("TRACKWAY_TEST_")
    )
    return [
        f"{name} is set and is not a setting, so it does nothing; did you mean {near}?"
        for name in variables
        if name not in known
        for near in difflib.get_close_matches(name, known, 1, 0)
    ]


def _checked(name: str, value: Any, origin: str) -> Any:
    """Return a value as its setting's type, within its range. Raises BadSettings."""
    example = getattr(_DEFAULTS, name)
    shown = str(example).lower() if isinstance(example, bool) else example
    try:
        converted = msgspec.convert(value, _TYPES[name], strict=False)
    except msgspec.ValidationError as error:
        if not allowed(name):
            raise BadSettings(f"{origin}: {fault(error, _TYPES[name]).reason}") from error
        converted = None
    limits = RANGES.get(name)
    if converted is None or (limits is not None and not limits.least <= converted <= limits.most):
        raise BadSettings(f"{origin} is {str(value)[:60]!r}; give {allowed(name)}, such as {shown}")
    return converted


def _proxies(text: str) -> int | list[Network]:
    return int(text) if text.isdecimal() else [ip_network(part.strip(), False) for part in text.split(",")]


def _proxies_problem(text: str) -> str:
    try:
        _proxies(text.strip() or "0")
    except ValueError:
        return f"{text!r} is wrong; give the number of proxies, or networks such as 10.0.0.0/8,::1"
    return ""


def _places_problem(places: list[str]) -> str:
    for place in map(str.strip, places):
        try:
            ip_network(place, strict=False)
        except ValueError:
            if not _HOST.fullmatch(place) or _NUMBERS.fullmatch(place):
                return f"{place!r} is neither a network such as 10.1.0.0/16 nor an address nor a host name"
    return ""


def _hosts_problem(hosts: list[str]) -> str:
    for host in hosts:
        if not _HOST.fullmatch(host.strip().removeprefix("-").removeprefix("*.")):
            return f"{host!r} is not a host; give names such as pay.example.com, without https://"
    return ""


def _url_problem(url: str) -> str:
    if url and not re.match(r"https?://[^/?#@]+([/?#]|$)", url):
        return f"{url!r} is not a URL such as https://example.com/hook, without a user name"
    return ""


def _token_problem(token: str) -> str:
    if token and not _TOKEN.fullmatch(token):
        return "give at least 16 letters, digits and -._~+/=, such as `openssl rand -hex 32` prints"
    return ""


def _same_server(settings: Settings) -> str:
    """Return what is wrong with `store_reader` beside `store`."""
    if not settings.store_reader:
        return ""
    if not settings.store:
        return "it is set and store is not; the engine process has a reading user of its own"
    ours, theirs = ((hosts_of(it), database_of(it), cluster_of(it)) for it in (settings.store, settings.store_reader))
    if ours != theirs:
        return "it names another host, port, database or cluster than store"
    return ""


_CHECKS: dict[str, Callable[[Any], str]] = {
    "trusted_proxies": _proxies_problem,
    "allow_private_addresses": _places_problem,
    "passing_hosts": _hosts_problem,
    "internal_domains": _hosts_problem,
    "alert_url": _url_problem,
    "metrics_token": _token_problem,
    "store": server_address.problem,
    "store_reader": server_address.problem,
    "log": kafka_address.problem,
}
"""Checks that return the problem with a setting's value, as a sentence; empty when there is none."""
