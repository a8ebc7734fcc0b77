//! Floating-point numbers in Go's JSON notation: `2`, `0.5`, `1e+21`.

use std::fmt::{Display, LowerExp};

/// Magnitudes outside of these are written with an exponent.
const SMALLEST_PLAIN: f64 = 1e-6;
const SMALLEST_EXPONENTIAL: f64 = 1e21;

/// A `double` field. Numbers that JSON lacks are strings.
pub(super) fn double(value: f64) -> String {
    notation(value, value)
}

/// A `float` field: the shortest digits that give back the same 32-bit number.
pub(super) fn float(value: f32) -> String {
    notation(value, f64::from(value))
}

fn notation<T: Display + LowerExp>(value: T, magnitude: f64) -> String {
    let magnitude = magnitude.abs();
    if magnitude.is_nan() {
        "\"NaN\"".to_owned()
    } else if magnitude.is_infinite() {
        let sign = if format!("{value}").starts_with('-') { "-" } else { "" };
        format!("\"{sign}Infinity\"")
    } else if magnitude == 0.0 || (SMALLEST_PLAIN..SMALLEST_EXPONENTIAL).contains(&magnitude) {
        format!("{value}")
    } else {
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_look_as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (2.0, "2"),
            (1.5, "1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.000_001, "0.000001"),
            (0.000_000_1, "1e-7"),
            (-2.5e-12, "-2.5e-12"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            assert_eq!(double(value), text);
        }
        assert_eq!(float(0.1), "0.1");
    }
}
