//! Options of a capture.

use std::{path::PathBuf, time::Duration};

use bpaf::{Parser, ShellComp, construct, long, short};
use mermin_core::Attach;
use mermin_program::{Expression, items};

use super::values;
use crate::with::With;

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
        .help("make traffic in network namespaces of its own and show that (for 10 seconds)")
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
    let help = "watch interfaces of these names, with commas between them; `*`, `?`, `[0-9]` and `{eth,ens}` stand for other characters, and between slashes \
                is a regular expression that has to fit the whole name, `/eth[0-9]+/`; may be repeated (all that are up, \
                loopback aside)";
    patterns(short('i').long("interface").help(help))
}

fn exclude() -> impl Parser<Vec<String>> {
    patterns(long("exclude").help("watch none of these, whatever `--interface` says"))
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
    let help = "read a capture file instead (pcap, pcapng, snoop or ERF, also compressed by gzip, zstd or lz4); `-` is standard \
                input";
    long("pcap")
        .help(help)
        .argument("FILE")
        .complete_shell(ShellComp::File { mask: None })
        .optional()
}

fn config() -> impl Parser<Option<PathBuf>> {
    let help = "take interfaces, timeouts, filters and more from an HCL file; what these options say is put over it. With \
                `--pcap`, all but what it says of interfaces";
    let mask = Some("*.hcl");
    long("config")
        .help(help)
        .argument("FILE")
        .complete_shell(ShellComp::File { mask })
        .optional()
}

fn expression() -> impl Parser<Expression> {
    let help = "show only flows for which this holds, such as `port 443 and not net 10.0.0.0/8`; keys are those of the \
                filters of a configuration file (docs/CONFIG.md), and `and`, `or`, `not` and parentheses join terms";
    long("where")
        .help(help)
        .argument::<Expression>("EXPRESSION")
        .fallback(Expression::default())
}

fn group_by() -> impl Parser<Vec<&'static str>> {
    let help = "at the end, show sums of flows, packets and octets for each value of these attributes (docs/ATTRIBUTES.md), \
                such as `source.address,network.transport`; the most octets first";
    long("group-by")
        .help(help)
        .argument::<String>("ATTRIBUTES")
        .complete(|list| values::completed_attributes(list))
        .parse(|names| values::attributes(&names))
        .fallback(Vec::new())
}

fn top() -> impl Parser<Option<usize>> {
    long("top")
        .help("at the end, show only the N flows, or groups, with the most octets")
        .argument("N")
        .guard(|&many: &usize| many > 0, "must be above zero")
        .optional()
}

fn duration() -> impl Parser<Option<Duration>> {
    long("duration")
        .help("end after that long: `90s`, `5m`, `1h30m`, or a number of seconds")
        .argument::<String>("TIME")
        .parse(|text| values::duration(&text))
        .optional()
}

fn with() -> impl Parser<With> {
    let help = "more about each flow: `join` reports a conversation once that several interfaces see, with their names, and \
                `join=merged` says what each saw; `names` has server names of TLS, questions of DNS and hosts of HTTP, which it \
                reads from the first payloads; `process` names the processes at both ends; `tcp` analyses TCP \
                from its segments; `listening` has listening ports tell the client of a flow that was joined late; `all` is all there is";
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
        .help("room for so many flows at once, 600 octets of memory each (65536)")
        .argument("N")
        .optional()
}

fn attach() -> impl Parser<Option<Attach>> {
    long("attach")
        .help("auto, tcx or tc (auto)")
        .argument::<String>("MODE")
        .complete(|_| vec![("auto", None), ("tcx", None), ("tc", None)])
        .parse(|mode| values::attach(&mode))
        .optional()
}

fn ready_fd() -> impl Parser<Option<u32>> {
    let help = "write `ready` and a newline to this descriptor when capturing has begun; a service manager that sets \
                NOTIFY_SOCKET is told as well";
    long("ready-fd").help(help).argument("N").optional()
}
