//! Names for every field of a flow.
//!
//! JSON lines, exporters and the reference all take names from here, so they cannot differ. An attribute is present
//! only if its value is known.
//!
#![doc = include_str!("table.md")]

mod application;
mod drops;
mod interfaces;
mod iter;
mod lists;
pub(crate) mod name;
mod nat;
mod process;
#[cfg(test)]
mod reference;
pub(crate) mod render;
#[cfg(feature = "serde")]
mod serde;
mod table;
mod tcp_analysis;
mod tcp_sockets;
mod value;
pub(crate) mod visit;
pub(crate) mod visitor;

pub use self::{
    iter::Attributes,
    lists::{Numbers, Texts},
    table::{ALL, ALWAYS, Attribute, Kind},
    value::{Text, Value},
};
