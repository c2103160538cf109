//! Serves the page over HTTP.

mod answer;
mod listen;
mod scrapes;
mod server;

pub use self::listen::{ListenError, listen};
pub(crate) use self::{
    scrapes::{Outcomes, Scrapes},
    server::{Limits, Pages, Server},
};
