//! Arguments of the command line.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use mermin_program::{Result, Source, With};

pub(crate) const HELP: &str = "\
Shows open flows of this host, the largest first. That needs root, or the capabilities to load eBPF
programs. `--pcap` shows the flows of a capture file instead, and needs neither.

Usage: top [OPTIONS]

  -i, --interface PATTERN  watch the interfaces with this name or glob; may be repeated (default:
                           all that are up, except loopback)
  --pcap FILE              play a capture file instead
  -c, --config FILE        read interfaces, timeouts, filters and more from an HCL file
  --speed NUMBER           play a capture this many times faster than it was captured (default: 1);
                           `max` reads it as fast as possible
  --with NAMES             more about each flow, with commas between the names: `names` (server
                           names of TLS, hosts of HTTP, questions of DNS) and `process` have a tab
                           of their own; `join`, `listening`, `nat`, `tcp`, `sockets` and `drops`
                           are in a flow's details; `all` is all of these. `sampling` leaves whole
                           flows out when there are too many, so `all` is without it
  --filter TERMS           begin with this filter, such as `port 443 and not net 10.0.0.0/8`
  --delay SECONDS          time between two frames (default: 0.5)
  --frames N               end after N frames
  --plain                  print frames one below the other, without control characters; this is
                           the default if TERM is `dumb` or output is not a terminal
  -h, --help               print this text
  -V, --version            print the version

Press `?` for the keys.";

/// The task that the arguments request.
#[derive(Debug)]
pub(crate) enum Request {
    Show(Options),
    Say(String),
}

/// Options for showing flows.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) source: Source,
    pub(crate) speed: f64,
    pub(crate) with: With,
    pub(crate) filter: String,
    pub(crate) delay: Duration,
    pub(crate) frames: Option<u64>,
    pub(crate) is_plain: bool,
}

/// Parses the arguments.
///
/// # Errors
/// An unknown argument, an invalid value, or two options that exclude each other.
pub(crate) fn parse(mut parser: Parser) -> Result<Request> {
    let mut options = Options {
        source: Source::default(),
        speed: 1.0,
        with: With::default(),
        filter: String::new(),
        delay: Duration::from_millis(500),
        frames: None,
        is_plain: false,
    };
    let mut is_paced = false;
    while let Some(argument) = parser.next()? {
        if let Some(flag) = Source::flag(&argument) {
            options.source.set(flag, parser.value()?);
            continue;
        }
        match argument {
            Arg::Long("speed") => {
                options.speed = parser.value()?.parse_with(speed)?;
                is_paced = true;
            }
            Arg::Long("with") => options.with.add(&parser.value()?.string()?)?,
            Arg::Long("filter") => options.filter = parser.value()?.string()?,
            Arg::Long("delay") => options.delay = parser.value()?.parse_with(delay)?,
            Arg::Long("frames") => options.frames = Some(parser.value()?.parse()?),
            Arg::Long("plain") => options.is_plain = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Say(HELP.to_owned())),
            Arg::Long("version") | Arg::Short('V') => {
                return Ok(Request::Say(format!("top {}", env!("CARGO_PKG_VERSION"))));
            }
            Arg::Value(word) => {
                let word = word.to_string_lossy();
                let remedy = format!("name an interface by `--interface {word}`");
                return Err(format!("`{word}` is no option; {remedy}").into());
            }
            other => return Err(other.unexpected().into()),
        }
    }
    options.source.check()?;
    if options.source.pcap.is_none() && is_paced {
        return Err("`--speed` plays a capture: `--pcap FILE --speed 10`".into());
    }
    options.with.check(options.source.pcap.is_some())?;
    Ok(Request::Show(options))
}

fn speed(text: &str) -> std::result::Result<f64, &'static str> {
    if text == "max" {
        return Ok(f64::INFINITY);
    }
    let speed = text
        .parse()
        .ok()
        .filter(|speed: &f64| speed.is_finite() && *speed > 0.0);
    speed.ok_or("not a number above zero, or `max`")
}

fn delay(text: &str) -> std::result::Result<Duration, &'static str> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (0.05..=3600.0).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or("not a number of seconds from 0.05 to 3600")
}

#[cfg(test)]
mod tests {
    use mermin_core::FlowSource;

    use super::*;

    fn parsed(line: &str) -> Result<Request> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn every_option_is_parsed() {
        let line = "-i eth* --with names,process --filter port=443 --delay 2 --frames 3 --plain";
        let Request::Show(options) = parsed(line).unwrap() else {
            panic!("it is no request for words");
        };
        assert_eq!(options.source.interfaces, ["eth*"]);
        assert!(options.is_plain);
        let builder = options.with.put(FlowSource::builder(), false);
        assert!(builder.get_names() && builder.get_process());
        assert_eq!((&*options.filter, options.frames), ("port=443", Some(3)));
        assert_eq!(options.delay, Duration::from_secs(2));
        let Request::Show(options) = parsed("--pcap a --speed max").unwrap() else {
            panic!("it is no request for words");
        };
        assert!(options.speed.is_infinite());
    }

    #[test]
    fn invalid_arguments_are_refused() {
        for line in [
            "--nonsense",
            "eth0",
            "--speed 10",
            "--pcap a --speed 0",
            "--pcap a --speed nan",
            "--pcap a --speed -1",
            "--pcap a --with process",
            "--with titles",
            "--pcap a -i eth0",
            "--delay 0",
            "--frames many",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }

    #[test]
    fn help_fits_a_terminal() {
        assert!(HELP.lines().all(|line| line.len() <= 100));
    }
}
