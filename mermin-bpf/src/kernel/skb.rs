//! The socket buffer: its facts, and its bytes as the parser reads them.

use core::mem::MaybeUninit;

use aya_ebpf::{
    bindings::{__sk_buff, bpf_hdr_start_off::BPF_HDR_START_NET},
    helpers::{bpf_skb_load_bytes, bpf_skb_load_bytes_relative},
};
use mermin_bpf::wire::{
    bytes::{Bytes, HEADER_LIMIT, Window},
    packet::Frame,
};

use super::workspace::Workspace;

/// A frame of multicast or broadcast that the kernel looped back (`linux/if_packet.h`).
const PACKET_LOOPBACK: u32 = 5;

/// The context of a tc program.
#[derive(Clone, Copy)]
pub(super) struct Skb(pub(super) *mut __sk_buff);

macro_rules! field {
    ($($name:ident)*) => {
        $(
            #[inline(always)]
            pub(super) fn $name(self) -> u32 {
                // SAFETY: the kernel passes a valid context; the verifier turns this load into one of its own.
                unsafe { (*self.0).$name }
            }
        )*
    };
}

impl Skb {
    field! { len pkt_type ifindex ingress_ifindex gso_segs gso_size vlan_present vlan_tci wire_len }

    /// True for the kernel's copy of a packet that this host sends to a group or to all. It begins with its IP header on any link.
    #[inline(always)]
    pub(super) fn is_looped_back(self) -> bool {
        self.pkt_type() == PACKET_LOOPBACK
    }

    /// The part of the packet that can be read without a helper.
    #[inline(always)]
    pub(super) fn linear(self) -> Linear {
        // SAFETY: as in `field`.
        let (start, end) = unsafe { ((*self.0).data, (*self.0).data_end) };
        Linear {
            start: start as usize,
            end: end as usize,
        }
    }

    /// Octets on the wire that are not in the buffer: of a VLAN tag that hardware took off, or is to put in.
    #[inline(always)]
    pub(super) fn stripped(self) -> u8 {
        // Without a branch: there is one bit.
        (self.vlan_present() as u8 & 1) << 2
    }

    /// Facts known besides the bytes.
    #[inline(always)]
    pub(super) fn frame(self, link: u8) -> Frame {
        Frame {
            length: self.len(),
            link,
            stripped_vlan: (self.vlan_present() != 0).then(|| self.vlan_tci() as u16),
            segmented: self.gso_size() != 0,
        }
    }

    /// Copies `N` bytes from `at` on, in linear or paged memory; if the frame ends before, the destination is
    /// unchanged.
    ///
    /// # Safety
    /// `to` is valid for writes.
    #[inline(always)]
    pub(super) unsafe fn load<const N: usize>(self, at: u32, to: *mut [u8; N]) {
        // SAFETY: by the contract above.
        unsafe { bpf_skb_load_bytes(self.0.cast(), at, to.cast(), N as u32) };
    }

    /// True if the kernel has this header as the packet's network header. Compares the first bytes, which include the
    /// length, so a packet and the one that it carries differ.
    #[inline(always)]
    pub(super) fn network_header_is(self, bytes: Copied, at: usize) -> bool {
        let mut own = 0_u64;
        // SAFETY: the number is on this program's stack.
        let status = unsafe {
            bpf_skb_load_bytes_relative(
                self.0.cast(),
                0,
                (&raw mut own).cast(),
                size_of::<u64>() as u32,
                BPF_HDR_START_NET,
            )
        };
        status == 0
            && bytes
                .window::<8>(at)
                .is_some_and(|header| header.raw64(0) == own)
    }

    /// Copies the first headers, wherever they lie. Nothing is pulled up: the buffer stays as it was.
    #[inline(always)]
    pub(super) fn copy(self, workspace: *mut Workspace) -> Option<Copied> {
        // The verifier of Linux 6.1 learns nothing from "is not 0", so it gets the length minus one, in a form that the
        // compiler cannot simplify.
        let last = self.len().min(HEADER_LIMIT as u32).wrapping_sub(1);
        let last = barrier_var(workspace, last as usize);
        if last >= HEADER_LIMIT {
            return None;
        }
        let length = last + 1;
        // SAFETY: the workspace holds `HEADER_LIMIT` octets of headers, and `length` is no more.
        let status = unsafe {
            bpf_skb_load_bytes(
                self.0.cast(),
                0,
                (&raw mut (*workspace).headers).cast(),
                length as u32,
            )
        };
        if status != 0 {
            return None;
        }
        // SAFETY: this CPU's own workspace.
        unsafe { (*workspace).length = length as u32 };
        Some(Copied::again(workspace))
    }
}

/// Direct packet access.
#[derive(Clone, Copy)]
pub(super) struct Linear {
    start: usize,
    end: usize,
}

impl Linear {
    /// The address of the first octet minus that of a map's memory. The verifier makes no number of one pointer, but of
    /// the difference of two.
    #[inline(always)]
    pub(super) fn distance_from(self, memory: *const u8) -> usize {
        self.start.wrapping_sub(memory as usize)
    }
}

impl Bytes for Linear {
    type Window<const N: usize> = Proven;

    #[inline(always)]
    fn window<const N: usize>(self, at: usize) -> Option<Proven> {
        if at > HEADER_LIMIT - N {
            return None;
        }
        let start = self.start + at;
        (start + N <= self.end).then_some(Proven(start as *const u8))
    }
}

/// The packet's bytes in linear or paged memory, by a helper call for each range: for code that few packets reach.
#[derive(Clone, Copy)]
pub(super) struct Anywhere(pub(super) Skb);

impl Bytes for Anywhere {
    type Window<const N: usize> = Range<N>;

    #[inline(always)]
    fn window<const N: usize>(self, at: usize) -> Option<Range<N>> {
        let mut range = MaybeUninit::<[u8; N]>::uninit();
        // SAFETY: the helper writes `N` octets to this program's stack, whether it succeeds or not.
        unsafe {
            let to = range.as_mut_ptr();
            let status = bpf_skb_load_bytes(self.0.0.cast(), at as u32, to.cast(), N as u32);
            (status == 0).then_some(Range(range.assume_init()))
        }
    }
}

/// Octets that were copied.
#[derive(Clone, Copy)]
pub(super) struct Range<const N: usize>([u8; N]);

impl<const N: usize> Range<N> {
    #[inline(always)]
    fn load<T: Copy>(self, at: usize) -> T {
        // SAFETY: callers of `Window` stay inside the range.
        unsafe { self.0.as_ptr().add(at).cast::<T>().read_unaligned() }
    }
}

/// Headers copied to the CPU's workspace.
#[derive(Clone, Copy)]
pub(super) struct Copied {
    workspace: *mut Workspace,
    length: usize,
}

impl Copied {
    /// The headers that were copied before.
    #[inline(always)]
    pub(super) fn again(workspace: *mut Workspace) -> Self {
        // SAFETY: this CPU's own workspace.
        let length = unsafe { (&raw const (*workspace).length).read_volatile() };
        Self {
            workspace,
            length: length as usize,
        }
    }
}

impl Bytes for Copied {
    type Window<const N: usize> = Proven;

    #[inline(always)]
    fn window<const N: usize>(self, at: usize) -> Option<Proven> {
        // Before Linux 6.8 the verifier does not carry bounds from one register to another that holds the same number.
        let at = barrier_var(self.workspace, at);
        if at > HEADER_LIMIT - N || at + N > self.length {
            return None;
        }
        // SAFETY: `at + N` is within the copied headers.
        Some(Proven(unsafe {
            (&raw const (*self.workspace).headers).cast::<u8>().add(at)
        }))
    }

    #[inline(always)]
    fn barrier_var(self, at: usize) -> usize {
        barrier_var(self.workspace, at)
    }
}

/// Sends a number through map memory, whose contents the verifier does not follow.
#[inline(always)]
pub(super) fn barrier_var(workspace: *mut Workspace, number: usize) -> usize {
    // SAFETY: this CPU's own workspace.
    unsafe {
        let cell = &raw mut (*workspace).offset;
        cell.write_volatile(number as u64);
        cell.read_volatile() as usize
    }
}

/// A range that the verifier has seen to be readable.
///
/// Loads claim their natural alignment though packets do not keep it: x86-64 and arm64 load unaligned words as well, the
/// verifier allows it there, and a byte-wise load would cost eight instructions.
#[derive(Clone, Copy)]
pub(super) struct Proven(*const u8);

impl Proven {
    #[inline(always)]
    fn load<T: Copy>(self, at: usize) -> T {
        // SAFETY: callers of `Window` stay inside the proven range; for alignment see the type.
        unsafe { self.0.add(at).cast::<T>().read() }
    }
}

/// Reads the fields of a header by the `load` of a window.
macro_rules! fields {
    ($window:ty $(, const $name:ident: usize)?) => {
        impl $(<const $name: usize>)? Window for $window {
            #[inline(always)]
            fn u8(self, at: usize) -> u8 {
                self.load(at)
            }

            #[inline(always)]
            fn be16(self, at: usize) -> u16 {
                u16::from_be(self.load(at))
            }

            #[inline(always)]
            fn be32(self, at: usize) -> u32 {
                u32::from_be(self.load(at))
            }

            #[inline(always)]
            fn raw32(self, at: usize) -> u32 {
                self.load(at)
            }

            #[inline(always)]
            fn raw64(self, at: usize) -> u64 {
                self.load(at)
            }
        }
    };
}

fields!(Proven);
fields!(Range<N>, const N: usize);
