//! Types of the values that keys of a file have. Each type holds only valid values.

mod bounded;
mod choice;
mod core;
mod duration;
mod endpoint;
mod number;
mod path;
mod regex;
mod rule;
mod secret;
mod seed;
mod text;

pub(crate) use self::bounded::port;
pub use self::{
    bounded::Bounded,
    choice::{
        Kind, LogLevel, Operator, OtlpProtocol, Overflow, SpanFormat, StdoutFormat, TracesFormat,
    },
    duration::PositiveDuration,
    endpoint::Endpoint,
    number::Buckets,
    path::{AbsolutePath, InstanceName},
    regex::RegexText,
    secret::Secret,
    seed::Seed,
};
