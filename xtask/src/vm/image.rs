//! Builds the machine's file system: busybox, the tests, the programs that they call, and the modules that they need.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use super::{fetch::Fetched, kernels::is_run};
use crate::shell::{self, find};

/// Programs that tests call.
const PROGRAMS: [&str; 4] = ["ip", "tc", "ethtool", "ping"];
/// Modules loaded before the tests, with their dependencies. A kernel with the code built in has no such module.
const MODULES: [&str; 16] = [
    "veth",
    "sch_ingress",
    "cls_bpf",
    "cls_u32",
    "tun",
    "8021q",
    "macvlan",
    "bridge",
    "vxlan",
    "vrf",
    "ifb",
    "act_mirred",
    "ip_gre",
    "ip6_gre",
    "tcp_diag",
    "udp_diag",
];

/// Printed before and after the tests.
pub(super) const BEGIN: &str = "== tests begin";
pub(super) const END: &str = "== tests ended with ";

/// Creates the file system below `directory` and packs it; returns the packed file.
pub(super) fn make(kernel: &Fetched, test: &Path, directory: &Path) -> Result<PathBuf> {
    let root = directory.join("root");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    for mount in ["proc", "sys", "dev", "tmp", "run", "modules", "bin"] {
        fs::create_dir_all(root.join(mount))?;
    }
    let busybox = find("busybox")?;
    fs::copy(&busybox, root.join("bin/busybox"))?;
    let stripped = root.join("tests");
    shell::run(Command::new("strip").arg("-o").arg(&stripped).arg(test))?;
    let mut needed = libraries(test)?;
    for program in PROGRAMS {
        let path = find(program)?;
        needed.extend(libraries(&path)?);
        install(&path, &root)?;
    }
    for library in needed {
        install(&library, &root)?;
    }
    let order = modules(kernel, &root.join("modules"))?;
    let init = root.join("init");
    fs::write(&init, script(&order, &left_out(test)?))?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
    pack(&root, &directory.join("initramfs"))
}

/// Copies a file to the same path below another root.
fn install(file: &Path, root: &Path) -> Result<()> {
    let to = root.join(file.strip_prefix("/").unwrap_or(file));
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::copy(file, &to).with_context(|| format!("cannot copy `{}`", file.display()))?;
    Ok(())
}

/// Returns the shared libraries of a program, including the dynamic loader.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let said = shell::read(Command::new("ldd").arg(program))?;
    Ok(paths(&said))
}

fn paths(ldd: &str) -> Vec<PathBuf> {
    ldd.split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect()
}

/// Unpacks modules and returns their file names in the order of loading.
fn modules(kernel: &Fetched, to: &Path) -> Result<Vec<String>> {
    let base = kernel.root.as_os_str();
    shell::run(
        Command::new(find("depmod")?)
            .arg("--basedir")
            .arg(base)
            .arg(&kernel.release),
    )?;
    let mut order = Vec::new();
    for module in MODULES {
        let depends = Command::new(find("modprobe")?)
            .arg("--dirname")
            .arg(base)
            .args(["--set-version", &kernel.release])
            .args(["--show-depends", module])
            .stderr(Stdio::null())
            .output()?;
        for path in insmods(&String::from_utf8_lossy(&depends.stdout)) {
            let name = unpack(&path, to)?;
            if !order.contains(&name) {
                order.push(name);
            }
        }
    }
    ensure!(
        order.iter().any(|name| name == "veth.ko"),
        "cannot find the module veth of {}",
        kernel.release
    );
    Ok(order)
}

fn insmods(depends: &str) -> Vec<PathBuf> {
    depends
        .lines()
        .filter_map(|line| line.strip_prefix("insmod "))
        // Parameters of this machine follow the name.
        .filter_map(|line| line.split_whitespace().next())
        .map(PathBuf::from)
        .collect()
}

/// Copies a kernel module, uncompressed, because busybox loads no other.
fn unpack(module: &Path, to: &Path) -> Result<String> {
    let name = module
        .file_name()
        .and_then(|name| name.to_str())
        .context("cannot name a module")?;
    let plain = name.strip_suffix(".xz").unwrap_or(name);
    let target = to.join(plain);
    if plain == name {
        fs::copy(module, target)?;
    } else {
        let unpacked = Command::new("xz")
            .args(["--decompress", "--stdout"])
            .arg(module)
            .output()?;
        ensure!(
            unpacked.status.success(),
            "cannot unpack `{}`",
            module.display()
        );
        fs::write(target, unpacked.stdout)?;
    }
    Ok(plain.to_owned())
}

/// Returns the names of the tests that do not run in a machine.
fn left_out(test: &Path) -> Result<Vec<String>> {
    let said = shell::read(Command::new(test).arg("--list"))?;
    let names = said.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names
        .filter(|name| !is_run(name))
        .map(str::to_owned)
        .collect())
}

/// Returns the machine's init script: it mounts, loads modules, runs the tests, and turns the machine off.
fn script(modules: &[String], left_out: &[String]) -> String {
    let mut lines = String::from(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin\n\
         export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n\
         mount -t proc proc /proc\nmount -t sysfs sysfs /sys\nmount -t devtmpfs dev /dev\n\
         mount -t bpf bpf /sys/fs/bpf\nmount -t tmpfs tmp /tmp\n\
         mount -t cgroup2 none /sys/fs/cgroup\n",
    );
    // Tunnel modules add a device to each network namespace, unless this is set.
    lines += "echo 2 > /proc/sys/net/core/fb_tunnels_only_for_init_net\n";
    lines.extend(
        modules
            .iter()
            .map(|module| format!("insmod /modules/{module}\n")),
    );
    // The full path, because busybox has its own `ip`.
    lines += "/usr/sbin/ip link set lo up\n";
    lines.extend([format!(
        "echo '{BEGIN}'\n/tests --test-threads 1 --color never --exact"
    )]);
    lines.extend(left_out.iter().map(|name| format!(" --skip {name}")));
    lines.extend([format!("\necho \"{END}$?\"\npoweroff -f\n")]);
    lines
}

fn pack(root: &Path, to: &Path) -> Result<PathBuf> {
    shell::run(
        Command::new("sh")
            .args([
                "-euc",
                "find . | cpio --quiet --create --format=newc > \"$0\"",
            ])
            .arg(to)
            .current_dir(root),
    )?;
    Ok(to.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_the_paths_that_ldd_prints() {
        let said = "\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)\n\t/lib64/ld.so.2 (0x0)\n";
        assert_eq!(
            paths(said),
            [Path::new("/lib/x/libc.so.6"), Path::new("/lib64/ld.so.2")]
        );
    }

    #[test]
    fn modules_are_loaded_after_what_they_need() {
        let said = "insmod /m/stp.ko.xz \ninsmod /m/bridge.ko.xz numifbs=0 \nbuiltin ipv6\n";
        assert_eq!(
            insmods(said),
            [Path::new("/m/stp.ko.xz"), Path::new("/m/bridge.ko.xz")]
        );
    }

    #[test]
    fn machine_loads_tests_and_turns_itself_off() {
        let script = script(&["veth.ko".to_owned()], &["slow::tc".to_owned()]);
        assert!(script.starts_with("#!/bin/busybox sh\n"));
        assert!(script.contains("\ninsmod /modules/veth.ko\n"));
        assert!(script.contains("--exact --skip slow::tc\n"));
        assert!(script.ends_with("\npoweroff -f\n"));
    }
}
