"""Reads the stream FLOWS of a server into DuckDB: prints records, packets and octets, each record counted once.

into_duckdb.py PORT FOLDER
"""

import asyncio
import json
import sys

import duckdb
import nats


async def messages(port):
    client = await nats.connect(f"nats://127.0.0.1:{port}")
    stream = client.jetstream()
    info = await stream.stream_info("FLOWS")
    reader = await stream.pull_subscribe("", durable="duckdb", stream="FLOWS")
    left = info.state.messages
    while left:
        for message in await reader.fetch(min(left, 100), timeout=60):
            yield message.data.decode()
            await message.ack()
            left -= 1
    await client.close()


async def main(port, folder):
    path = folder + "/flows.json"
    with open(path, "w") as lines:
        async for line in messages(port):
            json.loads(line)
            lines.write(line + "\n")
    columns = {
        "flow.id": "VARCHAR",
        "flow.sequence": "UBIGINT",
        "flow.packets.delta": "UBIGINT",
        "flow.reverse.packets.delta": "UBIGINT",
        "flow.bytes.delta": "UBIGINT",
        "flow.reverse.bytes.delta": "UBIGINT",
    }
    duckdb.sql(
        "create table flows as select * from "
        f"read_json('{path}', format='newline_delimited', columns={columns})"
    )
    print(
        *duckdb.sql(
            """select count(*), count(distinct ("flow.id", "flow.sequence")),
            sum("flow.packets.delta" + coalesce("flow.reverse.packets.delta", 0)),
            sum("flow.bytes.delta" + coalesce("flow.reverse.bytes.delta", 0)) from flows"""
        ).fetchone()
    )


asyncio.run(main(sys.argv[1], sys.argv[2]))
