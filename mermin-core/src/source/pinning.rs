//! Options of a source that outlives its process.

use std::path::{Path, PathBuf};

use crate::{
    bpf::pin::{
        instance::{Instance, InstanceError},
        lock::HeldBy,
    },
    error::{Error, ErrorKind},
};

/// Mount point of the BPF file system in Linux distributions.
pub(super) const BPFFS: &str = "/sys/fs/bpf";
/// Longest name of an instance.
const LONGEST: usize = 64;

/// Keeps a source's kernel state across restarts of the process. Maps and links have names in a BPF file system, so
/// the kernel keeps counting, and the next source with the same name resumes the existing flows. That source may have
/// other interfaces, filters and attach modes. The table keeps its size: another `max_flows` has no effect, and the report says
/// so.
///
/// A flow that has ended keeps its slot until its last record is acknowledged. While half of all slots wait for the
/// acknowledgement of a last record, other flows stay open, and all their packets are still counted. Only flows that the
/// filter rejects still end, because they have no record.
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
///     // A receiver that stores it under this pair stores it once, even if the process is killed after this line.
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
    /// Creates the options of an instance with this name: 1 to 64 letters, digits, `-` and `_`. One source at a time can have an instance.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Pinning};
    ///
    /// let pinning = Pinning::instance("billing");
    /// let builder = FlowSource::builder().pinning(pinning);
    /// ```
    #[must_use]
    pub fn instance(name: impl Into<String>) -> Self {
        Self {
            instance: name.into(),
            bpffs: BPFFS.into(),
            persist: false,
        }
    }

    /// Sets the mount point of the BPF file system. Default: `/sys/fs/bpf`. Pins are in `mermin/<instance>` below it.
    /// The source mounts nothing.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Pinning};
    ///
    /// let pinning = Pinning::instance("billing").bpffs("/run/mermin/bpf");
    /// let builder = FlowSource::builder().pinning(pinning);
    /// ```
    #[must_use]
    pub fn bpffs(mut self, path: impl Into<PathBuf>) -> Self {
        self.bpffs = path.into();
        self
    }

    /// Also keeps the pinned state on `close`, `shutdown` and drop. Default: no, only a killed process leaves it.
    ///
    /// Closing then ends no flow. The stream delivers the records that were made and ends. The kernel keeps counting,
    /// and the next source of this name resumes, so no packet is missed during an update of a program. To remove the
    /// state, open the instance without this option and close it.
    ///
    /// ```
    /// use mermin_core::{FlowSource, Pinning};
    ///
    /// let pinning = Pinning::instance("billing").persist(true);
    /// let builder = FlowSource::builder().pinning(pinning);
    /// ```
    #[must_use]
    pub fn persist(mut self, persist: bool) -> Self {
        self.persist = persist;
        self
    }

    /// Removes the pins that processes left, and with them the programs at hooks and all flows in the table. Use it
    /// when no source will open the instance again, and after a process to which the instance was
    /// [passed](crate::Handover) has closed it: that process cannot remove the pins. It is no error if there are none.
    /// It blocks for up to 2 s while the instance is in use. Tc filters have no pins: they stay until the next source
    /// opens in that network namespace, or tc(8) deletes them.
    ///
    /// ```no_run
    /// use mermin_core::Pinning;
    ///
    /// Pinning::instance("billing").remove()?;
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidOption` for an invalid name; `InUse` if a source has the instance; `System` if there is no BPF file
    /// system, or if the kernel refuses to remove a pin.
    pub fn remove(&self) -> Result<(), Error> {
        self.validate()?;
        let named = |kind, why: &str| {
            Error::new(
                kind,
                format!("cannot remove the instance `{}`: {why}", self.instance),
            )
        };
        let instance = Instance::take(&self.bpffs, &self.instance, HeldBy::Thread);
        let instance = instance.map_err(|error| match error {
            InstanceError::InUse => named(ErrorKind::InUse, "a source owns it")
                .with_remedy("close that source, or end its process"),
            InstanceError::Unavailable(unavailable) => {
                named(ErrorKind::System, &unavailable.cause).with_remedy(unavailable.remedy)
            }
        })?;
        instance
            .remove()
            .map_err(|error| named(ErrorKind::System, "pins are left").with_source(error))
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

    /// Returns the error of [`prepare`](crate::FlowSourceBuilder::prepare) without `pinning`.
    pub(crate) fn missing() -> Error {
        Error::new(
            ErrorKind::InvalidOption,
            "cannot prepare a source without an instance",
        )
        .with_remedy("name one: `pinning(Pinning::instance(..))`")
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
    fn instance_name_is_valid_as_a_pin() {
        for name in ["billing", "a", "node-7_b", &"x".repeat(64)] {
            assert!(Pinning::instance(name).validate().is_ok(), "{name}");
        }
        for name in ["", "a.b", "..", "a/b", "a b", "ä", &"x".repeat(65)] {
            let error = Pinning::instance(name).validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidOption, "{name}");
        }
    }
}
