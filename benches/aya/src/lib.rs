//! Loads and attaches the kernel program with aya, as aya's documentation shows it, with the same settings of the
//! object.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use aya::{
    Btf, Ebpf, EbpfLoader, features,
    programs::{
        LinkOrder, ProgramInfo, SchedClassifier, TcAttachType,
        links::FdLink,
        tc::{NlOptions, SchedClassifierLinkId, TcAttachOptions, TcError, qdisc_add_clsact},
    },
};
use mermin_bpf::abi::names::{PROGRAM_DROP, PROGRAM_EGRESS_CHOSEN, PROGRAM_INGRESS_CHOSEN};
use mermin_core::{
    Attach,
    lab::{HookDirection, loader::ObjectSettings},
};

/// A value, or aya's error.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Names of the programs for hooks.
const PROGRAMS: [(&str, TcAttachType); 2] = [
    ("mermin_ingress", TcAttachType::Ingress),
    ("mermin_egress", TcAttachType::Egress),
];

/// The object, loaded by aya.
pub struct Loaded {
    ebpf: Ebpf,
}

/// Durations of a load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Phases {
    /// Probing the kernel's features, which a process does once.
    pub features: Duration,
    /// Parsing the kernel's BTF, which every `EbpfLoader::new` does.
    pub btf: Duration,
    /// The object, maps and programs.
    pub load: Duration,
}

impl Loaded {
    /// Loads the object, and measures each phase.
    ///
    /// # Errors
    /// The error of aya.
    pub fn load(settings: &ObjectSettings) -> Result<(Self, Phases)> {
        let mut phases = Phases::default();
        let mut began = Instant::now();
        let mut lap = || {
            let took = began.elapsed();
            began = Instant::now();
            took
        };
        features();
        phases.features = lap();
        let mut loader = EbpfLoader::new();
        phases.btf = lap();
        for (name, length) in &settings.lengths {
            loader.map_max_entries(name, *length);
        }
        for (name, octets) in &settings.constants {
            loader.override_global(name, &octets[..], true);
        }
        let mut ebpf = loader.load(mermin_bpf::OBJECT)?;
        for (name, program) in ebpf.programs_mut() {
            // The crate's loader leaves out the same.
            if ![PROGRAM_INGRESS_CHOSEN, PROGRAM_EGRESS_CHOSEN, PROGRAM_DROP].contains(&name) {
                let program: &mut SchedClassifier = program.try_into()?;
                program.load()?;
            }
        }
        phases.load = lap();
        Ok((Self { ebpf }, phases))
    }

    fn program(&mut self, name: &str) -> Result<&mut SchedClassifier> {
        let program = self.ebpf.program_mut(name).ok_or(name)?;
        Ok(program.try_into()?)
    }

    /// Attaches to both hooks of these interfaces.
    ///
    /// # Errors
    /// The error of aya.
    pub fn attach(&mut self, interfaces: &[String], mode: Attach) -> Result<AtHooks> {
        let mut links = Vec::new();
        for interface in interfaces {
            if mode == Attach::Tc {
                match qdisc_add_clsact(interface) {
                    Ok(()) | Err(TcError::AlreadyAttached) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            for (name, at) in PROGRAMS {
                let options = match mode {
                    Attach::Tc => TcAttachOptions::Netlink(NlOptions {
                        priority: 1,
                        ..NlOptions::default()
                    }),
                    _ => TcAttachOptions::TcxOrder(LinkOrder::first()),
                };
                let program = self.program(name)?;
                links.push((name, program.attach_with_options(interface, at, options)?));
            }
        }
        Ok(AtHooks { links })
    }

    /// Detaches the programs.
    ///
    /// # Errors
    /// The error of aya.
    pub fn detach(&mut self, at: AtHooks) -> Result<()> {
        for (name, link) in at.links {
            self.program(name)?.detach(link)?;
        }
        Ok(())
    }

    /// Returns the TCX link of the ingress program.
    ///
    /// # Errors
    /// The error of aya.
    pub fn link(&mut self, interface: &str) -> Result<FdLink> {
        let program = self.program(PROGRAMS[0].0)?;
        let order = TcAttachOptions::TcxOrder(LinkOrder::first());
        let link = program.attach_with_options(interface, TcAttachType::Ingress, order)?;
        Ok(program.take_link(link)?.try_into()?)
    }

    /// Returns id and name of the ingress program.
    ///
    /// # Errors
    /// The error of aya.
    pub fn program_identity(&mut self) -> Result<(u32, String)> {
        let info = self.program(PROGRAMS[0].0)?.info()?;
        Ok((info.id(), info.name_as_str().unwrap_or_default().to_owned()))
    }

    /// Pins the ingress program, reads the pin, and removes it.
    ///
    /// # Errors
    /// The error of aya.
    pub fn pin(&mut self, path: &Path) -> Result<u32> {
        self.program(PROGRAMS[0].0)?.pin(path)?;
        let id = ProgramInfo::from_pin(path)?.id();
        std::fs::remove_file(path)?;
        Ok(id)
    }
}

/// Attached programs.
pub struct AtHooks {
    links: Vec<(&'static str, SchedClassifierLinkId)>,
}

/// Returns the names of the programs at a TCX hook.
///
/// # Errors
/// The error of aya.
pub fn programs_at(interface: &str, direction: HookDirection) -> Result<Vec<String>> {
    let at = match direction {
        HookDirection::Ingress => TcAttachType::Ingress,
        HookDirection::Egress => TcAttachType::Egress,
    };
    let (_, programs) = SchedClassifier::query_tcx(interface, at)?;
    let names = programs.iter().map(ProgramInfo::name_as_str);
    Ok(names
        .map(|name| name.unwrap_or_default().to_owned())
        .collect())
}

/// Parses the kernel's BTF.
///
/// # Errors
/// The error of aya.
pub fn parse_btf() -> Result<()> {
    Btf::from_sys_fs()?;
    Ok(())
}
