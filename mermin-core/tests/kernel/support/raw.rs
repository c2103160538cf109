//! System calls that have no safe wrapper.
#![expect(
    unsafe_code,
    reason = "packet sockets, tun devices and bpf(2) take structures that only libc and the kernel's headers know"
)]

use std::{
    fs::File,
    io,
    mem::{size_of, size_of_val},
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

/// Moves the calling thread into a network namespace made for it.
pub(crate) fn unshare_network() -> io::Result<()> {
    // SAFETY: no file descriptor table is unshared, which is all that the function's contract is about.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }?;
    Ok(())
}

/// Takes a mount away for the calling thread, and for those it starts, alone.
pub(crate) fn without_mount(path: &std::ffi::CStr) -> io::Result<()> {
    // SAFETY: the thread gets mounts and a working directory of its own; no descriptors are unshared.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }?;
    // SAFETY: the strings end with a zero, and the kernel ignores what is null.
    checked(unsafe {
        libc::mount(
            std::ptr::null(),
            c"/".as_ptr(),
            std::ptr::null(),
            libc::MS_REC | libc::MS_PRIVATE,
            std::ptr::null(),
        )
    })?;
    // SAFETY: as above.
    let unmount = || checked(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) });
    unmount()?;
    // Another mount may be under it.
    while unmount().is_ok() {}
    Ok(())
}

/// Has the kernel refuse a system call to the calling thread and to those it starts: `EPERM`.
pub(crate) fn deny(call: libc::c_long) -> io::Result<()> {
    refuse(&[(call, None)], libc::EPERM, 0)
}

/// As [`deny`], to all threads of the process.
pub(crate) fn deny_to_all(call: libc::c_long) -> io::Result<()> {
    refuse(
        &[(call, None)],
        libc::EPERM,
        libc::SECCOMP_FILTER_FLAG_TSYNC,
    )
}

/// Has it refuse one command of bpf(2), with an error of choice.
pub(crate) fn refuse_bpf(command: u32, errno: i32) -> io::Result<()> {
    refuse(&[(libc::SYS_bpf, Some(command))], errno, 0)
}

/// A system call; where a number is given, with that as its first argument.
type Call = (libc::c_long, Option<u32>);

/// Has it refuse system calls.
fn refuse(calls: &[Call], errno: i32, flags: libc::c_ulong) -> io::Result<()> {
    let errno = libc::SECCOMP_RET_ERRNO | errno.cast_unsigned();
    filter(calls, errno, libc::SECCOMP_RET_ALLOW, flags)
}

/// A verdict for some system calls, and one for all others.
fn filter(calls: &[Call], listed: u32, others: u32, flags: libc::c_ulong) -> io::Result<()> {
    /// In `struct seccomp_data`.
    const NUMBER: u32 = 0;
    const FIRST_ARGUMENT: u32 = 16;
    let step = |code: u32, otherwise, k| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt: 0,
        jf: otherwise,
        k,
    };
    let load = |from| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, from);
    let unless = |k, skip| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, skip, k);
    let verdict = |k| step(libc::BPF_RET | libc::BPF_K, 0, k);
    let mut filter = Vec::new();
    for (call, argument) in calls {
        let call = u32::try_from(*call).unwrap();
        filter.extend([
            load(NUMBER),
            unless(call, 1 + 2 * u8::from(argument.is_some())),
        ]);
        if let Some(argument) = argument {
            filter.extend([load(FIRST_ARGUMENT), unless(*argument, 1)]);
        }
        filter.push(verdict(listed));
    }
    filter.push(verdict(others));
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap(),
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: plain numbers, then a filter of as many steps as said, which lives on for the call.
    unsafe {
        checked(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
        let set = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const program,
        );
        checked(i32::try_from(set).unwrap())?;
    }
    Ok(())
}

/// From now on the calling thread and its children see a Linux 2.6 in uname(2).
pub(crate) fn pretend_old_kernel() -> io::Result<()> {
    const UNAME26: libc::c_ulong = 0x002_0000;
    // SAFETY: a plain number.
    checked(unsafe { libc::personality(UNAME26) }).map(drop)
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A socket that sends whole frames out of an interface of the calling thread's namespace, and receives none.
pub(crate) fn packet_socket(ifindex: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers.
    let fd =
        checked(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the socket was just made, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all zeroes are a valid address.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
    address.sll_ifindex = i32::try_from(ifindex).unwrap();
    let length = u32::try_from(size_of_val(&address)).unwrap();
    // SAFETY: the address is as long as said.
    checked(unsafe { libc::bind(fd, (&raw const address).cast(), length) })?;
    Ok(socket)
}

/// Has a packet socket hand its frames to the driver, past traffic control (`PACKET_QDISC_BYPASS`).
pub(crate) fn bypass_the_qdisc(socket: &impl AsRawFd) -> io::Result<()> {
    let on = 1;
    // SAFETY: the option is an int.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_QDISC_BYPASS,
            (&raw const on).cast(),
            u32::try_from(size_of::<i32>()).unwrap(),
        )
    })?;
    Ok(())
}

/// Binds a socket to an interface.
pub(crate) fn bind_to_device(socket: impl AsFd, name: &str) -> io::Result<()> {
    let socket = socket.as_fd();
    // SAFETY: the name outlives the call, and its length comes with it.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            name.as_ptr().cast(),
            u32::try_from(name.len()).unwrap(),
        )
    })?;
    Ok(())
}

/// Holds an XDP program at an interface that drops all that is received, until it is closed.
pub(crate) fn drop_by_xdp(ifindex: u32) -> io::Result<OwnedFd> {
    const BPF_LINK_CREATE: i64 = 28;
    const BPF_XDP: u64 = 37;
    let program = load_as(6, "other", &end(1))?;
    let mut attributes = [0_u64; 8];
    attributes[0] = u64::from(program.as_raw_fd().cast_unsigned()) | u64::from(ifindex) << 32;
    attributes[1] = BPF_XDP;
    made(BPF_LINK_CREATE, &mut attributes)
}

/// Makes a device of bare IP packets in the calling thread's namespace: what is written is received by it, what it
/// sends can be read.
pub(crate) fn tun(name: &str) -> io::Result<File> {
    tun_of(name, libc::IFF_TUN | libc::IFF_NO_PI)
}

/// The same with a header in front of each packet that describes its segmentation (`struct virtio_net_hdr`).
pub(crate) fn guest(name: &str) -> io::Result<File> {
    tun_of(name, libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR)
}

fn tun_of(name: &str, flags: i32) -> io::Result<File> {
    let device = File::options()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    // SAFETY: all zeroes are a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = i16::try_from(flags).unwrap();
    // SAFETY: TUNSETIFF reads and writes one `ifreq`.
    checked(unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    Ok(device)
}

/// Makes every send of a UDP socket one super-packet of segments this long (`UDP_SEGMENT`).
pub(crate) fn segment_udp(socket: &impl AsRawFd, octets: i32) -> io::Result<()> {
    // SAFETY: the option is an int.
    checked(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw const octets).cast(),
            u32::try_from(size_of::<i32>()).unwrap(),
        )
    })?;
    Ok(())
}

/// Calls bpf(2).
fn bpf<T>(command: i64, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the structure is as long as said; callers keep what it points to.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_mut(attr),
            size_of::<T>(),
        )
    };
    checked(i32::try_from(result).unwrap())
}

/// Opens a map by its name in a BPF file system.
pub(crate) fn pinned(path: &std::path::Path) -> OwnedFd {
    const BPF_OBJ_GET: i64 = 7;
    let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let mut attr = [path.as_ptr().expose_provenance() as u64, 0];
    let fd = bpf(BPF_OBJ_GET, &mut attr).unwrap();
    // SAFETY: it was just made, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn element(command: i64, map: &OwnedFd, key: u32, value: *const u8) {
    let map = u64::try_from(map.as_raw_fd()).unwrap();
    let key = (&raw const key).expose_provenance() as u64;
    bpf(
        command,
        &mut [map, key, value.expose_provenance() as u64, 0],
    )
    .unwrap();
}

/// Reads an element of an array, as long as `value`.
pub(crate) fn element_of(map: &OwnedFd, key: u32, value: &mut [u8]) {
    element(1, map, key, value.as_mut_ptr());
}

/// Writes it.
pub(crate) fn set_element(map: &OwnedFd, key: u32, value: &[u8]) {
    element(2, map, key, value.as_ptr());
}

/// Moves the calling thread into a new mount namespace whose mounts are its own.
pub(crate) fn unshare_mounts() -> io::Result<()> {
    // SAFETY: no file descriptor table is unshared.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }?;
    Ok(())
}

/// From now on the calling thread and its children cannot create directories: no space is left.
pub(crate) fn fill_up() {
    let calls = [
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_mkdir, None),
        (libc::SYS_mkdirat, None),
    ];
    refuse(&calls, libc::ENOSPC, 0).unwrap();
}

/// The part of `union bpf_attr` that `BPF_PROG_QUERY` uses.
#[repr(C)]
#[derive(Default)]
struct Query {
    ifindex: u32,
    hook: u32,
    /// Flags, in and out.
    flags: [u32; 2],
    /// Where the programs' ids would go.
    ids: u64,
    programs: u32,
    padding: u32,
    /// Flags of each program.
    program_flags: u64,
    /// Where the links' ids would go.
    links: u64,
    /// Flags of each link, revision.
    rest: [u64; 2],
}

const BPF_PROG_QUERY: i64 = 16;
const BPF_TCX_INGRESS: u32 = 46;
const BPF_TCX_EGRESS: u32 = 47;

/// Programs at both TCX hooks of an interface of the calling thread's namespace; none where the kernel has no TCX.
pub(crate) fn tcx_programs(ifindex: u32) -> io::Result<u32> {
    let mut programs = 0;
    for hook in [BPF_TCX_INGRESS, BPF_TCX_EGRESS] {
        let mut query = Query {
            ifindex,
            hook,
            ..Query::default()
        };
        // SAFETY: the structure is as long as said, and asks for no arrays.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                BPF_PROG_QUERY,
                &raw mut query,
                size_of::<Query>(),
            )
        };
        match checked(i32::try_from(result).unwrap()) {
            Ok(_) => programs += query.programs,
            // Nothing was ever attached, or the kernel has no TCX.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINVAL)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(programs)
}

/// Detaches the links at both TCX hooks of an interface, of any owner.
pub(crate) fn detach_tcx(ifindex: u32) -> io::Result<()> {
    const BPF_LINK_GET_FD_BY_ID: i64 = 30;
    const BPF_LINK_DETACH: i64 = 34;
    let call = |command: i64, attributes: &mut [u64; 8]| {
        // SAFETY: the commands below take numbers, and an array of ids that is as long as said.
        let result = unsafe {
            libc::syscall(
                libc::SYS_bpf,
                command,
                attributes.as_mut_ptr(),
                size_of_val(attributes),
            )
        };
        checked(i32::try_from(result).unwrap())
    };
    for hook in [BPF_TCX_INGRESS, BPF_TCX_EGRESS] {
        let (mut programs, mut links) = ([0_u32; 8], [0_u32; 8]);
        let mut query = [0; 8];
        query[0] = u64::from(hook) << 32 | u64::from(ifindex);
        query[2] = programs.as_mut_ptr() as u64;
        query[3] = programs.len() as u64;
        query[5] = links.as_mut_ptr() as u64;
        call(BPF_PROG_QUERY, &mut query)?;
        for link in links.into_iter().filter(|link| *link != 0) {
            let mut attributes = [0; 8];
            attributes[0] = u64::from(link);
            let fd = call(BPF_LINK_GET_FD_BY_ID, &mut attributes)?;
            // SAFETY: the kernel has just made it, and nobody else knows it.
            let link = unsafe { OwnedFd::from_raw_fd(fd) };
            attributes[0] = u64::from(link.as_raw_fd().cast_unsigned());
            call(BPF_LINK_DETACH, &mut attributes)?;
        }
    }
    Ok(())
}

/// Action of a foreign program on every packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Passes the packet to the next program.
    Pass,
    Drop,
    /// Redirects packets to the other end of the veth pair (`bpf_redirect_peer`).
    ToPeerOf(u32),
    /// Writes a destination port into IPv4 without options, and passes it on.
    Rewrite(u16),
    /// Sends a copy to the ingress of the interface with this index, and passes it on.
    CopyTo(u32),
}

/// Loads a classifier that does that.
pub(crate) fn load(name: &str, deed: Deed) -> io::Result<OwnedFd> {
    const SCHED_CLS: u64 = 3;
    let program: Vec<u64> = match deed {
        Deed::Pass => end(-1).to_vec(),
        Deed::Drop => end(2).to_vec(),
        Deed::ToPeerOf(index) => vec![
            instruction(0xb7, 0x01, 0, index.cast_signed()),
            instruction(0xb7, 0x02, 0, 0),
            instruction(0x85, 0x00, 0, 155),
            instruction(0x95, 0, 0, 0),
        ],
        Deed::Rewrite(port) => {
            let port = i32::from(port.to_be());
            let mut program = vec![
                // The port on the stack; bpf_skb_store_bytes(packet, 36, port, 2, 0).
                instruction(0x6a, 0x0a, -2, port),
                instruction(0xb7, 0x02, 0, 36),
                instruction(0xbf, 0xa3, 0, 0),
                instruction(0x07, 0x03, 0, -2),
                instruction(0xb7, 0x04, 0, 2),
                instruction(0xb7, 0x05, 0, 0),
                instruction(0x85, 0x00, 0, 9),
            ];
            program.extend(end(-1));
            program
        }
        Deed::CopyTo(ifindex) => {
            const BPF_F_INGRESS: i32 = 1;
            let mut program = vec![
                // bpf_clone_redirect(packet, ifindex, BPF_F_INGRESS).
                instruction(0xb7, 0x02, 0, ifindex.cast_signed()),
                instruction(0xb7, 0x03, 0, BPF_F_INGRESS),
                instruction(0x85, 0x00, 0, 13),
            ];
            program.extend(end(-1));
            program
        }
    };
    load_as(SCHED_CLS, name, &program)
}

/// An instruction as the kernel has it.
fn instruction(code: u64, registers: u64, offset: i16, value: i32) -> u64 {
    code | registers << 8
        | u64::from(offset.cast_unsigned()) << 16
        | u64::from(value.cast_unsigned()) << 32
}

/// A program that does no more than say this.
fn end(verdict: i32) -> [u64; 2] {
    [instruction(0xb7, 0, 0, verdict), instruction(0x95, 0, 0, 0)]
}

fn load_as(kind: u64, name: &str, program: &[u64]) -> io::Result<OwnedFd> {
    const BPF_PROG_LOAD: i64 = 5;
    let license = *b"GPL\0";
    let mut attributes = [0_u64; 8];
    attributes[0] = kind | (program.len() as u64) << 32;
    attributes[1] = program.as_ptr() as u64;
    attributes[2] = license.as_ptr() as u64;
    let mut octets = [0; 16];
    octets[..name.len()].copy_from_slice(name.as_bytes());
    attributes[6] = u64::from_ne_bytes(octets[..8].try_into().unwrap());
    attributes[7] = u64::from_ne_bytes(octets[8..].try_into().unwrap());
    made(BPF_PROG_LOAD, &mut attributes)
}

/// Gives a program a name in a BPF file system.
pub(crate) fn pin(program: &OwnedFd, path: &str) -> io::Result<()> {
    const BPF_OBJ_PIN: i64 = 6;
    let path = std::ffi::CString::new(path)?;
    let program = u64::from(program.as_raw_fd().cast_unsigned());
    let mut attributes = [path.as_ptr().expose_provenance() as u64, program];
    bpf(BPF_OBJ_PIN, &mut attributes).map(drop)
}

/// From now on any system call of the calling thread, but what its end and its memory take, ends the process.
pub(crate) fn allow_memory_alone() -> io::Result<()> {
    let calls = [
        libc::SYS_brk,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_mprotect,
        libc::SYS_futex,
        libc::SYS_rt_sigprocmask,
        libc::SYS_sigaltstack,
        libc::SYS_exit,
    ];
    let calls = calls.map(|call| (call, None));
    filter(
        &calls,
        libc::SECCOMP_RET_ALLOW,
        libc::SECCOMP_RET_KILL_PROCESS,
        0,
    )
}

/// Holds a program behind all others at the TCX ingress of an interface, until it is closed.
pub(crate) fn attach_tcx(program: &OwnedFd, ifindex: u32) -> io::Result<OwnedFd> {
    attach_tcx_at(BPF_TCX_INGRESS, program, ifindex)
}

/// The same at its egress.
pub(crate) fn attach_tcx_egress(program: &OwnedFd, ifindex: u32) -> io::Result<OwnedFd> {
    attach_tcx_at(BPF_TCX_EGRESS, program, ifindex)
}

fn attach_tcx_at(hook: u32, program: &OwnedFd, ifindex: u32) -> io::Result<OwnedFd> {
    const BPF_LINK_CREATE: i64 = 28;
    const BPF_F_AFTER: u64 = 1 << 4;
    let mut attributes = [0_u64; 8];
    attributes[0] = u64::from(program.as_raw_fd().cast_unsigned()) | u64::from(ifindex) << 32;
    attributes[1] = u64::from(hook) | BPF_F_AFTER << 32;
    made(BPF_LINK_CREATE, &mut attributes)
}

/// Calls bpf(2) for a descriptor.
fn made(command: i64, attributes: &mut [u64; 8]) -> io::Result<OwnedFd> {
    // SAFETY: the structure is as long as said, and what it points to lives on in the caller.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            attributes.as_mut_ptr(),
            size_of_val(attributes),
        )
    };
    let fd = checked(i32::try_from(result).unwrap())?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Works in a process that is forked off, and has it end there. Its exit status; 101 is a panic.
pub(crate) fn in_child(work: impl FnOnce()) -> i32 {
    // SAFETY: glibc's allocator is whole in a child, and what `work` takes locks of is the test's own.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        // SAFETY: ends the child at once, without the destructors of its parent.
        unsafe { libc::_exit(if done.is_ok() { 0 } else { 101 }) };
    }
    assert!(child > 0);
    let mut status = 0;
    // SAFETY: the number outlives the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "{status:#x}");
    libc::WEXITSTATUS(status)
}

/// Ends the calling thread, also the first one of its process, which then goes on in others.
pub(crate) fn end_this_thread() -> ! {
    // SAFETY: a plain number; the call does not return.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the thread has ended")
}

/// Forks a child that sleeps until it is killed, for a minute at most. Its number.
pub(crate) fn forked_sleeper() -> i32 {
    // SAFETY: the child makes system calls alone.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: plain numbers.
        unsafe {
            libc::alarm(60);
            loop {
                libc::pause();
            }
        }
    }
    assert!(child > 0);
    child
}
