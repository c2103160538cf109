//! Access to the packets of a capture without counting them.

use std::io;

use crate::{
    error::Error,
    pcap::{Capture, Next, PcapError},
};

/// One packet of a capture.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Captured<'a> {
    /// Number of its link type.
    pub link: u32,
    /// The captured octets.
    pub octets: &'a [u8],
    /// Octets on the wire.
    pub length: u32,
}

/// Calls a function with each packet of a capture, up to its end or its damage.
///
/// # Errors
/// As those of a source's stream.
pub fn for_each_captured(
    input: impl io::Read,
    mut take: impl FnMut(&Captured<'_>),
) -> Result<(), Error> {
    let mut capture = Capture::new(input);
    let mut read = || -> Result<(), PcapError> {
        capture.open()?;
        loop {
            match capture.next()? {
                Next::Packet(packet) => {
                    if let Some(interface) = capture.interfaces().get(packet.interface) {
                        take(&Captured {
                            link: interface.link,
                            octets: capture.octets(&packet),
                            length: packet.length,
                        });
                    }
                }
                Next::More => capture.fill()?,
                Next::End => return Ok(()),
            }
        }
    };
    read().map_err(|broken| broken.into_error("the capture"))
}
