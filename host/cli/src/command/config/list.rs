//! `host config list`.

use clap::Args;

use super::Place;
use crate::output::{
    Format, Output,
    card::Table,
    json::{Object, indent},
};

/// Prints the names of all profiles.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host config list
  host config list --output jsonl | jq -r .name")]
pub(super) struct List {}

impl List {
    pub(super) fn run(self, place: &Place, output: Output) -> anyhow::Result<()> {
        let names = place.read()?.profiles();
        if output.is_text() {
            let mut table = Table::new(["Name"]);
            names.into_iter().for_each(|name| table.push([name]));
            return Ok(output.lines(table.text())?);
        }
        let objects: Vec<String> =
            names.iter().map(|name| Object::new().field("name", name).finish()).collect();
        match output.format() {
            Format::Jsonl => objects.iter().try_for_each(|object| Ok(output.line(object)?)),
            _ => Ok(output.lines(indent(&format!("[{}]", objects.join(","))))?),
        }
    }
}
