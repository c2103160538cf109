//! Options of a capture.

use std::{path::PathBuf, time::Duration};

use bpaf::{Parser, ShellComp, construct, long, short};
use mermin_core::Attach;
use mermin_program::{Expression, With, items};

use super::values;

/// The format of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// A table on a terminal, plain lines elsewhere.
    #[default]
    Plain,
    Json,
    Csv,
}

/// Options for showing flows.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) interfaces: Vec<String>,
    pub(crate) exclude: Vec<String>,
    /// `None` if not given.
    pub(crate) max_flows: Option<u32>,
    pub(crate) ready_fd: Option<u32>,
    pub(crate) pcap: Option<PathBuf>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) format: Format,
    pub(crate) duration: Option<Duration>,
    /// `None` if not given.
    pub(crate) attach: Option<Attach>,
    pub(crate) demo: bool,
    pub(crate) with: With,
    /// Admits every record if not given.
    pub(crate) expression: Expression,
    /// Number of flows or groups to show at the end: those with the most octets.
    pub(crate) top: Option<usize>,
    /// Names of attributes; empty without groups.
    pub(crate) group_by: Vec<&'static str>,
}

pub(super) fn options() -> impl Parser<Options> {
    let (interfaces, exclude) = (interfaces(), exclude());
    let (pcap, config) = (pcap(), config());
    let (expression, group_by, top) = (expression(), group_by(), top());
    let (duration, with) = (duration(), with());
    let (max_flows, attach, ready_fd) = (max_flows(), attach(), ready_fd());
    let demo = long("demo")
        .help("make traffic in two network namespaces and show its flows, for 10 seconds unless `--duration` is given")
        .switch();
    let format = bpaf::pure(Format::default());
    construct!(Options {
        interfaces,
        exclude,
        pcap,
        config,
        expression,
        group_by,
        top,
        format,
        duration,
        with,
        max_flows,
        attach,
        ready_fd,
        demo,
    })
}

fn interfaces() -> impl Parser<Vec<String>> {
    let help = "watch the interfaces with these names, with commas between them; a name may be a glob (`eth*`, `veth?`, `{eth,ens}[0-9]`) or a \
                regular expression between slashes that matches the whole name (`/eth[0-9]+/`); may be repeated (default: all \
                that are up, except loopback)";
    patterns(short('i').long("interface").help(help))
}

fn exclude() -> impl Parser<Vec<String>> {
    patterns(
        long("exclude").help("do not watch these interfaces, even if `--interface` names them"),
    )
}

fn patterns(name: bpaf::parsers::NamedArg) -> impl Parser<Vec<String>> {
    name.argument::<String>("PATTERNS").many().map(|lists| {
        lists
            .iter()
            .flat_map(|list| items(list))
            .map(str::to_owned)
            .collect()
    })
}

fn pcap() -> impl Parser<Option<PathBuf>> {
    let help = "read a capture file instead: pcap, pcapng, snoop or ERF, also compressed by gzip, zstd or lz4; `-` is standard \
                input";
    long("pcap")
        .help(help)
        .argument("FILE")
        .complete_shell(ShellComp::File { mask: None })
        .optional()
}

fn config() -> impl Parser<Option<PathBuf>> {
    let help = "read interfaces, timeouts, filters and more from an HCL file; options of the command line override it. With \
                `--pcap`, its keys about interfaces have no effect";
    let mask = Some("*.hcl");
    long("config")
        .help(help)
        .argument("FILE")
        .complete_shell(ShellComp::File { mask })
        .optional()
}

fn expression() -> impl Parser<Expression> {
    let help = "show only records that match, such as `port 443 and not net 10.0.0.0/8`. A term is a key of the filters in a \
                configuration file (docs/CONFIG.md) with a value, or in the words of pcap-filter(7); `and`, `or`, `not` \
                and parentheses join terms";
    long("where")
        .help(help)
        .argument::<Expression>("EXPRESSION")
        .fallback(Expression::default())
}

fn group_by() -> impl Parser<Vec<&'static str>> {
    let help = "at the end, show the number of flows, packets and octets for each value of these attributes (docs/ATTRIBUTES.md), \
                such as `source.address,network.transport`; most octets first";
    long("group-by")
        .help(help)
        .argument::<String>("ATTRIBUTES")
        .complete(|list| values::completed_attributes(list))
        .parse(|names| values::attributes(&names))
        .fallback(Vec::new())
}

fn top() -> impl Parser<Option<usize>> {
    long("top")
        .help(
            "at the end, show the N flows with the most octets, or with `--group-by` the N groups",
        )
        .argument("N")
        .guard(|&many: &usize| many > 0, "must be above zero")
        .optional()
}

fn duration() -> impl Parser<Option<Duration>> {
    long("duration")
        .help("end after this time: `90s`, `5m`, `1h30m`, or a number of seconds")
        .argument::<String>("TIME")
        .parse(|text| values::duration(&text))
        .optional()
}

fn with() -> impl Parser<With> {
    let help = "more about each flow, with commas between the names. `join`: a conversation that several interfaces see is one \
                flow; `join=merged`: the same, with the counts of each interface; `names`: server names of TLS, questions of \
                DNS and hosts of HTTP, read from the first payloads; `process`: the processes at both ends; `nat`: the addresses on \
                the other side of a translation; `tcp`: retransmissions, round trips and more; `sockets`: round trip, retransmissions and more of the TCP sockets of this host; `listening`: the side with a listening port is the server of a flow that \
                began before the capture; `drops`: packets that the kernel dropped; `all`: all of these. `sampling`: whole flows are \
                left out when there are too many; `all` leaves it out, because it leaves flows out";
    long("with")
        .help(help)
        .argument::<String>("NAMES")
        .many()
        .parse(|lists| {
            let mut with = With::default();
            lists.iter().try_for_each(|names| with.add(names))?;
            Ok::<_, String>(with)
        })
}

fn max_flows() -> impl Parser<Option<u32>> {
    long("max-flows")
        .help(
            "number of flows that can be open at once, about 380 octets of memory each without other options (default: 65536)",
        )
        .argument("N")
        .optional()
}

fn attach() -> impl Parser<Option<Attach>> {
    long("attach")
        .help("attach to interfaces by `tcx` or `tc` only (default: `auto`, which is `tcx` where the kernel has it)")
        .argument::<String>("MODE")
        .complete(|_| vec![("auto", None), ("tcx", None), ("tc", None)])
        .parse(|mode| values::attach(&mode))
        .optional()
}

fn ready_fd() -> impl Parser<Option<u32>> {
    let help = "write `ready` and a newline to this file descriptor when capturing has begun; a service manager is notified by \
                NOTIFY_SOCKET without this option";
    long("ready-fd").help(help).argument("N").optional()
}
