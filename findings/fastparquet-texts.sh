#!/usr/bin/env bash
# fastparquet 2026.9.0 (PyPI; with pandas 3.1.1), Parquet files of other writers: texts become None where a column has many of them, and binary values lose their zeros.
#
# Writers put the values of a column into a dictionary, and write further ones plainly once it is large (1 MiB in pyarrow 26.0.1). In such a column
# * of 60,000 names, all different, 36,928 are None, as a text column and as a list of texts: those that are not in the dictionary. There is no error. With 20,000 names
#   all are right, so a trial with a small file shows nothing. pyarrow and DuckDB 2.0.1 read all.
# * Lists of texts that are written without a dictionary are all None. Lists of numbers, and texts alone in a file without dictionaries, are right.
# Elsewhere:
# * A binary value of fixed length ends in front of its trailing zeros: of the 16 octets of 2001:db8:: there are 4, and of ::ffff:10.0.0.0 13; of `::` there is
#   none. Such values of different length no longer compare or sort as addresses do.
# * A list whose column's name has a dot (`flow.tags`) cannot be read, and neither can the file. Other columns may have dots.
# * Boolean columns with nulls in data pages of version 2, and DELTA_BYTE_ARRAY, are errors, of the whole file as well.
. "$(dirname "$0")/lib/common.sh"

pypi fastparquet==2026.9.0 pandas==3.1.1 pyarrow==26.0.1 duckdb==2.0.1
cd "$work"
cat >read.py <<'PYTHON'
import sys
import duckdb, fastparquet, pyarrow, pyarrow.parquet

names = [f"host-{number:030}.example" for number in range(60_000)]


def write(values, kind, **options):
    pyarrow.parquet.write_table(pyarrow.table({options.pop("name", "column"): pyarrow.array(values, kind)}), "file.parquet", **options)


def values(reader):
    if reader == "pyarrow":
        return pyarrow.parquet.read_table("file.parquet").column(0).to_pylist()
    if reader == "duckdb":
        return [row[0] for row in duckdb.sql("select * from 'file.parquet'").fetchall()]
    return fastparquet.ParquetFile("file.parquet").to_pandas().iloc[:, 0].tolist()


def lost(words, expected):
    for reader in ("fastparquet", "pyarrow", "duckdb"):
        found = values(reader)
        wrong = [it for it, right in zip(found, expected, strict=True) if it != right]
        print(f"{words}, {reader}: {len(wrong)} {'None' if wrong and set(wrong) == {None} else ''}".rstrip())


def error(words, *arguments, **options):
    write(*arguments, **options)
    try:
        print(f"{words}: {values('fastparquet')}")
    except (KeyError, NotImplementedError, ValueError) as it:
        print(f"{words}: {type(it).__name__}")


text, texts = pyarrow.string(), pyarrow.list_(pyarrow.string())
write(names, text)
lost("texts", names)
write(names[:20_000], text)
lost("few texts", names[:20_000])
lists = [[name] for name in names]
write(lists, texts)
lost("lists", lists)
flags = [["SYN", "ACK"], [], ["FIN"], ["ACK"]]
write(flags, texts, use_dictionary=False)
lost("plain lists", flags)
write(names[:4], text, use_dictionary=False)
lost("plain texts", names[:4])
numbers = [[1, 2], [], [3]]
write(numbers, pyarrow.list_(pyarrow.int64()), use_dictionary=False)
lost("plain lists of numbers", numbers)
addresses = [bytes.fromhex(it) for it in ("20010db8" + "0" * 24, "0" * 20 + "ffff0a000000", "20010db8" + "0" * 22 + "01", "0" * 32)]
write(addresses, pyarrow.binary(16))
print("lengths of addresses:", *(len(it) for it in values("fastparquet")), "and by pyarrow", *(len(it) for it in values("pyarrow")))
error("dot, list", [["a"]], texts, name="flow.tags")
error("dot, text", ["a"], text, name="flow.tag")
error("booleans, version 1", [True, None], pyarrow.bool_(), data_page_version="1.0")
error("booleans, version 2", [True, None], pyarrow.bool_(), data_page_version="2.0")
error("delta", names[:4], text, use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY")
PYTHON
python read.py >seen

# of WORDS: what fastparquet, pyarrow and DuckDB have wrong.
of() {
    sed -n "s/^$1, [a-z]*: //p" seen | paste -sd ,
}

expect "wrong of 60,000 texts by fastparquet, pyarrow, DuckDB" "36928 None,0,0" "$(of texts)"
expect "wrong of 20,000 texts" "0,0,0" "$(of "few texts")"
expect "wrong of 60,000 lists of a text" "36928 None,0,0" "$(of lists)"
expect "wrong of 4 lists of a text without dictionary" "4 None,0,0" "$(of "plain lists")"
expect "wrong of 4 texts without dictionary" "0,0,0" "$(of "plain texts")"
expect "wrong of 3 lists of numbers without dictionary" "0,0,0" "$(of "plain lists of numbers")"
expect "octets of four addresses" "4 13 16 0 and by pyarrow 16 16 16 16" "$(sed -n 's/^lengths of addresses: //p' seen)"
expect "names with dots, list and text" "KeyError ['a']" "$(sed -n 's/^dot, .*: //p' seen | paste -sd ' ')"
expect "booleans with nulls, version 1 and 2" "[True, <NA>] ValueError" "$(sed -n 's/^booleans, .*: //p' seen | paste -sd ' ')"
expect "DELTA_BYTE_ARRAY" NotImplementedError "$(sed -n 's/^delta: //p' seen)"
