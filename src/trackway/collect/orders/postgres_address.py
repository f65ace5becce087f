"""Addresses of followed databases: the parameters that are allowed, and the hosts that connections may reach."""

from __future__ import annotations

import logging

import psycopg
from psycopg.conninfo import conninfo_to_dict

from trackway.outgoing import Outgoing

logger = logging.getLogger("trackway.collect")

_MAY = frozenset("host port user password dbname sslmode application_name target_session_attrs".split())
"""The allowed parameters of an address. Others could read files of this server or redirect the connection."""
_OWN = {
    "connect_timeout": "5",
    # libpq would use the files of the system user of this server, which do not belong to the member.
    "passfile": "/nonexistent/trackway",
    "gssencmode": "disable",
    **({"sslcertmode": "disable"} if psycopg.pq.version() >= 160000 else {}),
}


class BadDatabase(ValueError):
    """An address that is not a PostgreSQL database's, or has a forbidden parameter; the text names the problem."""


def _parts(dsn: str) -> dict[str, str]:
    try:
        found = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value not in (None, "")}
    except psycopg.Error as error:
        raise BadDatabase("is not the address of a PostgreSQL database: postgresql://user:…@host/name") from error
    if unknown := sorted(set(found) - _MAY - ({"sslrootcert"} if found.get("sslrootcert") == "system" else set())):
        raise BadDatabase(f"may not say {unknown[0]!r}; it may say {', '.join(sorted(_MAY))}")
    host = found.get("host", "")
    if not host or host[0] in "/@" or "," in host or "," in found.get("port", ""):
        raise BadDatabase("has to name one host; no socket, and not several")
    return found


def check(dsn: str, outgoing: Outgoing) -> None:
    """Check that a connection may be made to an address as it resolves now. Raises BadDatabase or Refused."""
    outgoing.addresses(_parts(dsn)["host"])


def conninfo(dsn: str, outgoing: Outgoing) -> str:
    """Return the connection parameters: the host name for TLS, and the addresses that it resolves to now.

    Raises:
        BadDatabase, Refused: a connection there is not allowed.
    """
    found = _parts(dsn)
    addresses = outgoing.addresses(found["host"])
    host = ",".join([found["host"]] * len(addresses))
    return psycopg.conninfo.make_conninfo(**{**found, **_OWN, "host": host, "hostaddr": ",".join(addresses)})


def reason(error: Exception) -> str:
    """Return the text of an error for members: a database's own message, or a general one for a failed connection."""
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        logger.warning("a database does not answer: %s", error)
        _, fatal, text = str(error).partition("FATAL:")
        if not fatal:
            return "the database does not answer at its address; look whether it runs, and lets this server in"
    else:
        text = str(error)
    text = text.strip()
    return text.splitlines()[0][:500] if text else type(error).__name__
