//! Connections and requests.

mod connection;
mod lookup;
mod publish;
mod stream;

pub(crate) use self::{
    connection::{Connection, connect},
    lookup::{Found, lookup},
    publish::{Fate, Publisher},
    stream::{Facts, prepare},
};
