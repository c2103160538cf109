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
/// `Ok` means that the file is whole, on the disk and has its name: what was `Ok` outlives the process that is killed then. So
/// how large and how old files become is decided where batches are made; [`Settings::batching`] has it for
/// [`Run::batch`](mermin_core::Run::batch) and [`Buffered::batch`](mermin_core::sink::Buffered::batch), and whoever
/// exports by hand chooses batches by that measure. A batch that is larger than [`Settings::rows`] or [`Settings::octets`] becomes
/// several files.
///
/// After an error the batch is to be given again: put [`retry`](mermin_core::sink::retry) around it. Files that an attempt had
/// finished are written again under the same names, so no record is there twice.
#[derive(Debug)]
pub struct Exporter {
    thread: Threaded,
    leftovers: Vec<Leftover>,
}

/// An exporter that cannot begin.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
#[non_exhaustive]
pub enum OpenError {
    /// The settings leave nothing to write.
    Settings(#[from] EncodeError),
    /// The folder cannot be made, read or cleared, the bucket cannot be used as it is named, or the thread cannot be started.
    System(#[from] io::Error),
}

impl Exporter {
    /// Into a folder, which is made where it is not there. The unfinished file of a killed process is removed from it: see
    /// [`leftovers`](Self::leftovers). Several processes may write to one folder.
    ///
    /// # Errors
    /// That the folder cannot be made or read, or that the thread cannot be started.
    pub fn folder(path: impl Into<PathBuf>, settings: Settings) -> Result<Self, OpenError> {
        let (folder, leftovers) = Folder::open(path.into())?;
        Self::new(folder, settings, leftovers)
    }

    /// Into a bucket, as objects. Each is one request, behind which it is whole. S3 has nothing of an object that a killed process
    /// had not sent to its end. An object gets 30 s and one for each 128 KiB to arrive.
    ///
    /// Where the process has no [`CryptoProvider`](rustls::crypto::CryptoProvider) of rustls yet, ring's becomes that.
    ///
    /// # Errors
    /// A prefix or variables that cannot be used, or that the thread cannot be started. That S3 refuses is told by exporting.
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

    /// Files that killed processes had left, which were removed.
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

/// Work of the thread.
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
