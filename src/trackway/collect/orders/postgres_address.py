"""The address of a database that is followed: what it may say, and where its connection goes."""

from __future__ import annotations

import logging

import psycopg
from psycopg.conninfo import conninfo_to_dict

from trackway.outgoing import Outgoing

logger = logging.getLogger("trackway.operate")

_MAY = frozenset("host port user password dbname sslmode application_name target_session_attrs".split())
"""What an address may say. The others read files of this server, name several hosts or another way to get there."""
_OWN = {
    "connect_timeout": "5",
    # libpq would look for these of the user that this server runs as: they are not the member's.
    "passfile": "/nonexistent/trackway",
    "gssencmode": "disable",
    **({"sslcertmode": "disable"} if psycopg.pq.version() >= 160000 else {}),
}


class BadDatabase(ValueError):
    """An address that is none of a PostgreSQL database, or says what it may not; the text says what."""


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
    """Raises BadDatabase or Refused when no connection is made to an address of a database as it leads now."""
    outgoing.addresses(_parts(dsn)["host"])


def conninfo(dsn: str, outgoing: Outgoing) -> str:
    """What to connect with: the name for TLS, and the addresses that it leads to now.

    Raises:
        BadDatabase, Refused: no connection is made there.
    """
    found = _parts(dsn)
    addresses = outgoing.addresses(found["host"])
    host = ",".join([found["host"]] * len(addresses))
    return psycopg.conninfo.make_conninfo(**{**found, **_OWN, "host": host, "hostaddr": ",".join(addresses)})


def reason(error: Exception) -> str:
    """What is said of an error to members: what a database says, and of a connection that failed no more than that."""
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        logger.warning("a database does not answer: %s", error)
        _, fatal, text = str(error).partition("FATAL:")
        if not fatal:
            return "the database does not answer at its address; look whether it runs, and lets this server in"
    else:
        text = str(error)
    text = text.strip()
    return text.splitlines()[0][:500] if text else type(error).__name__
