//! JUnit's XML, as test reports of CI systems read it (<https://github.com/testmoapp/junitxml>).

use std::fmt::Write as _;

/// Cases that belong together.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    /// All cases; those that passed need not be listed.
    pub(crate) tests: u64,
    pub(crate) failures: u64,
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) class: String,
    pub(crate) name: String,
    /// Its first line is the message.
    pub(crate) failure: Option<String>,
}

/// A document with suites.
pub(crate) fn document(suites: &[Suite]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>".to_owned();
    for Suite { name, tests, failures, cases } in suites {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "\n  <testsuite name=\"{}\" tests=\"{tests}\" failures=\"{failures}\">",
            escape(name)
        );
        for Case { class, name, failure } in cases {
            let (class, name) = (escape(class), escape(name));
            let _ = write!(text, "\n    <testcase classname=\"{class}\" name=\"{name}\"");
            let _ = match failure {
                None => write!(text, "/>"),
                Some(failure) => {
                    let message = escape(failure.lines().next().unwrap_or_default());
                    let failure = escape(failure);
                    write!(text, "><failure message=\"{message}\">{failure}</failure></testcase>")
                }
            };
        }
        text.push_str("\n  </testsuite>");
    }
    text.push_str("\n</testsuites>");
    text
}

/// A text as content or in quotes. Characters that XML 1.0 does not have become `U+FFFD`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_are_no_markup() {
        assert_eq!(escape("<a href=\"&\">\u{1b}[1m\n"), "&lt;a href=&quot;&amp;&quot;&gt;\u{fffd}[1m\n");
    }
}
