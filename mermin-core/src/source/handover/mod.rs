//! A source that one process opens and another process uses: its descriptors, and the role of each.

pub(super) mod header;
mod transport;

use std::{
    fmt,
    os::{fd::OwnedFd, unix::net::UnixStream},
};

use self::header::{Header, Role};
use crate::error::{Error, ErrorKind};

/// A source that a process with privileges [prepared](crate::FlowSourceBuilder::prepare), for a process that may have
/// none. Its programs are attached and pinned, and packets are counted from then on.
///
/// It is a list of descriptors (maps, programs, TCX links, the lock of the instance) and a text that gives the role of
/// each. Pass it [over a socket](Self::send), or take it [apart](Self::into_parts) and use another way.
///
/// The process that captures needs no capability: the kernel checks them when a map is made and a program is loaded,
/// not when descriptors are used.
///
/// * The instance is owned while any process has the descriptors. After the process that captures has ended, in whatever
///   way, the process with privileges can prepare the source again. Flows then go on, and records that were not
///   acknowledged are delivered again.
/// * Dropping it before it was sent leaves the pins to the next `prepare`.
/// * The pins belong to the process that prepared. After the source was closed, [`Pinning::remove`](crate::Pinning::remove)
///   removes them.
///
/// `send` and `receive` block, and the socket must be a blocking one. In a program with an executor, call them in a thread
/// of their own.
///
/// ```no_run
/// use std::os::unix::net::UnixStream;
///
/// use mermin_core::{Error, FlowSource, FlowSourceBuilder, Handover, Pinning};
///
/// fn options() -> FlowSourceBuilder {
///     FlowSource::builder().interfaces(["eth*"]).pinning(Pinning::instance("billing"))
/// }
///
/// /// As root.
/// fn prepare(socket: &UnixStream) -> Result<(), Error> {
///     let (handover, report) = futures::executor::block_on(options().prepare())?;
///     eprint!("{report}");
///     handover.send(socket)
/// }
///
/// /// As any user, with the same options.
/// fn capture(socket: &UnixStream) -> Result<FlowSource, Error> {
///     let handover = Handover::receive(socket)?;
///     futures::executor::block_on(options().open_passed(handover))
/// }
/// ```
#[must_use = "nothing is captured before another process has it"]
pub struct Handover {
    pub(super) header: Header,
    /// One for each role of the header.
    pub(super) descriptors: Vec<OwnedFd>,
}

impl Handover {
    pub(super) fn new(header: Header, descriptors: Vec<OwnedFd>) -> Self {
        Self {
            header,
            descriptors,
        }
    }

    /// Sends it over a blocking socket, as `SCM_RIGHTS` of unix(7). It blocks until the socket has taken all of it.
    ///
    /// # Errors
    /// `Exhausted` if there are more than 4,096 descriptors, or more than 1 MiB of text; `System`, with the error of the socket as its source. The pins stay, so another `prepare` can try again.
    pub fn send(self, socket: &UnixStream) -> Result<(), Error> {
        transport::send(socket, self.header.write().as_bytes(), &self.descriptors)
    }

    /// Receives what [`send`](Self::send) sent, over a blocking socket. It blocks until all of it is there.
    ///
    /// # Errors
    /// `System`, with the error of the socket as its source; `Exhausted` if the process may not have so many descriptors;
    /// those of [`from_parts`](Self::from_parts).
    pub fn receive(socket: &UnixStream) -> Result<Self, Error> {
        let (header, descriptors) = transport::receive(socket)?;
        Self::from_parts(&header, descriptors)
    }

    /// Returns the text that says what the descriptors are, and the descriptors, to be passed in another way.
    ///
    /// ```no_run
    /// # fn pass(handover: mermin_core::Handover) -> Result<(), mermin_core::Error> {
    /// let (header, descriptors) = handover.into_parts();
    /// // In the other process:
    /// let handover = mermin_core::Handover::from_parts(&header, descriptors)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn into_parts(self) -> (Vec<u8>, Vec<OwnedFd>) {
        (self.header.write().into_bytes(), self.descriptors)
    }

    /// Restores it from its [parts](Self::into_parts). The descriptors are compared with the text when the source is
    /// opened.
    ///
    /// # Errors
    /// `InvalidOption` if the text is not one of this version, or has another number of descriptors.
    pub fn from_parts(header: &[u8], descriptors: Vec<OwnedFd>) -> Result<Self, Error> {
        let header = Header::read(header)?;
        if header.roles.len() != descriptors.len() {
            return Err(Error::new(
                ErrorKind::InvalidOption,
                format!(
                    "cannot use what another process passed: there are {} descriptors, and its header has {}",
                    descriptors.len(),
                    header.roles.len()
                ),
            )
            .with_remedy("pass them in the order of `into_parts`"));
        }
        Ok(Self::new(header, descriptors))
    }

    /// Returns each descriptor with its role.
    pub(super) fn into_roles(self) -> (Header, Vec<(Role, OwnedFd)>) {
        let mut header = self.header;
        let roles = std::mem::take(&mut header.roles);
        let descriptors = roles.into_iter().zip(self.descriptors);
        (header, descriptors.collect())
    }
}

impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover")
            .field("descriptors", &self.descriptors.len())
            .finish_non_exhaustive()
    }
}

const _: () = {
    const fn check<T: Send + Sync + Unpin>() {}
    check::<Handover>();
};
