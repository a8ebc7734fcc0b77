//! A host for a long time: honest workflows at a fixed rate beside hostile modules, killed twice on the way. Run it with
//! `just soak MINUTES`.
//!
//! It fails if an honest workflow is lost or wrong, if memory, file descriptors or threads of the host grow without
//! end, if the host panics, or, built for release, if the 99th percentile of honest workflows is past its bound.
//! `HOST_SOAK_SECONDS` is how long it takes.

#![allow(clippy::print_stdout, reason = "a benchmark prints")]

mod client;
mod host;
mod hostile;
mod report;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use client::Client;
use host::{Setup, SoakHost};
use report::Report;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

/// How long a soak takes, unless `HOST_SOAK_SECONDS` says otherwise.
const PERIOD: Duration = Duration::from_secs(3_600);
/// Between two starts of honest workflows; without optimization hosts do less.
const BETWEEN_STARTS: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 20 });
/// What each of them does: two workflow tasks.
const HONEST: &str = "timer 1\nwait\ncomplete done";
/// Between two samples of the process.
const BETWEEN_SAMPLES: Duration = Duration::from_secs(1);
/// When the host is killed, in parts of the period: most of it is one life.
const KILLS: [f64; 2] = [0.15, 0.3];
/// How long the last workflows may take once no more are started.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match outcome.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(soak())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn soak() -> Result<()> {
    let seconds = std::env::var("HOST_SOAK_SECONDS").ok().map(|seconds| seconds.parse()).transpose()?;
    let period = seconds.map_or(PERIOD, Duration::from_secs);
    let setup = tokio::task::spawn_blocking(Setup::new).await??;
    let mut host = SoakHost::start(&setup).await?;
    let client = Client::connect(&setup.address).await?;
    let mut attacks = JoinSet::new();
    hostile::attack(&setup, &client, &mut attacks);
    let mut report = Report::new(period);
    let mut honest = JoinSet::new();
    let (mut starts, mut samples) = (interval(BETWEEN_STARTS), interval(BETWEEN_SAMPLES));
    samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut kills = KILLS.iter().map(|part| period.mul_f64(*part)).peekable();
    let begin = Instant::now();
    let mut started = 0_u64;
    while begin.elapsed() < period {
        tokio::select! {
            due = starts.tick() => {
                honest.spawn(workflow(client.clone(), started, due.into_std()));
                started += 1;
            }
            Some(done) = honest.join_next() => report.honest(done??),
            _ = samples.tick() => {
                report.sample(host.sample()?);
                if kills.next_if(|at| begin.elapsed() > *at).is_some() {
                    let killed = Instant::now();
                    host = host.restart(&setup).await?;
                    report.restarted(killed, Instant::now());
                }
            }
        }
    }
    attacks.shutdown().await;
    let rest = timeout(PATIENCE, async {
        while let Some(done) = honest.join_next().await {
            report.honest(done??);
        }
        Ok::<_, anyhow::Error>(())
    });
    let ended = rest.await;
    ensure!(ended.is_ok(), "{} of {started} workflows do not end", honest.len());
    ended??;
    host.stop().await?;
    report.verdict()
}

/// An honest workflow: when it was due, and how long it took from then to its result.
async fn workflow(client: Client, number: u64, due: Instant) -> Result<(Instant, Duration)> {
    let id = format!("honest-{number}");
    client.start("Script", &id, HONEST).await?;
    let result = client.result(&id).await?;
    ensure!(result == "done", "{id} ends with {result:?}");
    Ok((due, due.elapsed()))
}
