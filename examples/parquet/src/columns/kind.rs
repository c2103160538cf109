//! Types of columns in Parquet.

use std::sync::Arc;

use parquet::{
    basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical},
    errors::ParquetError,
    schema::types::Type,
};

use super::{fill::Filler, part::Part};

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An unsigned integer of this many bits: 8, 16, 32 or 64.
    Unsigned(u8),
    /// Nanoseconds, signed 64 bits.
    Nanoseconds,
    /// Microseconds since 1970, in UTC.
    Time,
    /// UTF-8.
    Text,
    /// 16 octets of an address. IPv4 addresses are `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2).
    Address,
    /// A list of texts.
    Texts,
    /// A list of unsigned integers of 64 bits.
    Numbers,
}

/// A column of the files.
pub struct Column {
    pub(crate) name: String,
    pub(crate) meaning: String,
    pub(crate) kind: Kind,
    /// True if every row has a value.
    pub(crate) always: bool,
    /// The part of a record without which it has no value.
    pub(crate) part: Part,
    pub(crate) fill: Filler,
}

impl Column {
    /// Returns its name, with dots: the name of its attribute, if it has one.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the meaning, in one sentence.
    #[must_use]
    pub fn meaning(&self) -> &str {
        &self.meaning
    }

    /// Returns the type.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns true if every row has a value.
    #[must_use]
    pub const fn is_always_there(&self) -> bool {
        self.always
    }

    /// Returns `DuckDB`'s name of the type.
    #[must_use]
    pub const fn sql_type(&self) -> &'static str {
        match self.kind {
            Kind::Unsigned(8) => "UTINYINT",
            Kind::Unsigned(16) => "USMALLINT",
            Kind::Unsigned(32) => "UINTEGER",
            Kind::Unsigned(_) => "UBIGINT",
            Kind::Nanoseconds => "BIGINT",
            Kind::Time => "TIMESTAMP WITH TIME ZONE",
            Kind::Text => "VARCHAR",
            Kind::Address => "BLOB",
            Kind::Texts => "VARCHAR[]",
            Kind::Numbers => "UBIGINT[]",
        }
    }

    pub(crate) fn schema(&self) -> Result<Type, ParquetError> {
        let repetition = if self.always {
            Repetition::REQUIRED
        } else {
            Repetition::OPTIONAL
        };
        match self.kind {
            Kind::Texts => list(&self.name, Kind::Text),
            Kind::Numbers => list(&self.name, Kind::Unsigned(64)),
            kind => primitive(&self.name, kind, repetition),
        }
    }
}

fn primitive(name: &str, kind: Kind, repetition: Repetition) -> Result<Type, ParquetError> {
    let (physical, logical) = match kind {
        Kind::Unsigned(bits) => (
            if bits == 64 {
                Physical::INT64
            } else {
                Physical::INT32
            },
            Some(LogicalType::integer(
                i8::try_from(bits).unwrap_or(64),
                false,
            )),
        ),
        Kind::Nanoseconds => (Physical::INT64, None),
        Kind::Time => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
        ),
        Kind::Address => (Physical::FIXED_LEN_BYTE_ARRAY, None),
        _ => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let length = if kind == Kind::Address { 16 } else { -1 };
    Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .with_length(length)
        .build()
}

/// Builds the three levels that the format's specification requires for a list.
fn list(name: &str, element: Kind) -> Result<Type, ParquetError> {
    let element = primitive("element", element, Repetition::REQUIRED)?;
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    Type::group_type_builder(name)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(Some(LogicalType::List))
        .with_converted_type(ConvertedType::LIST)
        .with_fields(vec![Arc::new(repeated)])
        .build()
}
