//! Short forms of numbers.

/// Formats a number in at most five characters: `999`, `1.23k`, `45.6M`, `789G`.
pub(crate) fn amount(number: f64) -> String {
    let units = ["", "k", "M", "G", "T", "P", "E"];
    let mut rest = number.max(0.0);
    let mut unit = 0;
    // 999.5 would be rounded to 1000.
    while rest >= 999.5 && unit + 1 < units.len() {
        rest /= 1000.0;
        unit += 1;
    }
    let decimals = match rest {
        _ if unit == 0 => 0,
        rest if rest < 9.995 => 2,
        rest if rest < 99.95 => 1,
        _ => 0,
    };
    format!("{rest:.decimals$}{}", units[unit])
}

/// Formats a count in the same way.
pub(crate) fn count(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let number = number as f64;
    amount(number)
}

/// Returns the sign in front of a number: `~` if it is an estimate.
pub(crate) fn sign(is_estimate: bool) -> &'static str {
    if is_estimate { "~" } else { "" }
}

/// Formats all digits, with commas.
pub(crate) fn exact(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_three_digits_and_a_unit() {
        for (number, text) in [
            (0.0, "0"),
            (0.4, "0"),
            (999.4, "999"),
            (999.5, "1.00k"),
            (1234.0, "1.23k"),
            (9994.0, "9.99k"),
            (9996.0, "10.0k"),
            (99_960.0, "100k"),
            (12_345_678.0, "12.3M"),
        ] {
            assert_eq!(amount(number), text);
        }
        assert_eq!(count(u64::MAX), "18.4E");
        assert_eq!(exact(999), "999");
        assert_eq!(exact(1_234_567), "1,234,567");
    }
}
