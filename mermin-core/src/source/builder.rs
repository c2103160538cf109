//! From options to a running source.

#[cfg(feature = "pcap")]
use std::{io, path::PathBuf};
use std::{sync::Arc, thread, time::Duration};

use futures_channel::oneshot;

#[cfg(feature = "pcap")]
use super::offline::{self, Input};
use super::{
    capture, control::Control, options::Options, pinning::Pinning, queue::Queue,
    stream::FlowSource, tunnels::Tunnels,
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
    /// [`Pattern`](crate::Pattern); [`Preset`](crate::Preset) has those of the usual Kubernetes networks. What a pattern
    /// matches is watched also when it is down or loopback. Default, and with an empty list: all that are up, loopback
    /// aside.
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

    /// Whether everything that is up, loopback aside, stands in while no interface matches
    /// [`interfaces`](Self::interfaces); the report says so. Default: no.
    pub fn or_all(mut self, or_all: bool) -> Self {
        self.options.or_all = or_all;
        self
    }

    /// Whether interfaces that come later are watched too, when they fit. Default: yes. Those that go are noticed in any
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

    /// The priority of the filters that [`Attach::Auto`] puts where TCX cannot be had, 1 (runs first) to 32767. Default:
    /// 1. It says nothing of TCX, and [`Attach::Tc`] has its own.
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

    /// TCP flows end after this long without a packet. Default: 20 s; 5 s after a FIN or RST. Above zero.
    pub fn tcp_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp = timeout;
        self
    }

    /// TCP flows that saw a FIN end after this long without a packet. Default: 5 s. Above zero.
    pub fn tcp_fin_timeout(mut self, timeout: Duration) -> Self {
        self.options.timeouts.tcp_fin = timeout;
        self
    }

    /// TCP flows that saw a RST end after this long without a packet. Default: 5 s. Above zero.
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

    /// Whose flow counts a packet that was sent through a tunnel. Default: [`Tunnels::Inner`], the innermost packet's.
    pub fn tunnels(mut self, tunnels: Tunnels) -> Self {
        self.options.tunnels = tunnels;
        self
    }

    /// UDP ports at which a kind of tunnel is looked for, instead of those it has by default: VXLAN 4789, Geneve 6081, GTP-U
    /// 2152, each as the receiver's port; `WireGuard` 51820, as either side's. At most four, none to look for none.
    pub fn tunnel_ports(mut self, kind: TunnelKind, ports: impl IntoIterator<Item = u16>) -> Self {
        self.options
            .tunnel_ports
            .set(kind, ports.into_iter().collect());
        self
    }

    /// Whether something given up is an error instead of a line in the report. Default: no.
    pub fn strict(mut self, strict: bool) -> Self {
        self.options.strict = strict;
        self
    }

    /// Lets the source outlive its process: when it is killed the kernel goes on counting, and the next source of this
    /// instance goes on with the flows there are. No packet is missed; a record of which nothing says that it arrived is given
    /// again, with the same id and sequence number. Default: no. See [`Pinning`].
    ///
    /// A record counts as arrived when the stream is asked for the one after it. Until then its flow gets no other, and a flow
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

    /// Reads a pcap or pcapng file instead of watching interfaces: no root, no kernel program, any link type of Ethernet,
    /// raw IP, Linux cooked (versions 1 and 2) and BSD loopback.
    ///
    /// Timeouts run on the capture's clock, dates are the capture's, and reading waits for a slow consumer. When the file
    /// ends, so do the flows that are open; then the stream does, with an error if the file is cut or damaged. An
    /// interface's index is its number in the file plus one, over all sections; its name is the file's, or `pcap`. Octets
    /// are those on the wire also where packets were captured in part; those captured too short for their headers are
    /// counted under `snapped`. A super-packet (captured before segmentation) counts as the one packet it is in the file.
    /// What chooses interfaces or says how they are watched cannot be combined with it.
    #[cfg(feature = "pcap")]
    pub fn pcap(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = Some(Input::Path(path.into()));
        self
    }

    /// As [`pcap`](Self::pcap), from a reader: standard input, a decompressor, a socket. No buffering is needed.
    ///
    /// The first [`open`](Self::open) of this builder and its clones takes the reader. While a call of the reader blocks,
    /// so does `close`'s effect.
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
    /// `InvalidOption`; `Exhausted` where no thread can be started. What the host lacks is no error but a fact.
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
    /// The work is done by the source's own thread, so no executor is blocked. Dropping the future before it is ready
    /// leaves nothing attached: it waits for that thread to take away what it has attached by then, a few tenths of a second
    /// when it has just begun to load.
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
            .spawn(move || job.run(answer))
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
    opened: oneshot::Receiver<Result<capture::Opened, Error>>,
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
