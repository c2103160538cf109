//! Configuration files (HCL) for [`mermin-core`](mermin_core) and for applications.
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
//! Every value is checked when the file is read. All errors are reported at once, each with its position and, where
//! there are any, the valid values and the nearest key. A key without effect is a warning. [`keys`] and `docs/CONFIG.md` list all keys.
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
