//! Maps of an instance that user space writes while the source runs, and that no program uses.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use crate::{
    bpf::{
        pin::{
            identity::{self, Identity},
            interfaces::{self, Interfaces},
            journal::{self, Journal},
            names,
            redo::{self, Redo},
            retired::{self, RetiredCounters},
        },
        size::Sizes,
    },
    error::{Error, ErrorKind},
};

/// Names of the maps of [`Notes`].
pub(super) const NOTES: [&str; 6] = [
    names::JOURNAL,
    names::TCP_JOURNAL,
    names::DROP_JOURNAL,
    names::REDO,
    names::DEPARTED,
    names::INTERFACES,
];

/// Creates the maps that the kernel program does not use: the map of the identity, and the maps of [`NOTES`].
pub(super) fn beside(identity: Identity, sizes: Sizes) -> io::Result<(OwnedFd, [OwnedFd; 6])> {
    let notes = [
        journal::create(sizes.slots)?,
        journal::create_tcp(sizes.tcp_analyses())?,
        journal::create_drops(sizes.drop_counts())?,
        redo::create()?,
        retired::create()?,
        interfaces::create()?,
    ];
    Ok((identity::create(identity)?, notes))
}

/// Maps that user space writes while the source runs.
pub(super) struct Notes {
    pub(super) journal: Journal,
    pub(super) redo: Redo,
    pub(super) retired: RetiredCounters,
    pub(super) known: Interfaces,
}

impl Notes {
    /// Opens the maps of [`NOTES`].
    pub(super) fn open(maps: &[Option<OwnedFd>; 6], sizes: Sizes) -> Result<Self, Error> {
        let open = || -> io::Result<Self> {
            let [
                Some(journal),
                Some(tcp),
                Some(drops),
                Some(redo),
                Some(retired),
                Some(known),
            ] = maps
            else {
                return Err(io::ErrorKind::NotFound.into());
            };
            Ok(Self {
                journal: Journal::open(
                    journal.as_fd(),
                    sizes.slots,
                    sizes.tcp_analysis.then(|| tcp.as_fd()),
                    sizes.drops.map(|_| drops.as_fd()),
                )?,
                redo: Redo::open(redo.as_fd())?,
                retired: RetiredCounters::open(retired.as_fd())?,
                known: Interfaces::open(known.as_fd())?,
            })
        };
        open().map_err(|error| {
            Error::new(ErrorKind::System, "cannot map the journal into memory").with_source(error)
        })
    }
}
