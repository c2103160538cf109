use mermin_core::Attach;

use super::*;

fn read(words: &[&str]) -> Result<Request, String> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    parse(&words)
}

fn parsed(line: &str) -> Result<Request, String> {
    read(&line.split_whitespace().collect::<Vec<_>>())
}

fn options(line: &str) -> Options {
    match parsed(line) {
        Ok(Request::Capture(options)) => *options,
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults_watch_every_interface_without_end() {
    let options = options("");
    assert!(options.interfaces.is_empty());
    assert!(options.format == Format::Plain && !options.demo);
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
    assert_eq!(options.format, Format::Json);
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
        let request = read(&["--duration", text]).unwrap();
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
    let options_of = |text: &str| match read(&["-i", text]).unwrap() {
        Request::Capture(options) => options.interfaces,
        other => panic!("{other:?}"),
    };
    for (text, expected) in [
        ("eth0,lo", &["eth0", "lo"][..]),
        ("eth0, lo", &["eth0", "lo"]),
        ("{eth,ens}*,lo", &["{eth,ens}*", "lo"]),
        ("/eth[0-9]{1,2}/", &["/eth[0-9]{1,2}/"]),
        ("/a,?/,b", &["/a,?/", "b"]),
        ("eth0,", &["eth0", ""]),
    ] {
        assert_eq!(options_of(text), expected, "{text}");
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

fn said(line: &str) -> String {
    match parsed(line) {
        Ok(Request::Say(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// All options, of the manual page, which is made from the same parser.
fn names() -> Vec<String> {
    let manual = said("--man").replace("\\-", "-");
    let words = manual.split(|it: char| !it.is_ascii_alphanumeric() && it != '-');
    let mut names: Vec<_> = words
        .filter(|it| it.starts_with("--") && it.len() > 2)
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn help_names_every_option_and_fits_a_terminal() {
    let help = said("--help");
    let names = names();
    assert!(names.len() >= 18, "{names:?}");
    for name in names {
        assert!(help.contains(&name), "{name}");
    }
    for line in help.lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
}

#[test]
fn each_shell_has_a_completion_script() {
    for shell in values::SHELLS {
        let request = parsed(&format!("--completion {shell}"));
        assert!(matches!(request, Ok(Request::Complete(it)) if it == shell));
    }
    assert!(parsed("--completion csh").is_err());
}

#[test]
fn flows_are_selected_and_summed_up() {
    let request = read(&[
        "--where",
        "port 443 and not net 10.0.0.0/8",
        "--group-by",
        "source.address, source.address,network.transport",
        "--top",
        "10",
        "--csv",
    ]);
    let Ok(Request::Capture(options)) = request else {
        panic!("{request:?}");
    };
    assert!(!options.expression.is_empty());
    assert_eq!(options.group_by, ["source.address", "network.transport"]);
    assert_eq!((options.top, options.format), (Some(10), Format::Csv));
    for (words, part) in [
        (["--where", "prt=443"], "address, port, transport"),
        (["--group-by", "address"], "destination.address"),
        (["--group-by", "colour"], "docs/ATTRIBUTES.md"),
        (["--top", "0"], "above zero"),
        (["--json", "--csv"], "choose `--json` or `--csv`"),
    ] {
        let fault = read(&words).unwrap_err();
        assert!(fault.contains(part), "{words:?}: {fault}");
    }
}

#[test]
fn mistyped_argument_gets_the_right_one() {
    for (line, remedy) in [
        ("eth0", "name an interface by `--interface eth0`"),
        ("--group-by source.adress", "did you mean `source.address`?"),
        ("--group-by proto", "docs/ATTRIBUTES.md lists them"),
        ("--group-by port", "there are source.port, destination.port"),
    ] {
        let error = parsed(line).unwrap_err();
        assert!(error.contains(remedy), "{error}");
    }
}
