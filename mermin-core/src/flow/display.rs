//! Prints a flow on one line, for people.

use std::fmt;

use super::{Count, Flow, time::Rfc3339};
use crate::plural::Plural;

impl fmt::Display for Flow {
    /// Prints start, endpoints, totals of each direction, duration and the reason for this record:
    /// `2025-11-23T00:00:00.000Z tcp 10.0.0.1:40000 -> 10.0.0.2:443 sent 9 packets 1250 bytes, got 7 packets 5310 bytes
    /// in 1.500 s, closed, end of flow detected (eth0)`. Bytes are IP octets. From the second record on, the line also
    /// has the counts since the previous record: `.. in 61.000 s, of it new: sent 1 packet 60 bytes, got 0 packets 0
    /// bytes, ..`. A record without packets has `nothing new` instead. Other interfaces that saw the conversation follow the interface of the flow:
    /// `(eth0, veth1)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time_resolution {
            Some(_) => {
                let start = Rfc3339 {
                    time: self.start,
                    decimals: 3,
                };
                write!(f, "{start} ")?;
            }
            None => f.write_str("(no time) ")?,
        }
        write!(
            f,
            "{} {} -> {} ",
            self.protocol, self.source, self.destination
        )?;
        amounts(f, self, |count| count.total)?;
        if self.time_resolution.is_some() {
            write!(f, " in {:.3} s", self.duration().as_secs_f64())?;
        }
        f.write_str(", ")?;
        if !self.has_packets() {
            f.write_str("nothing new, ")?;
        } else if self.sequence != 0 {
            f.write_str("of it new: ")?;
            amounts(f, self, |count| count.delta)?;
            f.write_str(", ")?;
        }
        if let Some(tcp) = &self.tcp {
            write!(f, "{}, ", tcp.state)?;
        }
        write!(f, "{} ({}", self.end_reason, self.interface.name)?;
        let own = self.interface.index;
        for point in self.observation_points.iter().filter(|it| it.index != own) {
            write!(f, ", {}", point.name)?;
        }
        f.write_str(")")?;
        if let Some(tunnel) = &self.tunnel {
            write!(
                f,
                " in {} {} -> {}",
                tunnel.kind, tunnel.source, tunnel.destination
            )?;
        }
        if self.several.any() {
            write!(f, ", several {}", self.several)?;
        }
        Ok(())
    }
}

/// Prints packets and IP octets of both directions.
fn amounts(f: &mut fmt::Formatter<'_>, flow: &Flow, of: fn(Count) -> u64) -> fmt::Result {
    let (sent, got) = (&flow.forward, &flow.reverse);
    write!(
        f,
        "sent {} {}, got {} {}",
        Plural(of(sent.packets), "packet"),
        Plural(of(sent.octets), "byte"),
        Plural(of(got.packets), "packet"),
        Plural(of(got.octets), "byte"),
    )
}

#[cfg(test)]
mod tests {
    use crate::flow::example::{everything, plain};

    #[test]
    fn flow_is_one_line() {
        assert_eq!(
            plain().to_string(),
            "2025-11-23T00:00:00.000Z tcp 10.0.0.1:40000 -> 10.0.0.2:443 sent 0 packets 0 bytes, \
             got 0 packets 0 bytes in 0.000 s, nothing new, forced end (eth0)"
        );
        let everything = everything().to_string();
        assert!(everything.ends_with(
            "sent 2 packets 120 bytes, got 6 packets 120 bytes in 1.500 s, of it new: sent 1 packet 60 bytes, got 5 packets 60 \
             bytes, established, active timeout (eth0, veth1) in vxlan [::1]:55555 -> [::1]:4789, several VLAN tags, tunnel ids"
        ));
        assert_eq!(everything.lines().count(), 1);
    }
}
