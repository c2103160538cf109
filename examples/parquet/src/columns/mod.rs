//! The columns, and the getter of each.

mod application;
mod drops;
mod fill;
mod kind;
mod nat;
mod part;
mod points;
mod process;
mod record;
mod table;
mod tcp_analysis;
mod tcp_sockets;
mod tunnel;
mod way;

#[cfg(test)]
pub(crate) use self::fill::microseconds;
pub(crate) use self::part::Parts;
#[cfg(test)]
pub(crate) use self::table::by_name;
pub use self::{
    kind::{Column, Kind},
    table::columns,
};
