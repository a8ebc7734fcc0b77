//! Several versions of a worker deployment, one after the other, while runs begin all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use test_harness::{Host, numbered, pinned};

use crate::deployments::Shop;
use crate::environment::Environment;
use crate::script::Script;

/// Versions that become current.
const VERSIONS: u16 = 4;
/// Lasts longer than it takes until another version is current.
const OPEN: &str = "timer 3000\nwait\ntimer 1000\nwait\ncomplete-version";
const TASKS: usize = 3;
/// Time between two runs that begin.
const PACE: Duration = Duration::from_millis(500);

/// Each run ends on the version that began it, and with its result; also when its host ends meanwhile.
pub(crate) fn each_run_ends_with_its_version(environment: &Environment) -> Result<()> {
    let shop = Shop(Script::new(environment)?);
    let is_over = AtomicBool::new(false);
    shop.0.replace(&module(&shop, 0))?;
    let mut host = Some(start(&shop)?);
    let mut versions = vec![shop.new_version(&[])?];
    shop.set_current(&versions[0])?;
    let ids = thread::scope(|scope| {
        let load = scope.spawn(|| begin_until(&shop, &is_over));
        for version in 1..VERSIONS {
            let rolled_out = roll_out(&shop, version, &mut versions);
            if rolled_out.is_err() || version == VERSIONS - 1 {
                is_over.store(true, Ordering::Relaxed);
            }
            rolled_out?;
            if version == VERSIONS / 2 {
                host.take().context("no host")?.kill()?;
                host = Some(start(&shop)?);
            }
        }
        load.join().ok().context("the load panicked")?
    })?;
    let last = (1..VERSIONS).map(rolled_out);
    let mut results: BTreeMap<String, String> = BTreeMap::new();
    for id in ids.into_iter().chain(last) {
        let result = shop.0.scene.completed(&id)?.to_string();
        let tasks = shop.0.tasks(&id, TASKS)?;
        ensure!(tasks.len() == TASKS && tasks.iter().all(|task| *task == tasks[0]), "{id}: {tasks:?}");
        let of_version = results.entry(tasks[0].build_id.clone()).or_insert_with(|| result.clone());
        ensure!(*of_version == result, "{id}: {result}, not {of_version}");
    }
    ensure!(results.len() == usize::from(VERSIONS), "each version has begun some: {results:?}");
    ensure!(results.values().collect::<BTreeSet<_>>().len() == results.len(), "{results:?}");
    ensure!(host.context("no host")?.stop()? == 0);
    Ok(())
}

fn start(shop: &Shop<'_>) -> Result<Host> {
    shop.host_of("host", &[])
}

fn module(shop: &Shop<'_>, version: u16) -> Vec<u8> {
    pinned(&numbered(&shop.0.guest, version))
}

/// The id of a run that a version begins for sure.
fn rolled_out(version: u16) -> String {
    format!("rolled-out-{version}")
}

/// Makes a version current, which begins a run then.
fn roll_out(shop: &Shop<'_>, version: u16, versions: &mut Vec<String>) -> Result<()> {
    shop.0.replace(&module(shop, version))?;
    let known: Vec<&str> = versions.iter().map(String::as_str).collect();
    let new = shop.new_version(&known)?;
    shop.set_current(&new)?;
    let id = rolled_out(version);
    shop.0.begin(&id, OPEN, &[])?;
    let tasks = shop.0.tasks(&id, 1)?;
    ensure!(tasks[0].build_id == new, "{id}: {tasks:?}, not {new}");
    versions.push(new);
    Ok(())
}

/// Begins one run after the other; answers their ids.
fn begin_until(shop: &Shop<'_>, is_over: &AtomicBool) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let id = format!("load-{}", ids.len());
        shop.0.begin(&id, OPEN, &[])?;
        ids.push(id);
        thread::sleep(PACE);
    }
    Ok(ids)
}
