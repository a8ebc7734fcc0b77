//! `host modules list`.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use clap::Args;
use host_worker::{
    control::{Reply, Request, ServedModule},
    modules::store::{Admitted, ModuleStore, StoreAccess},
};

use super::{
    host::{OTHER_ANSWER, RunningHost},
    type_name,
};
use crate::{
    output::{Output, card::Table, event::milliseconds, json::Object},
    settings::data_dir::DataDirArgs,
};

/// Prints the modules that were ever admitted to a data folder, the latest last.
///
/// Runs go on with the module that executed them so far, so all of them are kept. Which of them serve new runs, and what
/// the others are needed for, is known while a host runs on the folder; `host modules prune` removes those that nothing
/// needs.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules list
  host modules list --data-dir /srv/host")]
pub(crate) struct List {
    #[command(flatten)]
    data_dir: DataDirArgs,
}

impl List {
    /// What each module serves, if a host runs.
    async fn serving(&self, output: Output) -> anyhow::Result<Option<Serving>> {
        let Some(host) = RunningHost::find(&self.data_dir).await? else { return Ok(None) };
        let Reply::Modules { modules } = host.ask(&Request::List, output).await? else {
            bail!(OTHER_ANSWER);
        };
        Ok(Some(modules.into_iter().map(|module| (module.digest.clone(), module)).collect()))
    }

    pub(super) async fn run(self, output: Output) -> anyhow::Result<()> {
        let folder = self.data_dir.path()?;
        // Opening would make it.
        let admitted = if folder.is_dir() {
            ModuleStore::open(&folder, StoreAccess::AsItIs)
                .and_then(|store| store.admitted())
                .context("failed to list modules")?
        } else {
            Vec::new()
        };
        let serving = self.serving(output).await?;
        let serving = serving.as_ref();
        let others = others(&admitted, serving);
        if !output.is_text() {
            admitted.iter().try_for_each(|module| output.object(object(module, serving)))?;
            let other = |digest: &String| Object::new().field("digest", digest);
            return others
                .iter()
                .try_for_each(|digest| output.object(other(digest).field("needed", needs(digest, serving))));
        }
        if admitted.is_empty() {
            output.note(format!("No module was admitted to {} yet.", folder.display()));
            return Ok(());
        }
        let mut table = Table::new(["Digest", "Admitted", "Types", "Serves", "Needed", "File"]);
        for module in &admitted {
            let types: Vec<&str> = module.types.iter().map(|name| type_name(name)).collect();
            table.push([
                module.digest.to_string(),
                time(module),
                types.join(", "),
                serves(module, serving),
                needed(&module.digest.to_string(), serving),
                format!("{}{}", module.source.display(), signature(&module.digest.to_string(), serving)),
            ]);
        }
        for digest in &others {
            let needed = needed(digest, serving);
            table.push([
                digest.clone(),
                "never".to_owned(),
                String::new(),
                String::new(),
                needed,
                String::new(),
            ]);
        }
        Ok(output.lines(table.text())?)
    }
}

type Serving = BTreeMap<String, ServedModule>;

/// What a module serves in the running host; unknown without one.
fn serves(module: &Admitted, serving: Option<&Serving>) -> String {
    let Some(serving) = serving else { return "?".to_owned() };
    let Some(served) = serving.get(&module.digest.to_string()) else { return String::new() };
    let types: Vec<&str> = served.serves.iter().map(|name| type_name(name)).collect();
    let moves = if served.moves && !types.is_empty() { " (open runs move to it)" } else { "" };
    format!("{}{moves}", types.join(", "))
}

fn object(module: &Admitted, serving: Option<&Serving>) -> Object {
    let object = simple_object(module);
    let Some(serving) = serving else { return object };
    let served = serving.get(&module.digest.to_string());
    object
        .field("serves", served.map(|served| served.serves.clone()).unwrap_or_default())
        .field("openRunsMove", served.is_some_and(|served| served.moves))
        .field("needed", needs(&module.digest.to_string(), Some(serving)))
        .field("signer", served.and_then(|served| served.signer.as_deref()))
}

/// Digests of what is kept and was never admitted, as a canary that went back.
fn others(admitted: &[Admitted], serving: Option<&Serving>) -> Vec<String> {
    let is_admitted = |digest: &&String| admitted.iter().any(|module| module.digest.to_string() == **digest);
    serving.into_iter().flat_map(BTreeMap::keys).filter(|digest| !is_admitted(digest)).cloned().collect()
}

/// What a module is kept for beside serving.
fn needs<'s>(digest: &str, serving: Option<&'s Serving>) -> &'s [String] {
    serving.and_then(|serving| serving.get(digest)).map_or(&[], |module| &module.needed)
}

/// The same for people.
fn needed(digest: &str, serving: Option<&Serving>) -> String {
    if serving.is_none() { "?".to_owned() } else { needs(digest, serving).join("; ") }
}

/// By whom a module is signed, where the host asks for that.
fn signature(digest: &str, serving: Option<&Serving>) -> String {
    let signer = serving.and_then(|serving| serving.get(digest)).and_then(|module| module.signer.as_ref());
    signer.map_or(String::new(), |signer| format!(" (signed by {signer})"))
}

fn simple_object(module: &Admitted) -> Object {
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
