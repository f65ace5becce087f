"""Settings: `TRACKWAY_*` environment variables over `trackway.toml` over defaults."""

from __future__ import annotations

import os
import re
import tomllib
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

Network = IPv4Network | IPv6Network

_PRIVATE_PARAMETERS = (
    "access_token api_key apikey auth code email id_token jwt otp pass passwd password phone refresh_token "
    "secret session_id sessionid sid sig signature ssn token"
).split()

_LISTS = ("private_parameters", "placeholder_ids", "allow_private_addresses", "passing_hosts", "internal_domains")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_NUMBERS = re.compile(r"[0-9.]+")
PLACEHOLDER_IDS = (
    "undefined", "null", "[object object]", "nan", "none", "nil", "(null)", "<null>", "n/a", "0", "-1", "true", "false",
    "anonymous", "guest", "unknown", "not set", "(not set)", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
"""What programs write for an id when they know none."""


class Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Everything that can be set. The names are those of trackway.toml; `TRACKWAY_` + upper case in the environment."""

    data: str = "./data"
    """Directory of the log, the accounts and the embedded store."""
    host: str = "127.0.0.1"
    port: int = 8700
    store: str = ""
    """`clickhouse://…` for a server or cluster; empty means chDB in `data`."""
    views: str = ""
    """Where it is decided which views count, an SQLAlchemy address; several collectors share one. Empty: the accounts
    database when that is a server, else SQLite in `data`."""
    accounts: str = ""
    """An SQLAlchemy address such as `postgresql+psycopg://…`; empty means SQLite in `data`."""
    write_key: str = ""
    """Write key of the first project; invented at first start when empty."""
    secret_key: str = ""
    """Secret key of the first project; invented at first start when empty."""
    admin_email: str = "admin@localhost"
    admin_password: str = ""
    """Password of the first administrator; invented and printed once when empty."""
    secrets: str = ""
    """Keys that seal what must be read again (embed keys, secrets of authenticator applications), separated by commas,
    the newest first; empty: one that is made in `data`."""
    url: str = ""
    """The address under which people reach this server, such as https://stats.example.com; empty: that of the
    request."""
    oidc_issuer: str = ""
    """An OpenID Connect provider that users may sign in with."""
    oidc_client_id: str = ""
    oidc_client_secret: str = ""
    requests_per_minute: int = 60_000
    """Most requests of one address a minute, and of one key ten times as many; 0 for no limit."""
    failed_sign_ins_per_minute: int = 20
    """Most attempts to sign in from one address that may fail in a minute; 0 for no limit."""
    places: str = ""
    """A MaxMind-format (.mmdb) file for country, region and city; empty means countries from geoip2fast."""
    datacenters: str = ""
    """A file of network ranges, one CIDR a line, whose visitors are flagged as bots."""
    passing_hosts: list[str] = []
    """Hosts that people only pass through, to pay or to sign in, and that are no source, beside those of the list;
    `-host` takes one out of it."""
    internal_domains: list[str] = []
    """Domains whose hosts are one site, such as example.com: none of them is a source for another."""
    truncate_ip: bool = True
    """Keep only /24 of an IPv4 and /48 of an IPv6 address, before anything is written."""
    allow_private_addresses: list[str] = []
    """Private addresses that webhooks, followed databases and what an OpenID provider points to may lead to: networks
    such as 10.1.0.0/16, addresses and host names. Others than public ones are refused."""
    alert_url: str = ""
    """Where to post JSON to when there are dead letters, when nothing is stored for 30 s, and when messages of the log
    are lost; a private address too, as it is the operator's own. Empty: nowhere."""
    private_parameters: list[str] = msgspec.field(default_factory=lambda: list(_PRIVATE_PARAMETERS))
    """Query parameters that are dropped from every URL before anything is written."""
    placeholder_ids: list[str] = msgspec.field(default_factory=lambda: list(PLACEHOLDER_IDS))
    """Ids that stand for nobody, whatever their case: a message is taken without them, and they never join people."""
    plan: str = ""
    """A tracking plan for the first project: a file, or the name of an included one (`concerts`); read at start."""
    segment_bytes: int = 64 * 1024 * 1024
    """Size at which the log starts a new segment file."""
    keep_log_hours: float = 72.0
    """How long segments are kept after all of their messages are stored."""
    archive: str = ""
    """A directory, perhaps on another disk, to which segments go then, for `trackway rebuild`; empty deletes them."""
    keep_views_days: int = 90
    """Raw views are deleted when their month ended so many days ago; their counts stay. 0 keeps them for ever."""
    trust_viewers: bool = False
    """Believe as whose a view is stated with the write key alone; else a host's token or secret key says it."""
    smtp_host: str = ""
    """The mail server that sends digests, and links to reset a password (they need `url` too); none when empty."""
    smtp_port: int = 25
    smtp_user: str = ""
    smtp_password: str = ""
    mail_from: str = "trackway@localhost"
    batch_messages: int = 50_000
    """The loader stores at most this many messages in one batch ..."""
    batch_seconds: float = 0.5
    """... and waits at most this long for more."""
    checkpoint_seconds: float = 1.0
    """How long what is stored may wait until it is made durable; after a crash it is stored again from the log."""
    trust_proxy: bool = False
    """The same as `trusted_proxies = 1`."""
    trusted_proxies: str = ""
    """Proxies in front of this server: how many, or their networks as CIDRs separated by commas. What the nearest of
    them says of the client's address is believed, and nothing that was said before it."""
    proxy_header: Literal["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP"] = "X-Forwarded-For"
    """Where trusted proxies say the client's address."""
    connections_per_address: int = 256
    """Most requests of one address whose bodies are still on their way after a second; 0 for no limit."""
    secure_cookies: bool = False
    """Mark the session cookie Secure; set it when the dashboard is served over HTTPS."""
    engine_memory_mb: int = 4096
    """Most memory that one question may use in the embedded engine."""

    @property
    def directory(self) -> Path:
        """The data directory, absolute."""
        return Path(self.data).expanduser().resolve()

    @property
    def proxies(self) -> int | list[Network]:
        """The proxies that are trusted: how many, or their networks. Raises BadSettings."""
        given = self.trusted_proxies.strip() or ("1" if self.trust_proxy else "0")
        try:
            return int(given) if given.isdecimal() else [ip_network(one.strip(), False) for one in given.split(",")]
        except ValueError as error:
            raise BadSettings(
                f"trusted_proxies is {given!r}; give the number of proxies, or networks such as 10.0.0.0/8,::1"
            ) from error

    @property
    def store_dsn(self) -> str:
        """The engine's address: `store`, or chDB in the data directory."""
        return self.store or f"chdb://{self.directory / 'store'}"

    @property
    def embedded_store(self) -> Path | None:
        """The directory of the embedded store; None when the store is a server."""
        return Path(urlsplit(self.store_dsn).path) if self.store_dsn.startswith("chdb:") else None

    @property
    def views_dsn(self) -> str:
        """The address of the ledger of views."""
        if self.views:
            return self.views
        if self.accounts and not self.accounts.startswith("sqlite"):
            return self.accounts
        return f"sqlite:///{self.directory / 'views.db'}"

    @property
    def accounts_dsn(self) -> str:
        """The accounts database's address: `accounts`, or SQLite in the data directory."""
        return self.accounts or f"sqlite:///{self.directory / 'accounts.db'}"


class BadSettings(ValueError):
    """A setting that cannot be used; the text names it, its problem and where it came from."""


def load(path: Path | None = None, **overrides: Any) -> Settings:
    """Read the settings: `overrides` (None means not given) over environment over file over defaults.

    Raises:
        BadSettings: an unknown name, a value of the wrong type, or a file that is not TOML.
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
    known = {field.name for field in msgspec.structs.fields(Settings)}
    for name in known:
        given = os.environ.get(f"TRACKWAY_{name.upper()}")
        if given is not None:
            values[name] = [one for one in given.split(",") if one] if name in _LISTS else given
    values |= {name: value for name, value in overrides.items() if value is not None}
    unknown = sorted(set(values) - known)
    if unknown:
        raise BadSettings(f"unknown setting {unknown[0]!r}; the settings are {', '.join(sorted(known))}")
    try:
        settings = msgspec.convert(values, Settings, strict=False)
        settings.proxies  # noqa: B018 - says now what is wrong with it
    except msgspec.ValidationError as error:
        raise BadSettings(f"a setting (from {file}, TRACKWAY_* or the command line) is wrong: {error}") from error
    for one in settings.allow_private_addresses:
        _check_place(one.strip())
    for name, hosts in (("passing_hosts", settings.passing_hosts), ("internal_domains", settings.internal_domains)):
        for host in hosts:
            if not _HOST.fullmatch(host.strip().removeprefix("-").removeprefix("*.")):
                raise BadSettings(f"{name}: {host!r} is no host; give names such as pay.example.com, without https://")
    if settings.alert_url and not re.match(r"https?://[^/?#@]+([/?#]|$)", settings.alert_url):
        raise BadSettings(
            f"alert_url: {settings.alert_url!r} is no URL such as https://example.com/hook, without a user name"
        )
    return settings


def _check_place(one: str) -> None:
    try:
        ip_network(one, strict=False)
    except ValueError:
        if not _HOST.fullmatch(one) or _NUMBERS.fullmatch(one):
            raise BadSettings(
                f"allow_private_addresses: {one!r} is no network such as 10.1.0.0/16, no address and no host name"
            ) from None
