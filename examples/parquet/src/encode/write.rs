//! One column of some flows into its pages.

use mermin_core::Flow;
use parquet::{
    column::writer::{ColumnWriter, ColumnWriterImpl},
    data_type::{ByteArray, DataType, FixedLenByteArray},
    errors::ParquetError,
};

use super::attribute::Attributes;
use crate::columns::{Column, Fill, Gathered, Kind, Lists, Texts};

/// Room for values on their way, which is used again and again.
#[derive(Default)]
pub(super) struct Scratch {
    narrow: Gathered<i32>,
    wide: Gathered<i64>,
    octets: Gathered<ByteArray>,
    texts: Texts,
    addresses: Gathered<FixedLenByteArray>,
    word_lists: Lists<ByteArray>,
    number_lists: Lists<i64>,
}

impl Scratch {
    pub(super) fn write(
        &mut self,
        column: &Column,
        flows: &[Flow],
        attributes: &Attributes,
        writer: &mut ColumnWriter<'_>,
    ) -> Result<(), ParquetError> {
        let always = column.always;
        match (&column.fill, writer) {
            (Fill::Narrow(fill), ColumnWriter::Int32ColumnWriter(writer)) => {
                fill(flows, &mut self.narrow);
                put(writer, &mut self.narrow, always)
            }
            (Fill::Wide(fill), ColumnWriter::Int64ColumnWriter(writer)) => {
                fill(flows, &mut self.wide);
                put(writer, &mut self.wide, always)
            }
            (Fill::Words(fill), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                fill(flows, &mut self.octets);
                put(writer, &mut self.octets, always)
            }
            (Fill::Texts(fill), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                fill(flows, &mut self.texts);
                self.texts.finish(&mut self.octets);
                put(writer, &mut self.octets, always)
            }
            (Fill::Addresses(fill), ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
                fill(flows, &mut self.addresses);
                put(writer, &mut self.addresses, always)
            }
            (Fill::WordLists(fill), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                fill(flows, &mut self.word_lists);
                put_lists(writer, &mut self.word_lists)
            }
            (Fill::NumberLists(fill), ColumnWriter::Int64ColumnWriter(writer)) => {
                fill(flows, &mut self.number_lists);
                put_lists(writer, &mut self.number_lists)
            }
            (Fill::Attribute, writer) => self.attribute(column, attributes, flows.len(), writer),
            _ => Err(mismatch(column)),
        }
    }

    fn attribute(
        &mut self,
        column: &Column,
        attributes: &Attributes,
        flows: usize,
        writer: &mut ColumnWriter<'_>,
    ) -> Result<(), ParquetError> {
        let name = column.name.as_str();
        match writer {
            ColumnWriter::Int64ColumnWriter(writer) if column.kind == Kind::Numbers => {
                attributes.number_lists(name, flows, &mut self.number_lists);
                put_lists(writer, &mut self.number_lists)
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                attributes.wide(name, flows, &mut self.wide);
                put(writer, &mut self.wide, column.always)
            }
            ColumnWriter::ByteArrayColumnWriter(writer) if column.kind == Kind::Texts => {
                attributes.text_lists(name, flows, &mut self.word_lists);
                put_lists(writer, &mut self.word_lists)
            }
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                attributes.texts(name, flows, &mut self.octets);
                put(writer, &mut self.octets, column.always)
            }
            _ => Err(mismatch(column)),
        }
    }
}

fn mismatch(column: &Column) -> ParquetError {
    let name = &column.name;
    ParquetError::General(format!("column `{name}` has another type than its values"))
}

fn put<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    gathered: &mut Gathered<T::T>,
    always: bool,
) -> Result<(), ParquetError> {
    let levels = (!always).then_some(gathered.present.as_slice());
    writer.write_batch(&gathered.values, levels, None)?;
    gathered.clear();
    Ok(())
}

fn put_lists<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    lists: &mut Lists<T::T>,
) -> Result<(), ParquetError> {
    writer.write_batch(
        &lists.values,
        Some(&lists.definition),
        Some(&lists.repetition),
    )?;
    lists.clear();
    Ok(())
}
