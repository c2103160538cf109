//! Flows of capture files: crafted ones, damaged ones, and a few that are kept.

mod broken;
mod containers;
mod craft;
mod kept;
mod ledger;
mod life;
mod links;
mod run;
mod source;
