//! Transport protocols as Kubernetes names them.

/// Returns IANA's number of `TCP`, `UDP` or `SCTP`; of TCP if there is no name.
pub(crate) fn number(name: Option<&str>) -> Option<u8> {
    match name {
        None | Some("TCP" | "") => Some(6),
        Some("UDP") => Some(17),
        Some("SCTP") => Some(132),
        Some(_) => None,
    }
}
