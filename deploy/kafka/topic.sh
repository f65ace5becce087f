#!/bin/sh
# Creates the topic of Trackway's log, unless it is there:
#   topic.sh BROKER:PORT TOPIC PARTITIONS REPLICAS [LOADERS]
# KAFKA_BIN is the folder of Kafka's programs; CLIENT_CONFIG names a file of client properties (TLS, SASL).
#
# PARTITIONS spread the brokers' work: 12 for three brokers. Adding some later moves visitors to others, which changes no
# result.
# REPLICAS: 3 with min.insync.replicas 2; one on a single broker.
# LOADERS: 1 unless given; the topics of the others are TOPIC-1, TOPIC-2 and so on.
set -eu
if [ $# -ne 4 ] && [ $# -ne 5 ]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
in_sync=1
[ "$4" -lt 3 ] || in_sync=2
broker=$1 topic=$2 partitions=$3 replicas=$4 loaders=${5:-1}
number=0
while [ "$number" -lt "$loaders" ]; do
    name=$topic
    [ "$number" -eq 0 ] || name=$topic-$number
    number=$((number + 1))
    set -- --bootstrap-server "$broker" --create --if-not-exists --topic "$name" --partitions "$partitions" \
        --replication-factor "$replicas" \
        --config "min.insync.replicas=$in_sync" \
        --config retention.ms=604800000 \
        --config retention.bytes=-1 \
        --config cleanup.policy=delete \
        --config unclean.leader.election.enable=false \
        --config message.timestamp.type=LogAppendTime
    [ -z "${CLIENT_CONFIG:-}" ] || set -- "$@" --command-config "$CLIENT_CONFIG"
    "${KAFKA_BIN:?the folder of kafka-topics.sh}/kafka-topics.sh" "$@"
done
