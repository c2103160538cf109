//! A flow on one line, for people.

use std::fmt;

use super::{Flow, time::Rfc3339};
use crate::words::Counted;

impl fmt::Display for Flow {
    /// When it began, who with whom, what this record adds each way, and why it was made:
    /// `2025-11-23T00:00:00.000Z tcp 10.0.0.1:40000 -> 10.0.0.2:443 sent 9 packets 1250 bytes, got 7 packets 5310 bytes
    /// in 1.500 s, closed, end of flow detected (eth0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Rfc3339 {
            time: self.start,
            decimals: 3,
        };
        let (sent, got) = (&self.forward, &self.reverse);
        write!(
            f,
            "{start} {} {} -> {} sent {} {}, got {} {} in {:.3} s, ",
            self.protocol,
            self.source,
            self.destination,
            Counted(sent.packets.delta, "packet"),
            Counted(sent.octets.delta, "byte"),
            Counted(got.packets.delta, "packet"),
            Counted(got.octets.delta, "byte"),
            self.duration().as_secs_f64(),
        )?;
        if let Some(tcp) = &self.tcp {
            write!(f, "{}, ", tcp.state)?;
        }
        write!(f, "{} ({})", self.end_reason, self.interface.name)?;
        if let Some(tunnel) = &self.tunnel {
            write!(
                f,
                " in {} {} -> {}",
                tunnel.kind, tunnel.source, tunnel.destination
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::flow::example::{everything, plain};

    #[test]
    fn a_flow_is_one_line() {
        assert_eq!(
            plain().to_string(),
            "2025-11-23T00:00:00.000Z tcp 10.0.0.1:40000 -> 10.0.0.2:443 sent 0 packets 0 bytes, \
             got 0 packets 0 bytes in 0.000 s, forced end (eth0)"
        );
        let everything = everything().to_string();
        assert!(everything.ends_with(
            "in 1.500 s, established, active timeout (eth0) in vxlan [::1]:55555 -> [::1]:4789"
        ));
        assert_eq!(everything.lines().count(), 1);
    }
}
