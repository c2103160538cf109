"""Reads a topic by the definition in `flow.proto`: `consume.py HOST:PORT TOPIC PROTO`. Prints a JSON object for each record.

Takes confluent-kafka and grpcio-tools, which has the compiler of Protocol Buffers.
"""

import json
import os
import sys
import tempfile

import grpc_tools.protoc
from confluent_kafka import Consumer, TopicPartition

broker, topic, proto = sys.argv[1:]

folder = tempfile.TemporaryDirectory()
source = os.path.dirname(proto)
arguments = ["protoc", f"-I{source}", f"--python_out={folder.name}", proto]
assert grpc_tools.protoc.main(arguments) == 0
sys.path.append(folder.name)
import flow_pb2  # noqa: E402, of the folder above


def plain(value):
    """A value as JSON has it: lists and maps are of types of their own."""
    if isinstance(value, (str, int)):
        return value
    return dict(value) if hasattr(value, "items") else list(value)


consumer = Consumer({"bootstrap.servers": broker, "group.id": "test", "enable.auto.commit": False})
left = 0
partitions = []
for partition in consumer.list_topics(topic, timeout=60).topics[topic].partitions:
    place = TopicPartition(topic, partition, 0)
    first, end = consumer.get_watermark_offsets(place, timeout=60)
    left += end - first
    partitions.append(place)
consumer.assign(partitions)
while left > 0:
    message = consumer.poll(60)
    assert message is not None and message.error() is None, message and message.error()
    flow = flow_pb2.Flow.FromString(message.value())
    fields = flow.ListFields()
    record = {field.name: plain(value) for field, value in fields}
    print(json.dumps(record))
    left -= 1
consumer.close()
