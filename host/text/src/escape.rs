//! The one way of text to a terminal, a log or a page: control characters and marks that turn the direction of writing are
//! escaped.
//!
//! Ids, results, failures and what workflows log come from others. Printed as they are, they could clear the screen, set
//! the title, or make a line look like another one.

use std::{borrow::Cow, fmt::Write as _};

/// What the text is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Text over several lines, whose line ends and tabs are meant.
    Lines,
    /// One line: a name, a cell of a table.
    Line,
    /// JSON, whose line ends are between values. Escaped as JSON has it.
    Json,
}

/// Escapes what does more than show a character.
#[must_use]
pub fn escape(text: &str, place: Place) -> Cow<'_, str> {
    let Some(first) = text.find(|character| is_escaped(character, place)) else {
        return Cow::Borrowed(text);
    };
    let mut escaped = text[..first].to_owned();
    for character in text[first..].chars() {
        if !is_escaped(character, place) {
            escaped.push(character);
            continue;
        }
        // Writing to a string does not fail. All of these characters have 16 bits, as JSON needs it.
        let _ = match (place, character) {
            (Place::Json, character) => write!(escaped, "\\u{:04x}", u32::from(character)),
            (Place::Line | Place::Lines, character) => write!(escaped, "{}", character.escape_default()),
        };
    }
    Cow::Owned(escaped)
}

fn is_escaped(character: char, place: Place) -> bool {
    match character {
        '\n' | '\t' => place == Place::Line,
        character => character.is_control() || turns_direction(character) || ends_line(character),
    }
}

/// The marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm (UAX #9).
fn turns_direction(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

fn ends_line(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_more_than_show_a_character_is_escaped() {
        let check = |text: &str, lines: &str, line: &str, json: &str| {
            assert_eq!(escape(text, Place::Lines), lines);
            assert_eq!(escape(text, Place::Line), line);
            assert_eq!(escape(text, Place::Json), json);
        };
        check("Grüße, 世界 🦀", "Grüße, 世界 🦀", "Grüße, 世界 🦀", "Grüße, 世界 🦀");
        check("a\n\tb", "a\n\tb", "a\\n\\tb", "a\n\tb");
        check("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}", "\\u{1b}[2J\\u{7}", "\\u001b[2J\\u0007");
        check("a\rb\u{9b}", "a\\rb\\u{9b}", "a\\rb\\u{9b}", "a\\u000db\\u009b");
        check("\u{202e}x\u{2069}", "\\u{202e}x\\u{2069}", "\\u{202e}x\\u{2069}", "\\u202ex\\u2069");
    }

    /// Of all characters, only those that show something are left, and the line ends that a place may have.
    #[test]
    fn no_character_is_forgotten() {
        for character in '\0'..=char::MAX {
            let text = character.to_string();
            for place in [Place::Lines, Place::Line, Place::Json] {
                let escaped = escape(&text, place);
                assert!(
                    !escaped.chars().any(|character| is_escaped(character, place)),
                    "{character:?} {place:?}"
                );
                // Rust's own idea of what can be printed: all that it escapes as a control character is escaped here.
                assert!(!character.is_control() || matches!(character, '\n' | '\t') || escaped != text);
            }
        }
    }
}
