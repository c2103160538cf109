//! Arguments of the command line.

use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use mermin_program::{Result, Source};

pub(crate) const HELP: &str = "\
Shows the flows of this host while they last, which takes the privilege to load eBPF programs; or
those of a capture file, which takes none.

Usage: top [OPTIONS]

  -i, --interface PATTERN  watch interfaces of this name or glob; may be repeated (all that are
                           up, loopback aside)
  --pcap FILE              read a capture file instead
  -c, --config FILE        take interfaces, timeouts, filters and more from an HCL file
  --speed NUMBER           with `--pcap`: so many times as fast as it was captured (1); `max` is as
                           fast as it can be read
  --process                look up the processes at the ends of flows
  --filter TERMS           begin with this filter, such as `port=443 transport=tcp`
  --delay SECONDS          time between two pictures (0.5)
  --frames N               end after so many pictures
  --plain                  print pictures one below the other, without control characters; so it
                           is on a terminal that is `dumb` and where output is no terminal
  --help                   this text
  --version                version

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
    pub(crate) process: bool,
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
        process: false,
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
            Arg::Long("process") => options.process = true,
            Arg::Long("filter") => options.filter = parser.value()?.string()?,
            Arg::Long("delay") => options.delay = parser.value()?.parse_with(delay)?,
            Arg::Long("frames") => options.frames = Some(parser.value()?.parse()?),
            Arg::Long("plain") => options.is_plain = true,
            Arg::Long("help") | Arg::Short('h') => return Ok(Request::Say(HELP.to_owned())),
            Arg::Long("version") | Arg::Short('V') => {
                return Ok(Request::Say(format!("top {}", env!("CARGO_PKG_VERSION"))));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    options.source.check()?;
    if options.source.pcap.is_none() && is_paced {
        return Err("`--speed` is of a capture: `--pcap FILE --speed 10`".into());
    }
    if options.source.pcap.is_some() && options.process {
        return Err("`--process` is of this host's sockets, leave it out with `--pcap`".into());
    }
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
    use super::*;

    fn parsed(line: &str) -> Result<Request> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn every_option_is_parsed() {
        let line = "-i eth* --process --filter port=443 --delay 2 --frames 3 --plain";
        let Request::Show(options) = parsed(line).unwrap() else {
            panic!("it is no request for words");
        };
        assert_eq!(options.source.interfaces, ["eth*"]);
        assert!(options.process && options.is_plain);
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
            "--speed 10",
            "--pcap a --speed 0",
            "--pcap a --speed nan",
            "--pcap a --speed -1",
            "--pcap a --process",
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
