#!/usr/bin/env bash
# NATS JetStream, nats-server 2.9.10 (Debian 12): an acknowledgement is no proof that a message is in the stream.
#
# A sender that gives each record an id (`Nats-Msg-Id`) and sends again until it is acknowledged stores each record once, with these
# exceptions and surprises:
# * An id stays a duplicate after its message was purged or pushed out by newer ones: acknowledged, not stored. The
#   acknowledgement has the number of the message that is gone. A stream that is deleted and made anew forgets its ids.
# * Ids are those of the stream: the same id under another subject of it is a duplicate, and so is another payload.
# * A stream with retention by interest and no consumer acknowledges and stores nothing, and that is no duplicate either.
# * A publish that is refused because the stream is full leaves no id behind: the same record can be sent again later.
# * A stream with `no_ack` stores, and the sender times out.
# * Ids are remembered for no longer than messages are kept: `duplicate_window` above `max_age` is refused.
# * `max_msg_size` counts headers too: one octet with an id is refused at a limit of 10.
. "$(dirname "$0")/lib/common.sh"

debian nats-server=2.9.10-1+b3
pypi nats-py==2.16.0
port=$(free_port)
background nats-server -a 127.0.0.1 -p "$port" -js -sd "$work/store"
until_true 10 grep -q "Server is ready" "$work/nats-server.log"
python - "$port" >"$work/seen" <<'PYTHON'
import asyncio, sys
import nats
from nats.js.api import DiscardPolicy, RetentionPolicy, StreamConfig


async def main():
    client = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}")
    stream = client.jetstream()

    async def publish(subject, identity, payload=b"x"):
        try:
            answer = await stream.publish(subject, payload, headers={"Nats-Msg-Id": identity}, timeout=2)
            return f"{answer.seq}{' duplicate' if answer.duplicate else ''}"
        except nats.errors.Error as error:
            return str(getattr(error, "err_code", None) or type(error).__name__)

    async def held(name):
        return (await stream.stream_info(name)).state.messages

    async def new(name, **more):
        await stream.add_stream(StreamConfig(name=name, subjects=[f"{name}.>"], **more))

    async def say(what, *answers):
        print(what, ", ".join(str(it) for it in answers), sep=": ")

    await new("plain")
    await say("other subject", await publish("plain.1", "a"), await publish("plain.2", "a", b"y"), await held("plain"))
    await stream.purge_stream("plain")
    await say("purged", await publish("plain.1", "a"), await held("plain"))
    await stream.delete_stream("plain")
    await new("plain")
    await say("made anew", await publish("plain.1", "a"), await held("plain"))
    await new("two", max_msgs=2)
    for identity in "abc":
        await publish("two.1", identity)
    await say("pushed out", await publish("two.1", "a"), await held("two"))
    await new("interest", retention=RetentionPolicy.INTEREST)
    await say("interest", await publish("interest.1", "a"), await held("interest"))
    await new("full", max_msgs=1, discard=DiscardPolicy.NEW)
    await publish("full.1", "a")
    refused = await publish("full.1", "b")
    await stream.purge_stream("full")
    await say("refused", refused, await publish("full.1", "b"), await held("full"))
    await new("silent", no_ack=True)
    await say("no_ack", await publish("silent.1", "a"), await held("silent"))
    try:
        await new("window", max_age=60, duplicate_window=3600)
    except nats.errors.Error as error:
        await say("window", error.err_code)
    await new("small", max_msg_size=10)
    await say("size", await publish("small.1", "a"), await held("small"))
    await client.close()


asyncio.run(main())
PYTHON

of() {
    sed -n "s/^$1: //p" "$work/seen"
}

expect "one id under two subjects: sequences, messages held" "1, 1 duplicate, 1" "$(of "other subject")"
expect "again after a purge" "1 duplicate, 0" "$(of purged)"
expect "again in a stream made anew" "1, 1" "$(of "made anew")"
expect "again after it was pushed out" "1 duplicate, 2" "$(of "pushed out")"
expect "retention by interest, no consumer" "1, 0" "$(of interest)"
expect "full, then purged: error, sequence, messages held" "10077, 2, 1" "$(of refused)"
expect "no_ack" "TimeoutError, 1" "$(of no_ack)"
expect "window above age" "10052" "$(of window)"
expect "one octet, limit 10" "10054, 0" "$(of size)"
