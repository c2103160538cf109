//! Where flows go.

mod json;

pub use self::json::{JsonLines, write_json};
