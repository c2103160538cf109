//! Facts that the packets of a flow do not share.

use std::fmt;

/// In what the packets of a flow differed, though a record has room for one: it shows that of the flow's first packet.
///
/// Once a packet differed, all later records of the flow say so. Which packets are of one flow in spite of it is up to
/// [`FlowKey`](crate::FlowKey); ids of GTP-U and of PPTP name the receiving end, so the two directions of one flow always have
/// different ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Several {
    /// VLAN ids.
    pub vlan_ids: bool,
    /// More VLAN tags than are kept: only the ids of the two outermost are.
    pub vlan_tags: bool,
    /// Ids of the tunnels around, at any level.
    pub tunnel_ids: bool,
    /// Kinds or outer ends of the tunnels around, at any level; or packets were in a tunnel and others in none.
    pub tunnels: bool,
}

impl Several {
    /// As attributes name each of them.
    pub const NAMES: [&'static str; 4] = ["vlan_ids", "vlan_tags", "tunnel_ids", "tunnels"];

    /// A bit for each, in the order of [`NAMES`](Self::NAMES).
    pub(crate) const fn bits(self) -> u8 {
        self.vlan_ids as u8
            | (self.vlan_tags as u8) << 1
            | (self.tunnel_ids as u8) << 2
            | (self.tunnels as u8) << 3
    }

    /// Names of what differed, in the order of [`NAMES`](Self::NAMES).
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let differed = [self.vlan_ids, self.vlan_tags, self.tunnel_ids, self.tunnels];
        Self::NAMES
            .into_iter()
            .zip(differed)
            .filter_map(|(name, differed)| differed.then_some(name))
    }

    /// True if anything did.
    #[must_use]
    pub const fn any(self) -> bool {
        self.vlan_ids || self.vlan_tags || self.tunnel_ids || self.tunnels
    }
}

impl fmt::Display for Several {
    /// The names with commas between them, underscores as spaces; nothing where nothing differed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, name) in self.names().enumerate() {
            if number != 0 {
                f.write_str(", ")?;
            }
            f.write_str(match name {
                "vlan_ids" => "VLAN ids",
                "vlan_tags" => "VLAN tags",
                "tunnel_ids" => "tunnel ids",
                other => other,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differed_has_names() {
        let mut several = Several::default();
        assert!(!several.any() && several.to_string().is_empty());
        several.vlan_tags = true;
        several.tunnels = true;
        assert!(several.any());
        assert_eq!(several.to_string(), "VLAN tags, tunnels");
        assert!(several.names().eq(["vlan_tags", "tunnels"]));
    }
}
