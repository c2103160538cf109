//! Encodes flows as files.

use std::{fmt, sync::Arc};

use mermin_core::Flow;
use parquet::{
    basic::Repetition,
    errors::ParquetError,
    file::{
        properties::{WriterProperties, WriterPropertiesPtr},
        writer::SerializedFileWriter,
    },
    schema::types::{Type, TypePtr},
};

use super::{codec::Compressor, pages};
use crate::{
    Settings,
    columns::{Column, Parts, columns},
};

/// Number of flows that go through all columns at a time, so that they stay in a cache.
const FLOWS_AT_ONCE: usize = 64;

/// Encodes flows as files.
///
/// ```
/// use mermin_core::sink::testing::flows;
/// use mermin_parquet::{Encoder, Settings};
///
/// let flows = flows(100);
/// let file = Encoder::new(Settings::default())?.encode(&flows)?;
/// assert_eq!(file.rows, 100);
/// assert_eq!(&file.octets[..4], b"PAR1");
/// # Ok::<_, mermin_parquet::EncodeError>(())
/// ```
pub struct Encoder {
    settings: Settings,
    columns: Vec<Column>,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    compressor: Compressor,
}

/// A complete file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// Its octets.
    pub octets: Vec<u8>,
    /// Number of flows in it: all, unless the file reached its size limit.
    pub rows: usize,
}

/// An error of the library that writes Parquet.
#[derive(Debug, thiserror::Error)]
#[error("cannot write flows as Parquet")]
pub struct EncodeError(#[from] ParquetError);

impl Encoder {
    /// Creates an encoder with these settings.
    ///
    /// # Errors
    /// If no column is left.
    pub fn new(settings: Settings) -> Result<Self, EncodeError> {
        let columns = columns(&settings);
        Self::with(columns, settings)
    }

    fn with(columns: Vec<Column>, settings: Settings) -> Result<Self, EncodeError> {
        let fields = columns
            .iter()
            .map(|column| column.schema().map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        if fields.is_empty() {
            return Err(ParquetError::General("every column is left out".to_owned()).into());
        }
        let schema = Type::group_type_builder("flows")
            .with_repetition(Repetition::REQUIRED)
            .with_fields(fields)
            .build()?;
        Ok(Self {
            properties: Arc::new(properties()),
            compressor: Compressor::new(settings.codec)?,
            settings,
            columns,
            schema: Arc::new(schema),
        })
    }

    /// Returns the columns of its files.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Encodes these flows as a file, or the first of them if there are too many. The same flows give the same
    /// octets.
    ///
    /// # Errors
    /// An error of the library that writes Parquet; no flow is known to cause one.
    pub fn encode(&mut self, flows: &[Flow]) -> Result<Encoded, EncodeError> {
        let schema = Arc::clone(&self.schema);
        let properties = Arc::clone(&self.properties);
        let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
        let mut rows = 0;
        for group in flows.chunks(self.settings.group) {
            self.group(group, &mut file)?;
            rows += group.len();
            if file.bytes_written() >= self.settings.octets {
                break;
            }
        }
        let octets = file.into_inner()?;
        Ok(Encoded { octets, rows })
    }

    fn group(
        &mut self,
        flows: &[Flow],
        file: &mut SerializedFileWriter<Vec<u8>>,
    ) -> Result<(), ParquetError> {
        for flows in flows.chunks(FLOWS_AT_ONCE) {
            let parts = Parts::of(flows);
            for column in &mut self.columns {
                if parts.has(column.part) {
                    column.fill.add(flows);
                } else {
                    column.fill.skip(flows);
                }
            }
        }
        let leaves = file.schema_descr().columns().to_vec();
        let mut group = file.next_row_group()?;
        let mut outcome = Ok(());
        for (column, leaf) in self.columns.iter_mut().zip(leaves) {
            // After an error nothing is written, but every column is emptied.
            let chunk = column.fill.finish(column.always);
            outcome = outcome.and_then(|()| {
                let (octets, closed) = pages::write(chunk, leaf, &mut self.compressor)?;
                group.append_column(&octets, closed)
            });
        }
        outcome?;
        group.close()?;
        Ok(())
    }
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by(concat!("mermin-parquet version ", env!("CARGO_PKG_VERSION")).to_owned())
        .build()
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use mermin_core::{flow::Value, sink::testing::flows};
    use parquet::{
        file::{reader::FileReader as _, serialized_reader::SerializedFileReader},
        record::Field,
    };

    use super::*;
    use crate::columns::{by_name, microseconds};

    fn given(flow: &Flow) -> BTreeMap<String, String> {
        let mut given = BTreeMap::new();
        flow.attributes().for_each(|(name, value)| {
            let text = match value {
                Value::Text(text) => format!("\"{text}\""),
                Value::Texts(texts) => format!("{texts:?}"),
                Value::Number(number) => number.to_string(),
                Value::Numbers(numbers) => format!("{numbers:?}"),
                Value::Time(time) => microseconds(time).to_string(),
                other => panic!("{other:?}"),
            };
            given.insert(name.to_owned(), text);
        });
        given
    }

    #[test]
    fn octets_end_a_file_behind_a_row_group() {
        let flows = flows(300);
        let rows = |settings| {
            let mut encoder = Encoder::with(by_name(), settings).unwrap();
            encoder.encode(&flows).unwrap().rows
        };
        let settings = Settings::default().octets(1);
        assert_eq!(rows(settings.clone().group(100)), 100);
        assert_eq!(rows(settings), 300);
    }

    #[test]
    fn unknown_attributes_become_columns() {
        let flows = flows(1200);
        let settings = Settings::default();
        let mut encoder = Encoder::with(by_name(), settings).unwrap();
        let file = encoder.encode(&flows).unwrap();
        let reader = SerializedFileReader::new(Bytes::from(file.octets)).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().collect();
        assert_eq!(rows.len(), flows.len());
        for (row, flow) in rows.into_iter().zip(&flows) {
            let row = row.unwrap();
            let values = row.get_column_iter().filter_map(|(name, field)| {
                let text = match field {
                    Field::Null => return None,
                    Field::TimestampMicros(micros) => micros.to_string(),
                    other => other.to_string(),
                };
                Some((name.clone(), text))
            });
            assert_eq!(values.collect::<BTreeMap<_, _>>(), given(flow));
        }
    }
}
