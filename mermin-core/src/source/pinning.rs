//! Lets a source outlive its process.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// Where Linux distributions mount the BPF file system.
pub(super) const BPFFS: &str = "/sys/fs/bpf";
/// Longest name of an instance.
const LONGEST: usize = 64;

/// The way a source is kept when its process ends without closing it: maps and links have names in a BPF file system, so
/// the kernel goes on counting, and the next source of the same name goes on with the flows there are. It may be opened with
/// other interfaces, filters and ways to attach; the number of flows that there is room for stays.
///
/// A flow that has ended keeps its slot until its last record has arrived. While half of all slots wait so, none is ended: those that
/// are open go on, with fewer records.
///
/// ```no_run
/// use futures::StreamExt;
/// use mermin_core::{FlowSource, Pinning};
///
/// # async fn watch() -> Result<(), mermin_core::Error> {
/// let mut flows = FlowSource::builder()
///     .interfaces(["eth*"])
///     .pinning(Pinning::instance("billing"))
///     .open()
///     .await?;
/// while let Some(flow) = flows.next().await {
///     let flow = flow?;
///     // Who stores it under this pair stores it once, also when the process is killed right behind this line.
///     println!("{} {}: {flow}", flow.id, flow.sequence);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinning {
    instance: String,
    bpffs: PathBuf,
    persist: bool,
}

impl Pinning {
    /// Pins under this name: 1 to 64 letters, digits, `-` and `_`. One source at a time owns it.
    #[must_use]
    pub fn instance(name: impl Into<String>) -> Self {
        Self {
            instance: name.into(),
            bpffs: BPFFS.into(),
            persist: false,
        }
    }

    /// Where a BPF file system is mounted. Default: `/sys/fs/bpf`. Pins are in `mermin/<instance>` below it. Nothing is
    /// mounted for them.
    #[must_use]
    pub fn bpffs(mut self, path: impl Into<PathBuf>) -> Self {
        self.bpffs = path.into();
        self
    }

    /// True if everything stays when the source is closed or dropped, as when its process is killed. Default: no, a source
    /// that is closed leaves nothing.
    ///
    /// Closing then ends no flow: the stream gives the records that were made and ends, the kernel goes on counting, and the
    /// next source of this name goes on. So nothing is missed from one version of a program to the next. To end it for good,
    /// open it once more without this and close it.
    #[must_use]
    pub fn persist(mut self, persist: bool) -> Self {
        self.persist = persist;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.instance
    }

    pub(crate) fn mount(&self) -> &Path {
        &self.bpffs
    }

    pub(crate) fn persists(&self) -> bool {
        self.persist
    }

    /// # Errors
    /// [`ErrorKind::InvalidOption`].
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        if (1..=LONGEST).contains(&self.instance.len()) && self.instance.chars().all(fits) {
            return Ok(());
        }
        let message = format!("cannot use `{}` as the name of an instance", self.instance);
        Err(Error::new(ErrorKind::InvalidOption, message).with_remedy(
            "choose 1 to 64 letters, digits, `-` and `_`: a BPF file system refuses dots",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_can_be_pinned() {
        for name in ["billing", "a", "node-7_b", &"x".repeat(64)] {
            assert!(Pinning::instance(name).validate().is_ok(), "{name}");
        }
        for name in ["", "a.b", "..", "a/b", "a b", "ä", &"x".repeat(65)] {
            let error = Pinning::instance(name).validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{name}");
        }
    }
}
