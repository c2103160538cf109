//! The bytes that cross the kernel boundary. Little-endian, checked for size and offset when compiled.

pub mod digest;
pub mod drops;
pub mod fragment;
pub mod free;
pub mod globals;
pub mod index;
pub mod key;
pub mod layout;
pub mod ledger;
pub mod names;
pub mod opener;
pub mod sampling;
pub mod section;
pub mod slot;
pub mod tcp_analysis;
pub mod tcp_socket;
pub mod tunnel;
