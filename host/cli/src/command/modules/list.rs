//! `host modules list`.

use anyhow::Context as _;
use clap::Args;
use host_worker::modules::store::{Admitted, ModuleStore, StoreAccess};

use super::type_name;
use crate::{
    output::{Output, card::Table, event::milliseconds, json::Object},
    settings::data_dir::DataDirArgs,
};

/// Prints the modules that were ever admitted to a data folder, the latest last.
///
/// Runs go on with the module that executed them so far, so all of them are kept.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules list
  host modules list --data-dir /srv/host")]
pub(crate) struct List {
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl List {
    pub(super) fn run(self, output: Output) -> anyhow::Result<()> {
        let folder = self.data_dir.path()?;
        // Opening would make it.
        let admitted = if folder.is_dir() {
            ModuleStore::open(&folder, StoreAccess::AsItIs)
                .and_then(|store| store.admitted())
                .context("failed to list modules")?
        } else {
            Vec::new()
        };
        if !output.is_text() {
            return admitted.iter().try_for_each(|module| output.object(object(module)));
        }
        if admitted.is_empty() {
            output.note(format!("No module was admitted to {} yet.", folder.display()));
            return Ok(());
        }
        let mut table = Table::new(["Digest", "Admitted", "Types", "File"]);
        for module in &admitted {
            let types: Vec<&str> = module.types.iter().map(|name| type_name(name)).collect();
            table.push([
                module.digest.to_string(),
                time(module),
                types.join(", "),
                module.source.display().to_string(),
            ]);
        }
        Ok(output.lines(table.text())?)
    }
}

fn object(module: &Admitted) -> Object {
    Object::new()
        .field("digest", module.digest.to_string())
        .field("admittedTime", time(module))
        .field("workflowTypes", &module.types)
        .field("file", module.source.display().to_string())
        .field("sizeBytes", module.size_bytes)
}

fn time(module: &Admitted) -> String {
    milliseconds(&module.time.into())
}
