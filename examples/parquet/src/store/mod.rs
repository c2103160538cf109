//! Destinations of files.

#[cfg(feature = "s3")]
mod bucket;
mod folder;
#[cfg(feature = "s3")]
mod words;

use std::io;

#[cfg(feature = "s3")]
pub use self::bucket::Bucket;
#[cfg(feature = "s3")]
pub(crate) use self::bucket::Objects;
pub(crate) use self::folder::Folder;
pub use self::folder::Leftover;

/// A destination of files. Its calls block, so the exporter's thread makes them.
pub(crate) trait Store: Send {
    /// Stores a complete file under this name. After `Ok`, it outlives the process and, if the destination guarantees
    /// it, the machine. Before that, no part of it is visible. The same name again is the same file.
    fn put(&mut self, name: &str, octets: Vec<u8>) -> io::Result<()>;
}
