//! Pages of a column, and their metadata in the row group.

use bytes::Bytes;
use parquet::{
    basic::{Compression, Encoding},
    column::{
        page::{CompressedPage, Page, PageWriter as _},
        writer::ColumnCloseResult,
    },
    errors::ParquetError,
    file::{
        metadata::ColumnChunkMetaData,
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use super::codec::Compressor;
use crate::layout::Chunk;

/// Octets below which a page is not compressed: the pages of a column without a value have about ten.
const SHORTEST: usize = 64;

/// Writes a column's part of a row group; returns its metadata.
pub(super) fn write(
    chunk: Chunk,
    leaf: ColumnDescPtr,
    compressor: &mut Compressor,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let is_short = chunk.dictionary.is_none() && chunk.page.len() < SHORTEST;
    let mut compress = |page: &[u8]| {
        if is_short {
            Ok(page.to_vec())
        } else {
            compressor.compress(page)
        }
    };
    let mut encodings = vec![Encoding::RLE, chunk.encoding];
    let mut place = TrackedWrite::new(Vec::new());
    let mut pages = SerializedPageWriter::new(&mut place);
    let mut uncompressed = 0;
    let mut write = |page: Page, length: usize| {
        let written = pages.write_page(CompressedPage::new(page, length))?;
        uncompressed += written.uncompressed_size;
        Ok::<_, ParquetError>(written.offset)
    };
    let mut dictionary = None;
    if let Some((plain, count)) = chunk.dictionary {
        encodings.push(Encoding::PLAIN);
        let page = Page::DictionaryPage {
            buf: compress(&plain)?.into(),
            num_values: number(count)?,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        dictionary = Some(signed(write(page, plain.len())?)?);
    }
    let page = Page::DataPage {
        buf: compress(&chunk.page)?.into(),
        num_values: number(chunk.values)?,
        encoding: chunk.encoding,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    };
    let data = write(page, chunk.page.len())?;
    let octets = Bytes::from(place.into_inner()?);
    let compression = if is_short {
        Compression::UNCOMPRESSED
    } else {
        compressor.name()?
    };
    let mut metadata = ColumnChunkMetaData::builder(leaf)
        .set_compression(compression)
        .set_encodings(encodings)
        .set_num_values(signed(chunk.values as u64)?)
        .set_total_compressed_size(signed(octets.len() as u64)?)
        .set_total_uncompressed_size(signed(uncompressed as u64)?)
        .set_data_page_offset(signed(data)?)
        .set_dictionary_page_offset(dictionary);
    if let Some(statistics) = chunk.statistics {
        metadata = metadata.set_statistics(statistics);
    }
    let closed = ColumnCloseResult {
        bytes_written: octets.len() as u64,
        rows_written: chunk.rows as u64,
        metadata: metadata.build()?,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok((octets, closed))
}

fn number(count: usize) -> Result<u32, ParquetError> {
    u32::try_from(count).map_err(|error| ParquetError::External(error.into()))
}

fn signed(count: u64) -> Result<i64, ParquetError> {
    i64::try_from(count).map_err(|error| ParquetError::External(error.into()))
}
