//! VLAN tags of a flow, held inline.

use std::{fmt, ops::Deref};

/// VLAN identifiers, outermost first: a slice of at most [`VlanIds::MAX`].
///
/// ```
/// use mermin_core::flow::VlanIds;
///
/// let vlans = VlanIds::from_slice(&[100, 7]);
/// assert_eq!(vlans.as_slice(), [100, 7]);
/// assert_eq!(vlans.first(), Some(&100)); // a method of slices
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct VlanIds {
    ids: [u16; Self::MAX],
    length: u8,
}

impl VlanIds {
    /// Maximum number of identifiers. Records of a source have at most two; records of other programs, which you can
    /// [replay](crate::FlowSource::replay), may have more.
    pub const MAX: usize = 4;

    /// Keeps the first [`VlanIds::MAX`] of `ids` and drops deeper ones.
    #[must_use]
    pub fn from_slice(ids: &[u16]) -> Self {
        let mut vlans = Self::default();
        for (place, id) in vlans.ids.iter_mut().zip(ids) {
            *place = *id;
            vlans.length += 1;
        }
        vlans
    }

    /// Returns the identifiers, outermost first.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        self.ids.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl Deref for VlanIds {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        self.as_slice()
    }
}

impl fmt::Debug for VlanIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_keeps_the_outermost_tags() {
        assert!(VlanIds::default().is_empty());
        assert_eq!(&*VlanIds::from_slice(&[1, 2]), &[1, 2]);
        assert_eq!(&*VlanIds::from_slice(&[1, 2, 3, 4, 5]), &[1, 2, 3, 4]);
        assert_eq!(format!("{:?}", VlanIds::from_slice(&[7])), "[7]");
    }
}
