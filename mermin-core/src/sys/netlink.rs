//! A blocking `NETLINK_ROUTE` client: one request and its answer, in the calling thread (RFC 3549, netlink(7)).
//!
//! Answers are passed on as bytes, not as decoded messages. A decoder of whole messages fails if it does not expect one
//! attribute, so a single foreign filter or unusual device would hide all others.

mod attributes;
mod monitor;
mod questions;

use std::{cell::Cell, io};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST,
    NetlinkBuffer, NetlinkMessage,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

pub(crate) use self::{
    attributes::{attribute, attributes_of, number, text},
    monitor::{Monitor, is_loss},
    questions::{Questions, is_answer},
};

const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLMSGERR_ATTR_MSG: u16 = 1;

/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// Initial capacity of a receive buffer, octets: twice the maximum that the kernel puts into one datagram of a dump (32 KiB).
/// For a larger datagram, [`receive`] peeks at the length first.
const BUFFER: usize = 64 * 1024;
/// A dump that changes while it is read is repeated, but not for ever on a host that creates links all the time.
const DUMP_TRIES: u32 = 8;

/// A socket of the network namespace in which it was opened. It stays in that namespace if the thread enters another
/// one.
pub(crate) struct Netlink {
    socket: Socket,
    sequence: Cell<u32>,
}

/// Returns the messages of a datagram. A truncated message is the last item, as an error.
fn messages(datagram: &[u8]) -> impl Iterator<Item = io::Result<NetlinkBuffer<&[u8]>>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.len() < HEADER {
            return None;
        }
        let message = NetlinkBuffer::new_checked(rest).map_err(io::Error::other);
        rest = match &message {
            Ok(message) => rest.get(aligned(message.length())..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(message)
    })
}

struct Answer<T> {
    items: Vec<T>,
    interrupted: bool,
}

impl Netlink {
    /// Opens a socket in the calling thread's network namespace.
    pub(crate) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        // Port 0 is the kernel. A connected socket receives datagrams of no other sender.
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: Cell::new(0),
        })
    }

    /// Sends a request and waits until the kernel has done it.
    pub(crate) fn execute(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.request(message, flags, |_, _| None::<()>).map(drop)
    }

    /// Sends a request. `read` gets each message (type, payload) that arrives before the kernel's acknowledgement.
    pub(crate) fn request<T>(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        read: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        let answer = self.exchange(message, flags | NLM_F_ACK, read)?;
        Ok(answer.items)
    }

    /// Reads a whole table as it was at one moment. Repeats the dump if the table changed meanwhile.
    pub(crate) fn dump<T>(
        &self,
        message: &RouteNetlinkMessage,
        read: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> io::Result<Vec<T>> {
        for _ in 0..DUMP_TRIES {
            let answer = self.exchange(message.clone(), NLM_F_DUMP, &read)?;
            if !answer.interrupted {
                return Ok(answer.items);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            format!("the table changed while it was read, {DUMP_TRIES} times"),
        ))
    }

    fn exchange<T>(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        read: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> io::Result<Answer<T>> {
        let sequence = self.send(message, flags)?;
        let mut answer = Answer {
            items: Vec::new(),
            interrupted: false,
        };
        let mut buffer = Vec::with_capacity(BUFFER);
        loop {
            receive(&self.socket, &mut buffer)?;
            for message in messages(&buffer) {
                let message = message?;
                // An older number belongs to an earlier exchange that failed half-way and left its answers unread.
                if message.sequence_number() != sequence {
                    continue;
                }
                answer.interrupted |= message.flags() & NLM_F_DUMP_INTR != 0;
                match message.message_type() {
                    NLMSG_NOOP => {}
                    kind @ (NLMSG_ERROR | NLMSG_DONE) => {
                        return ended(kind, message.flags(), message.payload()).map(|()| answer);
                    }
                    NLMSG_OVERRUN => return Err(io::Error::from_raw_os_error(libc::ENOBUFS)),
                    kind => answer.items.extend(read(kind, message.payload())),
                }
            }
        }
    }

    fn send(&self, message: RouteNetlinkMessage, flags: u16) -> io::Result<u32> {
        let sequence = self.sequence.get().wrapping_add(1);
        self.sequence.set(sequence);
        let mut message = NetlinkMessage::from(message);
        message.header.flags = NLM_F_REQUEST | flags;
        message.header.sequence_number = sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        uninterrupted(|| self.socket.send(&bytes, 0))?;
        Ok(sequence)
    }
}

/// Receives one whole datagram. It may be larger than any usual buffer, for example if a link has hundreds of virtual
/// functions.
fn receive(socket: &Socket, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    let length = uninterrupted(|| {
        socket.recv(
            &mut buffer.spare_capacity_mut(),
            libc::MSG_PEEK | libc::MSG_TRUNC,
        )
    })?;
    buffer.reserve(length);
    uninterrupted(|| socket.recv(buffer, 0)).map(drop)
}

fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn aligned(length: u32) -> usize {
    (length as usize).next_multiple_of(4)
}

/// Reads the message that ends an answer: an acknowledgement, a refusal, or the end of a dump.
fn ended(kind: u16, flags: u16, payload: &[u8]) -> io::Result<()> {
    let Some((code, rest)) = payload.split_first_chunk() else {
        // A dump may end without a code.
        return if kind == NLMSG_DONE {
            Ok(())
        } else {
            Err(io::ErrorKind::InvalidData.into())
        };
    };
    let errno = match i32::from_ne_bytes(*code) {
        code @ ..0 => code.wrapping_neg(),
        _ => return Ok(()),
    };
    let text = (flags & NLM_F_ACK_TLVS != 0)
        .then(|| extended_text(kind, flags, rest))
        .flatten();
    Err(match text {
        Some(text) => {
            let kind = io::Error::from_raw_os_error(errno).kind();
            io::Error::new(kind, KernelRefusal { errno, text })
        }
        None => io::Error::from_raw_os_error(errno),
    })
}

/// Returns the kernel's error text. It follows the header of the request, and also the request's body unless the kernel
/// left that out.
fn extended_text(kind: u16, flags: u16, rest: &[u8]) -> Option<String> {
    let skipped = match kind {
        NLMSG_DONE => 0,
        _ if flags & NLM_F_CAPPED != 0 => HEADER,
        _ => aligned(u32::from_ne_bytes(*rest.first_chunk()?)),
    };
    attribute(rest.get(skipped..)?, NLMSGERR_ATTR_MSG).map(text)
}

/// The kernel's refusal with its extended acknowledgement.
#[derive(Debug, thiserror::Error)]
#[error("{}: {text}", io::Error::from_raw_os_error(*.errno))]
struct KernelRefusal {
    errno: i32,
    text: String,
}

/// The errno of an error, also of one to which the kernel added words.
pub(crate) fn errno(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| {
        let refused = error.get_ref()?.downcast_ref::<KernelRefusal>()?;
        Some(refused.errno)
    })
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::link::LinkMessage;

    use super::*;

    #[test]
    fn refusal_has_errno_and_extended_text_of_the_kernel() {
        let mut payload = Vec::new();
        payload.extend((-22i32).to_ne_bytes());
        payload.extend([0; HEADER]);
        payload.extend([8, 0, 1, 0, b'n', b'o', 0, 0]);
        let flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
        let error = ended(NLMSG_ERROR, flags, &payload).unwrap_err();
        assert_eq!(errno(&error), Some(22));
        assert_eq!(error.to_string(), "Invalid argument (os error 22): no");
        let error = ended(NLMSG_ERROR, 0, &payload).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(22));
    }

    #[test]
    fn extended_text_follows_the_echoed_request() {
        let mut payload = Vec::new();
        payload.extend((-1i32).to_ne_bytes());
        payload.extend(18u32.to_ne_bytes());
        payload.extend([0; 16]);
        payload.extend([6, 0, 1, 0, b'x', 0]);
        let error = ended(NLMSG_ERROR, NLM_F_ACK_TLVS, &payload).unwrap_err();
        assert_eq!(error.to_string(), "Operation not permitted (os error 1): x");
    }

    #[test]
    fn netlink_acknowledgements_are_no_errors() {
        assert!(ended(NLMSG_ERROR, 0, &[0; 20]).is_ok());
        assert!(ended(NLMSG_DONE, 0, &[]).is_ok());
        assert!(ended(NLMSG_ERROR, 0, &[]).is_err());
        let refused = ended(NLMSG_DONE, 0, &(-105i32).to_ne_bytes()).unwrap_err();
        assert_eq!(errno(&refused), Some(libc::ENOBUFS));
    }

    #[test]
    fn netlink_replies_and_errors_are_returned() {
        let netlink = Netlink::open().unwrap();
        let names = netlink
            .dump(
                &RouteNetlinkMessage::GetLink(LinkMessage::default()),
                |_, payload| attribute(payload.get(16..)?, 3).map(text),
            )
            .unwrap();
        assert!(names.contains(&"lo".to_owned()), "{names:?}");

        let mut message = LinkMessage::default();
        message.header.index = 0x7fff_fff0;
        let error = netlink
            .execute(RouteNetlinkMessage::GetLink(message), 0)
            .unwrap_err();
        assert_eq!(errno(&error), Some(libc::ENODEV));
    }
}
