//! The part of a flow's counts that another flow reported.

use super::sight::Counted;
use crate::table::{
    export_state::{ExportState, Exported},
    snapshot::{FlowSnapshot, Side},
};
use mermin_bpf::abi::slot::DIRECTIONS;

/// Returns this flow with its counts cut to `covered`, the counts that another flow of the conversation has reported.
/// `None` if this flow's own records already have as much.
pub(crate) fn part_of_another(
    flow: &FlowSnapshot,
    entry: &ExportState,
    covered: &[Counted; DIRECTIONS],
) -> Option<FlowSnapshot> {
    let mut part = *flow;
    let mut any = false;
    for ((side, exported), covered) in part.sides.iter_mut().zip(&entry.exported).zip(covered) {
        any |= covered.packets > exported.packets && side.packets > exported.packets;
        cut(side, exported, covered);
    }
    any.then_some(part)
}

fn cut(side: &mut Side, exported: &Exported, covered: &Counted) {
    let packets = covered
        .packets
        .clamp(exported.packets, side.packets.max(exported.packets));
    let all = side.packets.wrapping_sub(exported.packets);
    let some = packets - exported.packets;
    // `covered` has no frame octets, so `extra` is divided in proportion to the packets.
    side.extra =
        exported
            .extra
            .wrapping_add(share(side.extra.wrapping_sub(exported.extra), some, all));
    side.octets = if some == all {
        side.octets
    } else {
        covered
            .octets
            .clamp(exported.octets, side.octets.max(exported.octets))
    };
    side.packets = packets;
}

/// Returns `some` of `all` equal parts of a number in two's complement.
fn share(extra: u64, some: u64, all: u64) -> u64 {
    if some == all || all == 0 {
        return if some == 0 { 0 } else { extra };
    }
    let part = i128::from(extra.cast_signed()) * i128::from(some) / i128::from(all);
    i64::try_from(part).unwrap_or(0).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::record::unexported;

    #[test]
    fn part_and_rest_add_up_to_the_whole() {
        let side = Side {
            packets: 10,
            octets: 1000,
            extra: 7u64.wrapping_neg(),
            ..Side::default()
        };
        let flow = FlowSnapshot {
            sides: [side, Side::default()],
            link_length: 14,
            ..FlowSnapshot::default()
        };
        let entry = ExportState {
            exported: [
                Exported {
                    packets: 2,
                    octets: 150,
                    extra: 1,
                },
                Exported::default(),
            ],
            ..ExportState::default()
        };
        let whole = unexported(&side, &entry.exported[0], 14);
        for packets in 0..20 {
            let octets = packets * 90;
            let covered = [Counted { packets, octets }, Counted::default()];
            let part = part_of_another(&flow, &entry, &covered);
            assert_eq!(part.is_some(), packets > 2, "{packets}");
            let Some(part) = part else { continue };
            let cut = part.sides[0];
            assert_eq!(cut.packets, packets.min(10));
            let then = Exported {
                packets: cut.packets,
                octets: cut.octets,
                extra: cut.extra,
            };
            let (first, rest) = (
                unexported(&cut, &entry.exported[0], 14),
                unexported(&side, &then, 14),
            );
            assert_eq!(first.packets + rest.packets, whole.packets);
            assert_eq!(first.octets.wrapping_add(rest.octets), whole.octets);
            assert!(rest.packets != 0 || rest.octets == 0);
        }
    }
}
