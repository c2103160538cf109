//! A reader that may be silent for long. A thread of its own calls it, so timeouts and requests do not wait for it.

use std::{
    io::{self, Read},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::source::control::Control;

/// Maximum number of octets that are read ahead.
const PIECE: usize = 64 << 10;

/// The reading end.
#[derive(Debug)]
pub(super) struct Pipe(Arc<Shared>);

/// Reports if data is readable.
#[derive(Clone, Debug)]
pub(super) struct Ready(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Octets that were read; the first ones are consumed.
    piece: Vec<u8>,
    used: usize,
    /// The end of input, and its error.
    ended: bool,
    failure: Option<io::Error>,
    /// The reading end was dropped.
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.used >= self.piece.len()
    }
}

impl Pipe {
    /// Starts the thread, which wakes waiters of `control`.
    pub(super) fn start(
        reader: impl Read + Send + 'static,
        control: &Arc<Control>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (writer, control) = (Arc::clone(&shared), Arc::clone(control));
        thread::Builder::new()
            .name("mermin-pcap-in".to_owned())
            .spawn(move || {
                // The reading end must not wait for a reader that panicked.
                let _end = End(&writer, &control);
                pump(reader, &writer, &control);
            })?;
        Ok(Self(shared))
    }

    pub(super) fn ready(&self) -> Ready {
        Ready(Arc::clone(&self.0))
    }
}

impl Ready {
    /// True if a read returns at once.
    pub(super) fn is_now(&self) -> bool {
        let state = self.0.lock();
        state.ended || !state.is_empty()
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        while state.is_empty() && !state.ended {
            state = self.0.wait(state);
        }
        let State { piece, used, .. } = &mut *state;
        let read = piece.get(*used..).unwrap_or_default().read(buffer)?;
        *used += read;
        if state.is_empty() {
            if read == 0
                && let Some(failure) = state.failure.take()
            {
                return Err(failure);
            }
            self.0.changed.notify_all();
        }
        Ok(read)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

/// Ends the input with its thread.
struct End<'a>(&'a Shared, &'a Control);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if !mem::replace(&mut state.ended, true) && !state.closed {
            state.failure = Some(io::Error::other("the reader panicked"));
        }
        drop(state);
        self.0.changed.notify_all();
        self.1.wake();
    }
}

/// Reads a piece, and passes it on when the previous one is consumed.
fn pump(mut reader: impl Read, shared: &Shared, control: &Control) {
    let mut next = vec![0; PIECE];
    loop {
        let result = match reader.read(&mut next) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result,
        };
        // A faulty reader may return more than the buffer's length; the excess does not exist.
        next.truncate(*result.as_ref().unwrap_or(&0));
        let mut state = shared.lock();
        while !state.is_empty() && !state.closed {
            state = shared.wait(state);
        }
        state.ended = next.is_empty();
        state.failure = result.err();
        state.used = 0;
        mem::swap(&mut state.piece, &mut next);
        next.resize(PIECE, 0);
        let over = state.ended || state.closed;
        drop(state);
        shared.changed.notify_all();
        control.wake();
        if over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    /// Gives what is sent; an empty piece is an error.
    struct Channel(mpsc::Receiver<Vec<u8>>);

    impl Read for Channel {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.recv() {
                Ok(piece) if piece.is_empty() => Err(io::Error::other("gone")),
                Ok(piece) => (&piece[..]).read(buffer),
                Err(_) => Ok(0),
            }
        }
    }

    fn pipe() -> (mpsc::Sender<Vec<u8>>, Pipe, Arc<Control>) {
        let (sender, receiver) = mpsc::channel();
        let control = Arc::new(Control::new().unwrap());
        let pipe = Pipe::start(Channel(receiver), &control).unwrap();
        (sender, pipe, control)
    }

    #[test]
    fn pipe_reports_readiness_and_wakes_waiters() {
        let (sender, mut pipe, control) = pipe();
        let ready = pipe.ready();
        assert!(!ready.is_now());
        sender.send(vec![1, 2, 3]).unwrap();
        while !ready.is_now() {
            control.wait(Duration::from_secs(10));
        }
        let mut buffer = [0; 2];
        assert_eq!(pipe.read(&mut buffer).unwrap(), 2);
        assert!(ready.is_now());
        assert_eq!(pipe.read(&mut buffer).unwrap(), 1);
        assert!(!ready.is_now());
        drop(sender);
        assert_eq!(pipe.read(&mut buffer).unwrap(), 0);
        assert!(ready.is_now());
        assert_eq!(pipe.read(&mut buffer).unwrap(), 0);
    }

    #[test]
    fn error_follows_the_data_once() {
        let (sender, mut pipe, _) = pipe();
        sender.send(vec![7]).unwrap();
        sender.send(Vec::new()).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(pipe.read(&mut buffer).unwrap(), 1);
        assert_eq!(pipe.read(&mut buffer).unwrap_err().to_string(), "gone");
        assert_eq!(pipe.read(&mut buffer).unwrap(), 0);
    }

    #[test]
    fn panic_of_the_reader_is_an_error_behind_its_data() {
        struct Panics(bool);
        impl Read for Panics {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                assert!(!mem::replace(&mut self.0, true), "on purpose");
                b"ab".as_slice().read(buffer)
            }
        }
        let control = Arc::new(Control::new().unwrap());
        let mut pipe = Pipe::start(Panics(false), &control).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(pipe.read(&mut buffer).unwrap(), 2);
        let error = pipe.read(&mut buffer).unwrap_err();
        assert_eq!(error.to_string(), "the reader panicked");
        assert_eq!(pipe.read(&mut buffer).unwrap(), 0);
        assert!(pipe.ready().is_now());
    }

    #[test]
    fn no_more_than_a_piece_is_read_ahead_and_a_thread_without_a_reader_ends() {
        let (sender, pipe, _) = pipe();
        for _ in 0..3 {
            sender.send(vec![0; PIECE]).unwrap();
        }
        let ready = pipe.ready();
        while !ready.is_now() {
            thread::yield_now();
        }
        drop(pipe);
        // Its receiver goes with it.
        while sender.send(vec![0]).is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
