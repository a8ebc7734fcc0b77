//! Workflows that write, or hand over, more than they may: what a host with default settings has of it.

use std::{net::TcpStream, time::Instant};

use host_service::MAX_HTTP_CONNECTIONS;
use test_harness::http;

use crate::{
    machine::{Machine, Running},
    service::succeed,
};

/// A run writes 256 KiB to the log in a minute, whatever its attempts write, and one line says that the rest is dropped.
pub(crate) fn runs_that_log_without_end() {
    const RUNS: usize = 10;
    const BYTES_IN_A_MINUTE: usize = 256 << 10;
    // What the service says of failed tasks and the host of itself.
    const OTHER_BYTES: usize = 512 << 10;
    let machine = Machine::new();
    let mut flooded = machine.start(&[]);
    let since = Instant::now();
    for run in 0..RUNS {
        flooded.begin(&format!("flood-{run}"), "log-flood");
    }
    for run in 0..RUNS {
        let told = format!("workflow_id=\"flood-{run}\"");
        flooded.process.wait_until(&format!("flood-{run} is cut"), |log| {
            log.lines().any(|line| line.contains(&told) && line.contains("the rest is dropped"))
        });
    }
    let minutes = 1 + usize::try_from(since.elapsed().as_secs()).unwrap() / 60;
    let log = flooded.process.log();
    let allowed = RUNS * BYTES_IN_A_MINUTE * minutes + OTHER_BYTES;
    assert!(log.len() <= allowed, "{} bytes in {:?}, more than {allowed}", log.len(), since.elapsed());
    let told = log.lines().filter(|line| line.contains("the rest is dropped")).count();
    assert!(told <= RUNS * minutes, "{told} lines of {RUNS} runs");
    flooded.begin("honest", "complete done");
    let waits = ["workflow", "result", "-w", "honest"];
    let result = succeed(&flooded.address, &waits);
    assert!(result.contains("ZG9uZQ=="), "{result}");
}

/// Commands with megabytes in fields that are not payloads: what the host has of a guest of 64 MiB stays a few times as much.
pub(crate) fn commands_of_megabytes() {
    const FIELDS: [&str; 7] = [
        "error-types",
        "fairness-key",
        "empty-payloads",
        "signal-target",
        "cancel-target",
        "new-run",
        "failure-source",
    ];
    const MAX_GROWTH_BYTES: u64 = 150 << 20;
    let machine = Machine::new();
    let mut flooded = machine.start(&[]);
    let before = flooded.process.peak_bytes();
    for field in FIELDS {
        flooded.begin(field, &format!("heavy {field}"));
        flooded.process.wait_until(&format!("the task of {field} fails"), |log| {
            let told = format!("workflow_id=\"{field}\"");
            log.lines()
                .any(|line| line.contains(&told) && line.contains("commands of one workflow task take more"))
        });
        succeed(&flooded.address, &["workflow", "terminate", "-w", field]);
    }
    let grown = flooded.process.peak_bytes() - before;
    assert!(grown <= MAX_GROWTH_BYTES, "the host grew by {} MiB", grown >> 20);
}

/// Connections to the metrics that never ask: they take few files of the host, and the next scrape has its answer.
pub(crate) fn connections_that_ask_nothing() {
    // What the workflow and the service open besides.
    const OTHER_FILES: usize = 32;
    let machine = Machine::new();
    let mut process = machine.begin(&["--metrics-listen", "127.0.0.1:0"]);
    let scraped = process.address_after("serving metrics address=");
    let flooded = Running::wait(process);
    let before = flooded.process.files();
    let connections = 4 * MAX_HTTP_CONNECTIONS;
    let idle: Vec<_> = (0..connections).map(|_| TcpStream::connect(&scraped).unwrap()).collect();
    flooded.begin("honest", "complete done");
    succeed(&flooded.address, &["workflow", "result", "-w", "honest"]);
    let files = flooded.process.files();
    assert!(files <= before + MAX_HTTP_CONNECTIONS + OTHER_FILES, "{files} files, {before} before");
    drop(idle);
    assert_eq!(
        http::get(&scraped, "/healthz").unwrap(),
        ("HTTP/1.1 200 OK".to_owned(), "alive\n".to_owned())
    );
}
