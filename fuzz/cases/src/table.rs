//! The flow table against a naive model: packets and gaps by chance, the same records from both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mermin_core::{Flow, Timeouts, flow::Uniflow, lab::read_capture};

use crate::{
    bits::Bits,
    capture::ledger,
    model::{Model, Record, Sent, Sum},
};

/// When captures begin, seconds since 1970.
const BEGIN: u32 = 1_700_000_000;
/// Shorter timeouts would meet the steps of time in which the table remembers, ms.
const SHORTEST: u64 = 200;

const PROTOCOLS: [u8; 8] = [6, 6, 6, 132, 17, 17, 1, 99];

/// Nine octets of timeouts and room, then three for each packet.
///
/// # Panics
/// When the table and the model differ.
pub fn run(octets: &[u8]) {
    let mut bits = Bits(octets);
    let timeouts = timeouts(&mut bits);
    let room = 1 + usize::from(bits.octet() % 8);
    let mut model = Model::new(timeouts, room);
    let mut file = header();
    let mut time = 0;
    while let Some(how) = bits.next() {
        let packet = packet(how, &mut bits);
        time += packet.after;
        record(&mut file, time, &packet);
        model.send(&packet);
    }
    model.finish();

    let room = u32::try_from(room).unwrap_or(u32::MAX);
    let whole = read_capture(&file[..], timeouts, room);
    assert!(whole.error.is_none(), "{:?}", whole.error);
    ledger(&whole);
    let mut told: Vec<Record> = whole.flows.iter().map(model_record).collect();
    told.sort();
    model.records.sort();
    for (told, expected) in told.iter().zip(&model.records) {
        assert_eq!(told, expected);
    }
    assert_eq!(told.len(), model.records.len(), "records");
    let refused = whole.stats.ignored();
    let refused: u64 = refused.iter().map(|found| found.packets).sum();
    assert_eq!(refused, model.refused, "table_full");
}

fn timeouts(bits: &mut Bits<'_>) -> Timeouts {
    let mut next = || Duration::from_millis(SHORTEST + u64::from(bits.octet()) * 100);
    let mut timeouts = Timeouts::default();
    timeouts.active = next();
    timeouts.tcp = next();
    timeouts.tcp_fin = next();
    timeouts.tcp_rst = next();
    timeouts.udp = next();
    timeouts.icmp = next();
    timeouts.other = next();
    timeouts.tcp_half_closed = next();
    timeouts
}

fn packet(how: u8, bits: &mut Bits<'_>) -> Sent {
    let (flags, gap) = (bits.octet(), bits.octet());
    let conversation = usize::from(how & 7);
    let protocol = PROTOCOLS[conversation];
    let payload = u64::from(how >> 4);
    let back = how & 8 != 0;
    let header = match protocol {
        6 => 20,
        132 => 32,
        _ => 8,
    };
    Sent {
        conversation,
        protocol,
        back,
        port: ports(conversation, back)[0],
        flags: if protocol == 132 { flags & 15 } else { flags },
        octets: 20 + payload + header,
        number: u32::from(how >> 6),
        // From nothing to more than any timeout, finer where it is short.
        after: u64::from(gap & 15) * (1 << (gap >> 4)) * 1_000_003,
    }
}

/// The start of a capture of Ethernet with nanoseconds.
fn header() -> Vec<u8> {
    let words: [u32; 6] = [0xa1b2_3c4d, 4 << 16 | 2, 0, 0, 1 << 18, 1];
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn record(file: &mut Vec<u8>, time: u64, packet: &Sent) {
    let frame = frame(packet);
    let length = low32(frame.len() as u64);
    let seconds = BEGIN + low32(time / 1_000_000_000);
    for word in [seconds, low32(time % 1_000_000_000), length, length] {
        file.extend(word.to_le_bytes());
    }
    file.extend(frame);
}

fn low32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Of who sends and who receives. One conversation is with a server of DNS.
fn ports(conversation: usize, back: bool) -> [u16; 2] {
    let client = 1000 + u16::try_from(conversation).unwrap_or(0);
    let server = if conversation == 4 { 53 } else { 80 };
    if back {
        [server, client]
    } else {
        [client, server]
    }
}

fn frame(packet: &Sent) -> Vec<u8> {
    let ports = ports(packet.conversation, packet.back);
    let [source, destination] = ports.map(u16::to_be_bytes);
    let length = u16::try_from(packet.octets).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, high, low, 0, 1, 0, 0, 64, packet.protocol, 0, 0]);
    let last = if packet.back { [2, 1] } else { [1, 2] };
    frame.extend(last.into_iter().flat_map(|last| [10, 0, 0, last]));
    match packet.protocol {
        6 => {
            frame.extend(source);
            frame.extend(destination);
            frame.extend(packet.number.to_be_bytes());
            frame.extend([0; 4]);
            frame.extend([0x50, packet.flags]);
        }
        17 => {
            frame.extend(source);
            frame.extend(destination);
            frame.extend((length - 20).to_be_bytes());
            // The identifier of DNS, then its flags.
            frame.extend([0, 0, 0, 0, packet.flags]);
        }
        132 => {
            frame.extend(source);
            frame.extend(destination);
            frame.extend([0; 8]);
            frame.extend([packet.flags, 0, 0, 20]);
            frame.extend(packet.number.to_be_bytes());
        }
        1 => frame.push(if packet.back { 0 } else { 8 }),
        _ => {}
    }
    frame.resize(14 + usize::from(length), 0);
    frame
}

/// A record as the model would write it.
fn model_record(flow: &Flow) -> Record {
    let back = flow.source.address.to_string() == "10.0.0.2";
    let conversation = match flow.protocol.0 {
        1 => 6,
        99 => 7,
        _ => usize::from(flow.source.port.max(flow.destination.port).unwrap_or(0)) - 1000,
    };
    let halves = [&flow.forward, &flow.reverse];
    Record {
        conversation,
        start: since(flow.start),
        sequence: flow.sequence,
        end: since(flow.end),
        reason: format!("{:?}", flow.end_reason),
        back,
        delta: halves.map(|half| sum(half, false)),
        total: halves.map(|half| sum(half, true)),
    }
}

fn sum(half: &Uniflow, total: bool) -> Sum {
    let [packets, octets] = [half.packets, half.octets];
    if total {
        Sum {
            packets: packets.total,
            octets: octets.total,
        }
    } else {
        Sum {
            packets: packets.delta,
            octets: octets.delta,
        }
    }
}

fn since(date: SystemTime) -> u64 {
    let begin = UNIX_EPOCH + Duration::from_secs(u64::from(BEGIN));
    let since = date.duration_since(begin).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
