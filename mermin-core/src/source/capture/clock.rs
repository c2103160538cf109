//! The clocks of a source: the kernel program's ticks, this process's monotonic clock, and the wall clock.

use std::{io, sync::Arc};

use crate::{
    bpf::{
        clock::{Reader, Ticks, TimeNs, Wall, monotonic},
        slab::Slab,
    },
    error::{Error, ErrorKind},
    table::record::RecordClock,
};

/// Converts slots into ids, and ticks into dates.
#[derive(Debug)]
pub(super) struct SourceClock {
    reader: Reader,
    slab: Arc<Slab>,
    ticks: Ticks,
    time_ns: TimeNs,
    wall: Wall,
    /// Makes the ids of two sources differ.
    epoch: u64,
}

impl SourceClock {
    /// Reads all clocks.
    pub(super) fn new(reader: Reader, slab: Arc<Slab>, epoch: u64) -> Result<Self, Error> {
        let ticks = reader.read(slab.globals()).map_err(unreadable)?;
        let time_ns = reader.time_ns(slab.globals()).map_err(unreadable)?;
        Ok(Self {
            reader,
            slab,
            ticks,
            time_ns,
            wall: Wall::read(),
            epoch,
        })
    }

    /// Reads the kernel program's clock.
    pub(super) fn read(&mut self) -> Result<(), Error> {
        self.ticks = self.reader.read(self.slab.globals()).map_err(unreadable)?;
        Ok(())
    }

    /// Returns the latest reading.
    pub(super) fn ticks(&self) -> Ticks {
        self.ticks
    }

    /// Converts a time of this process's clock into the kernel program's, both monotonic ns. Times in the table are
    /// the kernel's.
    pub(super) fn kernel(&self, monotonic: u64) -> u64 {
        self.time_ns.kernel(monotonic)
    }

    /// Returns the clocks for records made now.
    pub(super) fn record_clock(&mut self) -> RecordClock {
        self.wall.follow(Wall::read());
        let monotonic = monotonic();
        RecordClock {
            epoch: self.epoch,
            monotonic: self.kernel(monotonic),
            wall: self.wall.at(monotonic),
            tick: self.ticks.length(),
        }
    }
}

fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::System, "cannot read the kernel's clock").with_source(error)
}
