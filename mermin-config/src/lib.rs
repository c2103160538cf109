//! HCL files for [`mermin-core`](mermin_core): what to capture, and what an application does with it.
//!
//! ```
//! use mermin_config::Config;
//!
//! let text = r#"
//!     discovery "instrument" {
//!       interfaces = ["eth*", "veth*"]
//!     }
//!     span {
//!       tcp_timeout = "30s"
//!     }
//! "#;
//! let loaded = Config::load("mermin.hcl", text.as_bytes(), &|_| None)?;
//! assert!(loaded.warnings.is_empty());
//! let builder = loaded.config.source(); // a mermin_core::FlowSourceBuilder
//! # let _ = builder;
//! # Ok::<(), mermin_config::Error>(())
//! ```
//!
//! Nothing that is wrong with a file is found out later: every value is checked when it is read, and all errors are told at
//! once, each with its place, what would be valid, and the nearest key. A key that has no effect is a warning.
//! [`keys`] has all of them, as `docs/CONFIG.md` beside this crate does.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod diagnostic;
mod error;
mod evaluate;
mod file;
pub mod keys;
mod load;
mod node;
mod schema;
mod source;
mod text;
pub mod value;
mod watch;

pub use diagnostic::Diagnostic;
pub use error::Error;
pub use keys::Config;
pub use load::Loaded;
pub use schema::Effect;
pub use watch::Watcher;
