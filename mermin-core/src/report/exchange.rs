//! Serde support for statistics with types that serde cannot handle by itself.

use mermin_bpf::abi::ledger::Reason;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::Ignored;

/// A duration as a number of nanoseconds, at most 2^64-1.
pub(super) mod nanoseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::report) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(in crate::report) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }
}

/// Written by hand, because a derive would need `'static` text for the names of reasons.
impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Named {
            reason: String,
            packets: u64,
            frame_octets: u64,
        }
        let Named {
            reason,
            packets,
            frame_octets,
        } = Named::deserialize(deserializer)?;
        let known = Reason::ALL.iter().find(|known| known.name() == reason);
        let known = known.ok_or_else(|| {
            D::Error::custom(format!("cannot read `reason`: it cannot be `{reason}`"))
        })?;
        Ok(Self::new(known.name(), packets, frame_octets))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::report::{
        Attachment, Check, CheckKind, Degradation, Feature, HookDirection, HookPosition,
        HookProgram, HookStats, Mechanism, Notice, Orphan, Outcome, Recovered, Report, SourceKind,
        Stats, WatchedInterface,
    };

    #[test]
    fn durations_are_nanoseconds_and_reasons_are_those_of_the_ledger() {
        let mut hook = HookStats::new(2, "eth0", HookDirection::Egress);
        hook.ignored.push(Ignored::new("arp", 3, 180));
        let stats = Stats {
            last_sweep: Duration::from_micros(7),
            hooks: vec![hook],
            ..Stats::default()
        };
        let written = json!(stats);
        assert_eq!(written["last_sweep_ns"], 7_000);
        assert_eq!(written["hooks"][0]["direction"], "egress");
        let ignored = json!({"reason": "arp", "packets": 3, "frame_octets": 180});
        assert_eq!(written["hooks"][0]["ignored"][0], ignored);
        assert_eq!(serde_json::from_value::<Stats>(written).unwrap(), stats);

        let unknown = json!({"reason": "boredom", "packets": 3, "frame_octets": 180});
        let error = serde_json::from_value::<Ignored>(unknown).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot read `reason`: it cannot be `boredom`"
        );
        // Earlier versions did not write this count.
        assert_eq!(
            serde_json::from_value::<Stats>(json!({})).unwrap(),
            Stats::default()
        );
    }

    #[test]
    fn full_report_round_trips() {
        let mut watched = WatchedInterface::new(2, "eth0");
        for (hook, mechanism, position) in [
            (
                &mut watched.ingress,
                Mechanism::Tcx,
                HookPosition::Tcx {
                    position: 0,
                    link: 9,
                },
            ),
            (
                &mut watched.egress,
                Mechanism::Tc { priority: 1 },
                HookPosition::Tc {
                    priority: 1,
                    handle: 2,
                },
            ),
        ] {
            let mut at = Attachment::new(mechanism);
            at.programs.push(HookProgram::new(position, "bpf"));
            *hook = Some(at);
        }
        let report = Report {
            source: SourceKind::Capture {
                path: Some(std::path::Path::new("a.pcap").into()),
            },
            interfaces: vec![watched],
            degradations: vec![Degradation::new(Feature::TcxOrder, "a", "b", "c", "d")],
            recovered: Some(Recovered::default()),
            orphans: vec![Orphan::new("eth0", HookDirection::Ingress, 1, 2)],
            notices: vec![Notice::new("exclude", "e")],
            checks: vec![
                Check::new(CheckKind::HostNamespace, Outcome::Untested, "f").with_remedy("g"),
            ],
        };
        let written = json!(report);
        assert_eq!(written["source"], json!({"capture": {"path": "a.pcap"}}));
        let interface = &written["interfaces"][0];
        assert_eq!(interface["ingress"]["mechanism"], "tcx");
        assert_eq!(
            interface["egress"]["mechanism"],
            json!({"tc": {"priority": 1}})
        );
        assert_eq!(written["degradations"][0]["feature"], "tcx_order");
        assert_eq!(written["checks"][0]["subject"], "host_namespace");
        assert_eq!(serde_json::from_value::<Report>(written).unwrap(), report);
    }
}
