//! Targets of flows by their text, such as `json:flows.json` or `ipfix://collector:4739`: what `mermin-export --to` and the
//! agent's `export "flows"` accept.

mod targets;

use mermin_program::Result;

pub use self::targets::{Opened, Started, Target, usage};
