//! Finds the name nearest to an unknown one.

/// Longer names are not compared, because no key is as long.
const LONGEST: usize = 64;

/// Returns the nearest of several names, if at most a third of it differs. Case, and a hyphen instead of an
/// underscore, do not count.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let wanted = plain(name);
    names
        .into_iter()
        .map(|known| (strsim::osa_distance(&wanted, &plain(known)), known))
        .filter(|(distance, known)| *distance <= known.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn typing_error_is_near_and_another_word_is_not() {
        let names = ["tc_priority", "tcx_order", "interfaces", "tls"];
        assert_eq!(nearest("tc-priority", names), Some("tc_priority"));
        assert_eq!(nearest("tcp_priority", names), Some("tc_priority"));
        assert_eq!(nearest("Interface", names), Some("interfaces"));
        assert_eq!(nearest("tcx_odrer", names), Some("tcx_order"));
        assert_eq!(nearest("color", names), None);
        assert_eq!(nearest("x", names), None);
        assert_eq!(nearest(&"a".repeat(1_000), names), None);
    }
}
