//! Captures compressed by gzip, zstd and lz4, and damaged files.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use mermin_core::{ErrorKind, FlowSource};

use crate::{
    frames::{Described, Frame, Shape, pcapng, udp},
    run::{Outcome, check_ledger, open, read},
};

const ENDINGS: [(&str, &str); 3] = [("gz", "gzip"), ("zst", "zstd"), ("lz4", "lz4")];

fn kept(name: &str) -> Vec<u8> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/captures")
            .join(name),
    )
    .unwrap()
}

fn lines(outcome: &Outcome) -> Vec<String> {
    check_ledger(&outcome.flows, &outcome.stats);
    outcome.flows.iter().map(ToString::to_string).collect()
}

fn error(outcome: &Outcome) -> String {
    let error = outcome.error.as_ref().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidCapture);
    assert!(error.remedy().is_some());
    error.to_string()
}

#[test]
fn flows_are_those_of_the_file_before_it_was_compressed() {
    for name in ["mixed.pcap", "two_links.pcapng"] {
        let plain = read(kept(name));
        for (ending, _) in ENDINGS {
            let packed = read(kept(&format!("{name}.{ending}")));
            assert!(packed.error.is_none(), "{:?}", packed.error);
            assert_eq!(lines(&packed), lines(&plain), "{name}.{ending}");
            // Octets are counted as they are in the file.
            let mut stats = packed.stats;
            stats.capture_octets_read = plain.stats.capture_octets_read;
            assert_eq!(stats, plain.stats);
        }
    }
    // The content decides the format: this file has another format's name.
    let path = std::env::temp_dir().join(format!("mermin-{}.pcap", std::process::id()));
    fs::write(&path, kept("mixed.pcap.zst")).unwrap();
    let outcome = open(FlowSource::builder().pcap(&path));
    fs::remove_file(&path).unwrap();
    assert_eq!(lines(&outcome.unwrap()), lines(&read(kept("mixed.pcap"))));
}

#[test]
fn concatenated_compressed_parts_are_one_file() {
    // Frames of zstd and lz4 that hold nothing, and what pads a tape.
    let nothing = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let parts: Vec<Vec<u8>> = ENDINGS
        .iter()
        .map(|(ending, _)| kept(&format!("two_links.pcapng.{ending}")))
        .collect();
    let file = [
        &nothing[..],
        &parts[0],
        &parts[1],
        &nothing,
        &parts[2],
        &parts[0],
        &[0; 512],
    ]
    .concat();
    let outcome = read(file.clone());
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    let once = read(kept("two_links.pcapng"));
    assert_eq!(outcome.stats.packets, 4 * once.stats.packets);
    let outcome = read([&file[..], b"rest"].concat());
    assert_eq!(
        error(&outcome),
        format!(
            "cannot read what the capture holds (gzip) at byte {}: its gzip is damaged: something else is behind it",
            4 * kept("two_links.pcapng").len()
        )
    );
    assert_eq!(outcome.stats.packets, 4 * once.stats.packets);
}

#[test]
fn truncated_compressed_file_gives_earlier_flows_then_an_error() {
    let plain = read(kept("mixed.pcap")).stats.packets;
    for (ending, name) in ENDINGS {
        let file = kept(&format!("mixed.pcap.{ending}"));
        let mut most = 0;
        for length in 1..file.len() {
            let outcome = read(file[..length].to_vec());
            check_ledger(&outcome.flows, &outcome.stats);
            let text = error(&outcome);
            let early = text.contains(&format!("its {name} ends too early"));
            // Less than a magic is of no format.
            assert!(early || length < 4, "{length} octets: {text}");
            assert!(outcome.stats.packets >= most, "{length} octets");
            most = outcome.stats.packets;
        }
        // The data is complete before the last octets, which are checksums.
        assert_eq!(most, plain, "{name}");
    }
}

#[test]
fn damage_is_an_error_or_changes_nothing() {
    for (ending, name) in ENDINGS {
        let file = kept(&format!("mixed.pcap.{ending}"));
        let plain = lines(&read(file.clone()));
        let mut found = 0;
        for at in 4..file.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut file = file.clone();
                file[at] ^= change;
                let outcome = read(file);
                check_ledger(&outcome.flows, &outcome.stats);
                match outcome.error {
                    Some(_) => found += 1,
                    None => assert_eq!(lines(&outcome), plain, "{name}: {at}"),
                }
            }
        }
        assert!(found > 3 * (file.len() - 30), "{name}: {found}");
    }
}

/// A frame of zstd: a window of 128 KiB, raw octets, then blocks of 128 KiB of zeroes.
fn zeroes(window: u8, start: &[u8], blocks: usize) -> Vec<u8> {
    let mut file = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
    let raw = u32::try_from(start.len()).unwrap() << 3;
    file.extend(&raw.to_le_bytes()[..3]);
    file.extend(start);
    for _ in 0..blocks {
        file.extend([0x02, 0x00, 0x10, 0]);
    }
    file.extend([1, 0, 0]);
    file
}

#[test]
fn excessive_decompression_is_an_error() {
    // A block of two gigabytes that is of no interest.
    let mut start = pcapng(
        Shape::LITTLE,
        &[Described::new(1, "")],
        &[Frame::new(0, udp(1, 5))],
    );
    start.extend([0xad, 0x0b, 0, 0, 0, 0, 0, 0x80]);
    let outcome = read(zeroes(0x38, &start, 700));
    assert_eq!(outcome.flows.len(), 1);
    let text = error(&outcome);
    assert!(
        text.ends_with("its zstd unpacks to more than 10000 times its size, as no capture does"),
        "{text}"
    );
    // Less than 64 MiB may be anything; here it is no whole block.
    let text = error(&read(zeroes(0x38, &start, 100)));
    assert!(text.ends_with("it ends within a block"), "{text}");
    // A window of 3.75 TiB.
    let text = error(&read(zeroes(0xff, &start, 1)));
    assert!(text.contains("its zstd is damaged: WindowTooBig"), "{text}");
}

#[test]
fn unsupported_compression_is_named() {
    let cases: [(&[u8], &str); 5] = [
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz"),
        (b"\x1f\x9d\x90\xd4\xc2", "compress"),
        (b"LZIP\x01", "lzip"),
        // Stored, and not for long: it begins as another.
        (
            b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x00\x0a\x00\xf5\xff\x1f\x8b\x08\0\0\0\0\0\0\xff",
            "gzip",
        ),
    ];
    for (file, name) in cases {
        let outcome = read(file.to_vec());
        let error = outcome.error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error
                .to_string()
                .ends_with(&format!("at byte 0: it is compressed by {name}")),
            "{error}"
        );
        assert!(error.remedy().unwrap().contains("-dc IN"));
    }
}

/// Gives some octets, then its own error.
struct Failing(io::Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            read => Ok(read),
        }
    }
}

#[test]
fn readers_error_is_passed_on_unchanged() {
    for (ending, _) in ENDINGS {
        let file = kept(&format!("mixed.pcap.{ending}"));
        for length in [6, 100, file.len() - 1] {
            let reader = Failing(io::Cursor::new(file[..length].to_vec()));
            let outcome = open(FlowSource::builder().pcap_reader(reader));
            let error = outcome.map_or_else(|error| error, |outcome| outcome.error.unwrap());
            assert_eq!(error.kind(), ErrorKind::System, "{error}");
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(source, "the disk is gone");
        }
    }
}
