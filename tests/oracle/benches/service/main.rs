//! How fast workflows run, on a service and a worker as users have them: the embedded service with our
//! worker in its process and over gRPC, and, where there is a `temporal` binary, Temporal's development
//! server with its Rust SDK, in the same run. `cargo bench --bench service`.
//!
//! Hello is one activity, Chain(n) n activities one after another, Fan(n) n at once; what they take and
//! give back is a string of 100 bytes. Service and worker are processes of their own, started anew for
//! each row, and the client is this one; all have their own defaults. A name as argument runs only the
//! workloads that begin with it, `--setting` only one setting, `--seconds` longer or shorter, and
//! `--json FILE` also writes what was measured for scripts.

mod child;
mod client;
mod measured;
mod report;
mod setting;
mod sync;
mod workload;

use std::{collections::BTreeMap, env, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use measured::Measured;
use oracle::sandboxed;
use setting::{Setting, Tools};
use test_harness::Temporal;
use workload::WORKLOADS;

/// How long each row is measured, unless told otherwise; then what runs is still waited for.
const SECONDS: f64 = 5.0;

struct Arguments {
    name: String,
    setting: Option<String>,
    duration: Duration,
    json: Option<PathBuf>,
}

impl Arguments {
    fn read() -> Result<Self> {
        // What cargo adds, `--bench`, is no name.
        let mut arguments = env::args().skip(1).filter(|it| it != "--bench");
        let (mut name, mut setting, mut seconds, mut json) = (String::new(), None, SECONDS, None);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--setting" => setting = Some(arguments.next().context("which setting?")?),
                "--seconds" => seconds = arguments.next().context("how many seconds?")?.parse()?,
                "--json" => json = Some(arguments.next().context("which file?")?.into()),
                _ => name = argument,
            }
        }
        Ok(Self { name, setting, duration: Duration::try_from_secs_f64(seconds)?, json })
    }

    fn settings(&self) -> Vec<Setting> {
        let wanted = |setting: &Setting| self.setting.as_deref().is_none_or(|it| it == setting.name());
        Setting::ALL.into_iter().filter(wanted).collect()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::read()?;
    let temporal = Temporal::binary();
    let mut settings = arguments.settings();
    if let Err(missing) = &temporal {
        println!("skipped: Temporal's development server, because {missing}");
        settings.retain(|setting| !setting.needs_temporal());
    }
    let tools = Tools {
        temporal: temporal.ok(),
        module: sandboxed::bench_module()?,
        folder: env!("CARGO_TARGET_TMPDIR").into(),
    };
    let mut empty_bytes = BTreeMap::new();
    for setting in settings.iter().filter(|setting| setting.is_durable()) {
        empty_bytes.insert(setting.name(), measured::empty_bytes(*setting, &tools).await?);
    }

    let mut all: Vec<Measured> = Vec::new();
    report::head();
    for workload in WORKLOADS.iter().filter(|workload| workload.name.starts_with(&arguments.name)) {
        for &setting in &settings {
            let empty = empty_bytes.get(setting.name()).copied().unwrap_or_default();
            let measured = measured::measure(workload, setting, &tools, empty, arguments.duration)
                .await
                .with_context(|| format!("failed: {}, {}", workload.name, setting.description()))?;
            report::row(&measured, setting);
            all.push(measured);
        }
    }
    report::rest(&all);
    if let Some(file) = arguments.json {
        fs::write(&file, serde_json::to_vec_pretty(&all)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
