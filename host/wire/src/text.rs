//! Texts of any length, where they become part of a message that has a limit.

/// Cuts a text to `most` bytes, which include a note of how many were cut. `most` is at least 64.
pub fn cut(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let length = text.len();
    let note = |kept: usize| format!(" [… {} bytes were cut]", length - kept);
    let end = text.floor_char_boundary(most.saturating_sub(note(0).len()));
    let note = note(end);
    text.truncate(end);
    text.push_str(&note);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_has_its_length_and_says_what_is_gone() {
        for (text, expected) in [
            ("a".repeat(64), "a".repeat(64)),
            ("a".repeat(65), format!("{} [… 25 bytes were cut]", "a".repeat(40))),
            // Two bytes each: the cut is between characters.
            ("é".repeat(500), format!("{} [… 962 bytes were cut]", "é".repeat(19))),
        ] {
            let mut text = text;
            cut(&mut text, 64);
            assert!(text.len() <= 64, "{} bytes", text.len());
            assert_eq!(text, expected);
        }
    }
}
