//! A handover on a socket: two lengths, the header, and the descriptors as `SCM_RIGHTS` of one octet for each message.

use std::{
    io::{self, IoSlice, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
};

use rustix::{
    cmsg_space,
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};

use super::header::invalid;
use crate::error::{Error, ErrorKind};

/// Descriptors in one message; the kernel takes 253 (`SCM_MAX_FD`).
const AT_ONCE: usize = 128;
/// More is neither sent nor read: two links for each of 1,024 interfaces, and some dozen others, take less.
const MOST_DESCRIPTORS: u32 = 4096;
const LONGEST_HEADER: u32 = 1 << 20;

/// Sends a header and its descriptors.
pub(super) fn send(
    socket: &UnixStream,
    header: &[u8],
    descriptors: &[OwnedFd],
) -> Result<(), Error> {
    let within = |what, length: usize, most: u32| {
        let short = u32::try_from(length).ok().filter(|length| *length <= most);
        short.ok_or_else(|| too_long(what, length, most))
    };
    let lengths = [
        within("octets of text", header.len(), LONGEST_HEADER)?,
        within("descriptors", descriptors.len(), MOST_DESCRIPTORS)?,
    ];
    let sent = || -> io::Result<()> {
        let mut writer = socket;
        for length in lengths {
            writer.write_all(&length.to_le_bytes())?;
        }
        writer.write_all(header)?;
        for some in descriptors.chunks(AT_ONCE) {
            let some: Vec<BorrowedFd<'_>> = some.iter().map(OwnedFd::as_fd).collect();
            send_some(socket, &some)?;
        }
        Ok(())
    };
    sent().map_err(|error| {
        Error::new(
            ErrorKind::System,
            "cannot pass the source to another process",
        )
        .with_source(error)
    })
}

fn too_long(what: &str, length: usize, most: u32) -> Error {
    Error::new(
        ErrorKind::Exhausted,
        format!(
            "cannot pass the source to another process: it has {length} {what}, and at most {most} are received"
        ),
    )
    .with_remedy("select fewer interfaces, or pass its `into_parts` in another way")
}

fn send_some(socket: &UnixStream, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
    loop {
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(Errno::INVAL.into());
        }
        let octet = [IoSlice::new(&[0])];
        // No SIGPIPE for the process.
        match sendmsg(socket, &octet, &mut control, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return Ok(sent.map(drop)?),
        }
    }
}

/// Receives a header and its descriptors.
pub(super) fn receive(socket: &UnixStream) -> Result<(Vec<u8>, Vec<OwnedFd>), Error> {
    let failed = |error: io::Error| {
        Error::new(
            ErrorKind::System,
            "cannot receive a source of another process",
        )
        .with_source(error)
    };
    let mut reader = socket;
    let mut lengths = [[0; 4]; 2];
    for length in &mut lengths {
        reader.read_exact(length).map_err(failed)?;
    }
    let [header, number] = lengths.map(u32::from_le_bytes);
    if header > LONGEST_HEADER || number > MOST_DESCRIPTORS {
        return Err(invalid("it is not what `Handover::send` sends"));
    }
    let mut text = vec![0; header as usize];
    reader.read_exact(&mut text).map_err(failed)?;
    let mut descriptors = Vec::new();
    while descriptors.len() < number as usize {
        let before = descriptors.len();
        if !receive_some(socket, &mut descriptors).map_err(failed)? {
            return Err(Error::new(
                ErrorKind::Exhausted,
                format!("cannot receive the {number} descriptors of a source"),
            )
            .with_remedy("raise the limit: `ulimit -n 4096`"));
        }
        if descriptors.len() == before {
            return Err(invalid("descriptors are missing"));
        }
    }
    Ok((text, descriptors))
}

/// Receives a message's descriptors. Returns false if the process may not have so many.
fn receive_some(socket: &UnixStream, descriptors: &mut Vec<OwnedFd>) -> io::Result<bool> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
    let mut octet = [0];
    let received = loop {
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut octets = [IoSliceMut::new(&mut octet)];
        match recvmsg(socket, &mut octets, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => {
                let received = received?;
                for message in control.drain() {
                    if let RecvAncillaryMessage::ScmRights(some) = message {
                        descriptors.extend(some);
                    }
                }
                break received;
            }
        }
    };
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(!received.flags.contains(ReturnFlags::CTRUNC))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::MetadataExt as _, thread};

    use super::*;

    #[test]
    fn header_and_descriptors_arrive_in_their_order() {
        let (one, other) = UnixStream::pair().unwrap();
        let files = ["/dev/null", "/dev/zero", "/"];
        let descriptors: Vec<OwnedFd> = (0..300)
            .map(|number: usize| File::open(files[number % 3]).unwrap().into())
            .collect();
        let sender = thread::spawn(move || send(&one, b"text", &descriptors));
        let (text, received) = receive(&other).unwrap();
        sender.join().unwrap().unwrap();
        assert_eq!((&text[..], received.len()), (&b"text"[..], 300));
        for (number, descriptor) in received.into_iter().enumerate() {
            let flags = rustix::io::fcntl_getfd(&descriptor).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
            let there = File::from(descriptor).metadata().unwrap();
            let wanted = File::open(files[number % 3]).unwrap().metadata().unwrap();
            assert_eq!((there.dev(), there.ino()), (wanted.dev(), wanted.ino()));
        }
    }

    #[test]
    fn sender_refuses_more_than_is_received() {
        let (one, other) = UnixStream::pair().unwrap();
        let header = vec![0; LONGEST_HEADER as usize + 1];
        let error = send(&one, &header, &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
        assert!(
            error
                .to_string()
                .ends_with("it has 1048577 octets of text, and at most 1048576 are received"),
            "{error}"
        );
        // Nothing was sent.
        other.set_nonblocking(true).unwrap();
        let error = (&other).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn closed_socket_and_foreign_octets_are_errors() {
        let (one, other) = UnixStream::pair().unwrap();
        (&one).write_all(&[4, 0, 0, 0, 1, 0, 0, 0, b't']).unwrap();
        drop(one);
        let error = receive(&other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::System);
        let (one, other) = UnixStream::pair().unwrap();
        (&one).write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let error = receive(&other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
        let (one, other) = UnixStream::pair().unwrap();
        (&one).write_all(&[0, 0, 0, 0, 1, 0, 0, 0, 0]).unwrap();
        let error = receive(&other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{error}");
        drop(one);
        let (one, other) = UnixStream::pair().unwrap();
        drop(other);
        assert_eq!(
            send(&one, b"text", &[]).unwrap_err().kind(),
            ErrorKind::System
        );
    }
}
