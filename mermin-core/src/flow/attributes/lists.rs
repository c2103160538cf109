//! Attribute values that are lists of texts or numbers: iterators.

use std::{
    fmt,
    iter::FusedIterator,
    slice,
    sync::Arc,
    time::{Duration, SystemTime},
};

use crate::flow::{Dropped, ObservationPoint, PointCounts, Several, TcpFlags};

/// Iterator over several texts, such as the names of TCP's control bits.
///
/// ```
/// use mermin_core::flow::{TcpFlags, attributes::Texts};
///
/// let texts = Texts::from(TcpFlags(0x12));
/// assert!(texts.eq(["SYN", "ACK"]));
/// ```
#[derive(Clone)]
pub struct Texts<'a>(Named<'a>);

#[derive(Clone)]
enum Named<'a> {
    /// A subset of a fixed list of names.
    Bits {
        /// At most eight names.
        names: &'static [&'static str],
        /// Names still to come, one bit each; the lowest bit is the first name.
        wanted: u8,
    },
    Points(slice::Iter<'a, ObservationPoint>),
    Texts(slice::Iter<'a, Arc<str>>),
    Reasons(slice::Iter<'a, Dropped>),
}

impl Texts<'_> {
    const fn of(names: &'static [&'static str], wanted: u8) -> Self {
        Self(Named::Bits { names, wanted })
    }
}

impl From<TcpFlags> for Texts<'_> {
    fn from(flags: TcpFlags) -> Self {
        Self::of(&TcpFlags::TAGS, flags.0)
    }
}

impl From<Several> for Texts<'_> {
    fn from(several: Several) -> Self {
        Self::of(&Several::NAMES, several.bits())
    }
}

impl<'a> From<&'a [ObservationPoint]> for Texts<'a> {
    /// Lists the names of the interfaces.
    fn from(points: &'a [ObservationPoint]) -> Self {
        Self(Named::Points(points.iter()))
    }
}

impl<'a> From<&'a [Arc<str>]> for Texts<'a> {
    fn from(texts: &'a [Arc<str>]) -> Self {
        Self(Named::Texts(texts.iter()))
    }
}

impl<'a> From<&'a [Dropped]> for Texts<'a> {
    /// Lists the reasons.
    fn from(dropped: &'a [Dropped]) -> Self {
        Self(Named::Reasons(dropped.iter()))
    }
}

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        match &mut self.0 {
            Named::Bits { names, wanted } => {
                let place = usize::try_from(wanted.trailing_zeros()).ok()?;
                let name = names.get(place)?;
                *wanted &= *wanted - 1;
                Some(name)
            }
            Named::Points(points) => points.next().map(|point| &*point.name),
            Named::Texts(texts) => texts.next().map(|text| &**text),
            Named::Reasons(dropped) => dropped.next().map(|one| &*one.reason),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Named::Bits { names, wanted } => {
                let known =
                    u32::try_from(names.len()).map_or(0, |many| u8::MAX >> (8 - many.min(8)));
                usize::try_from((wanted & known).count_ones()).unwrap_or_default()
            }
            Named::Points(points) => points.len(),
            Named::Texts(texts) => texts.len(),
            Named::Reasons(dropped) => dropped.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Texts<'_> {}

impl FusedIterator for Texts<'_> {}

impl PartialEq for Texts<'_> {
    /// Compares the texts that are left.
    fn eq(&self, other: &Self) -> bool {
        self.clone().eq(other.clone())
    }
}

impl Eq for Texts<'_> {}

impl fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Iterator over several numbers, such as VLAN ids.
///
/// ```
/// use mermin_core::flow::attributes::Numbers;
///
/// assert!(Numbers::from(&[100_u16, 200][..]).eq([100, 200]));
/// ```
#[derive(Clone)]
pub struct Numbers<'a>(Numbered<'a>);

#[derive(Clone)]
enum Numbered<'a> {
    Short(slice::Iter<'a, u16>),
    Points(slice::Iter<'a, ObservationPoint>, fn(&PointCounts) -> u64),
    Dropped(slice::Iter<'a, Dropped>),
    /// For each interface, the delay of its first packet, counted from this time.
    Delays(slice::Iter<'a, ObservationPoint>, SystemTime),
}

impl<'a> Numbers<'a> {
    pub(super) fn of_points(points: &'a [ObservationPoint], get: fn(&PointCounts) -> u64) -> Self {
        Self(Numbered::Points(points.iter(), get))
    }

    pub(super) fn of_drops(dropped: &'a [Dropped]) -> Self {
        Self(Numbered::Dropped(dropped.iter()))
    }

    pub(super) fn delays(points: &'a [ObservationPoint], first: SystemTime) -> Self {
        Self(Numbered::Delays(points.iter(), first))
    }
}

impl<'a> From<&'a [u16]> for Numbers<'a> {
    fn from(numbers: &'a [u16]) -> Self {
        Self(Numbered::Short(numbers.iter()))
    }
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match &mut self.0 {
            Numbered::Short(numbers) => numbers.next().copied().map(u64::from),
            Numbered::Points(points, get) => points.next()?.counts.as_ref().map(get),
            Numbered::Dropped(dropped) => dropped.next().map(|one| one.packets),
            Numbered::Delays(points, first) => {
                let delay = points.next()?.counts?.start.duration_since(*first);
                let nanos = delay.unwrap_or(Duration::ZERO).as_nanos();
                Some(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Numbered::Short(numbers) => numbers.len(),
            Numbered::Points(points, _) | Numbered::Delays(points, _) => points.len(),
            Numbered::Dropped(dropped) => dropped.len(),
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Numbers<'_> {}

impl FusedIterator for Numbers<'_> {}

impl PartialEq for Numbers<'_> {
    /// Compares the numbers that are left.
    fn eq(&self, other: &Self) -> bool {
        self.clone().eq(other.clone())
    }
}

impl Eq for Numbers<'_> {}

impl fmt::Debug for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
