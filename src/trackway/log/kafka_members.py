"""The members of a loader's consumer group, asked by a process of its own.

The client's library ends its process when the broker that keeps the group dies before it is asked (librdkafka issue
4605). So a process that lives for one question asks it.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

_STARTS_S = 10.0


class _Asked(msgspec.Struct):
    """The question: the options of the client, the group, and the seconds to wait."""

    options: dict[str, Any]
    group: str
    within_s: float


class Member(msgspec.Struct):
    """A member of a group: its host, the id of its client, and its own id, which is that of a data directory."""

    host: str
    client_id: str
    group_instance_id: str | None


class _Answer(msgspec.Struct):
    """The members, or the code and the text of the error."""

    members: list[Member] = []
    code: int = 0
    text: str = ""


def members(options: dict[str, Any], group: str, within_s: float) -> list[Member]:
    """Return the members of a group.

    Args:
        options: of the client.

    Raises:
        KafkaException: the brokers do not say.
    """
    asked = msgspec.json.encode(_Asked(options, group, within_s))
    try:
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-P", "-m", __name__], input=asked, capture_output=True, timeout=within_s + _STARTS_S,
            check=False,
        )  # fmt: skip
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except (subprocess.TimeoutExpired, msgspec.MsgspecError):
        answer = _Answer(code=KafkaError._TRANSPORT, text="the broker that keeps the group cannot be reached")
    if answer.code:
        raise KafkaException(KafkaError(answer.code, answer.text))
    return answer.members


def _answer(asked: _Asked) -> _Answer:
    try:
        admin = AdminClient({**asked.options, "log_level": 0})
        found = admin.describe_consumer_groups([asked.group], request_timeout=asked.within_s)[asked.group].result()
    except KafkaException as error:
        return _Answer(code=error.args[0].code(), text=error.args[0].str())
    return _Answer([Member(one.host, one.client_id, one.group_instance_id) for one in found.members])


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_answer(msgspec.json.decode(sys.stdin.buffer.read(), type=_Asked))))
