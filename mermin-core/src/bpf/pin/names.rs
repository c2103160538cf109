//! Names of pins. A BPF file system refuses dots, which interface names have, so the names use index and direction.

use mermin_bpf::abi::{layout::LAYOUT_HASH, ledger::HookDirection};

/// The directory of all instances.
pub(crate) const MERMIN: &str = "mermin";
/// A layout's directory while it is filled.
pub(crate) const MAKING: &str = "making";
/// A layout's directory while it is removed.
pub(crate) const LEAVING: &str = "leaving";
/// The journal's map.
pub(crate) const JOURNAL: &str = "JOURNAL";
/// The journal's map for analyses of TCP.
pub(crate) const TCP_JOURNAL: &str = "TCP_JOURNAL";
/// The journal's map for dropped packets.
pub(crate) const DROP_JOURNAL: &str = "DROP_JOURNAL";
/// The link of the program that counts dropped packets.
pub(crate) const DROP_LINK: &str = "drop_link";
/// The program of that link.
pub(crate) const DROP_PROGRAM: &str = "drop_program";
/// The map of stores to repeat.
pub(crate) const REDO: &str = "REDO";
/// The map of the counts of removed interfaces.
pub(crate) const DEPARTED: &str = "DEPARTED";
/// The map of the interfaces of flows.
pub(crate) const INTERFACES: &str = "INTERFACES";
/// The identity's map.
pub(crate) const IDENTITY: &str = "IDENTITY";

/// Prefix of the names of arrays through which stand-ins call programs.
pub(crate) const MOVING: &str = "MOVING_";

/// Kinds of pins in a layout's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// A TCX link.
    Link {
        ifindex: u32,
        direction: HookDirection,
    },
    /// [`DROP_LINK`], or [`DROP_PROGRAM`].
    Drop,
    /// A program that is or was at hooks.
    Program,
    /// A map of the kernel program, or one of this crate's.
    Map,
    /// A pin of another program.
    Foreign,
}

const DIRECTIONS: [(HookDirection, &str); 2] = [
    (HookDirection::Ingress, "ingress"),
    (HookDirection::Egress, "egress"),
];

fn word(direction: HookDirection) -> &'static str {
    DIRECTIONS[direction as usize].1
}

/// Returns the name of a link's pin.
pub(crate) fn link(ifindex: u32, direction: HookDirection) -> String {
    format!("link_{ifindex}_{}", word(direction))
}

/// Returns the name of the pin of the program with this id.
pub(crate) fn program(id: u32, direction: HookDirection) -> String {
    format!("program_{id}_{}", word(direction))
}

/// Returns the name of the stand-ins' array; `id` is that of the process's first program.
pub(crate) fn moving(id: u32) -> String {
    format!("{MOVING}{id}")
}

/// Parses a name.
pub(crate) fn read(name: &str) -> Name {
    let mut parts = name.split('_');
    let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
    match parts {
        [
            Some(kind @ ("link" | "program")),
            Some(number),
            Some(way),
            None,
        ] => {
            let number = number.parse().ok();
            let direction = DIRECTIONS.iter().find(|(_, word)| *word == way);
            match (kind, number, direction) {
                ("link", Some(ifindex), Some(&(direction, _))) => Name::Link { ifindex, direction },
                ("program", Some(_), Some(_)) => Name::Program,
                _ => Name::Foreign,
            }
        }
        _ if [DROP_LINK, DROP_PROGRAM].contains(&name) => Name::Drop,
        _ if is_map(name) => Name::Map,
        _ => Name::Foreign,
    }
}

fn is_map(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

/// Raise this number when the maps that this crate adds change.
const BESIDE: u64 = 9;

/// Returns the directory of this build's layout.
pub(crate) fn layout() -> String {
    layout_of(LAYOUT_HASH)
}

/// Returns the directory of a layout.
pub(crate) fn layout_of(hash: u64) -> String {
    format!(
        "{:016x}",
        (hash ^ BESIDE).wrapping_mul(0x0000_0100_0000_01b3)
    )
}

/// Returns true if a directory's name is a layout's.
pub(crate) fn is_layout(name: &str) -> bool {
    name.len() == 16 && name.chars().all(|letter| letter.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_name_round_trips() {
        for direction in [HookDirection::Ingress, HookDirection::Egress] {
            assert_eq!(
                read(&link(4_294_967_295, direction)),
                Name::Link {
                    ifindex: u32::MAX,
                    direction
                }
            );
            assert_eq!(read(&program(12, direction)), Name::Program);
        }
        assert_eq!(read(&moving(12)), Name::Map);
        for map in [
            "SLOTS",
            "INDEX",
            JOURNAL,
            TCP_JOURNAL,
            DROP_JOURNAL,
            REDO,
            DEPARTED,
            INTERFACES,
            IDENTITY,
        ] {
            assert_eq!(read(map), Name::Map);
        }
        for name in [DROP_LINK, DROP_PROGRAM] {
            assert_eq!(read(name), Name::Drop);
        }
    }

    #[test]
    fn other_programs_are_foreign() {
        for name in [
            "link_x_ingress",
            "link_7_upwards",
            "link_7",
            "link_7_ingress_2",
            "program__egress",
            "cilium_calls",
            "Slots",
            "",
            "_SLOTS",
        ] {
            assert_eq!(read(name), Name::Foreign, "{name}");
        }
    }

    #[test]
    fn no_name_has_a_dot() {
        let names = [
            link(1, HookDirection::Ingress),
            program(1, HookDirection::Egress),
            layout(),
            MERMIN.to_owned(),
            MAKING.to_owned(),
            LEAVING.to_owned(),
        ];
        assert!(names.iter().all(|name| !name.contains('.')));
    }

    #[test]
    fn instance_layouts_differ_from_unfinished_directories() {
        assert!(is_layout(&layout()));
        assert_ne!(layout(), layout_of(LAYOUT_HASH + 1));
        for name in [MAKING, LEAVING, "0123456789abcde", "0123456789abcdeg"] {
            assert!(!is_layout(name), "{name}");
        }
    }
}
