//! The text that says what descriptors are: a line for each fact, and one for each descriptor.

use std::{borrow::Cow, collections::HashSet, fmt::Write as _};

use mermin_bpf::abi::ledger::HookDirection;

use crate::error::{Error, ErrorKind};

/// First line. The number changes with the lines.
const VERSION: &str = "mermin handover 2";

/// Facts about a prepared source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Header {
    /// Layout of the maps.
    pub(in crate::source) layout: String,
    /// The pins stay when the source is closed.
    pub(in crate::source) persist: bool,
    /// Options that both processes must have alike, with their values.
    pub(in crate::source) settings: Vec<(String, String)>,
    /// Sections that were lost before the programs were connected. Absent in a damaged header.
    pub(in crate::source) sections_lost: Option<u64>,
    /// Free slots of a former process.
    pub(in crate::source) free_stack: Option<FreeSlotNumbers>,
    /// The role of each descriptor.
    pub(in crate::source) roles: Vec<Role>,
}

/// Free slots that move to a new stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::source) struct FreeSlotNumbers {
    /// Slots below this were used before.
    pub(in crate::source) known: u32,
    pub(in crate::source) moved: Vec<u32>,
}

/// The role of a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::source) enum Role {
    /// The lock of the instance.
    Lock,
    Map(String),
    Program(String),
    /// A TCX link at this hook.
    Link(u32, HookDirection),
    /// The link of the program that counts dropped packets.
    DropLink,
    /// The free slots of a former process.
    FormerFree,
}

impl Header {
    pub(super) fn write(&self) -> String {
        let mut text = format!("{VERSION}\nlayout {}\n", self.layout);
        let mut line = |words: &dyn std::fmt::Display| {
            // Writing to a text does not fail.
            let _ = writeln!(text, "{words}");
        };
        if self.persist {
            line(&"persist");
        }
        for (name, value) in &self.settings {
            line(&format_args!("option {name} {value}"));
        }
        if let Some(sections) = self.sections_lost {
            line(&format_args!("sections_lost {sections}"));
        }
        if let Some(FreeSlotNumbers { known, moved }) = &self.free_stack {
            let moved: Vec<_> = moved.iter().map(u32::to_string).collect();
            line(&format_args!("free {known} {}", moved.join(",")));
        }
        for role in &self.roles {
            match role {
                Role::Lock => line(&"lock"),
                Role::Map(name) => line(&format_args!("map {name}")),
                Role::Program(name) => line(&format_args!("program {name}")),
                Role::Link(index, HookDirection::Ingress) => {
                    line(&format_args!("ingress {index}"));
                }
                Role::Link(index, HookDirection::Egress) => line(&format_args!("egress {index}")),
                Role::DropLink => line(&"drop_link"),
                Role::FormerFree => line(&"former_free"),
            }
        }
        text
    }

    /// # Errors
    /// [`ErrorKind::InvalidOption`].
    pub(super) fn read(text: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(text)
            .map_err(|error| invalid("it is no text").with_source(error))?;
        let mut lines = text.lines();
        if lines.next() != Some(VERSION) {
            return Err(invalid("it is not of this version of Mermin")
                .with_remedy("start both processes from the same version"));
        }
        let mut header = Self {
            layout: String::new(),
            persist: false,
            settings: Vec::new(),
            sections_lost: None,
            free_stack: None,
            roles: Vec::new(),
        };
        let mut seen = HashSet::new();
        for (line, number) in lines.zip(2..) {
            header.take(line, &mut seen).ok_or_else(|| {
                let why = format!("line {number} of its header has no meaning, or repeats another");
                invalid(why)
            })?;
        }
        Ok(header)
    }

    /// Reads a line. Each role is there once: of two descriptors of a role, one would be lost.
    fn take(&mut self, line: &str, seen: &mut HashSet<Role>) -> Option<()> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let hook = |direction| Some(Role::Link(rest.parse().ok()?, direction));
        let role = match word {
            "lock" => Role::Lock,
            "map" => Role::Map(rest.to_owned()),
            "program" => Role::Program(rest.to_owned()),
            "ingress" => hook(HookDirection::Ingress)?,
            "egress" => hook(HookDirection::Egress)?,
            "drop_link" => Role::DropLink,
            "former_free" => Role::FormerFree,
            _ => return self.take_fact(word, rest),
        };
        seen.insert(role.clone()).then(|| self.roles.push(role))
    }

    fn take_fact(&mut self, word: &str, rest: &str) -> Option<()> {
        match word {
            "layout" if self.layout.is_empty() => rest.clone_into(&mut self.layout),
            "persist" if !self.persist => self.persist = true,
            "option" => {
                let (name, value) = rest.split_once(' ')?;
                let is_new = self.settings.iter().all(|(known, _)| known != name);
                is_new.then(|| self.settings.push((name.to_owned(), value.to_owned())))?;
            }
            "sections_lost" if self.sections_lost.is_none() => {
                self.sections_lost = Some(rest.parse().ok()?);
            }
            "free" if self.free_stack.is_none() => {
                let (known, moved) = rest.split_once(' ')?;
                let known = known.parse().ok()?;
                let moved = moved.split(',').filter(|number| !number.is_empty());
                let moved: Vec<u32> = moved
                    .map(|number| number.parse().ok())
                    .collect::<Option<_>>()?;
                moved
                    .iter()
                    .all(|slot| *slot < known)
                    .then(|| self.free_stack = Some(FreeSlotNumbers { known, moved }))?;
            }
            _ => return None,
        }
        Some(())
    }
}

/// Creates the error of a passed source that is not as it must be.
pub(in crate::source) fn invalid(why: impl Into<Cow<'static, str>>) -> Error {
    let why = why.into();
    Error::new(
        ErrorKind::InvalidOption,
        format!("cannot use what another process passed: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Header {
        Header {
            layout: "0123456789abcdef".to_owned(),
            persist: true,
            settings: vec![
                ("interfaces".to_owned(), "[\"eth*\"]".to_owned()),
                ("names".to_owned(), "false".to_owned()),
            ],
            sections_lost: Some(9),
            free_stack: Some(FreeSlotNumbers {
                known: 70,
                moved: vec![3, 69],
            }),
            roles: vec![
                Role::Lock,
                Role::Map("SLOTS".to_owned()),
                Role::Program("mermin_ingress".to_owned()),
                Role::Link(7, HookDirection::Ingress),
                Role::Link(7, HookDirection::Egress),
                Role::DropLink,
                Role::FormerFree,
            ],
        }
    }

    #[test]
    fn header_is_read_as_it_was_written() {
        let mut written = full();
        assert_eq!(Header::read(written.write().as_bytes()).unwrap(), written);
        written.free_stack = Some(FreeSlotNumbers {
            known: 0,
            moved: Vec::new(),
        });
        assert_eq!(Header::read(written.write().as_bytes()).unwrap(), written);
    }

    #[test]
    fn any_damage_of_a_header_is_an_error_or_another_header() {
        let text = full().write().into_bytes();
        for at in 0..text.len() {
            let _ = Header::read(&text[..at]);
            for octet in [0, b'\n', b' ', b'9', 0xff] {
                let mut damaged = text.clone();
                damaged[at] = octet;
                let _ = Header::read(&damaged);
            }
        }
    }

    #[test]
    fn foreign_lines_are_named() {
        let error = |text: &str| Header::read(text.as_bytes()).unwrap_err();
        assert!(
            error("")
                .to_string()
                .ends_with("it is not of this version of Mermin")
        );
        for line in [
            "what",
            "ingress x",
            "free 3 4",
            "free 3",
            "option x",
            "sections_lost -1",
        ] {
            let error = error(&format!("{VERSION}\nlayout 0\n{line}\n"));
            assert_eq!(error.kind(), ErrorKind::InvalidOption);
            assert!(error.to_string().contains("line 3"), "{line}: {error}");
        }
    }

    #[test]
    fn repeated_lines_are_refused() {
        let again = [
            "lock",
            "map SLOTS",
            "program mermin_ingress",
            "egress 07",
            "drop_link",
            "former_free",
            "free 1 0",
            "layout 1",
            "persist",
            "sections_lost 9",
            "option names true",
        ];
        for line in again {
            let text = format!("{}{line}\n", full().write());
            let error = Header::read(text.as_bytes()).unwrap_err();
            assert!(error.to_string().ends_with("repeats another"), "{error}");
        }
    }
}
