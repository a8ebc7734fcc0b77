//! Names and values, one pair a line, and tables; both as the `temporal` CLI lays them out.

use super::escape::{Place, escape};

/// A block of names and values under a title.
#[derive(Debug)]
pub(crate) struct Card {
    title: String,
    rows: Vec<(&'static str, String)>,
}

impl Card {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: escape(&title.into(), Place::Line).into_owned(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(mut self, name: &'static str, value: impl ToString) -> Self {
        self.rows.push((name, escape(&value.to_string(), Place::Line).into_owned()));
        self
    }

    /// Adds a row unless the value is empty.
    pub(crate) fn row_unless_empty(self, name: &'static str, value: impl ToString) -> Self {
        let value = value.to_string();
        if value.is_empty() { self } else { self.row(name, value) }
    }

    /// The lines.
    pub(crate) fn text(&self) -> String {
        let width = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let mut text = format!("{}:", self.title);
        for (name, value) in &self.rows {
            text.push_str(format!("\n  {name:width$}  {value}").trim_end());
        }
        text
    }
}

/// A table whose columns are as wide as what is in them.
#[derive(Debug)]
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(header: [&str; COLUMNS]) -> Self {
        Self { rows: vec![header.map(str::to_owned)] }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row.map(|cell| escape(&cell, Place::Line).into_owned()));
    }

    /// The lines.
    pub(crate) fn text(&self) -> String {
        let mut widths = [0; COLUMNS];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        let lines: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let cells = row.iter().zip(widths);
                let line: String = cells.map(|(cell, width)| format!("  {cell:width$}")).collect();
                line.trim_end().to_owned()
            })
            .collect();
        lines.join("\n")
    }
}
