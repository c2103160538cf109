//! Rows by the library's own reader.

use std::{collections::BTreeMap, fs, path::Path};

use bytes::Bytes;
use parquet::{
    file::{reader::FileReader as _, serialized_reader::SerializedFileReader},
    record::Field,
};

/// Values by the names of columns, as text; without those that are null.
pub(crate) type Row = BTreeMap<String, String>;

/// The name of a record.
pub(crate) type Key = (String, u64);

/// Rows of a file, which must be whole.
pub(crate) fn rows(octets: Vec<u8>) -> Vec<Row> {
    let reader = SerializedFileReader::new(Bytes::from(octets)).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let row = row.unwrap();
        row.get_column_iter()
            .filter_map(|(name, field)| Some((name.clone(), text(field)?)))
            .collect()
    })
    .collect()
}

fn text(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => return None,
        Field::UByte(number) => number.to_string(),
        Field::UShort(number) => number.to_string(),
        Field::UInt(number) => number.to_string(),
        Field::ULong(number) => number.to_string(),
        Field::Long(number) | Field::TimestampMicros(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(octets) => format!("{:02x?}", octets.data()),
        Field::ListInternal(list) => {
            let elements: Vec<_> = list.elements().iter().filter_map(text).collect();
            format!("{elements:?}")
        }
        other => panic!("{other:?}"),
    })
}

/// Keys of all rows of all whole files of a folder, file by file in the order of their names.
pub(crate) fn keys(folder: &Path) -> Vec<Key> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "parquet"))
        .collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| rows(fs::read(path).unwrap()))
        .map(|row| {
            (
                row["flow.id"].clone(),
                row["flow.sequence"].parse().unwrap(),
            )
        })
        .collect()
}
