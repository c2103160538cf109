//! Code shared by the programs of this package.

pub mod json;
pub mod shell;
