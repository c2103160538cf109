//! Options of a source.

#[cfg(feature = "pcap")]
mod capture;
mod flows;
mod get;
mod timeouts;
mod watch;

use super::options::Options;
#[cfg(feature = "pcap")]
use super::{offline::Input, pace::Pace};
#[cfg(feature = "pcap")]
use crate::error::ErrorKind;
use crate::{error::Error, iface::select::Selector};

/// Options of a [`FlowSource`](crate::FlowSource). The methods take and return the builder by value. It is `Clone`,
/// so one set of options can open several sources. `get_..` returns each option. Two builders are equal if all
/// options are; a builder with a `pcap_reader` equals only its clones.
///
/// ```no_run
/// use std::time::Duration;
///
/// use mermin_core::{FlowSource, FlowSourceBuilder, NetNs};
///
/// # async fn watch() -> Result<(), mermin_core::Error> {
/// let options: FlowSourceBuilder = FlowSource::builder()
///     .interfaces(["eth*"])
///     .active_timeout(Duration::from_secs(5));
/// let ours = options.clone().open().await?;
/// let theirs = options.netns(NetNs::Path("/run/netns/blue".into())).open().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "nothing is captured before `open` is awaited"]
pub struct FlowSourceBuilder {
    pub(super) options: Options,
    #[cfg(feature = "pcap")]
    pub(super) input: Option<Input>,
    #[cfg(feature = "pcap")]
    pub(super) pace: Option<Pace>,
}

impl FlowSourceBuilder {
    #[cfg(feature = "__lab")]
    pub(crate) fn test_hooks(&mut self) -> &mut super::options::TestHooks {
        &mut self.options.test_hooks
    }

    /// Returns the checked options of a live source, and the selector of its interfaces.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`](crate::ErrorKind::InvalidOption).
    pub(super) fn live(self) -> Result<(Options, Selector), Error> {
        #[cfg(feature = "pcap")]
        if self.input.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                "cannot make a running source read a capture file",
            )
            .with_remedy("open another source for the file"));
        }
        let selector = self.options.validate()?;
        Ok((self.options, selector))
    }
}
