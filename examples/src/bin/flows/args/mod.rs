//! Arguments of the command line.

mod options;
mod values;

pub(crate) use options::{Format, Options};

use std::{ffi::OsString, path::PathBuf, time::Duration};

use bpaf::{Args, OptionParser, ParseFailure, Parser, construct, doc::Section, long};

/// The default duration of a demonstration.
const DEMO_DURATION: Duration = Duration::from_secs(10);
/// Columns of `--help`.
const WIDTH: usize = 100;

const DESCRIPTION: &str = "\
Shows the network flows of this host as they end. That needs root, or the capabilities to load eBPF programs. With `--pcap`, \
shows the flows of a capture file instead, and needs neither.";

const FOOTER: &str = "\
Ctrl-C, SIGTERM and SIGHUP end the program, which shows the open flows first; with `--config`, SIGHUP reads the file again instead. \
SIGUSR1 prints the counters so far, and the reasons why packets are in no record. Flows go to standard output, everything else to \
standard error.";

/// The task of the program.
#[derive(Debug)]
pub(crate) enum Request {
    /// Show flows.
    Capture(Box<Options>),
    /// Check a configuration file.
    Check(PathBuf),
    /// Print this text.
    Say(String),
    /// Print the completion script of this shell.
    Complete(&'static str),
}

/// The arguments as parsed, before they are checked against each other.
struct Written {
    options: Options,
    check: bool,
    json: bool,
    csv: bool,
    /// A text to print instead of flows.
    text: Option<Text>,
}

#[derive(Clone, Copy)]
enum Text {
    Version,
    Manual,
    /// The script of a shell.
    Completion(&'static str),
}

/// Parses the arguments.
///
/// # Errors
/// An unknown argument, an invalid value, or two options that exclude each other.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Request, String> {
    let parser = parser();
    let written = match parser.run_inner(Args::from(arguments).set_name("flows")) {
        Ok(written) => written,
        Err(ParseFailure::Stdout(text, is_whole)) => {
            return Ok(Request::Say(text.monochrome(is_whole)));
        }
        Err(ParseFailure::Completion(text)) => return Ok(Request::Say(text)),
        Err(ParseFailure::Stderr(text)) => return Err(explained(&text.monochrome(true))),
    };
    match written.text {
        None => request(written),
        Some(Text::Version) => Ok(Request::Say(format!("flows {}", env!("CARGO_PKG_VERSION")))),
        Some(Text::Manual) => {
            let manual = parser.render_manpage("flows", Section::General, None, None, None);
            Ok(Request::Say(manual))
        }
        Some(Text::Completion(shell)) => Ok(Request::Complete(shell)),
    }
}

/// Adds a remedy to the error about a word without an option: most such words are interfaces.
fn explained(error: &str) -> String {
    let word = error
        .split('`')
        .nth(1)
        .filter(|word| !word.starts_with('-'));
    match word {
        Some(word) if error.ends_with("is not expected in this context") => {
            format!("`{word}` is no option; name an interface by `--interface {word}`")
        }
        _ => error.to_owned(),
    }
}

/// Prints the completion script of a shell and ends the process.
pub(crate) fn print_completion(shell: &str) {
    let asked = [OsString::from(format!("--bpaf-complete-style-{shell}"))];
    // bpaf prints it and exits.
    let _ = parser().run_inner(Args::from(&asked[..]).set_name("flows"));
}

/// Combines the arguments.
///
/// # Errors
/// Two options that exclude each other.
fn request(written: Written) -> Result<Request, String> {
    let Written {
        mut options,
        check,
        json,
        csv,
        text: _,
    } = written;
    if check {
        return match options.config {
            Some(file) => Ok(Request::Check(file)),
            None => Err("`--check` needs a file: `--config FILE --check`".to_owned()),
        };
    }
    options.format = match (json, csv) {
        (true, true) => return Err("choose `--json` or `--csv`".to_owned()),
        (true, false) => Format::Json,
        (false, true) => Format::Csv,
        (false, false) => Format::Plain,
    };
    let chosen = !options.interfaces.is_empty() || !options.exclude.is_empty();
    let fault = if options.config.is_some() && options.demo {
        "`--demo` has its own timeouts and interfaces, leave out `--config`"
    } else if options.pcap.is_some() && (options.demo || chosen) {
        "`--pcap` watches no interface, leave out `--interface`, `--exclude` and `--demo`"
    } else if options.demo && chosen {
        "`--demo` has its own interfaces, leave out `--interface` and `--exclude`"
    } else {
        ""
    };
    if !fault.is_empty() {
        return Err(fault.to_owned());
    }
    options.with.check(options.pcap.is_some())?;
    if options.demo {
        options.duration.get_or_insert(DEMO_DURATION);
    }
    Ok(Request::Capture(Box::new(options)))
}

fn parser() -> OptionParser<Written> {
    let (options, text) = (options::options(), text());
    let check = long("check")
        .help(
            "print the errors and warnings of the file that `--config` names, and capture nothing",
        )
        .switch();
    let json = long("json")
        .help("print one JSON object per record and line")
        .switch();
    let csv = long("csv")
        .help("print comma-separated values, a column for each attribute (docs/ATTRIBUTES.md)")
        .switch();
    construct!(Written {
        options,
        check,
        json,
        csv,
        text,
    })
    .to_options()
    .descr(DESCRIPTION)
    .footer(FOOTER)
    .usage("Usage: flows [OPTIONS]")
    .help_parser(long("help").short('h').help("print this text"))
    .max_width(WIDTH)
}

fn text() -> impl Parser<Option<Text>> {
    let version = long("version")
        .short('V')
        .help("print the version")
        .req_flag(Text::Version);
    let manual = long("man")
        .help("print the manual page: `flows --man | man -l -`")
        .req_flag(Text::Manual);
    let completion = long("completion")
        .help("print the completion script of a shell: bash, zsh, fish or elvish")
        .argument::<String>("SHELL")
        .complete(|_| values::SHELLS.map(|shell| (shell, None)).to_vec())
        .parse(|shell| values::shell(&shell).map(Text::Completion));
    construct!([version, manual, completion]).optional()
}

#[cfg(test)]
mod tests;
