//! Fields in which the packets of a flow differ.

use std::fmt;

/// Fields in which the packets of a flow differ, or of which a record has only a part. The record has the value of the first packet.
///
/// A flag that is set stays set in all later records of the flow. [`FlowKey`](crate::FlowKey) decides which of these fields
/// separate flows. Ids of GTP-U, PPTP and L2TP identify the receiver, so the two directions of one flow have
/// different ids.
///
/// ```
/// use mermin_core::flow::Several;
///
/// let mut several = Several::default();
/// assert!(!several.any());
/// several.tunnel_ids = true;
/// assert_eq!(several.names().collect::<Vec<_>>(), ["tunnel_ids"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Several {
    /// VLAN ids.
    pub vlan_ids: bool,
    /// Packets had more than two VLAN tags. The record keeps the two outermost.
    pub vlan_tags: bool,
    /// Tunnel ids, at any level.
    pub tunnel_ids: bool,
    /// Tunnel kinds or outer endpoints, at any level; or some packets were in a tunnel and others not.
    pub tunnels: bool,
}

impl Several {
    /// Names used in attributes.
    pub const NAMES: [&'static str; 4] = ["vlan_ids", "vlan_tags", "tunnel_ids", "tunnels"];

    /// Returns one bit per field, in the order of [`NAMES`](Self::NAMES).
    pub(crate) const fn bits(self) -> u8 {
        self.vlan_ids as u8
            | (self.vlan_tags as u8) << 1
            | (self.tunnel_ids as u8) << 2
            | (self.tunnels as u8) << 3
    }

    /// Returns the names of the fields that differed, in the order of [`NAMES`](Self::NAMES).
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let differed = [self.vlan_ids, self.vlan_tags, self.tunnel_ids, self.tunnels];
        Self::NAMES
            .into_iter()
            .zip(differed)
            .filter_map(|(name, differed)| differed.then_some(name))
    }

    /// Returns true if any field differed.
    #[must_use]
    pub const fn any(self) -> bool {
        self.vlan_ids || self.vlan_tags || self.tunnel_ids || self.tunnels
    }
}

impl fmt::Display for Several {
    /// Prints the names with commas between them and spaces for underscores, or nothing if no field differed.
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
    fn differing_fields_have_names() {
        let mut several = Several::default();
        assert!(!several.any() && several.to_string().is_empty());
        several.vlan_tags = true;
        several.tunnels = true;
        assert!(several.any());
        assert_eq!(several.to_string(), "VLAN tags, tunnels");
        assert!(several.names().eq(["vlan_tags", "tunnels"]));
    }
}
