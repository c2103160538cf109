//! Parts that the programs of this package share.

pub mod shell;
