//! Values of a column as a page has them.
//!
//! `parquet` has writers of columns as well. They take values as arrays, look each up in a dictionary of octets, and keep the least
//! and the greatest as they come: 3.2 us a row. Here a value is looked up as what it is in a flow (a number, an address, a
//! reference to a word) and becomes octets once, when its row group ends.

mod chunk;
mod delta;
mod distinct;
mod hybrid;
mod ids;
mod lists;
mod presence;
mod scalars;
mod show;
mod texts;
mod times;

pub(crate) use self::{
    chunk::{Chunk, Laid},
    distinct::Word,
    ids::Ids,
    lists::{Keys, Lists, TextLists},
    scalars::Scalars,
    show::{Narrow, Octets, Show, Shown, Signed, Wide, Words},
    texts::{Plain, Texts},
    times::Times,
};
