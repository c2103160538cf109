//! Lists the programs at a hook, this source's and others', in the order of execution.

use mermin_bpf::abi::ledger::HookDirection;

use super::{Hooks, hook::Hook, plan, program::program_name, tc::filter};
use crate::{
    error::Error,
    iface::Interface,
    report::{HookPosition, HookProgram},
    sys::bpf_link,
};

impl Hooks {
    /// Returns the programs at a hook.
    ///
    /// # Errors
    /// [`ErrorKind::PermissionDenied`](crate::ErrorKind::PermissionDenied) without `CAP_NET_ADMIN`; before Linux 5.19 also
    /// without `CAP_BPF`, if the sysctl `kernel.unprivileged_bpf_disabled` is set.
    pub(crate) fn programs(
        &self,
        interface: &Interface,
        direction: HookDirection,
    ) -> Result<Vec<HookProgram>, Error> {
        let hook = Hook {
            interface,
            direction,
        };
        let refused = |error| hook.refused("list what is at", "CAP_NET_ADMIN and CAP_BPF", error);
        let programs = match bpf_link::query_tcx(hook.index(), direction) {
            Err(error) if plan::lacks(&error) => Vec::new(),
            programs => programs.map_err(refused)?,
        };
        let filters = filter::list(&self.netlink, hook.index(), direction).map_err(refused)?;
        let by_tcx = programs
            .into_iter()
            .enumerate()
            .map(|(position, at)| HookProgram {
                position: HookPosition::Tcx {
                    position,
                    link: at.link,
                },
                kind: filter::BPF.to_owned(),
                name: program_name(at.program),
                program: Some(at.program),
            });
        let by_tc = filters
            .into_iter()
            .filter(|filter| filter.chain == 0 && filter.handle != 0)
            .map(|filter| HookProgram {
                position: HookPosition::Tc {
                    priority: filter.priority,
                    handle: filter.handle,
                },
                kind: filter.kind,
                name: filter.name,
                program: filter.program,
            });
        Ok(by_tcx.chain(by_tc).collect())
    }
}
