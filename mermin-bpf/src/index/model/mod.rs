//! Walks protocols through all interleavings of the threads that follow them, one access of memory at a time.
//!
//! The protocol's own code runs. The model keeps a thread as the list of the answers that its accesses had. To go on, it runs
//! the thread from its beginning with these answers, and stops it by unwinding at the next access. The model makes that
//! access when it is the thread's turn. Accesses are sequentially consistent here; `docs/INDEX.md` says which barriers make
//! them so.

mod free;
mod keys;

use std::boxed::Box;
use std::{
    any::Any,
    cell::Cell,
    collections::{HashSet, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    vec,
    vec::Vec,
};

/// Memory that all threads share.
trait Shared: Clone + Eq + Hash {
    /// One access.
    type Access: Any + Send;
    /// A fault built into the protocol, to see that the model finds it.
    type Fault: Copy + PartialEq;

    /// Makes an access; returns its answer.
    fn access(&mut self, access: Self::Access, fault: Option<Self::Fault>) -> u64;

    /// Returns a defect in words, if there is one. Some defects can only be seen when all threads are at rest.
    fn defect(&self, at_rest: bool) -> Option<&'static str>;
}

/// The work of a thread.
trait Work: Copy + Eq + Hash {
    type Shared: Shared;

    /// One of the thread's turns. A turn knows nothing of the turns before it.
    fn turn(self, number: u8, replay: &Replay<'_, Self::Shared>) -> Turn;

    /// Number of turns after which the thread gives up.
    fn most_turns(self) -> u8;
}

enum Turn {
    Again,
    Over,
}

/// A thread's access to the memory: first the known answers, then the stop.
struct Replay<'a, S: Shared> {
    shared: &'a S,
    answers: &'a [u64],
    next: Cell<usize>,
    fault: Option<S::Fault>,
}

impl<S: Shared> Replay<'_, S> {
    fn access(&self, access: S::Access) -> u64 {
        let next = self.next.replace(self.next.get() + 1);
        match self.answers.get(next) {
            Some(answer) => *answer,
            None => resume_unwind(Box::new(access)),
        }
    }

    fn has(&self, fault: S::Fault) -> bool {
        self.fault == Some(fault)
    }
}

/// A thread in the middle of its work.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Thread<W> {
    work: W,
    turn: u8,
    answers: Vec<u64>,
    is_over: bool,
}

/// The state of the model: the memory and all threads.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World<W: Work> {
    shared: W::Shared,
    threads: Vec<Thread<W>>,
}

impl<W: Work> World<W> {
    fn new(shared: W::Shared, works: &[W]) -> Self {
        let threads = works.iter().map(|work| Thread {
            work: *work,
            turn: 0,
            answers: Vec::new(),
            is_over: false,
        });
        Self {
            shared,
            threads: threads.collect(),
        }
    }

    /// A thread makes its next access, and goes on to the access after it. Returns false if the thread has no further access.
    fn step(&mut self, number: usize, fault: Option<<W::Shared as Shared>::Fault>) -> bool {
        let thread = &mut self.threads[number];
        loop {
            if thread.is_over {
                return false;
            }
            let replay = Replay {
                shared: &self.shared,
                answers: &thread.answers,
                next: Cell::new(0),
                fault,
            };
            let turn = thread.turn;
            let run = catch_unwind(AssertUnwindSafe(|| thread.work.turn(turn, &replay)));
            match run {
                Err(stopped) => {
                    let access = *stopped.downcast().unwrap();
                    let answer = self.shared.access(access, fault);
                    thread.answers.push(answer);
                    return true;
                }
                Ok(turn) => {
                    thread.answers.clear();
                    thread.turn += 1;
                    thread.is_over =
                        matches!(turn, Turn::Over) || thread.turn == thread.work.most_turns();
                }
            }
        }
    }
}

/// Walks through all states that can occur. Returns their number, or the defect of one of them.
fn walk<W: Work>(
    first: World<W>,
    fault: Option<<W::Shared as Shared>::Fault>,
) -> Result<usize, &'static str> {
    let mut seen = HashSet::new();
    let states = RandomState::new();
    let mut left = vec![first];
    while let Some(world) = left.pop() {
        let at_rest = world.threads.iter().all(|thread| thread.is_over);
        if let Some(defect) = world.shared.defect(at_rest) {
            return Err(defect);
        }
        for number in 0..world.threads.len() {
            let mut next = world.clone();
            if (next.step(number, fault) || next != world) && seen.insert(states.hash_one(&next)) {
                left.push(next);
            }
        }
    }
    Ok(seen.len())
}
