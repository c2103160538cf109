//! Where files go.

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

/// A place for files. Its calls block: they belong to the exporter's thread.
pub(crate) trait Store: Send {
    /// Puts a whole file there under this name. Once this is `Ok` it outlives the process and, as far as the place promises
    /// it, the machine; before that nobody sees a part of it. The same name again is the same file.
    fn put(&mut self, name: &str, octets: Vec<u8>) -> io::Result<()>;
}
