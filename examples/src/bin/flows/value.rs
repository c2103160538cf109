//! Values of attributes as text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mermin_core::flow::Value;

/// From 1970 to the year 10,000, which RFC 3339 has no form for.
#[expect(
    clippy::duration_suboptimal_units,
    reason = "`from_hours` takes Rust 1.91"
)]
const TOO_LATE: Duration = Duration::from_secs(24 * 3600 * 2_932_897);

/// Numbers in decimal, times as RFC 3339 in UTC with nine decimals, several values with `;` between them.
pub(crate) fn text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => text.as_str().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Time(at) => time(*at),
        Value::Texts(texts) => texts.clone().collect::<Vec<_>>().join(";"),
        Value::Numbers(numbers) => {
            let numbers: Vec<String> = numbers.clone().map(|it| it.to_string()).collect();
            numbers.join(";")
        }
        // The enumeration may grow.
        other => format!("{other:?}"),
    }
}

fn time(at: SystemTime) -> String {
    match at.duration_since(UNIX_EPOCH) {
        Ok(since) if since < TOO_LATE => humantime::format_rfc3339_nanos(at).to_string(),
        Ok(since) => since.as_secs().to_string(),
        Err(before) => format!("-{}", before.duration().as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use mermin_core::flow::TcpFlags;

    use super::*;

    #[test]
    fn each_kind_has_a_text() {
        let second = Duration::from_secs(1);
        for (value, expected) in [
            (Value::Text("tcp".into()), "tcp"),
            (Value::Number(u64::MAX), "18446744073709551615"),
            (Value::Texts(TcpFlags(0x12).into()), "SYN;ACK"),
            (Value::Numbers([7_u16, 8].as_slice().into()), "7;8"),
            (
                Value::Time(UNIX_EPOCH + second),
                "1970-01-01T00:00:01.000000000Z",
            ),
            (Value::Time(UNIX_EPOCH - second), "-1"),
            (Value::Time(UNIX_EPOCH + TOO_LATE), "253402300800"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }
}
