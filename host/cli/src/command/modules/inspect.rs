//! `host modules inspect`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use host_sandbox::{
    Import, ImportClass, Module,
    wit::{WorkflowDefinition, workflow::host::definition::VersioningBehavior},
};

use super::{Examined, examine, type_name};
use crate::output::{Output, card::Card, json::Object};

/// Prints what is in module files: digest, workflow types with their signals, queries and updates, and
/// imports.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules inspect target/wasm32-wasip2/workflow/orders.wasm
  host modules inspect modules/ --output jsonl | jq -r .digest")]
pub(crate) struct Inspect {
    /// Module files, or folders of *.wasm files.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

impl Inspect {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        for (index, Examined { path, size_bytes, module }) in examine(&self.paths)?.into_iter().enumerate() {
            let name = path.display().to_string();
            let module = module.with_context(|| format!("{name} is not a workflow module"))?;
            if !output.is_text() {
                output.object(object(&name, size_bytes, &module))?;
                continue;
            }
            if index > 0 {
                output.line("")?;
            }
            print_text(&name, size_bytes, &module, output)?;
        }
        Ok(())
    }
}

fn print_text(name: &str, size_bytes: usize, module: &Module, output: Output) -> anyhow::Result<()> {
    let card = Card::new(format!("Module {name}"))
        .row("Digest", module.digest())
        .row("BuildId", host_worker::modules::build_id::of(&module.digest()))
        .row("Size", format!("{size_bytes} bytes"));
    output.lines(card.text())?;
    for definition in module.definitions() {
        let card = Card::new(format!("Workflow {}", type_name(&definition.name)))
            .row_unless_empty("Signals", names(&definition.signals, |signal| &signal.name).join(", "))
            .row_unless_empty("Queries", names(&definition.queries, |query| &query.name).join(", "))
            .row_unless_empty("Updates", names(&definition.updates, |update| &update.name).join(", "))
            .row("OpenRuns", behavior(definition.versioning_behavior).1);
        output.lines(card.text())?;
    }
    let classes = [
        (ImportClass::Contract, "Imports of the contract"),
        (ImportClass::Virtual, "Imports that are served from the run's time and randomness"),
        (ImportClass::TrapOnUse, "Imports that stop the workflow when it uses them"),
    ];
    for (class, title) in classes {
        let imports: Vec<&Import> = module.imports().iter().filter(|import| import.class == class).collect();
        if imports.is_empty() {
            continue;
        }
        output.line(format!("{title}:"))?;
        for import in imports {
            output.line(format!("  {}", import.name))?;
        }
    }
    Ok(())
}

fn object(name: &str, size_bytes: usize, module: &Module) -> Object {
    let workflows: Vec<String> = module.definitions().iter().map(workflow).collect();
    let imports: Vec<String> = module
        .imports()
        .iter()
        .map(|import| Object::new().field("name", &import.name).field("class", class(import.class)).finish())
        .collect();
    Object::new()
        .field("path", name)
        .field("digest", module.digest().to_string())
        .field("buildId", host_worker::modules::build_id::of(&module.digest()))
        .field("sizeBytes", size_bytes)
        .raw("workflows", &format!("[{}]", workflows.join(",")))
        .raw("imports", &format!("[{}]", imports.join(",")))
}

fn workflow(definition: &WorkflowDefinition) -> String {
    Object::new()
        .field("name", &definition.name)
        .field("signals", names(&definition.signals, |signal| &signal.name))
        .field("queries", names(&definition.queries, |query| &query.name))
        .field("updates", names(&definition.updates, |update| &update.name))
        .field("versioningBehavior", behavior(definition.versioning_behavior).0)
        .finish()
}

/// What becomes of open runs when another module is taken: in JSON, and for people.
fn behavior(behavior: VersioningBehavior) -> (&'static str, &'static str) {
    match behavior {
        VersioningBehavior::Unspecified => ("unspecified", "as the host's policy says"),
        VersioningBehavior::Pinned => ("pinned", "stay on their module (pinned)"),
        VersioningBehavior::AutoUpgrade => {
            ("autoUpgrade", "move where the other module replays them (auto-upgrade)")
        }
    }
}

fn class(class: ImportClass) -> &'static str {
    match class {
        ImportClass::Contract => "contract",
        ImportClass::Virtual => "virtual",
        ImportClass::TrapOnUse => "trapOnUse",
        ImportClass::Refused => "refused",
    }
}

fn names<T>(items: &[T], name: impl Fn(&T) -> &String) -> Vec<String> {
    items.iter().map(|item| name(item).clone()).collect()
}
