//! Reads numbers, sizes, times and booleans, Go's spellings included.

use std::time::Duration;

/// The boolean that Go's `strconv.ParseBool` reads.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A whole number as Go's flags read it: `0x`, `0o`, `0b` and a leading 0 choose the base, and
/// `_` may stand between digits.
pub(super) fn integer(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&lower[..], 10),
    };
    if digits.starts_with('+') || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

/// A number of bytes: plain, or with k, M, G or T behind it (`KiB` is 1024, `kB` 1000, `k` 1024).
pub(super) fn bytes(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (base, power) = match unit.as_str() {
        "" | "b" => (1, 0),
        "k" | "kib" => (1024, 1),
        "m" | "mib" => (1024, 2),
        "g" | "gib" => (1024, 3),
        "t" | "tib" => (1024, 4),
        "kb" => (1000, 1),
        "mb" => (1000, 2),
        "gb" => (1000, 3),
        "tb" => (1000, 4),
        _ => return None,
    };
    let unit: u64 = base;
    digits.parse::<u64>().ok()?.checked_mul(unit.pow(power))
}

/// A time: seconds as a decimal number, or a Go duration such as `1m30s`. Never below zero.
pub(super) fn time(text: &str) -> Option<Duration> {
    let seconds = text
        .parse::<f64>()
        .ok()
        .or_else(|| duration_seconds(text))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The seconds of a Go duration.
fn duration_seconds(text: &str) -> Option<f64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        let unit_at = rest.find(|c| !digits(c))?;
        let (number, behind) = rest.split_at(unit_at);
        let next_at = behind.find(digits).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(next_at);
        seconds += number.parse::<f64>().ok()? * unit_seconds(unit)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(seconds)
}

fn unit_seconds(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1e-9),
        "us" | "µs" | "μs" => Some(1e-6),
        "ms" => Some(1e-3),
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;

    fn check<T: PartialEq + Debug>(read: impl Fn(&str) -> Option<T>, cases: &[(&str, Option<T>)]) {
        for (text, expected) in cases {
            assert_eq!(read(text), *expected, "{text:?}");
        }
    }

    #[test]
    fn a_size_has_a_binary_or_a_decimal_unit_or_none() {
        check(
            bytes,
            &[
                ("1048576", Some(1 << 20)),
                ("0", Some(0)),
                ("64k", Some(64 << 10)),
                ("64K", Some(64 << 10)),
                ("256MiB", Some(256 << 20)),
                ("256 MiB", Some(256 << 20)),
                ("1GB", Some(1_000_000_000)),
                ("2t", Some(2 << 40)),
                ("7b", Some(7)),
                ("", None),
                ("k", None),
                ("-1", None),
                ("+1", None),
                ("1.5M", None),
                ("1 2", None),
                ("1Mi", None),
                ("18446744073709551616", None),
                ("99999999999999999T", None),
            ],
        );
    }

    #[test]
    fn a_whole_number_is_read_as_go_reads_it() {
        check(
            integer,
            &[
                ("2000", Some(2000)),
                ("+7", Some(7)),
                ("0", Some(0)),
                ("0x7D0", Some(2000)),
                ("0b101", Some(5)),
                ("0o17", Some(15)),
                ("017", Some(15)),
                ("2_000", Some(2000)),
                ("2__000", None),
                ("2000_", None),
                ("019", None),
                ("-1", None),
                ("1.0", None),
                ("1e3", None),
                ("++1", None),
                ("0x+1", None),
                ("0x", None),
                ("", None),
                (" 1", None),
            ],
        );
    }

    #[test]
    fn a_time_is_decimal_seconds_or_a_go_duration() {
        let ms = |ms| Some(Duration::from_millis(ms));
        check(
            time,
            &[
                ("5", ms(5000)),
                (".1", ms(100)),
                ("1e3", ms(1_000_000)),
                ("0", ms(0)),
                ("5s", ms(5000)),
                ("1m30s", ms(90_000)),
                ("1.5h", ms(5_400_000)),
                ("500ms", ms(500)),
                ("1500us", Some(Duration::from_micros(1500))),
                ("2µs", Some(Duration::from_micros(2))),
                ("-1", None),
                ("-1s", None),
                ("inf", None),
                ("NaN", None),
                ("1e300", None),
                ("5 s", None),
                ("s", None),
                ("5x", None),
                ("1m30", None),
                ("1..5s", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn only_gos_spellings_are_booleans() {
        check(
            boolean,
            &[
                ("T", Some(true)),
                ("False", Some(false)),
                ("yes", None),
                ("tRUE", None),
                ("", None),
            ],
        );
    }
}
