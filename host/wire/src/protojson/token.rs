//! JSON tokens as Go's protojson puts them on the page. Knows nothing of messages.

/// What stands before each level of an indented document.
const INDENT: &str = "  ";

/// Text under construction. Callers bring tokens in an order that makes a document.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    one_line: bool,
    depth: usize,
    /// Whether the container just opened has nothing in it yet.
    empty: bool,
    /// Whether a name was written whose value comes next.
    named: bool,
}

impl Page {
    pub(super) fn new(one_line: bool) -> Self {
        Self { text: String::new(), one_line, depth: 0, empty: true, named: false }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn begin_object(&mut self) {
        self.begin('{');
    }

    pub(super) fn end_object(&mut self) {
        self.end('}');
    }

    pub(super) fn begin_array(&mut self) {
        self.begin('[');
    }

    pub(super) fn end_array(&mut self) {
        self.end(']');
    }

    pub(super) fn name(&mut self, name: &str) {
        self.place();
        self.quoted(name);
        self.text.push(':');
        if !self.one_line {
            self.text.push(' ');
        }
        self.named = true;
    }

    pub(super) fn string(&mut self, value: &str) {
        self.place();
        self.quoted(value);
    }

    /// A number, `true`, `false` or `null`.
    pub(super) fn bare(&mut self, value: &str) {
        self.place();
        self.text.push_str(value);
    }

    fn begin(&mut self, bracket: char) {
        self.place();
        self.text.push(bracket);
        self.depth += 1;
        self.empty = true;
    }

    fn end(&mut self, bracket: char) {
        self.depth -= 1;
        if !self.empty {
            self.break_line();
        }
        self.text.push(bracket);
        self.empty = false;
    }

    /// Makes room for the next value or name.
    fn place(&mut self) {
        if self.named {
            self.named = false;
            return;
        }
        if self.depth > 0 {
            if !self.empty {
                self.text.push(',');
            }
            self.break_line();
        }
        self.empty = false;
    }

    fn break_line(&mut self) {
        if !self.one_line {
            self.text.push('\n');
            for _ in 0..self.depth {
                self.text.push_str(INDENT);
            }
        }
    }

    fn quoted(&mut self, value: &str) {
        self.text.push('"');
        for character in value.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\0'..'\u{20}' => {
                    self.text.push_str(&format!("\\u{:04x}", u32::from(character)));
                }
                _ => self.text.push(character),
            }
        }
        self.text.push('"');
    }
}
