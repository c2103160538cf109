//! An instance: finds, creates and removes its pins.

use std::{
    collections::HashMap,
    fs, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use mermin_bpf::abi::ledger::HookDirection;

use super::{
    directory::{self, Content},
    identity::{self, Identity},
    lock::{self, HeldBy, Lock, LockError},
    names,
};
use crate::{
    failpoint::{FailPoint, fail_point},
    probe::{
        bpffs,
        unavailable::{self, Unavailable},
    },
    sys::{
        bpf_link::{self, ProgramIdentity},
        bpf_pin::{self, Shape},
    },
};

/// An instance that this process owns.
#[derive(Debug)]
pub(crate) struct Instance {
    directory: PathBuf,
    lock: Arc<Lock>,
}

/// The reason why an instance is unavailable.
#[derive(Debug)]
pub(crate) enum InstanceError {
    /// Another source owns it.
    InUse,
    /// Nothing can be pinned.
    Unavailable(Unavailable),
}

/// Pins of an earlier process.
#[derive(Debug)]
pub(crate) struct PinnedState {
    /// Maps by name.
    pub(crate) maps: HashMap<String, (OwnedFd, Shape)>,
    pub(crate) identity: Identity,
    /// Links by hook.
    pub(crate) links: Vec<(u32, HookDirection, PathBuf)>,
    /// The programs at hooks.
    pub(crate) programs: Vec<ProgramIdentity>,
    /// Pins of other programs.
    pub(crate) foreign: Vec<String>,
}

/// Pins of another layout, or of an incomplete directory.
#[derive(Debug)]
pub(crate) struct Stale {
    path: PathBuf,
    /// Its programs.
    pub(crate) programs: Vec<ProgramIdentity>,
}

impl Stale {
    /// Removes the directory. Its links detach.
    pub(crate) fn remove(&self) -> io::Result<()> {
        directory::remove(&self.path)
    }
}

impl Instance {
    /// Locks an instance; creates its directory if necessary.
    pub(crate) fn take(mount: &Path, name: &str, by: HeldBy) -> Result<Self, InstanceError> {
        bpffs::mounted(mount).map_err(InstanceError::Unavailable)?;
        let directory = mount.join(names::MERMIN).join(name);
        match lock::take(&directory, by) {
            Ok(lock) => Ok(Self {
                directory,
                lock: Arc::new(lock),
            }),
            Err(LockError::InUse) => Err(InstanceError::InUse),
            Err(LockError::System(path, error)) => {
                let unavailable = unavailable::refused("make and lock", &path, &error);
                Err(InstanceError::Unavailable(unavailable))
            }
        }
    }

    /// Returns the lock, for holders that exclude other owners as well.
    pub(crate) fn lock(&self) -> Arc<Lock> {
        Arc::clone(&self.lock)
    }

    /// Returns the directory of this layout's pins.
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.join(names::layout())
    }

    /// Returns the pins of this layout, or a text that says why they are incomplete.
    pub(crate) fn find(&self) -> io::Result<Option<Result<PinnedState, String>>> {
        let path = self.path();
        if !path.try_exists()? {
            return Ok(None);
        }
        let content = Content::read(&path)?;
        let mut maps = HashMap::new();
        for (name, path) in content.maps {
            let map = bpf_pin::get(&path)?;
            let shape = bpf_pin::shape(map.as_fd())?;
            maps.insert(name, (map, shape));
        }
        let identity = match maps.get(names::IDENTITY) {
            Some((map, shape)) if *shape == identity::shape() => identity::read(map)?,
            _ => return Ok(Some(Err(format!("`{}` is missing", names::IDENTITY)))),
        };
        Ok(Some(Ok(PinnedState {
            maps,
            identity,
            links: content.links,
            programs: identify(&content.programs),
            foreign: content.foreign,
        })))
    }

    /// Renames the found directory, so that a new one can have the layout's name.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        for number in 1.. {
            let aside = self.directory.join(format!("{}_{number}", names::LEAVING));
            match fs::rename(self.path(), aside) {
                // It contains a file of another program.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && number < 100 => {}
                done => return done,
            }
        }
        Ok(())
    }

    /// Returns everything except this layout's directory.
    pub(crate) fn stale(&self) -> io::Result<Vec<Stale>> {
        let own = names::layout();
        let mut stale = Vec::new();
        for name in directory::list(&self.directory)? {
            let of_ours = names::is_layout(&name)
                || name == names::MAKING
                || name.starts_with(names::LEAVING);
            if of_ours && name != own {
                let path = self.directory.join(name);
                let programs = identify(&Content::read(&path)?.programs);
                stale.push(Stale { path, programs });
            }
        }
        Ok(stale)
    }

    /// Returns other layouts that used this name. Their counts are lost.
    pub(crate) fn other_layouts(&self) -> io::Result<Vec<String>> {
        let mut names = directory::list(&self.directory)?;
        names.retain(|name| names::is_layout(name) && *name != names::layout());
        Ok(names)
    }

    /// Creates the layout's directory: `fill` pins into another directory, which then gets the name.
    pub(crate) fn make(
        &self,
        fill: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Unavailable> {
        let making = self.directory.join(names::MAKING);
        let made = directory::remove(&making)
            .and_then(|()| fs::create_dir(&making))
            .and_then(|()| fill(&making))
            .and_then(|()| fs::rename(&making, self.path()));
        fail_point(FailPoint::Made);
        made.map_err(|error| {
            let _ = directory::remove(&making);
            unavailable::refused("pin maps in", &making, &error)
        })
    }

    /// Pins a program before it is at hooks, so that the next process recognises its filters.
    pub(crate) fn pin_program(
        &self,
        program: BorrowedFd<'_>,
        direction: HookDirection,
    ) -> io::Result<u32> {
        let id = bpf_link::identify(program)?.id;
        let path = self.path().join(names::program(id, direction));
        directory::gone(fs::remove_file(&path))?;
        bpf_pin::pin(program, &path)?;
        Ok(id)
    }

    /// Removes the pins of programs that are at no hook any more, and of the arrays of their stand-ins.
    pub(crate) fn unpin_programs(&self, except: &[u32]) -> io::Result<()> {
        let Content { programs, maps, .. } = Content::read(&self.path())?;
        for path in programs {
            if !identify(std::slice::from_ref(&path))
                .iter()
                .all(|program| except.contains(&program.id))
            {
                directory::gone(fs::remove_file(path))?;
            }
        }
        for (_, path) in maps.iter().filter(|map| map.0.starts_with(names::MOVING)) {
            directory::gone(fs::remove_file(path))?;
        }
        Ok(())
    }

    /// Pins a map in place of the one with that name.
    pub(crate) fn replace_map(&self, name: &str, map: BorrowedFd<'_>) -> io::Result<()> {
        let path = self.path().join(name);
        directory::gone(fs::remove_file(&path))?;
        bpf_pin::pin(map, &path)
    }

    /// Removes everything except files of other programs.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let path = self.path();
        if path.try_exists()? {
            if Content::read(&path)?.foreign.is_empty() {
                self.set_aside()?;
            } else {
                // A file of another program stays.
                directory::remove(&path)?;
            }
        }
        for stale in self.stale()? {
            stale.remove()?;
        }
        self.remove_empty()
    }

    /// Removes the directories if they are empty.
    pub(crate) fn remove_empty(&self) -> io::Result<()> {
        directory::remove_empty(&self.directory)?;
        match self.directory.parent() {
            Some(all) => directory::remove_empty(all),
            None => Ok(()),
        }
    }
}

fn identify(programs: &[PathBuf]) -> Vec<ProgramIdentity> {
    let identity = |path: &PathBuf| {
        let program = bpf_pin::get(path).ok()?;
        bpf_link::identify(program.as_fd()).ok()
    };
    programs.iter().filter_map(identity).collect()
}
