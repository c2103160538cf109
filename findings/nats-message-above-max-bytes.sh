#!/usr/bin/env bash
# NATS JetStream, nats-server 2.9.10 (Debian 12), a message above a stream's `max_bytes`: acknowledged, not stored, and the stream is empty afterwards.
#
# A stream of at most 1,000 octets with the usual `discard: old` holds three messages of 200. A message of 5,000 is acknowledged with the number 4. To
# make room the server takes the oldest messages away, all three and then the new one too. So one large record takes everything that
# was kept, its sender believes it is there, and sent again with its id it is a duplicate. With `discard: new` it is refused, and
# the three stay. `max_msg_size` below `max_bytes` refuses it under either.
. "$(dirname "$0")/lib/common.sh"

debian nats-server=2.9.10-1+b3
pypi nats-py==2.16.0
port=$(free_port)
background nats-server -a 127.0.0.1 -p "$port" -js -sd "$work/store"
until_true 10 grep -q "Server is ready" "$work/nats-server.log"
python - "$port" >"$work/seen" <<'PYTHON'
import asyncio, sys
import nats
from nats.js.api import DiscardPolicy, StreamConfig


async def main():
    client = await nats.connect(f"nats://127.0.0.1:{sys.argv[1]}")
    stream = client.jetstream()

    async def publish(name, identity, octets):
        try:
            answer = await stream.publish(f"{name}.1", b"x" * octets, headers={"Nats-Msg-Id": identity}, timeout=2)
            return f"{answer.seq}{' duplicate' if answer.duplicate else ''}"
        except nats.errors.Error as error:
            return str(error.err_code)

    async def held(name):
        return f"held {(await stream.stream_info(name)).state.messages}"

    for name, more in {
        "old": {"discard": DiscardPolicy.OLD},
        "new": {"discard": DiscardPolicy.NEW},
        "limited": {"discard": DiscardPolicy.OLD, "max_msg_size": 900},
    }.items():
        await stream.add_stream(StreamConfig(name=name, subjects=[f"{name}.>"], max_bytes=1000, **more))
        print(name, *[await publish(name, it, 200) for it in "abc"], await held(name), sep=", ")
        print(f"{name}-large", await publish(name, "d", 5000), await held(name), await publish(name, "d", 5000), await held(name), sep=", ")
    await client.close()


asyncio.run(main())
PYTHON

of() {
    sed -n "s/^$1, //p" "$work/seen"
}

for name in old new limited; do
    expect "$name: three of 200 octets" "1, 2, 3, held 3" "$(of "$name")"
done
expect "discard old: one of 5,000, and again" "4, held 0, 4 duplicate, held 0" "$(of old-large)"
expect "discard new: one of 5,000, and again" "10077, held 3, 10077, held 3" "$(of new-large)"
expect "max_msg_size: one of 5,000, and again" "10054, held 3, 10054, held 3" "$(of limited-large)"
