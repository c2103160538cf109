//! Sums by label values.

mod counts;
mod exemplar;
mod label;
mod pairs;
mod series;
mod sketch;
mod state;

pub(crate) use self::{
    counts::{Counts, Way},
    exemplar::Exemplar,
    label::Value,
    pairs::Pair,
    state::{Named, Snapshot},
};
pub use self::{label::Label, state::State};
