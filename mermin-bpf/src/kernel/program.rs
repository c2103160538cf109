//! Entry points: one program for each direction of a hook.

use aya_ebpf::{bindings::TC_ACT_UNSPEC, macros::classifier, programs::TcContext};
use mermin_bpf::{
    abi::ledger::{Direction, Reason},
    track::{key, measure},
    wire::packet::{Addresses, Packet, walk},
};

use super::{
    count::{self, Facts},
    ledger::{self, account},
    skb::Skb,
};

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
pub fn mermin_ingress(context: TcContext) -> i32 {
    run(Skb(context.skb.skb), Direction::Ingress);
    TC_ACT_UNSPEC
}

#[classifier]
#[expect(unreachable_pub, reason = "the loader finds it by its section")]
#[expect(clippy::needless_pass_by_value, reason = "the macro's signature")]
pub fn mermin_egress(context: TcContext) -> i32 {
    run(Skb(context.skb.skb), Direction::Egress);
    TC_ACT_UNSPEC
}

#[inline(always)]
fn run(skb: Skb, direction: Direction) {
    let cpu = ledger::cpu();
    let account = account(skb.ifindex(), direction as u32);
    let length = skb.len();
    let walked = parse(skb, account.link);
    let measured = match &walked {
        Ok(packet) => measure::measure(packet, length, skb.gso_segs(), skb.gso_size()),
        Err(_) => measure::Measure {
            packets: u64::from(measure::segments(skb.gso_segs(), skb.gso_size(), length)),
            octets: 0,
            frame_octets: u64::from(length),
        },
    };
    account.total(cpu, length, &measured);
    let counted = walked.and_then(|packet| {
        if matches!(direction, Direction::Egress) && skb.ingress_ifindex() == skb.ifindex() {
            return Err(Reason::Hairpin);
        }
        count(skb, cpu, &packet, measured)
    });
    if let Err(reason) = counted {
        account.uncounted(cpu, reason, &measured);
    }
}

/// Reads the headers where they lie, or from a copy when they reach into paged memory.
#[inline(always)]
fn parse(skb: Skb, link: u8) -> Result<Packet, Reason> {
    let frame = skb.frame(link);
    let linear = skb.linear();
    match walk(linear, &frame) {
        Err(_) if linear.length() < frame.length => {
            walk(skb.copied().ok_or(Reason::Unreadable)?, &frame)
        }
        walked => walked,
    }
}

#[inline(always)]
fn count(skb: Skb, cpu: u32, packet: &Packet, measure: measure::Measure) -> Result<(), Reason> {
    let facts = |direction| Facts::new(cpu, direction, packet, measure);
    match packet.addresses {
        Addresses::V4(addresses) => {
            let (key, direction) = key::v4(packet, addresses, skb.ifindex());
            count::count(skb, &key, &facts(direction))
        }
        Addresses::V6(addresses) => {
            let (key, direction) = key::v6(packet, addresses, skb.ifindex());
            count::count(skb, &key, &facts(direction))
        }
    }
}
