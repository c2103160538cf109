//! Contents of a compiled object: programs, their calls, and maps.

use std::fmt;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

/// Octets of an instruction; a 64-bit constant takes two instructions.
const INSTRUCTION: u64 = 8;
/// Sections of programs.
const PROGRAMS: [&str; 3] = ["cgroup/sock_create", "classifier", "raw_tp/kfree_skb"];
const FUNCTIONS: &str = ".text";
const MAPS: &str = "maps";

/// A function and its number of instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    name: String,
    instructions: u64,
}

/// A map as declared in the object. The loader sets the number of entries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Map {
    name: String,
    kind: u32,
    key: u32,
    value: u32,
}

/// Contents of an object; each list is sorted by name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    bytes: usize,
    programs: Vec<Function>,
    functions: Vec<Function>,
    maps: Vec<Map>,
}

impl Summary {
    pub(super) fn read(object: &[u8]) -> Result<Self> {
        let file = object::File::parse(object).context("cannot read the object as ELF")?;
        let mut summary = Self {
            bytes: object.len(),
            programs: PROGRAMS
                .iter()
                .map(|section| functions(&file, section))
                .collect::<Result<Vec<_>>>()?
                .concat(),
            functions: functions(&file, FUNCTIONS)?,
            maps: maps(&file)?,
        };
        summary
            .programs
            .sort_by(|one, other| one.name.cmp(&other.name));
        summary
            .functions
            .sort_by(|one, other| one.name.cmp(&other.name));
        summary.maps.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(summary)
    }
}

fn functions(file: &object::File<'_>, section: &str) -> Result<Vec<Function>> {
    let Some(section) = file.section_by_name(section) else {
        return Ok(Vec::new());
    };
    file.symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text)
        .filter(|symbol| symbol.section_index() == Some(section.index()))
        .map(|symbol| {
            Ok(Function {
                name: symbol.name()?.to_owned(),
                instructions: symbol.size() / INSTRUCTION,
            })
        })
        .collect()
}

fn maps(file: &object::File<'_>) -> Result<Vec<Map>> {
    let Some(section) = file.section_by_name(MAPS) else {
        return Ok(Vec::new());
    };
    let data = section.data()?;
    file.symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Data)
        .filter(|symbol| symbol.section_index() == Some(section.index()))
        .map(|symbol| {
            let word = |number: usize| {
                let at = usize::try_from(symbol.address())? + number * 4;
                let octets = data.get(at..at + 4).context("a map ends early")?;
                Ok::<_, anyhow::Error>(u32::from_le_bytes(octets.try_into()?))
            };
            Ok(Map {
                name: symbol.name()?.to_owned(),
                kind: word(0)?,
                key: word(1)?,
                value: word(2)?,
            })
        })
        .collect()
}

/// Returns the name in `enum bpf_map_type` (include/uapi/linux/bpf.h) of the types in use.
fn kind_name(kind: u32) -> String {
    let name = match kind {
        1 => "hash",
        2 => "array",
        5 => "percpu_hash",
        6 => "percpu_array",
        9 => "lru_hash",
        11 => "lpm_trie",
        12 => "array_of_maps",
        22 => "queue",
        23 => "stack",
        27 => "ringbuf",
        other => return format!("type {other}"),
    };
    name.to_owned()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} bytes", self.bytes)?;
        for (title, functions) in [("program", &self.programs), ("function", &self.functions)] {
            for Function { name, instructions } in functions {
                writeln!(f, "  {title:8}  {instructions:>5} instructions  {name}")?;
            }
        }
        for map in &self.maps {
            writeln!(
                f,
                "  {:8}  {:>5} -> {:<5} bytes    {} ({})",
                "map",
                map.key,
                map.value,
                map.name,
                kind_name(map.kind)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;

    #[test]
    fn committed_object_has_its_programs_and_maps() {
        let path = project::root().join(project::OBJECT);
        let summary = std::fs::read(path)
            .map_err(anyhow::Error::from)
            .and_then(|object| Summary::read(&object));
        let Ok(summary) = summary else {
            panic!("{summary:?}");
        };
        let programs: Vec<&str> = summary.programs.iter().map(|it| it.name.as_str()).collect();
        assert!(programs.contains(&"mermin_ingress"), "{programs:?}");
        assert!(programs.contains(&"mermin_egress"), "{programs:?}");
        assert!(summary.programs.iter().all(|it| it.instructions > 0));
        let index = summary.maps.iter().find(|map| map.name == "INDEX");
        assert!(index.is_some_and(|map| (map.kind, map.key, map.value) == (2, 4, 64)));
    }

    #[test]
    fn file_that_is_no_elf_is_an_error() {
        assert!(Summary::read(b"MZ").is_err());
    }
}
