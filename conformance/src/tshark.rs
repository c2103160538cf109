//! Reads a capture with tshark: the layers of each frame with their positions, as PDML (packet details markup
//! language).

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, BufWriter, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

/// Disables reassembly over several packets.
const OPTIONS: [&str; 6] = [
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
    "ip.tso_support:TRUE",
    "gtp.dissect_tpdu_as:TPDU heuristic",
    "wlan.defragment:FALSE",
];

/// Protocols whose fields are needed. For all others, only positions are.
const PROTOCOLS: &str = "ip ip.flags ipv6 ipv6.plen ipv6.fraghdr ipv6.hopopts ipv6.dstopts ipv6.routing ipv6.hopopts.len \
                         tcp udp udplite sctp dccp gre etherip llc eth vlan cmd ieee8021ad ieee8021ah \
                         ah mpls nsh pppoes";

/// A header, or another layer of tshark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) name: String,
    /// Its offset in the frame, and its octets.
    pub(crate) at: u64,
    pub(crate) size: u64,
    fields: Vec<(String, String)>,
}

impl Layer {
    /// Returns a field's value as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, show)| show.as_str())
    }

    /// Returns a field's value as a number, decimal or hexadecimal.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }
}

/// A frame and its layers, outermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Octets on the wire.
    pub(crate) length: u64,
    pub(crate) captured: u64,
    /// Time of capture, ns since 1970.
    pub(crate) time: i64,
    pub(crate) layers: Vec<Layer>,
}

/// Passes each frame of a capture to `take`; returns tshark's error output. The output is cached in a file, because
/// starting tshark takes longer than reading most captures.
pub(crate) fn read(path: &Path, kept: &Path, mut take: impl FnMut(Frame)) -> Result<String> {
    if let Some(complaint) = replay(kept, &mut take)? {
        return Ok(complaint);
    }
    if let Some(folder) = kept.parent() {
        fs::create_dir_all(folder).context("cannot make a folder to keep what tshark says")?;
    }
    let partial = kept.with_extension("partial");
    let mut keep = BufWriter::new(File::create(&partial).context("cannot keep what tshark says")?);
    let complaint = ask(path, |frame| {
        store(&mut keep, &frame)?;
        take(frame);
        Ok(())
    })?;
    writeln!(keep, "{END}\t{complaint}")?;
    keep.flush()?;
    fs::rename(partial, kept)?;
    Ok(complaint)
}

/// First words of the cached lines.
const FRAME: &str = "frame";
const LAYER: &str = "layer";
const END: &str = "end";

fn store(keep: &mut impl std::io::Write, frame: &Frame) -> Result<()> {
    writeln!(
        keep,
        "{FRAME}\t{}\t{}\t{}",
        frame.length, frame.captured, frame.time
    )?;
    for layer in &frame.layers {
        write!(
            keep,
            "{LAYER}\t{}\t{}\t{}",
            layer.name, layer.at, layer.size
        )?;
        for (name, show) in &layer.fields {
            write!(keep, "\t{name}={show}")?;
        }
        writeln!(keep)?;
    }
    Ok(())
}

/// Passes the cached frames to `take`, if there are any.
fn replay(kept: &Path, take: &mut impl FnMut(Frame)) -> Result<Option<String>> {
    let Ok(file) = File::open(kept) else {
        return Ok(None);
    };
    let mut frame: Option<Frame> = None;
    for line in BufReader::new(file).lines() {
        let line = line?;
        let mut words = line.split('\t');
        let kind = words.next().unwrap_or_default();
        if kind == LAYER {
            let Some(frame) = &mut frame else { continue };
            let mut layer = Layer {
                name: words.next().unwrap_or_default().to_owned(),
                ..Layer::default()
            };
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            [layer.at, layer.size] = [number(), number()];
            let fields = words.filter_map(|word| word.split_once('='));
            layer.fields = fields
                .map(|(name, show)| (name.to_owned(), show.to_owned()))
                .collect();
            if is_header(&layer.name) {
                frame.layers.push(layer);
            }
            continue;
        }
        if let Some(frame) = frame.take() {
            take(frame);
        }
        match kind {
            FRAME => {
                let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
                frame = Some(Frame {
                    length: number(),
                    captured: number(),
                    time: words.next().and_then(|word| word.parse().ok()).unwrap_or(0),
                    layers: Vec::new(),
                });
            }
            _ => return Ok(Some(words.collect::<Vec<_>>().join("\t"))),
        }
    }
    Ok(None)
}

fn ask(path: &Path, mut take: impl FnMut(Frame) -> Result<()>) -> Result<String> {
    let mut command = Command::new("tshark");
    command
        .args(["-n", "-T", "pdml", "-j", PROTOCOLS, "-r"])
        .arg(path);
    for option in OPTIONS {
        command.args(["-o", option]);
    }
    let mut tshark = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start `tshark`")?;
    let output = tshark.stdout.take().context("tshark has no output")?;
    let mut said = tshark.stderr.take().context("tshark has no errors")?;
    // The error output is short enough for a pipe that nobody reads.
    frames(BufReader::new(output), &mut take)?;
    let mut complaint = String::new();
    said.read_to_string(&mut complaint)?;
    tshark.wait()?;
    let lines = complaint.lines().filter(|line| line.starts_with("tshark:"));
    Ok(lines.collect::<Vec<_>>().join("; "))
}

fn frames(mut output: impl BufRead, take: &mut impl FnMut(Frame) -> Result<()>) -> Result<()> {
    let mut line = String::new();
    let mut raw = Vec::new();
    let mut frame = Frame::default();
    let mut is_packet = true;
    // Open layers, by index.
    let mut open: Vec<usize> = Vec::new();
    loop {
        raw.clear();
        if output.read_until(b'\n', &mut raw)? == 0 {
            return Ok(());
        }
        line.clear();
        line.push_str(&String::from_utf8_lossy(&raw));
        let tag = line.trim_start();
        if tag.starts_with("<field ") {
            let Some(layer) = open.last().and_then(|&place| frame.layers.get_mut(place)) else {
                continue;
            };
            // Times are in a format for people.
            let text = if tag.contains("name=\"timestamp\"") {
                "value"
            } else {
                "show"
            };
            if let (Some(name), Some(show)) = (attribute(tag, "name"), attribute(tag, text))
                && is_wanted(name)
                && layer.fields.iter().all(|(known, _)| known != name)
            {
                layer.fields.push((name.to_owned(), show.to_owned()));
            }
        } else if tag.starts_with("<proto ") {
            // tshark shows pcapng blocks without a packet as frames with another title.
            if attribute(tag, "name") == Some("frame") {
                let title = attribute(tag, "showname").unwrap_or_default();
                is_packet = title.starts_with("Frame ");
            }
            let number = |name| attribute(tag, name).and_then(|text| text.parse().ok());
            frame.layers.push(Layer {
                name: attribute(tag, "name").unwrap_or_default().to_owned(),
                at: number("pos").unwrap_or(0),
                size: number("size").unwrap_or(0),
                fields: Vec::new(),
            });
            if !tag.trim_end().ends_with("/>") {
                open.push(frame.layers.len() - 1);
            }
        } else if tag.starts_with("</proto>") {
            open.pop();
        } else if tag.starts_with("</packet>") {
            open.clear();
            let whole = finished(std::mem::take(&mut frame));
            if is_packet {
                take(whole)?;
            }
        }
    }
}

/// Returns true if a rule uses the field.
fn is_wanted(name: &str) -> bool {
    const LAST: [&str; 26] = [
        "cur_rt",
        "code",
        "timestamp",
        "caplen",
        "len",
        "version",
        "hdr_len",
        "src",
        "dst",
        "proto",
        "mf",
        "frag_offset",
        "id",
        "plen",
        "nxt",
        "len_oct",
        "offset",
        "more",
        "ident",
        "srcport",
        "dstport",
        "payload_length",
        "ver",
        "oui",
        "dsap",
        "isid",
    ];
    name.rsplit('.').next().is_some_and(|last| {
        LAST.contains(&last)
            || matches!(last, "length" | "label" | "type" | "etype" | "teid" | "vni")
    })
}

/// Moves the frame's own fields out of its layers.
fn finished(mut frame: Frame) -> Frame {
    if let Some(facts) = frame.layers.iter().find(|layer| layer.name == "geninfo") {
        frame.captured = facts.number("caplen").unwrap_or(0);
        // A file may claim a smaller length on the wire than it captured.
        frame.length = facts.number("len").unwrap_or(0).max(frame.captured);
        frame.time = facts.text("timestamp").and_then(nanoseconds).unwrap_or(0);
    }
    frame.layers.retain(|layer| is_header(&layer.name));
    frame
}

/// Converts seconds with a fraction to ns.
fn nanoseconds(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let before = seconds.starts_with('-');
    let fraction: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let seconds = seconds.parse::<i64>().ok()?.checked_mul(1_000_000_000)?;
    seconds.checked_add(if before { -fraction } else { fraction })
}

/// Returns true if the layer is part of the frame, not information from the file or from tshark.
fn is_header(name: &str) -> bool {
    !matches!(
        name,
        "geninfo" | "frame" | "pkt_comment" | "fake-field-wrapper" | "wlan_radio"
    )
}

/// Returns the value of an attribute. Quotes within a value are escaped, so the next quote ends it.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let (before, from) = rest.split_at(at);
        let from = &from[name.len()..];
        if before.ends_with(' ')
            && let Some(value) = from.strip_prefix("=\"")
        {
            return value.split('"').next();
        }
        rest = from;
    }
    None
}
