#!/bin/sh
# Creates the topic of Trackway's log, unless it is there:
#   topic.sh BROKER:PORT TOPIC PARTITIONS REPLICAS
# KAFKA_BIN is the folder of Kafka's programs; CLIENT_CONFIG names a file of client properties (TLS, SASL).
#
# PARTITIONS spread the brokers' work: 12 for three brokers. Adding some later moves visitors to others, which changes no
# result.
# REPLICAS: 3 with min.insync.replicas 2; one on a single broker.
set -eu
if [ $# -ne 4 ]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
in_sync=1
[ "$4" -lt 3 ] || in_sync=2
set -- --bootstrap-server "$1" --create --if-not-exists --topic "$2" --partitions "$3" --replication-factor "$4" \
    --config "min.insync.replicas=$in_sync" \
    --config retention.ms=604800000 \
    --config retention.bytes=-1 \
    --config cleanup.policy=delete \
    --config unclean.leader.election.enable=false \
    --config message.timestamp.type=LogAppendTime
[ -z "${CLIENT_CONFIG:-}" ] || set -- "$@" --command-config "$CLIENT_CONFIG"
exec "${KAFKA_BIN:?the folder of kafka-topics.sh}/kafka-topics.sh" "$@"
