//! Reads whole numbers as Go does for its options: `10`, `-1`, `0x1f`, `0b11`, `0o17`, `017`, `1_000`.

use thiserror::Error;

/// Why a text is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NumberError {
    /// No digits, or others than the base has.
    #[error("a whole number is wanted")]
    Syntax,
    /// More than 64 bits.
    #[error("the number is out of range")]
    Range,
}

/// Reads a number whose beginning tells its base.
pub(crate) fn read(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = base_of(digits);
    let digits = without_underscores(base, digits)?;
    if !digits.starts_with(|first: char| first.is_digit(base)) {
        return Err(NumberError::Syntax);
    }
    // 128 bits hold the magnitude of the least number too, and tell a wrong digit from a range.
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(NumberError::Syntax);
    }
    let magnitude = i128::from_str_radix(&digits, base).map_err(|_too_long| NumberError::Range)?;
    let number = if negative { -magnitude } else { magnitude };
    i64::try_from(number).map_err(|_too_large| NumberError::Range)
}

/// Reads a number in base ten, as the arguments behind a command are read.
pub(crate) fn read_decimal(text: &str) -> Result<i64, NumberError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse()
        .map_err(|error: std::num::ParseIntError| match error.kind() {
            PosOverflow | NegOverflow => NumberError::Range,
            _ => NumberError::Syntax,
        })
}

fn base_of(digits: &str) -> (u32, &str) {
    let mut chars = digits.chars();
    if chars.next() != Some('0') {
        return (10, digits);
    }
    match chars.next() {
        None => (10, digits),
        Some('x' | 'X') => (16, &digits[2..]),
        Some('o' | 'O') => (8, &digits[2..]),
        Some('b' | 'B') => (2, &digits[2..]),
        Some(_) => (8, digits),
    }
}

/// An underscore stands between two digits, or behind what tells the base.
fn without_underscores(base: u32, digits: &str) -> Result<String, NumberError> {
    let digits = if base == 10 {
        digits
    } else {
        digits.strip_prefix('_').unwrap_or(digits)
    };
    if digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") {
        return Err(NumberError::Syntax);
    }
    Ok(digits.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<i64, NumberError>) {
        assert_eq!(read(text), expected, "{text}");
    }

    #[test]
    fn the_beginning_tells_the_base() {
        check("0", Ok(0));
        check("-1", Ok(-1));
        check("+7", Ok(7));
        check("0x1f", Ok(31));
        check("0X1F", Ok(31));
        check("0b101", Ok(5));
        check("0o17", Ok(15));
        check("-017", Ok(-15));
        check("1_000", Ok(1000));
        check("0x_ff", Ok(255));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "", "-", "x", "5s", "0x", "08", "1__0", "_1", "1_", "--1", "0x-1", "1.5",
        ] {
            check(text, Err(NumberError::Syntax));
        }
    }

    #[test]
    fn the_range_is_that_of_64_bits() {
        check("9223372036854775807", Ok(i64::MAX));
        check("-9223372036854775808", Ok(i64::MIN));
        check("9223372036854775808", Err(NumberError::Range));
        check(&"9".repeat(60), Err(NumberError::Range));
        assert_eq!(read_decimal(&"9".repeat(60)), Err(NumberError::Range));
        assert_eq!(read_decimal("010"), Ok(10));
        assert_eq!(read_decimal("0x1"), Err(NumberError::Syntax));
    }
}
