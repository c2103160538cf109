//! From options to a running source.

#[cfg(feature = "pcap")]
use std::{io, path::PathBuf};
use std::{sync::Arc, thread, time::Duration};

use futures_channel::oneshot;

#[cfg(feature = "pcap")]
use super::offline::{self, Input};
use super::{
    capture, control::Control, engine::Opened, flow_key::FlowKey, options::Options,
    pinning::Pinning, queue::Queue, stream::FlowSource, tunnels::Tunnels,
};
use crate::{
    attach::{Attach, TcxOrder},
    error::{Error, ErrorKind},
    filter::Filter,
    flow::TunnelKind,
    iface::{NetNs, select::Selector},
    report::Report,
    table::Timeouts,
};

/// Options of a [`FlowSource`]. By value and `Clone`, so that one set of options opens several sources.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is captured before `open` is awaited"]
pub struct FlowSourceBuilder {
    options: Options,
    #[cfg(feature = "pcap")]
    input: Option<Input>,
}

impl FlowSourceBuilder {
    /// Interfaces to watch: exact names, globs (`*`, `?`, `[..]`) and regular expressions between slashes, see
    /// [`Pattern`](crate::Pattern); [`Preset`](crate::Preset) has those of the usual Kubernetes networks. An interface that
    /// a pattern matches is watched also when it is down or loopback. Default, and with an empty list: all that are up,
    /// loopback aside.
    ///
    /// An exact name that does not exist is [`ErrorKind::NoInterface`] when the source is opened. A glob or expression that
    /// fits nothing is waited for, and the report says so; with [`hot_plug`](Self::hot_plug) off it is that error too where
    /// nothing else fits.
    pub fn interfaces<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.interfaces = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// Interfaces not to watch though [`interfaces`](Self::interfaces) has them, in the same forms. Default: none.
    pub fn exclude<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.exclude = patterns.into_iter().map(Into::into).collect();
        self
    }

    /// True if everything that is up, loopback aside, stands in while no interface matches
    /// [`interfaces`](Self::interfaces); the report says so. Default: no.
    pub fn or_all(mut self, or_all: bool) -> Self {
        self.options.or_all = or_all;
        self
    }

    /// True if interfaces that come later are watched too, when they fit. Default: yes. Those that go are noticed in any
    /// case.
    pub fn hot_plug(mut self, hot_plug: bool) -> Self {
        self.options.no_hot_plug = !hot_plug;
        self
    }

    /// How programs are attached. Default: [`Attach::Auto`].
    pub fn attach(mut self, attach: Attach) -> Self {
        self.options.attach.mode = attach;
        self
    }

    /// Priority of the `cls_bpf` filters of [`Attach::Tc`], and of [`Attach::Auto`] where the kernel has no TCX: the `pref` of
    /// tc(8), 1 (runs first) to 32767. Default: 1. BPF filters may share one; a filter of another kind may not. Ignored for
    /// TCX, and the report says so.
    pub fn tc_priority(mut self, priority: u16) -> Self {
        self.options.attach.tc_priority = Some(priority);
        self
    }

    /// Where among other TCX programs this source's are put. Default: [`TcxOrder::First`]. It says nothing of filters.
    pub fn tcx_order(mut self, order: TcxOrder) -> Self {
        self.options.attach.tcx_order = order;
        self
    }

    /// Whose interfaces are watched. Default: [`NetNs::Own`]. Only the source's own threads change namespace.
    pub fn netns(mut self, netns: NetNs) -> Self {
        self.options.netns = netns;
        self
    }

    /// All timeouts at once: change fields of [`Timeouts::default`].
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options.timeouts = timeouts;
        self
    }

    /// A flow that lives longer gets a record this often: who wants totals every 5 s sets 5 s. Default: 60 s. Above zero.
    pub fn active_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.active = timeout;
        self
    }

    /// TCP flows end after this long without a packet. Default: 20 s; 5 s after a RST or FINs of both sides, 120 s after that of
    /// one. Above zero.
    pub fn tcp_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp = timeout;
        self
    }

    /// TCP flows that saw FINs of both sides end after this long without a packet. Default: 5 s. Above zero.
    pub fn tcp_fin_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp_fin = timeout;
        self
    }

    /// TCP flows that saw a FIN of one side end after this long without a packet. Default: 120 s, as
    /// [`Timeouts::tcp_half_closed`] says. Above zero.
    pub fn tcp_half_closed_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp_half_closed = timeout;
        self
    }

    /// TCP flows that saw a RST, and those of SCTP and DCCP that saw the end of their connection, end after this long without a
    /// packet. Default: 5 s. Above zero.
    pub fn tcp_rst_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp_rst = timeout;
        self
    }

    /// UDP flows end after this long without a packet. Default: 60 s. Above zero.
    pub fn udp_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.udp = timeout;
        self
    }

    /// ICMP and ICMPv6 flows end after this long without a packet. Default: 10 s. Above zero.
    pub fn icmp_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.icmp = timeout;
        self
    }

    /// Flows of other protocols end after this long without a packet. Default: 30 s. Above zero.
    pub fn other_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.other = timeout;
        self
    }

    /// Which flows are wanted. Default: all.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.options.filter = filter;
        self
    }

    /// Flows at once, 1 to 16,777,216. Default: 65,536. Each takes about 600 octets of kernel memory, in use or not;
    /// what finds no room is counted under `table_full`. Of a capture file the default is the most, because there memory
    /// is taken as flows come.
    pub fn max_flows(mut self, flows: u32) -> Self {
        self.options.max_flows = Some(flows);
        self
    }

    /// Facts that tell flows apart besides interface, protocol, addresses and ports. Default: [`FlowKey::Full`], VLANs and
    /// tunnels.
    pub fn flow_key(mut self, key: FlowKey) -> Self {
        self.options.flow_key = key;
        self
    }

    /// True if [`Flow::end`](crate::Flow::end) of a flow on a host is exact to the nanosecond, as its start is, instead of
    /// to a tick of the kernel (1 to 10 ms). Default: no, because a precise clock is read for each packet then, which is 30
    /// to 40 ns more.
    /// [`Flow::time_resolution`](crate::Flow::time_resolution) says which. Of a capture, times are as exact as the file in any
    /// case.
    ///
    /// It is the kernel's `CLOCK_MONOTONIC` at the hook, as fine as its source counts: some 0.5 ns on x86, 1 to 100 ns on arm64. Where
    /// two CPUs count packets of one direction at once, the earlier time may be the one that is told.
    pub fn exact_end(mut self, exact: bool) -> Self {
        self.options.exact_end = exact;
        self
    }

    /// Whose flow counts a packet that was sent through a tunnel. Default: [`Tunnels::Inner`], the innermost packet's.
    pub fn tunnels(mut self, tunnels: Tunnels) -> Self {
        self.options.tunnels = tunnels;
        self
    }

    /// UDP ports at which a kind of tunnel is looked for, instead of those it has by default: VXLAN 4789, VXLAN-GPE 4790,
    /// Geneve 6081, GTP-U 2152, each as the receiver's port; L2TP 1701, Teredo 3544, `WireGuard` 51820, as either side's. At
    /// most four, none to look for none.
    pub fn tunnel_ports(mut self, kind: TunnelKind, ports: impl IntoIterator<Item = u16>) -> Self {
        self.options
            .tunnel_ports
            .set(kind, ports.into_iter().collect());
        self
    }

    /// True if something given up is an error instead of a line in the report. Default: no.
    pub fn strict(mut self, strict: bool) -> Self {
        self.options.strict = strict;
        self
    }

    /// Lets the source outlive its process: when it is killed the kernel goes on counting, and the next source of this
    /// instance goes on with the flows there are. No packet is missed; a record of which nothing says that it arrived is given
    /// again, with the same id and sequence number. Default: no. See [`Pinning`].
    ///
    /// A record counts as arrived when the sink of [`run`](FlowSource::run) has returned `Ok` for it, when the stream is asked
    /// for the one after it, or when it is [acknowledged by hand](FlowSource::manual_ack). Until then its flow gets no other, and a flow
    /// that has ended keeps its room in the table. Takes 136 octets of kernel memory more for each of `max_flows`. The
    /// ledgers of interfaces ([`Stats::packets`](crate::Stats::packets) and those by hook) go on as well. Where there is no
    /// BPF file system that can be written to, the source is not pinned, and the report says what that costs.
    pub fn pinning(mut self, pinning: Pinning) -> Self {
        self.options.pinning = Some(pinning);
        self
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn workings(&mut self) -> &mut super::options::Workings {
        &mut self.options.workings
    }

    /// Checked options of a source of interfaces, and which of them are meant.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidOption`].
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

    /// Reads a capture file instead of watching interfaces: no root, no kernel program.
    ///
    /// **Formats**, told by how the file begins and not by its name: pcap of either byte order (microseconds, nanoseconds,
    /// the modified one of 1999, and versions before 2.4, whose lengths are exchanged), pcapng, snoop (RFC 1761) and ERF.
    /// With the feature `pcap-compressed` also what gzip, zstd or lz4 compressed of those, in one part or several; unpacking
    /// takes 128 MiB of memory at most, and a file that unpacks to 10,000 times its size is an error.
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
    /// A file of another link type is refused by its name and number. In a pcapng file, which may have several, the packets of
    /// one that is not read are counted under `other_link`, [`Report::degradations`] says so, and the others are read; a file
    /// that has no other is refused at its end.
    ///
    /// Timeouts run on the capture's clock, dates are the capture's, and reading waits for a slow consumer. A pipe, or a
    /// reader, may give a capture while it is made: it is taken for such a one as long as packets are read within a minute
    /// after they were captured. Then timeouts also run while it is silent, by the host's clock less the greatest delay so
    /// far and a second; of a compressed one flows may end later. When the file
    /// ends, so do the flows that are open; then the stream does, with an error if the file is cut or damaged. An
    /// interface's index is its number in the file plus one, over all sections; its name is the file's, or `pcap`. Octets
    /// are those on the wire also where packets were captured in part; those captured too short for their headers are
    /// counted under `snapped`. A super-packet (captured before segmentation) counts as the one packet it is in the file.
    /// Options that choose interfaces or say how they are watched cannot be combined with it.
    #[cfg(feature = "pcap")]
    pub fn pcap(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = Some(Input::Path(path.into()));
        self
    }

    /// As [`pcap`](Self::pcap), from a reader: standard input, a decompressor, a socket. No buffering is needed.
    ///
    /// The first [`open`](Self::open) of this builder and its clones takes the reader. A thread of
    /// its own calls it, up to 64 KiB ahead; `close` does not wait for a call that blocks.
    #[cfg(feature = "pcap")]
    pub fn pcap_reader(mut self, reader: impl io::Read + Send + 'static) -> Self {
        self.input = Some(Input::reader(reader));
        self
    }

    /// Tries all that [`open`](Self::open) would take and says what it would meet: [`Report::facts`], and the degradations that
    /// would follow. Nothing is attached to an interface of the host, and nothing is left.
    ///
    /// The work is done by a thread of its own and takes a few tenths of a second, because the kernel program is loaded with
    /// room for one flow. A file that is to be read is not looked at.
    ///
    /// # Errors
    /// `InvalidOption`; `Exhausted` where no thread can be started. A gap of the host is no error but a fact.
    pub async fn preflight(&self) -> Result<Report, Error> {
        let selector = self.options.validate()?;
        let options = self.options.clone();
        let (answer, report) = oneshot::channel();
        thread::Builder::new()
            .name("mermin-preflight".to_owned())
            .spawn(move || {
                // Whoever asked may have gone.
                let _ = answer.send(capture::preflight(&options, &selector));
            })
            .map_err(|error| {
                Error::new(ErrorKind::Exhausted, "cannot start the preflight thread")
                    .with_source(error)
            })?;
        report.await.map_err(|_| {
            Error::new(
                ErrorKind::Panicked,
                "cannot try what the host can do: the thread panicked",
            )
        })
    }

    /// Loads the kernel program and attaches it, in the network namespace of the thread that first polls this.
    ///
    /// The work is done by the source's own thread, so no executor is blocked. Dropping the future before it is ready does
    /// not wait for that thread either: it attaches to no further interface, takes away what it has attached by then, and
    /// ends.
    ///
    /// # Errors
    /// By [`ErrorKind`]: `InvalidOption`; `InUse` where another source has the instance; `Unsupported` below Linux 5.14;
    /// `PermissionDenied`; `NoInterface`; `Verifier`; `Exhausted`; `System`. Of a capture file also `InvalidCapture`, and
    /// `Unsupported` for a link type that is not read.
    pub async fn open(self) -> Result<FlowSource, Error> {
        let selector = self.options.validate()?;
        let control = Control::new().map_err(|error| {
            Error::new(ErrorKind::Exhausted, "cannot create an event descriptor")
                .with_remedy("raise the limit: `ulimit -n 4096`")
                .with_source(error)
        })?;
        let control = Arc::new(control);
        let queue = Arc::new(Queue::default());
        #[cfg(feature = "pcap")]
        if let Some(input) = self.input {
            let opened = offline::start(self.options, input, &control, &queue)?;
            return opened_by(opened, queue, control).await;
        }
        let (answer, opened) = oneshot::channel();
        let job = capture::Job {
            options: self.options,
            selector,
            control: Arc::clone(&control),
            queue: Arc::clone(&queue),
        };
        thread::Builder::new()
            .name("mermin-capture".to_owned())
            .spawn(move || capture::run(job, answer))
            .map_err(|error| {
                Error::new(ErrorKind::Exhausted, "cannot start the capture thread")
                    .with_source(error)
            })?;
        opened_by(opened, queue, control).await
    }
}

/// Ends a source whose `open` was cancelled: its thread may have answered already, and would go on for nobody.
struct Unopened(Option<Arc<Control>>);

impl Drop for Unopened {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.decline();
        }
    }
}

/// Waits for what the source's thread says.
async fn opened_by(
    opened: oneshot::Receiver<Result<Opened, Error>>,
    queue: Arc<Queue>,
    control: Arc<Control>,
) -> Result<FlowSource, Error> {
    let mut unopened = Unopened(Some(Arc::clone(&control)));
    let opened = opened.await.map_err(|_| {
        Error::new(
            ErrorKind::Panicked,
            "cannot open the source: its thread panicked",
        )
    })??;
    unopened.0 = None;
    Ok(FlowSource::new(queue, control, opened))
}
