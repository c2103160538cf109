//! Access to a header's bytes: the only difference between the kernel and user space.

/// Headers are parsed in this many octets of a frame. A longer one counts as truncated there.
pub const HEADER_LIMIT: usize = 512;

/// A frame whose ranges can be borrowed after one check of their bounds.
pub trait Bytes: Copy {
    /// `N` octets within the frame.
    type Window<const N: usize>: Window;

    /// The octets `at .. at + N`, unless the frame ends before or they reach beyond [`HEADER_LIMIT`].
    fn window<const N: usize>(self, at: usize) -> Option<Self::Window<N>>;

    /// The same offset, whose origin the kernel's verifier has forgotten.
    ///
    /// Called where paths of different length meet (after a VLAN tag, after an extension header): the verifier then sees
    /// one state there instead of one for each path, which would exceed its limit of a million instructions.
    #[must_use]
    fn barrier_var(self, at: usize) -> usize {
        at
    }
}

/// Fields of a range that was checked. Offsets are literals below the window's length.
pub trait Window: Copy {
    /// One octet.
    fn u8(self, at: usize) -> u8;
    /// Two octets in network byte order.
    fn be16(self, at: usize) -> u16;
    /// Four octets in network byte order.
    fn be32(self, at: usize) -> u32;
    /// Four octets in memory order.
    fn raw32(self, at: usize) -> u32;
    /// Eight octets in memory order.
    fn raw64(self, at: usize) -> u64;
}

impl<'a> Bytes for &'a [u8] {
    type Window<const N: usize> = &'a [u8; N];

    #[inline]
    fn window<const N: usize>(self, at: usize) -> Option<&'a [u8; N]> {
        let end = at.checked_add(N).filter(|&end| end <= HEADER_LIMIT)?;
        self.get(at..end)?.try_into().ok()
    }
}

/// `L` octets from `at` on. Past the window's end they read as zeroes; callers pass literals inside it.
#[inline]
fn array<const L: usize>(bytes: &[u8], at: usize) -> [u8; L] {
    let mut out = [0; L];
    if let Some(found) = bytes.get(at..at + L) {
        out.copy_from_slice(found);
    }
    out
}

impl<const N: usize> Window for &[u8; N] {
    #[inline]
    fn u8(self, at: usize) -> u8 {
        let [octet] = array(self, at);
        octet
    }

    #[inline]
    fn be16(self, at: usize) -> u16 {
        u16::from_be_bytes(array(self, at))
    }

    #[inline]
    fn be32(self, at: usize) -> u32 {
        u32::from_be_bytes(array(self, at))
    }

    #[inline]
    fn raw32(self, at: usize) -> u32 {
        u32::from_ne_bytes(array(self, at))
    }

    #[inline]
    fn raw64(self, at: usize) -> u64 {
        u64::from_ne_bytes(array(self, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_never_reaches_past_frame_or_limit() {
        let frame = [7_u8; 600];
        assert!((&frame[..10]).window::<4>(6).is_some());
        assert!((&frame[..10]).window::<4>(7).is_none());
        assert!((&frame[..]).window::<4>(HEADER_LIMIT - 4).is_some());
        assert!((&frame[..]).window::<4>(HEADER_LIMIT - 3).is_none());
        assert!((&frame[..]).window::<4>(usize::MAX).is_none());
    }

    #[test]
    fn numbers_are_in_network_order_and_raw_words_as_in_memory() {
        let frame: &[u8] = &[9, 1, 2, 3, 4, 5, 6, 7, 8];
        let Some(window) = frame.window::<8>(1) else {
            panic!("the frame has nine octets");
        };
        assert_eq!(window.u8(7), 8);
        assert_eq!(window.be16(0), 0x0102);
        assert_eq!(window.be32(4), 0x0506_0708);
        assert_eq!(window.raw32(0).to_ne_bytes(), [1, 2, 3, 4]);
        assert_eq!(window.raw64(0).to_ne_bytes(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
