//! A real Prometheus scrapes a host at work, and answers what the dashboard asks it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_harness::{Missing, binary, component, free_port, http::send, workspace_root};

use crate::{
    machine::{Machine, PATIENCE, Running},
    process::Process,
    service::{host_on, succeed},
};

/// Names a Prometheus.
const VARIABLE: &str = "HOST_TEST_PROMETHEUS";

/// How often the host is scraped.
const INTERVAL: &str = "200ms";

/// What Grafana puts in the place of its variables.
const VARIABLES: &[(&str, &str)] = &[("$__rate_interval", "1m"), ("$namespace", ".*")];

/// Metrics of the dashboard that a host at work need not have, and why.
const MAY_BE_EMPTY: &[(&str, &str)] = &[
    ("temporal_workflow_task_queue_poll_empty", "a poll without a task lasts for a minute"),
    ("temporal_long_request_failure", "polls fail while the service is away"),
    ("service_errors", "they are bugs, or a full disk"),
];

/// The Prometheus that `HOST_TEST_PROMETHEUS` names.
pub(crate) fn prometheus() -> Result<PathBuf, Missing> {
    let named = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.ok_or_else(|| {
        Missing::new(format!(
            "{VARIABLE} names no Prometheus; on Debian: `apt-get install prometheus`, /usr/bin/prometheus"
        ))
    })
}

/// Every expression of the dashboard has an answer with a number, once there was something of each kind.
pub(crate) fn the_dashboard_has_answers(program: &Path) {
    let (host, metrics) = host_at_work();
    let prometheus = Prometheus::start(program, &metrics);
    work(&host, 1);
    // Rates are those of series that were scraped before they grew.
    for metric in ["temporal_workflow_canceled", "workflow_timeout", "temporal_request_failure"] {
        prometheus.wait_for(metric, |answer| !answer.is_empty());
    }
    work(&host, 2);

    let dashboard = fs::read_to_string(workspace_root().join("docs/grafana-dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut asked = 0;
    for expression in targets.map(|target| target["expr"].as_str().unwrap()) {
        let expression = VARIABLES
            .iter()
            .fold(expression.to_owned(), |expression, (name, value)| expression.replace(name, value));
        assert!(!expression.contains('$'), "a variable that is not known: {expression}");
        asked += 1;
        if MAY_BE_EMPTY.iter().any(|(metric, _)| has_word(&expression, metric)) {
            prometheus.ask(&expression);
        } else {
            prometheus.wait_for(&expression, |answer| answer.iter().any(|value| value.is_finite()));
        }
    }
    assert!(asked > 30, "{asked}");
    let answer = prometheus.get("label/namespace/values?match[]=temporal_worker_start");
    assert_eq!(answer, json!(["default"]), "the choices of the dashboard's variable");
}

/// A host with the workflows and activities of `orders`, and those of scripts; and where its metrics are.
fn host_at_work() -> ((Machine, Running), String) {
    let machine = Machine::new();
    fs::copy(component("orders").unwrap(), machine.folder.path().join("modules/orders.wasm")).unwrap();
    let (modules, data) = (machine.folder.path().join("modules").display().to_string(), machine.data());
    let mut command = Command::new(binary("orders").unwrap());
    command.args([
        "run",
        "-t",
        "q",
        "-m",
        &modules,
        "--data-dir",
        &data,
        "--listen",
        "127.0.0.1:0",
        "--no-ui",
    ]);
    // So that runs leave the cache, and loops end.
    command.args(["--max-cached-runs", "2", "--activation-timeout", "2s", "--metrics-listen", "127.0.0.1:0"]);
    command.args(["--disable-config-env", "--disable-config-file"]);
    let mut process = Process::start(command);
    let metrics = process.address_after("serving metrics address=");
    ((machine, Running::wait(process)), metrics)
}

/// Each kind of thing that the dashboard shows happens once.
fn work((_, host): &(Machine, Running), round: u32) {
    let id = |name: &str| format!("{name}-{round}");
    let order = |name: &str, card: &str, seconds: u32| {
        let item = json!({ "sku": "tea", "quantity": 1, "price_cents": 450 });
        let order = json!({ "id": id(name), "card": card, "packing_seconds": seconds, "items": [item] });
        let start = ["workflow", "start", "--type", "Orders", "-t", "q", "-w", &id(name)];
        succeed(&host.address, &[&start[..], &["--input", &order.to_string()]].concat());
    };
    let on = |action: &[&str], name: &str| {
        let id = id(name);
        host_on(&host.address, &[&["workflow"], action, &["-w", &id]].concat())
    };
    host.begin(&id("loops"), "loop");
    // Its answer to the task comes too late: a call that fails.
    let since = Instant::now();
    while !succeed(&host.address, &["workflow", "show", "-w", &id("loops")]).contains("WorkflowTaskStarted") {
        assert!(since.elapsed() < PATIENCE, "no host takes the task: {}", host.process.log());
    }
    assert_eq!(on(&["terminate"], "loops").code, 0);
    order("ships", "visa", 0);
    order("is-declined", "declined", 0);
    order("is-cancelled", "visa", 600);
    host.begin(&id("goes-on"), "continue-as-new Script");
    host.begin(&id("panics"), "panic on purpose");
    host.begin_with(&id("times-out"), "wait", &["--run-timeout", "1s"]);
    // More than are cached: their next tasks replay them.
    for name in ["a", "b", "c", "d"] {
        host.begin(&id(name), "wait\ncomplete done");
    }
    assert_eq!(on(&["cancel"], "is-cancelled").code, 0);
    assert_eq!(on(&["result"], "ships").code, 0);
    assert_eq!(on(&["result"], "is-declined").code, 1);
    assert_eq!(on(&["result"], "is-cancelled").code, 1);
    for name in ["a", "b", "c", "d"] {
        host.signal(&id(name));
        assert_eq!(on(&["result"], name).code, 0);
    }
    assert_eq!(on(&["result"], "times-out").code, 1);
    for name in ["goes-on", "panics"] {
        assert_eq!(on(&["terminate"], name).code, 0);
    }
}

/// A Prometheus that scrapes one host.
struct Prometheus {
    _process: Process,
    _folder: tempfile::TempDir,
    address: String,
}

impl Prometheus {
    fn start(program: &Path, metrics: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("prometheus.yml");
        // As docs/observability.md has it, but for the interval.
        let config = format!(
            "global: {{scrape_interval: {INTERVAL}, scrape_timeout: {INTERVAL}}}\n\
             scrape_configs:\n  - job_name: host\n    static_configs: [{{targets: [\"{metrics}\"]}}]\n"
        );
        fs::write(&file, config).unwrap();
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        let mut command = Command::new(program);
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        let mut process = Process::start(command);
        process.wait_for("Server is ready to receive web requests");
        let prometheus = Self { _process: process, _folder: folder, address };
        prometheus.wait_for("up", |answer| answer == [1.0]);
        prometheus
    }

    /// The values that an expression has now, one for each series.
    fn ask(&self, expression: &str) -> Vec<f64> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("query?query={encoded}"));
        let series = answer["result"].as_array().unwrap_or_else(|| panic!("{expression}: {answer}"));
        series.iter().map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    /// Waits until an expression has the values that it is to have.
    fn wait_for(&self, expression: &str, is: impl Fn(&[f64]) -> bool) {
        let since = Instant::now();
        loop {
            let answer = self.ask(expression);
            if is(&answer) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "{expression} has never what it is to have: {answer:?}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn get(&self, path: &str) -> Value {
        let request = format!("GET /api/v1/{path}");
        let answer = send(&self.address, &request, &[("host", &self.address)], "").unwrap();
        let body: Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{path}: {error}: {answer:?}"));
        assert_eq!(body["status"], "success", "{path}: {body}");
        body["data"].clone()
    }
}

fn has_word(expression: &str, word: &str) -> bool {
    expression.split(|each: char| !each.is_ascii_alphanumeric() && each != '_').any(|each| each == word)
}
