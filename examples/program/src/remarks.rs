//! Warnings about a configuration file.

use mermin_config::Loaded;

/// Warnings about keys of a file that have another meaning or no effect, each followed by an empty line.
#[must_use]
pub fn warnings(loaded: &Loaded) -> String {
    let each = loaded.warnings.iter();
    each.fold(String::new(), |said, it| format!("{said}{it}\n\n"))
}

/// Columns of a line with names of keys.
const WIDTH: usize = 100;

/// The block of a collector, for programs that act on it.
pub const COLLECTOR: &str = "export \"traces\".otlp";

/// Keys that have an effect only beside that block.
const OF_COLLECTOR: [&str; 2] = ["span.community_id_seed", "span.trace_id_timeout"];

/// Returns true if the key is `name`, or within it.
#[must_use]
pub fn begins(key: &str, name: &str) -> bool {
    key.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ' ', '[']))
}

/// Warns about keys of the application on which `program` does not act, grouped by block and wrapped. `used` are the
/// keys on which it acts, or the beginnings of their names.
#[must_use]
pub fn unused(program: &str, used: &[&str], loaded: &Loaded) -> String {
    let has_collector =
        used.contains(&COLLECTOR) && loaded.config.export().traces().otlp().is_some();
    let is_used = |key: &str| {
        used.iter().any(|name| begins(key, name)) || has_collector && OF_COLLECTOR.contains(&key)
    };
    let keys = loaded.for_application.iter();
    let mut blocks: Vec<(String, u64)> = Vec::new();
    for key in keys.filter(|key| !is_used(key)) {
        let block = block_of(key);
        match blocks.iter_mut().find(|(known, _)| *known == block) {
            Some((_, count)) => *count += 1,
            None => blocks.push((block, 1)),
        }
    }
    if blocks.is_empty() {
        return String::new();
    }
    let mut text = format!("{program} has no use for");
    let mut column = text.len();
    for (place, (block, count)) in blocks.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let word = match count {
            1 => block.clone(),
            count => format!("{block} ({count} keys)"),
        };
        text.push_str(comma);
        if column + word.len() + 2 > WIDTH {
            text.push_str("\n ");
            column = 1;
        }
        text.push(' ');
        text.push_str(&word);
        column += word.len() + 2;
    }
    text.push('\n');
    text
}

/// Returns the block of a key, with its labels, or the key itself outside of blocks.
fn block_of(key: &str) -> String {
    key.split('.').next().unwrap_or(key).to_owned()
}

#[cfg(test)]
mod tests {
    use mermin_config::Config;

    use super::*;

    #[test]
    fn unused_keys_are_listed_by_block() {
        let everything = Config::default().to_hcl();
        let loaded: Loaded = everything.parse().unwrap();
        assert!(loaded.for_application.len() > 40, "{loaded:?}");
        let said = unused("flows", &["auto_reload"], &loaded);
        assert!(said.lines().all(|line| line.len() <= WIDTH), "{said}");
        assert!(said.len() < 1_000, "{said}");
        for block in [
            "log_level",
            "discovery \"informer\" \"k8s\" (",
            "internal \"metrics\" (",
        ] {
            assert!(said.contains(block), "{said}");
        }
    }

    #[test]
    fn keys_of_spans_take_effect_beside_a_collector() {
        let span = "span {\n  trace_id_timeout = \"1h\"\n}\n";
        let collector =
            "export \"traces\" {\n  otlp = {\n    timeout = \"3s\"\n  }\n  stdout = \"json\"\n}\n";
        for (text, used, said) in [
            (
                span.to_owned(),
                &[COLLECTOR][..],
                "it has no use for span\n",
            ),
            (
                format!("{span}{collector}"),
                &[],
                "it has no use for span, export \"traces\" (2 keys)\n",
            ),
            (
                format!("{span}{collector}"),
                &[COLLECTOR],
                "it has no use for export \"traces\"\n",
            ),
        ] {
            assert_eq!(unused("it", used, &text.parse().unwrap()), said);
        }
        assert!(!begins("export \"traces\".otlps", COLLECTOR));
    }

    #[test]
    fn every_ignored_key_is_reported() {
        let loaded: Loaded = "log_level = \"info\"\nauto_reload = true\npacket_worker_count = 1\n"
            .parse()
            .unwrap();
        let remarks = warnings(&loaded) + &unused("flows", &["auto_reload"], &loaded);
        assert!(
            remarks.contains("packet_worker_count` has no effect"),
            "{remarks}"
        );
        assert!(
            remarks.ends_with("flows has no use for log_level\n"),
            "{remarks}"
        );
    }
}
