"""The doctor's checks of a log in Kafka: what is not stored yet, and settings of the topic that endanger messages."""

from __future__ import annotations

from trackway.log import DirectoryUnusable, Log
from trackway.log.kafka import KafkaLog
from trackway.log.kafka_group import Group
from trackway.operate.finding import Finding
from trackway.store.checkpoint import Checkpoint


def examine_topic(log: Log, newest: Checkpoint | None) -> list[Finding]:
    """Check the topic of an opened log, which is at the newest checkpoint."""
    assert isinstance(log, KafkaLog)
    name, stored = log.topic.name, newest.offset if newest else 0
    text = f"the topic {name!r} has {log.topic.partitions} partitions; {stored} entries are stored"
    waiting = log.lag
    try:
        lost = {
            partition: start - (newest.positions if newest else {}).get(partition, (start, 0))[0]
            for partition, start in log.topic.starts().items()
        }
        findings = [Finding("topic", "bad", f"{name!r}: {danger}") for danger in log.topic.dangers()]
    except DirectoryUnusable as error:
        return [Finding("log", "bad", str(error))]
    if gone := sum(count for count in lost.values() if count > 0):
        findings.append(
            Finding("log", "bad", f"{text}; {gone} records that were not stored were removed by the topic's retention")
        )
    elif waiting:
        findings.append(Finding("log", "note", f"{text}; {waiting} more records are stored at the next start"))
    else:
        findings.append(Finding("log", "fine", text))
    return findings or [Finding("topic", "fine", "its settings keep what was acknowledged")]


def examine_others(address: str, loaders: int) -> list[Finding]:
    """Say how many records wait for each of the other loaders, which may be running meanwhile."""
    findings = []
    for number in range(1, loaders):
        try:
            group = Group(address, number)
            ends, stored = group.ends(), group.committed().offsets
        except DirectoryUnusable as error:
            findings.append(Finding(f"loader {number}", "bad", str(error)))
            continue
        waiting = sum(max(0, end - stored.get(partition, 0)) for partition, end in ends.items())
        text = f"{waiting} records wait in the topic {group.topic.name!r}" if waiting else "everything is stored"
        findings.append(Finding(f"loader {number}", "note" if waiting else "fine", text))
    return findings
