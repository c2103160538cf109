//! A capture file, removed on drop.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::PathBuf,
};

use crate::{Result, frames};

/// Octets of a record's header.
const RECORD: usize = 16;

/// Contents of a file.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Part of the file's name.
    pub name: &'static str,
    /// Default number of packets.
    pub packets: u32,
    /// Octets of UDP payload.
    pub payload: usize,
    /// Number of flows; their packets alternate.
    pub flows: u16,
}

/// A file in the system's temporary directory.
#[derive(Debug)]
pub struct CaptureFile {
    /// Its path.
    pub path: PathBuf,
    /// Its length in octets.
    pub octets: u64,
    /// Number of its packets.
    pub packets: u64,
}

impl Drop for CaptureFile {
    fn drop(&mut self) {
        // A file that stays in the temporary directory does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

impl CaptureFile {
    /// Writes datagrams of many flows in turn, a microsecond apart.
    ///
    /// # Errors
    /// The system's error.
    pub fn write(shape: &Shape, packets: u32) -> Result<Self> {
        let name = format!("mermin-{}-{}.pcap", shape.name, std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        let header: [u32; 6] = [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 1 << 18, 1];
        for word in header {
            out.write_all(&word.to_le_bytes())?;
        }
        let frames: Vec<Vec<u8>> = (0..shape.flows)
            .map(|flow| frames::udp4_of(1024 + flow, shape.payload))
            .collect();
        let mut octets = 24;
        for (number, frame) in (0..packets).zip(frames.iter().cycle()) {
            let length = u32::try_from(frame.len())?;
            let time = [1_700_000_000 + number / 1_000_000, number % 1_000_000];
            for word in [time[0], time[1], length, length] {
                out.write_all(&word.to_le_bytes())?;
            }
            out.write_all(frame)?;
            octets += (RECORD + frame.len()) as u64;
        }
        out.flush()?;
        Ok(Self {
            path,
            octets,
            packets: packets.into(),
        })
    }
}
