//! Arguments of the command line.

use std::{ffi::OsStr, path::PathBuf, time::Duration};

use lexopt::{Arg, Error, Parser, ValueExt as _};
use mermin_core::Attach;

use crate::with::With;

/// The default duration of a demonstration.
const DEMO_DURATION: Duration = Duration::from_secs(10);

const HELP: &str = "\
Shows the network flows of this host as they end, which takes the privilege to load eBPF
programs; or those of a capture file, which takes none.

Usage: flows [OPTIONS]

  -i, --interface PATTERN,..
                       watch interfaces of this name; `*`, `?`, `[0-9]` and `{eth,ens}` stand for
                       other characters, and between slashes is a regular expression that has to
                       fit the whole name, `/eth[0-9]+/`; may be repeated (all that are up,
                       loopback aside)
  --exclude PATTERN,.. watch none of these, whatever `--interface` says
  --pcap FILE          read a capture file instead (pcap, pcapng, snoop or ERF, also compressed
                       by gzip, zstd or lz4); `-` is standard input
  --config FILE        take interfaces, timeouts, filters and more from an HCL file; what these
                       options say is put over it. With `--pcap`, all but what it says of
                       interfaces
  --check              with `--config`: say what is wrong with the file, and capture nothing
  --json               one JSON object per flow on standard output
  --duration TIME      end after that long: `90s`, `5m`, `1h30m`, or a number of seconds
  --with NAME,..       more about each flow: `join` reports a conversation once that several
                       interfaces see, with their names, and `join=merged` says what each saw;
                       `process` names the processes at both ends; `listening` has listening
                       ports tell the client of a flow that was joined late; `all` is all there
                       is
  --max-flows N        room for so many flows at once, 600 octets of memory each (65536)
  --attach MODE        auto, tcx or tc (auto)
  --demo               make traffic in network namespaces of its own and show that
                       (for 10 seconds)
  --ready-fd N         write `ready` and a newline to this descriptor when capturing has begun;
                       a service manager that sets NOTIFY_SOCKET is told as well
  --help               this text
  --version            version

Ctrl-C ends: flows still open are shown, then the program exits. So does SIGHUP without
`--config`; with it the file is read again. SIGUSR1 shows what was counted so far, and why packets
are in no flow. Everything but flows goes to standard error.";

/// The task of the program.
#[derive(Debug)]
pub(crate) enum Request {
    /// Show flows.
    Capture(Options),
    /// Check a configuration file.
    Check(PathBuf),
    /// Print this text.
    Say(String),
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
    pub(crate) json: bool,
    pub(crate) duration: Option<Duration>,
    /// `None` if not given.
    pub(crate) attach: Option<Attach>,
    pub(crate) demo: bool,
    pub(crate) with: With,
}

/// Parses the arguments.
///
/// # Errors
/// An unknown argument, an invalid value, or two options that exclude each other.
pub(crate) fn parse(mut parser: Parser) -> Result<Request, Error> {
    let mut options = Options {
        interfaces: Vec::new(),
        exclude: Vec::new(),
        max_flows: None,
        ready_fd: None,
        pcap: None,
        config: None,
        json: false,
        duration: None,
        attach: None,
        demo: false,
        with: With::default(),
    };
    let mut check = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("interface") | Arg::Short('i') => {
                options
                    .interfaces
                    .extend(patterns(&parser.value()?.string()?));
            }
            Arg::Long("exclude") => options.exclude.extend(patterns(&parser.value()?.string()?)),
            Arg::Long("max-flows") => options.max_flows = Some(parser.value()?.parse()?),
            Arg::Long("ready-fd") => options.ready_fd = Some(parser.value()?.parse()?),
            Arg::Long("pcap") => options.pcap = Some(parser.value()?.into()),
            Arg::Long("config") => options.config = Some(parser.value()?.into()),
            Arg::Long("check") => check = true,
            Arg::Long("json") => options.json = true,
            Arg::Long("duration") => {
                options.duration = Some(parser.value()?.parse_with(duration)?);
            }
            Arg::Long("attach") => options.attach = Some(attach(&parser.value()?)?),
            Arg::Long("with") => options.with.add(&parser.value()?.string()?)?,
            Arg::Long("demo") => options.demo = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Say(HELP.to_owned())),
            Arg::Long("version") | Arg::Short('V') => {
                return Ok(Request::Say(format!("flows {}", env!("CARGO_PKG_VERSION"))));
            }
            other => return Err(other.unexpected()),
        }
    }
    if check {
        return match options.config {
            Some(file) => Ok(Request::Check(file)),
            None => Err("`--check` needs a file: `--config FILE --check`".into()),
        };
    }
    if options.config.is_some() && options.demo {
        return Err("`--demo` has its own timeouts and interfaces, leave out `--config`".into());
    }
    let chosen = !options.interfaces.is_empty() || !options.exclude.is_empty();
    if options.pcap.is_some() && (options.demo || chosen) {
        return Err(
            "`--pcap` watches no interface, leave out `--interface`, `--exclude` and `--demo`"
                .into(),
        );
    }
    if options.demo {
        if chosen {
            return Err(
                "`--demo` has its own interfaces, leave out `--interface` and `--exclude`".into(),
            );
        }
        options.duration.get_or_insert(DEMO_DURATION);
    }
    Ok(Request::Capture(options))
}

/// Splits patterns at commas, except at commas within an expression or within braces.
fn patterns(text: &str) -> Vec<String> {
    let (mut depth, mut expression) = (0_u32, false);
    let comma = |character: char| {
        match character {
            // Interface names contain no slash.
            '/' => expression = !expression,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0 && !expression
    };
    text.split(comma)
        .map(|name| name.trim().to_owned())
        .collect()
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let duration = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or("not a time above zero, such as `90s`, `5m`, `1h30m` or a number of seconds")
}

fn attach(mode: &OsStr) -> Result<Attach, Error> {
    match mode.to_str() {
        Some("auto") => Ok(Attach::Auto),
        Some("tcx") => Ok(Attach::Tcx),
        Some("tc") => Ok(Attach::Tc),
        _ => Err(Error::ParsingFailed {
            value: mode.to_string_lossy().into_owned(),
            error: "not one of auto, tcx, tc".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Error> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    fn options(line: &str) -> Options {
        match parsed(line) {
            Ok(Request::Capture(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn defaults_watch_every_interface_without_end() {
        let options = options("");
        assert!(options.interfaces.is_empty());
        assert!(!options.json && !options.demo);
        assert_eq!(options.duration, None);
        assert_eq!((options.attach, options.config), (None, None));
    }

    #[test]
    fn capture_file_excludes_interfaces() {
        assert_eq!(options("--pcap x.pcap").pcap, Some("x.pcap".into()));
        assert!(parsed("--pcap x.pcap --interface eth0").is_err());
        assert!(parsed("--pcap x.pcap --demo").is_err());
        assert!(parsed("--pcap").is_err());
    }

    #[test]
    fn configuration_is_checked_or_used() {
        let request = parsed("--config x.hcl --check").unwrap();
        assert!(matches!(request, Request::Check(file) if file.as_os_str() == "x.hcl"));
        let options = options("--config x.hcl --attach tcx");
        assert_eq!(options.config, Some("x.hcl".into()));
        assert_eq!(options.attach, Some(Attach::Tcx));
        for line in [
            "--check",
            "--config",
            "--config x --demo",
            "--config x --pcap y --interface eth0",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_option_is_parsed() {
        let options = options("--interface eth* -i veth0 --json --duration 2.5 --attach=tc");
        assert_eq!(options.interfaces, ["eth*", "veth0"]);
        assert!(options.json);
        assert_eq!(options.duration, Some(Duration::from_millis(2_500)));
        assert_eq!(options.attach, Some(Attach::Tc));
    }

    #[test]
    fn durations_accept_units() {
        for (text, seconds) in [
            ("1m", 60),
            ("90s", 90),
            ("1h30m", 5_400),
            ("60", 60),
            ("2m 5s", 125),
        ] {
            let request = parse(Parser::from_args(["--duration", text])).unwrap();
            let Request::Capture(options) = request else {
                panic!("{request:?}");
            };
            assert_eq!(
                options.duration,
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn patterns_are_split_at_top_level_commas() {
        for (text, expected) in [
            ("eth0,lo", &["eth0", "lo"][..]),
            ("eth0, lo", &["eth0", "lo"]),
            ("{eth,ens}*,lo", &["{eth,ens}*", "lo"]),
            ("/eth[0-9]{1,2}/", &["/eth[0-9]{1,2}/"]),
            ("/a,?/,b", &["/a,?/", "b"]),
            ("eth0,", &["eth0", ""]),
        ] {
            assert_eq!(patterns(text), expected, "{text}");
        }
        let options = options("-i eth0,lo --exclude v*,x -i a --max-flows 9 --ready-fd 3");
        assert_eq!(options.interfaces, ["eth0", "lo", "a"]);
        assert_eq!(options.exclude, ["v*", "x"]);
        assert_eq!((options.max_flows, options.ready_fd), (Some(9), Some(3)));
    }

    #[test]
    fn demo_ends_by_itself() {
        assert_eq!(options("--demo").duration, Some(DEMO_DURATION));
        assert_eq!(
            options("--demo --duration 3").duration,
            Some(Duration::from_secs(3))
        );
    }

    #[test]
    fn invalid_arguments_are_refused() {
        for line in [
            "--nonsense",
            "eth0",
            "--interface",
            "--duration 0",
            "--duration -1",
            "--duration soon",
            "--duration 1e300",
            "--duration nan",
            "--duration 0s",
            "--duration 5x",
            "--max-flows many",
            "--ready-fd stdout",
            "--demo --exclude eth0",
            "--pcap x --exclude eth0",
            "--attach xdp",
            "--demo --interface eth0",
            "--json=yes",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn help_names_every_option_and_fits_a_terminal() {
        for option in [
            "interface",
            "exclude",
            "max-flows",
            "ready-fd",
            "config",
            "check",
            "json",
            "duration",
            "attach",
            "demo",
            "help",
            "version",
        ] {
            assert!(HELP.contains(&format!("--{option}")), "{option}");
        }
        assert!(HELP.lines().all(|line| line.len() <= 100));
    }
}
