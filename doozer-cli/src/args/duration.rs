//! Reads durations as Go writes them: `300ms`, `5s`, `1m30s`, `1.5h`.

use std::time::Duration;

use thiserror::Error;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum DurationError {
    /// Not numbers with units.
    #[error("a duration is wanted, as 300ms, 5s or 1m30s")]
    Syntax,
    /// A number with nothing behind it.
    #[error("missing unit in duration, as in 5s")]
    MissingUnit,
    /// A unit that there is none of.
    #[error("unknown unit {0:?} in duration: ns, us, ms, s, m or h is wanted")]
    UnknownUnit(String),
    /// Below zero.
    #[error("a duration below zero")]
    Negative,
    /// More than 64 bits of nanoseconds.
    #[error("the duration is out of range")]
    Range,
}

/// Reads a duration: numbers, each with a unit, or `0`.
pub(crate) fn read(text: &str) -> Result<Duration, DurationError> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(DurationError::Syntax);
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let nanos;
        (nanos, rest) = part(rest)?;
        total = total.checked_add(nanos).ok_or(DurationError::Range)?;
    }
    if i64::try_from(total).is_err() {
        return Err(DurationError::Range);
    }
    if negative && total > 0 {
        return Err(DurationError::Negative);
    }
    Ok(Duration::from_nanos(total))
}

/// Reads one number and its unit, as nanoseconds; what is left behind it.
fn part(text: &str) -> Result<(u64, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Syntax);
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit = nanos_of(unit)?;
    let whole: u64 = match whole {
        "" => 0,
        digits => digits.parse().map_err(|_too_long| DurationError::Range)?,
    };
    let nanos = whole.checked_mul(unit).ok_or(DurationError::Range)?;
    let nanos = nanos
        .checked_add(fraction_of(fraction, unit))
        .ok_or(DurationError::Range)?;
    Ok((nanos, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

fn nanos_of(unit: &str) -> Result<u64, DurationError> {
    match unit {
        "" => Err(DurationError::MissingUnit),
        "ns" => Ok(1),
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(1_000_000_000),
        "m" => Ok(60 * 1_000_000_000),
        "h" => Ok(3600 * 1_000_000_000),
        other => Err(DurationError::UnknownUnit(other.to_owned())),
    }
}

/// The part of `unit` that the digits behind a point stand for, cut to whole nanoseconds.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let mut place = u128::from(unit) * FRACTION_SCALE;
    let mut total = 0;
    for digit in digits.bytes() {
        place /= 10;
        total += u128::from(digit - b'0') * place;
    }
    u64::try_from(total / FRACTION_SCALE).expect("invariant: a fraction is below its unit")
}

/// Keeps the digits behind a point that are below a nanosecond until they are added up.
const FRACTION_SCALE: u128 = 1_000_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Duration) {
        assert_eq!(read(text), Ok(expected), "{text}");
    }

    fn check_refused(text: &str, expected: &str) {
        assert_eq!(read(text).unwrap_err().to_string(), expected, "{text}");
    }

    #[test]
    fn every_unit_is_known() {
        check("7ns", Duration::from_nanos(7));
        check("7us", Duration::from_micros(7));
        check("7\u{b5}s", Duration::from_micros(7));
        check("300ms", Duration::from_millis(300));
        check("5s", Duration::from_secs(5));
        check("2m", Duration::from_mins(2));
        check("1h", Duration::from_hours(1));
    }

    #[test]
    fn parts_add_up_and_may_have_fractions() {
        check("1m30s", Duration::from_secs(90));
        check("1.5h", Duration::from_mins(90));
        check(".5s", Duration::from_millis(500));
        check("1.s", Duration::from_secs(1));
        check("+1s500ms", Duration::from_millis(1500));
        check("0.000000001s", Duration::from_nanos(1));
        check(
            "0.3333333333333333333h",
            Duration::from_nanos(1_199_999_999_999),
        );
        check("0", Duration::ZERO);
        check("-0s", Duration::ZERO);
    }

    #[test]
    fn a_number_needs_a_unit() {
        check_refused("5", "missing unit in duration, as in 5s");
        check_refused("1m30", "missing unit in duration, as in 5s");
        check_refused(
            "5sec",
            "unknown unit \"sec\" in duration: ns, us, ms, s, m or h is wanted",
        );
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", ".s", "-", "+", "five"] {
            check_refused(text, "a duration is wanted, as 300ms, 5s or 1m30s");
        }
        check_refused("-5s", "a duration below zero");
        check_refused("9999999999h", "the duration is out of range");
        check_refused("99999999999999999999s", "the duration is out of range");
    }
}
