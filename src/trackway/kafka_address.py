"""The address of a log in Kafka, and the options of the client in it.

    kafka://[user:password@]host:port[,host:port]/topic[?option=value&…]

Options are named as in librdkafka's configuration, except `loaders`: the number of loaders, each with a topic of its
own. See docs/how-to/kafka.md.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

_ADDRESS = re.compile(r"kafka://(?:(?P<user>[^@/]*)@)?(?P<hosts>[^@/?#]+)/(?P<topic>[^/?#]+)(?:\?(?P<options>[^#]*))?")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:\d{1,5})?")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_PASSED = re.compile(r"(ssl|sasl)\.[a-z0-9.]+|security\.protocol")
_OTHERS = ("group.id", "client.id", "message.timeout.ms", "compression.type", "linger.ms", "broker.address.family")
_EXAMPLE = "kafka://host:9092,host:9092/topic"
MOST_LOADERS = 64


class KafkaAddress(NamedTuple):
    """A topic, and the configuration of every client that uses it. It contains passwords.

    Attributes:
        loaders: the number of loaders among which the projects are divided.
    """

    topic: str
    brokers: str
    group: str
    options: dict[str, str]
    loaders: int = 1

    def of_loader(self, number: int) -> KafkaAddress:
        """Return the address of a loader's topic: that of loader 0 is named in the setting, others are numbered."""
        if not number:
            return self
        return self._replace(topic=f"{self.topic}-{number}", group=f"{self.group}-{number}")


def parse(address: str) -> KafkaAddress:
    """Return the parts of an address; its topic is that of loader 0.

    Raises:
        ValueError: it is no such address; the text has no part of it that may be a password.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not all(map(_HOST.fullmatch, found["hosts"].split(","))):
        raise ValueError(
            f"it is no address such as {_EXAMPLE}; write special characters of the password as %40, %2F, %23 …"
        )
    topic = unquote(found["topic"])
    if not _TOPIC.fullmatch(topic) or topic in (".", ".."):
        raise ValueError("the name of a topic has letters, digits, ., _ and - only, at most 249")
    options = dict(parse_qsl(found["options"] or "", keep_blank_values=True))
    loaders = options.pop("loaders", "1")
    if not (loaders.isdecimal() and 1 <= int(loaders) <= MOST_LOADERS):
        raise ValueError(f"loaders is {loaders[:20]!r}; give the number of loaders, 1 to {MOST_LOADERS}")
    if unknown := [name for name in options if not (_PASSED.fullmatch(name) or name in _OTHERS)]:
        raise ValueError(
            f"there is no option {unknown[0][:40]!r}; there are loaders, security.protocol, those that begin with "
            f"ssl. and sasl., {', '.join(_OTHERS)}"
        )
    if found["user"] is not None:
        user, _, password = found["user"].partition(":")
        options |= {"sasl.username": unquote(user), "sasl.password": unquote(password)}
    if "sasl.username" in options:
        options = {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512", **options}
    group = options.pop("group.id", f"trackway-{topic}")
    return KafkaAddress(topic, found["hosts"], group, options, int(loaders))


def loaders_of(address: str) -> int:
    """Return the number of loaders of an address; 1 when it is empty."""
    return parse(address).loaders if address else 1


def problem(address: str) -> str:
    """Return what is wrong with an address; empty when it is sound, or empty itself."""
    try:
        if address:
            parse(address)
    except ValueError as error:
        return str(error)
    return ""
