//! Options of decapsulation.

#[cfg(feature = "pcap")]
use mermin_bpf::track::parsed_frame;
use mermin_bpf::wire::tunnel::{
    Ports,
    ports::{Lists, MOST},
};

use crate::{
    error::{Error, ErrorKind},
    flow::TunnelKind,
};

/// The flow that counts a packet in a tunnel.
///
/// ```
/// use mermin_core::{Decapsulation, FlowSource};
///
/// // The flows of a router: between the ends of its tunnels.
/// let source = FlowSource::builder().decapsulation(Decapsulation::None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decapsulation {
    /// The flow of the innermost packet, with the outer header in [`Flow::tunnel`](crate::Flow::tunnel): two levels of
    /// VXLAN, VXLAN-GPE, Geneve, GRE, IP in IP, GTP-U, ERSPAN, PPTP, L2TP, Teredo, `EtherIP` and `EoIP` are
    /// decapsulated.
    #[default]
    Innermost,
    /// The flow of the outermost packet. Saves 40 bytes of kernel memory for each flow.
    None,
}

#[cfg(feature = "pcap")]
impl Decapsulation {
    pub(crate) const fn counted(self) -> parsed_frame::Decapsulation {
        match self {
            Self::Innermost => parsed_frame::Decapsulation::Innermost,
            Self::None => parsed_frame::Decapsulation::None,
        }
    }
}

/// UDP ports of each kind, as the options set them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TunnelPorts(Vec<(TunnelKind, Vec<u16>)>);

impl Default for TunnelPorts {
    /// Returns the registered ports.
    fn default() -> Self {
        Self(vec![
            (TunnelKind::Vxlan, vec![4789]),
            (TunnelKind::VxlanGpe, vec![4790]),
            (TunnelKind::Geneve, vec![6081]),
            (TunnelKind::Gtpu, vec![2152]),
            (TunnelKind::L2tp, vec![1701]),
            (TunnelKind::Teredo, vec![3544]),
            (TunnelKind::WireGuard, vec![51_820]),
        ])
    }
}

impl TunnelPorts {
    pub(crate) fn set(&mut self, kind: TunnelKind, ports: Vec<u16>) {
        self.0.retain(|(known, _)| *known != kind);
        self.0.push((kind, ports));
    }

    pub(crate) fn of(&self, kind: TunnelKind) -> &[u16] {
        self.0
            .iter()
            .find(|(known, _)| *known == kind)
            .map_or(&[], |(_, ports)| ports)
    }

    /// Returns the ports for the parser.
    pub(crate) fn ports(&self) -> Ports {
        Ports::new(&Lists {
            vxlan: self.of(TunnelKind::Vxlan),
            vxlan_gpe: self.of(TunnelKind::VxlanGpe),
            geneve: self.of(TunnelKind::Geneve),
            gtpu: self.of(TunnelKind::Gtpu),
            l2tp: self.of(TunnelKind::L2tp),
            teredo: self.of(TunnelKind::Teredo),
            wireguard: self.of(TunnelKind::WireGuard),
        })
    }

    /// # Errors
    /// [`ErrorKind::InvalidOption`].
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let refused = |what: String, remedy: String| {
            Err(Error::new(ErrorKind::InvalidOption, format!("cannot {what}")).with_remedy(remedy))
        };
        let mut taken: Vec<(u16, TunnelKind)> = Vec::new();
        for (kind, ports) in &self.0 {
            if kind.is_known_by_protocol() {
                return refused(
                    format!("look for `{kind}` at a port"),
                    "leave it out: it is known by its protocol number".to_owned(),
                );
            }
            if ports.len() > MOST {
                return refused(
                    format!("look for `{kind}` at {} ports", ports.len()),
                    format!("choose at most {MOST}"),
                );
            }
            for &port in ports {
                if port == 0 {
                    return refused(
                        format!("look for `{kind}` at port `0`"),
                        "choose a port from 1 to 65535".to_owned(),
                    );
                }
                if let Some((_, other)) = taken.iter().find(|(known, _)| *known == port) {
                    return refused(
                        format!(
                            "look for `{kind}` at port `{port}`: `{other}` is looked for there"
                        ),
                        format!(
                            "take the port from one, as in `tunnel_ports(TunnelKind::.., [])` for `{other}`"
                        ),
                    );
                }
                taken.push((port, *kind));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(kind: TunnelKind, ports: &[u16]) -> TunnelPorts {
        let mut changed = TunnelPorts::default();
        changed.set(kind, ports.to_vec());
        changed
    }

    #[test]
    fn ports_replace_those_of_their_kind_alone() {
        assert_eq!(TunnelPorts::default().ports(), Ports::default());
        let ports = with(TunnelKind::Vxlan, &[8472, 4789]).ports();
        assert!(ports.vxlan.has(8472) && ports.vxlan.has(4789));
        assert!(ports.geneve.has(6081));
        assert!(!with(TunnelKind::Gtpu, &[]).ports().carries([9, 2152]));
    }

    #[test]
    fn invalid_input_is_refused() {
        assert!(TunnelPorts::default().validate().is_ok());
        for (kind, ports, expected) in [
            (TunnelKind::Gre, &[1][..], "cannot look for `gre` at a port"),
            (
                TunnelKind::Vxlan,
                &[0],
                "cannot look for `vxlan` at port `0`",
            ),
            (
                TunnelKind::Vxlan,
                &[1, 2, 3, 4, 5],
                "cannot look for `vxlan` at 5 ports",
            ),
            (
                TunnelKind::Vxlan,
                &[6081],
                "cannot look for `vxlan` at port `6081`: `geneve` is looked for there",
            ),
        ] {
            let error = with(kind, ports).validate().expect_err("must be refused");
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            assert_eq!(error.to_string(), expected);
            assert!(error.remedy().is_some());
        }
    }
}
