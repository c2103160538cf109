//! Differentiated services code points (IANA dscp-registry) and ECN (RFC 3168 section 5).

/// Returns the registry's name in lower case. 0, CS0 in the registry, is `df` (default forwarding), its usual name in
/// dashboards.
pub(in crate::flow) const fn dscp(code_point: u8) -> Option<&'static str> {
    Some(match code_point {
        0 => "df",
        1 => "le",
        8 => "cs1",
        10 => "af11",
        12 => "af12",
        14 => "af13",
        16 => "cs2",
        18 => "af21",
        20 => "af22",
        22 => "af23",
        24 => "cs3",
        26 => "af31",
        28 => "af32",
        30 => "af33",
        32 => "cs4",
        34 => "af41",
        36 => "af42",
        38 => "af43",
        40 => "cs5",
        44 => "voice-admit",
        45 => "nqb",
        46 => "ef",
        48 => "cs6",
        56 => "cs7",
        _ => return None,
    })
}

/// Returns RFC 3168's name in lower case. Only the lower two bits count.
pub(in crate::flow) const fn ecn(bits: u8) -> &'static str {
    match bits & 3 {
        0 => "non-ect",
        1 => "ect1",
        2 => "ect0",
        _ => "ce",
    }
}
