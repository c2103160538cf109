//! A page for a browser: live flows by the names of their ends, losses, degradations and the ledger.
//!
//! `model` adds up a snapshot of the open flows without any action, `frame` is one message to browsers, `feed` makes a frame a
//! second while somebody looks, `visits` gives it to each browser, and `serve` answers requests. All of it runs on a thread of its
//! own, so a large frame holds up no receiver and no probe.

mod ends;
mod facts;
mod feed;
mod frame;
mod guard;
mod map;
mod model;
mod row;
mod serve;
mod talkers;
mod view;
mod visits;

pub(crate) use self::{view::View, visits::Visits};
