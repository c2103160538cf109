//! The sink.

use std::{io, path::PathBuf};

use mermin_core::{
    Flow,
    sink::{BoxError, FlowSink, Meter, Threaded, threaded},
};

#[cfg(feature = "s3")]
use crate::store::{Bucket, Objects};
use crate::{
    encode::{EncodeError, Encoder},
    name::name,
    settings::Settings,
    store::{Folder, Leftover, Store},
};

/// Exports flows as Parquet files: **a batch is a file**. A thread, `mermin-parquet`, writes it, so no executor does.
///
/// `Ok` means that the file is complete under its final name, on the disk or in the bucket, so its records outlive a killed
/// process. Batching decides the size and age of files: pass [`Settings::batching`] to
/// [`Run::batch`](mermin_core::Run::batch) or [`Buffered::batch`](mermin_core::sink::Buffered::batch), or choose
/// batches yourself. A batch of more than [`Settings::rows`] becomes several files, and so does one whose row groups have
/// [`Settings::octets`].
///
/// After an error, the batch must be exported again: wrap the exporter in [`retry`](mermin_core::sink::retry). Files
/// that an earlier attempt finished are written again under the same names, so no record is stored twice.
#[derive(Debug)]
pub struct Exporter {
    thread: Threaded,
    leftovers: Vec<Leftover>,
}

/// The reason why an exporter cannot start.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
#[non_exhaustive]
pub enum OpenError {
    /// The settings exclude all columns.
    Settings(#[from] EncodeError),
    /// The directory cannot be created, read or cleared, the bucket's settings are invalid, or the thread cannot
    /// start.
    System(#[from] io::Error),
}

impl Exporter {
    /// Exports to a directory, which is created if it does not exist. Unfinished files of killed processes are
    /// removed from it, see [`leftovers`](Self::leftovers). Several processes may write to one directory.
    ///
    /// # Errors
    /// If the directory cannot be created or read, or if the thread cannot start.
    pub fn folder(path: impl Into<PathBuf>, settings: Settings) -> Result<Self, OpenError> {
        let (folder, leftovers) = Folder::open(path.into())?;
        Self::new(folder, settings, leftovers)
    }

    /// Exports to a bucket, as objects. Each object is one request, so S3 has no part of an object that a killed
    /// process did not send completely. The timeout of an object is 30 s plus one second per 128 KiB.
    ///
    /// If the process has no [`CryptoProvider`](rustls::crypto::CryptoProvider) of rustls, this installs ring's.
    ///
    /// # Errors
    /// An invalid prefix or variable, or a thread that cannot start. A refusal of S3 is an error of `export`.
    #[cfg(feature = "s3")]
    pub fn bucket(bucket: Bucket, settings: Settings) -> Result<Self, OpenError> {
        Self::new(Objects::open(bucket)?, settings, Vec::new())
    }

    fn new(
        store: impl Store + 'static,
        settings: Settings,
        leftovers: Vec<Leftover>,
    ) -> Result<Self, OpenError> {
        let blocking = Blocking {
            store,
            rows: settings.rows,
            encoder: Encoder::new(settings)?,
        };
        let thread = threaded("mermin-parquet", blocking)?;
        Ok(Self { thread, leftovers })
    }

    /// Returns the files of killed processes that were removed.
    #[must_use]
    pub fn leftovers(&self) -> &[Leftover] {
        &self.leftovers
    }
}

impl FlowSink for Exporter {
    fn export(&mut self, flows: &[Flow]) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.thread.export(flows)
    }

    fn close(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send {
        self.thread.close()
    }

    fn meter(&self) -> Option<Meter> {
        self.thread.meter()
    }
}

/// The thread's work.
struct Blocking<S> {
    store: S,
    rows: usize,
    encoder: Encoder,
}

impl<S: Store> FlowSink for Blocking<S> {
    async fn export(&mut self, flows: &[Flow]) -> Result<(), BoxError> {
        let mut rest = flows;
        while !rest.is_empty() {
            let some = rest.get(..self.rows).unwrap_or(rest);
            let file = self.encoder.encode(some)?;
            let (written, others) = rest.split_at(file.rows);
            self.store.put(&name(written), file.octets)?;
            rest = others;
        }
        Ok(())
    }
}
