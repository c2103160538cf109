//! A capture file or reader instead of interfaces.

use std::{io, path::PathBuf};

use super::FlowSourceBuilder;
use crate::source::{offline::Input, pace::Pace};

impl FlowSourceBuilder {
    /// Reads a capture file instead of watching interfaces: no root, no kernel program.
    ///
    /// **Formats**, recognised by the file's first bytes and not by its name: pcap of either byte order (microseconds,
    /// nanoseconds, the modified format of 1999, and versions before 2.4, in which the two length fields may be
    /// swapped), pcapng, snoop (RFC 1761) and ERF. The feature `pcap-compressed` adds these formats compressed by gzip,
    /// zstd or lz4; a file may have several gzip members, or zstd or lz4 frames. Decompressing takes at most 128 MiB of
    /// memory, and a file that decompresses to 10,000 times its size is an error.
    ///
    /// **Link types** (their numbers at tcpdump.org):
    ///
    /// | | |
    /// |---|---|
    /// | Ethernet | 1; behind a header 178, 240, 282; with a switch's tag 281, 284, 285 |
    /// | IP | 12, 14, 101, 228, 229; MPLS 219 |
    /// | Operating systems | loopback 0, 108; Linux cooked 113, 276; netfilter 239; `OpenBSD` 109, 117; Solaris 226; PKTAP 258 |
    /// | Lines | PPP 9, 50, 166, 179, 204; `PPPoE` 51; Cisco HDLC 104, 181, 205; Frame Relay 107, 180, 182, 206; SLIP 8 |
    /// | Wireless | IEEE 802.11 105, 119, 127, 163; unencrypted data frames that hold one packet |
    /// | Others | FDDI 10; Token Ring 6; ATM 11, 100, 106, 123; `FireWire` 138; `InfiniBand` 242; ERF 197; PPI 192 |
    ///
    /// A file of another link type is an error that names the type and its number. A pcapng file may have several link
    /// types: packets of unsupported types are counted under `other_link`,
    /// [`Report::degradations`](crate::Report::degradations) lists the types, and all other packets are read. If the
    /// file has only unsupported types, its end is an error.
    ///
    /// **Time.** Timeouts run on the capture's clock, and dates are the capture's. Reading waits for a slow consumer. A
    /// pipe or reader counts as live while packets arrive within a minute of their capture. Timeouts then also run
    /// while no packet arrives. The capture's clock is then the host's clock, minus the largest delay of a packet so
    /// far, minus one second. Flows of compressed input may end later than those of the same input without compression.
    ///
    /// **End.** When the file ends, open flows end, and then the stream. The stream ends with an error if the file is
    /// truncated or damaged.
    ///
    /// **Counting.** Interfaces have the indices 1, 2, and so on in the file's order, through all its sections. An
    /// interface has the name that the file gives it, or `pcap` if there is none. Octets are those on the wire, even if packets were
    /// captured in part. Packets captured too short for their headers are counted under `snapped`. A super-packet
    /// (captured before segmentation) counts as one packet, as in the file.
    ///
    /// Options that select or configure interfaces cannot be combined with a capture, and neither can `pinning`, `process`,
    /// `nat`, `tcp_sockets`, `drops` and `drop_capabilities`.
    ///
    /// ```no_run
    /// use futures::StreamExt;
    /// use mermin_core::FlowSource;
    ///
    /// # async fn read() -> Result<(), mermin_core::Error> {
    /// let mut flows = FlowSource::builder().pcap("day.pcapng").open().await?;
    /// while let Some(flow) = flows.next().await {
    ///     println!("{}", flow?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pcap(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = Some(Input::Path(path.into()));
        self
    }

    /// Reads a capture as [`pcap`](Self::pcap) does, from a reader: standard input, a decompressor, a socket. The
    /// reader needs no buffering.
    ///
    /// The first [`open`](Self::open) of this builder and its clones takes the reader. A thread of its own calls it,
    /// up to 64 KiB ahead. `close` does not wait for a call that blocks.
    ///
    /// ```
    /// use futures::{StreamExt, executor::block_on};
    /// use mermin_core::FlowSource;
    ///
    /// // The header of a pcap file without packets: version 2.4, Ethernet.
    /// let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    /// file.extend([0; 8]);
    /// file.extend([0, 0, 4, 0, 1, 0, 0, 0]);
    /// block_on(async {
    ///     let mut flows = FlowSource::builder().pcap_reader(&*file.leak()).open().await?;
    ///     assert!(flows.next().await.is_none());
    ///     Ok::<(), mermin_core::Error>(())
    /// })?;
    /// # Ok::<(), mermin_core::Error>(())
    /// ```
    pub fn pcap_reader(mut self, reader: impl io::Read + Send + 'static) -> Self {
        self.input = Some(Input::reader(reader));
        self
    }

    /// Reads the capture at this pace at most. Default: as fast as possible. While a packet waits, the timeouts of
    /// flows wait as well.
    ///
    /// ```no_run
    /// use futures::StreamExt;
    /// use mermin_core::{FlowSource, Pace};
    ///
    /// # async fn watch() -> Result<(), mermin_core::Error> {
    /// let pace = Pace::new(10.0);
    /// let mut flows = FlowSource::builder().pcap("day.pcapng").pace(&pace).open().await?;
    /// while let Some(flow) = flows.next().await {
    ///     println!("{}", flow?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn pace(mut self, pace: &Pace) -> Self {
        self.pace = Some(pace.clone());
        self
    }

    /// Returns the value of [`pace`](Self::pace).
    #[must_use]
    pub fn get_pace(&self) -> Option<&Pace> {
        self.pace.as_ref()
    }
}
