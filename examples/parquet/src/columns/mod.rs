//! The columns, and the getter of each.

mod application;
mod fill;
mod kind;
mod points;
mod process;
mod record;
mod table;
mod tcp_analysis;
mod tunnel;
mod way;

#[cfg(test)]
pub(crate) use self::fill::microseconds;
#[cfg(test)]
pub(crate) use self::table::by_name;
pub use self::{
    kind::{Column, Kind},
    table::columns,
};
