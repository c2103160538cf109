//! Compression of pages.

use parquet::{basic::Compression, errors::ParquetError};

use crate::settings::Codec;

/// A codec with its reusable state.
pub(super) enum Compressor {
    Lz4,
    #[cfg(feature = "zstd")]
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    #[cfg_attr(
        not(feature = "zstd"),
        expect(clippy::unnecessary_wraps, reason = "zstd may refuse a level")
    )]
    pub(super) fn new(codec: Codec) -> Result<Self, ParquetError> {
        Ok(match codec {
            Codec::Lz4 => Self::Lz4,
            #[cfg(feature = "zstd")]
            Codec::Zstd => Self::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        })
    }

    #[cfg_attr(
        not(feature = "zstd"),
        expect(clippy::unnecessary_wraps, reason = "zstd may refuse a level")
    )]
    pub(super) fn name(&self) -> Result<Compression, ParquetError> {
        Ok(match self {
            Self::Lz4 => Compression::LZ4_RAW,
            #[cfg(feature = "zstd")]
            Self::Zstd(_) => Compression::ZSTD(parquet::basic::ZstdLevel::try_new(ZSTD_LEVEL)?),
        })
    }

    #[cfg_attr(
        not(feature = "zstd"),
        expect(clippy::unnecessary_wraps, reason = "zstd may fail")
    )]
    pub(super) fn compress(&mut self, page: &[u8]) -> Result<Vec<u8>, ParquetError> {
        match self {
            Self::Lz4 => Ok(lz4_flex::block::compress(page)),
            #[cfg(feature = "zstd")]
            Self::Zstd(compressor) => Ok(compressor.compress(page)?),
        }
    }
}

#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 1;
