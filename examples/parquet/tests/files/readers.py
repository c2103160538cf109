"""Compares Parquet files, as DuckDB and pyarrow read them, with JSON lines of the same flows. One argument: the folder."""

import datetime
import ipaddress
import json
import pathlib
import sys

import duckdb

folder = pathlib.Path(sys.argv[1])
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def nanos(text):
    """Of a time as JSON has it."""
    seconds, fraction = text.removesuffix("Z").split(".")
    moment = datetime.datetime.fromisoformat(seconds + "+00:00")
    return int((moment - EPOCH).total_seconds()) * 10**9 + int(fraction)


def octets(text):
    address = ipaddress.ip_address(text)
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def expected(flow):
    """A row: every attribute, and what stands beside them."""
    row = dict(flow)
    for name in flow:
        if name.endswith(".address"):
            row[name + ".octets"] = octets(flow[name])
    if "flow.start" in flow:
        row["flow.duration"] = nanos(flow["flow.end"]) - nanos(flow["flow.start"])
        for name in ("flow.start", "flow.end"):
            row[name] = EPOCH + datetime.timedelta(microseconds=nanos(flow[name]) // 1000)
    return row


def compare(reader, names, rows):
    known = {(row["flow.id"], row["flow.sequence"]): row for row in wanted}
    assert len(rows) == len(known) == len(wanted), (reader, len(rows), len(wanted))
    for values in rows:
        row = {name: value for name, value in zip(names, values) if value is not None}
        key = row["flow.id"], row["flow.sequence"]
        want = known[key]
        differ = {name for name in row.keys() | want.keys() if row.get(name) != want.get(name)}
        assert not differ, (reader, key, {name: (row.get(name), want.get(name)) for name in differ})
    print(f"{reader}: {len(rows)} rows of {len(names)} columns are as JSON lines tell them")


with open(folder / "flows.json", encoding="utf-8") as lines:
    wanted = [expected(json.loads(line)) for line in lines]

for place in sorted(path for path in folder.iterdir() if path.is_dir()):
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    answer = connection.execute(f"select * from '{place}/*.parquet'")
    names = [column[0] for column in answer.description]
    compare(f"DuckDB {duckdb.__version__}, {place.name}", names, answer.fetchall())
    # A range of addresses, without an extension.
    v4 = [flow for flow in wanted if ipaddress.ip_address(flow["source.address"]).version == 4]
    network = ipaddress.ip_network("10.0.1.0/24")
    count = connection.execute(
        f"""select count(*) from '{place}/*.parquet' where "source.address.octets" between ? and ?""",
        [octets(str(network[0])), octets(str(network[-1]))],
    ).fetchone()[0]
    assert count == sum(ipaddress.ip_address(flow["source.address"]) in network for flow in v4) > 0, count
    types = connection.execute(f"describe from '{place}/*.parquet'").fetchall()
    assert {kind for _, kind, *_ in types} == {
        "BIGINT", "BLOB", "TIMESTAMP WITH TIME ZONE", "UBIGINT", "UINTEGER", "USMALLINT", "UBIGINT[]", "UTINYINT",
        "VARCHAR", "VARCHAR[]",
    }, types
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        continue
    table = pyarrow.parquet.read_table(place)
    rows = list(zip(*(table.column(name).to_pylist() for name in table.column_names)))
    compare(f"pyarrow {pyarrow.__version__}, {place.name}", table.column_names, rows)
    field = pyarrow.compute.field("source.address.octets")
    inside = (field >= octets(str(network[0]))) & (field <= octets(str(network[-1])))
    assert pyarrow.parquet.read_table(place, filters=inside).num_rows == count
