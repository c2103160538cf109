//! A configuration file of any octets: errors at places that are there, or a configuration that comes back as it was.

use mermin_config::{Config, Diagnostic};

/// # Panics
/// When a promise is broken.
pub fn run(octets: &[u8]) {
    let environment = |name: &str| name.len().is_multiple_of(2).then(|| name.to_owned());
    let lines = octets.split(|octet| *octet == b'\n').count();
    match Config::load("any.hcl", octets, &environment) {
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|it| placed(it, lines));
            let written = loaded.config.to_hcl();
            match Config::load("again.hcl", written.as_bytes(), &|_| None) {
                Ok(again) => assert_eq!(again.config, loaded.config),
                Err(error) => panic!("{error}\n{written}"),
            }
            let _ = loaded.config.source();
        }
        Err(error) => {
            assert!(!error.diagnostics().is_empty());
            error.diagnostics().iter().for_each(|it| placed(it, lines));
        }
    }
}

/// A message has one line for each of its parts, and names a line that the file has.
fn placed(diagnostic: &Diagnostic, lines: usize) {
    if let (Some(line), Some(column)) = (diagnostic.line(), diagnostic.column()) {
        assert!((1..=lines).contains(&line) && column > 0, "{diagnostic}");
    }
    let shown = diagnostic.to_string();
    assert!(shown.lines().count() <= 6, "{shown}");
    assert!(
        shown.chars().all(|c| c == '\n' || !c.is_control()),
        "{shown}"
    );
}
