//! Texts of any length, where they become part of a message that has a limit.

/// Cuts a text to at most `max` bytes, and says how many there were.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    let bytes = text.len();
    if bytes <= max {
        return text;
    }
    let note = format!("… ({bytes} bytes)");
    text.truncate(text.floor_char_boundary(max.saturating_sub(note.len())));
    text.push_str(&note);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let check = |text: &str, max, expected: &str| assert_eq!(cut(text.to_owned(), max), expected);
        check("", 0, "");
        check("twelve bytes", 12, "twelve bytes");
        check(&"a".repeat(100), 20, "aaaaa… (100 bytes)");
        check(&"ü".repeat(50), 20, "üü… (100 bytes)");
        check(&"ü".repeat(50), 21, "üüü… (100 bytes)");
    }
}
