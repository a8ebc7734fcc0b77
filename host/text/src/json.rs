//! JSON text put together from parts that are JSON already, in the spelling of Go's encoder, so that
//! what is printed equals what the `temporal` CLI prints byte for byte.

use serde::Serialize;

/// An object, on one line.
#[derive(Debug)]
pub struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

impl Object {
    /// An object without fields.
    #[must_use]
    pub fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a field with a simple value: anything that JSON can say.
    #[must_use]
    pub fn field(self, name: &str, value: impl Serialize) -> Self {
        // Strings, numbers and lists of them always have a JSON form.
        let value = serde_json::to_string(&value).unwrap_or_else(|_| "null".to_owned());
        self.raw(name, &value)
    }

    /// Adds a field whose value is JSON already.
    #[must_use]
    pub fn raw(mut self, name: &str, value: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(&escape_html(value));
        self
    }

    /// The text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Go's encoder escapes what HTML or JavaScript would take for markup. In JSON these characters occur in
/// strings only.
#[must_use]
pub fn escape_html(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => escaped.push_str("\\u003c"),
            '>' => escaped.push_str("\\u003e"),
            '&' => escaped.push_str("\\u0026"),
            '\u{2028}' => escaped.push_str("\\u2028"),
            '\u{2029}' => escaped.push_str("\\u2029"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Breaks JSON into lines, each level indented by two spaces. Empty objects and lists stay on one line.
#[must_use]
pub fn indent(json: &str) -> String {
    let mut lines = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let (mut in_string, mut escaped) = (false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            lines.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            ' ' | '\n' | '\r' | '\t' => {}
            '"' => {
                in_string = true;
                lines.push(character);
            }
            '{' | '[' => {
                lines.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    lines.push(end);
                } else {
                    depth += 1;
                    break_line(&mut lines, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut lines, depth);
                lines.push(character);
            }
            ',' => {
                lines.push(character);
                break_line(&mut lines, depth);
            }
            ':' => lines.push_str(": "),
            character => lines.push(character),
        }
    }
    lines
}

fn break_line(lines: &mut String, depth: usize) {
    lines.push('\n');
    for _ in 0..depth {
        lines.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(json: &str, expected: Expect) {
        expected.assert_eq(&indent(json));
    }

    #[test]
    fn lines() {
        check("7", expect!["7"]);
        check("{}", expect!["{}"]);
        check("[ ]", expect!["[]"]);
        check(
            r#"{"a":[1, {"b":"{\"x\": [\\"}],"c":{}}"#,
            expect![[r#"
                {
                  "a": [
                    1,
                    {
                      "b": "{\"x\": [\\"
                    }
                  ],
                  "c": {}
                }"#]],
        );
    }

    #[test]
    fn objects() {
        let object = Object::new().field("a", "<b>").field("c", 1).raw("d", r#"{"e":null}"#);
        assert_eq!(object.finish(), r#"{"a":"\u003cb\u003e","c":1,"d":{"e":null}}"#);
        assert_eq!(Object::new().finish(), "{}");
    }
}
