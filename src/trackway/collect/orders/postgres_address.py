"""Connection strings of PostgreSQL databases whose orders are imported: the parameters that are allowed, and the hosts
that connections may reach.
"""

from __future__ import annotations

import logging

import psycopg
from psycopg.conninfo import conninfo_to_dict

from trackway.outgoing import Outgoing

logger = logging.getLogger("trackway.collect")

_ALLOWED = frozenset("host port user password dbname sslmode application_name target_session_attrs".split())
"""The allowed parameters of a connection string. Others could read files of this server or redirect the connection."""
_OWN = {
    "connect_timeout": "5",
    # libpq would use the files of the system user of this server, which do not belong to the member.
    "passfile": "/nonexistent/trackway",
    "gssencmode": "disable",
    **({"sslcertmode": "disable"} if psycopg.pq.version() >= 160000 else {}),
}


class BadDatabase(ValueError):
    """A connection string that is not a PostgreSQL database's, or has a forbidden parameter; the text names the
    problem.
    """


def _parts(dsn: str) -> dict[str, str]:
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value not in (None, "")}
    except psycopg.Error as error:
        raise BadDatabase("is not the address of a PostgreSQL database: postgresql://user:…@host/name") from error
    if unknown := sorted(
        set(parameters) - _ALLOWED - ({"sslrootcert"} if parameters.get("sslrootcert") == "system" else set())
    ):
        raise BadDatabase(f"has the parameter {unknown[0]!r}, which is not allowed; use {', '.join(sorted(_ALLOWED))}")
    host = parameters.get("host", "")
    if not host or host[0] in "/@" or "," in host or "," in parameters.get("port", ""):
        raise BadDatabase("does not name one host; name exactly one, and no socket")
    return parameters


def check(dsn: str, outgoing: Outgoing) -> None:
    """Check that a connection may be made to the host of a connection string, as it resolves now. Raises BadDatabase or
    Refused.
    """
    outgoing.addresses(_parts(dsn)["host"])


def conninfo(dsn: str, outgoing: Outgoing) -> str:
    """Return the connection parameters: the host name for TLS, and the addresses that it resolves to now.

    Raises:
        BadDatabase, Refused: a connection there is not allowed.
    """
    parameters = _parts(dsn)
    addresses = outgoing.addresses(parameters["host"])
    host = ",".join([parameters["host"]] * len(addresses))
    return psycopg.conninfo.make_conninfo(**{**parameters, **_OWN, "host": host, "hostaddr": ",".join(addresses)})


def reason(error: Exception) -> str:
    """Return the text of an error for members: a database's own message, or a general one for a failed connection."""
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        logger.warning("a database does not answer: %s", error)
        _, fatal, text = str(error).partition("FATAL:")
        if not fatal:
            return "the database does not answer; check its address, and that it accepts connections from this server"
    else:
        text = str(error)
    text = text.strip()
    return text.splitlines()[0][:500] if text else type(error).__name__
