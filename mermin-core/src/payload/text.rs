//! Octets of a name as text that is safe to print.

/// Appends octets. Those that are not printable ASCII, and those in `special`, are written as RFC 1035 section 5.1 has it: a backslash
/// and three decimal digits.
pub(super) fn escape(text: &mut String, octets: &[u8], special: &[u8]) {
    for &octet in octets {
        if octet.is_ascii_graphic() && octet != b'\\' && !special.contains(&octet) {
            text.push(char::from(octet));
        } else {
            text.push('\\');
            for divisor in [100, 10, 1] {
                text.push(char::from(b'0' + octet / divisor % 10));
            }
        }
    }
}

/// Octets as text.
pub(super) fn escaped(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len());
    escape(&mut text, octets, &[]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_stays_in_a_name() {
        assert_eq!(escaped(b"example.com"), "example.com");
        assert_eq!(escaped(b"a\x1b[2J b\\\xff"), "a\\027[2J\\032b\\092\\255");
        for octet in 0..=u8::MAX {
            let text = escaped(&[octet]);
            assert!(text.bytes().all(|it| it.is_ascii_graphic()), "{octet}");
        }
    }
}
