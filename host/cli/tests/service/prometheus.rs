//! A real Prometheus scrapes a host at work, and answers what the dashboard asks it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_harness::{Missing, component, free_port, http::send, workspace_root};

use crate::{
    machine::{Machine, PATIENCE, Running},
    process::Process,
    service::{host_on, succeed},
};

/// Names a Prometheus.
const VARIABLE: &str = "HOST_TEST_PROMETHEUS";

/// Set where this program is to be a host with activities, instead of the tests.
pub(crate) const PROGRAM: &str = "HOST_TEST_IS_HOST";

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
    for metric in
        ["temporal_workflow_canceled", "temporal_activity_execution_failed", "temporal_request_failure"]
    {
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

/// A host with an activity and several workflows; and where its metrics are.
fn host_at_work() -> ((Machine, Running), String) {
    let machine = Machine::new();
    for sample in ["greetings", "message-passing"] {
        let module = machine.folder.path().join("modules").join(sample).with_extension("wasm");
        fs::copy(component(sample).unwrap(), module).unwrap();
    }
    let (modules, data) = (machine.folder.path().join("modules").display().to_string(), machine.data());
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(PROGRAM, "1");
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
    let on = |action: &str, name: &str, code: i32| {
        let output = host_on(&host.address, &["workflow", action, "-w", &id(name)]);
        assert_eq!(output.code, code, "{action} {name}: {output:?}");
        output.stdout
    };
    let start = |name: &str, workflow_type: &str, more: &[&str]| {
        let start = ["workflow", "start", "--type", workflow_type, "-t", "q", "-w", &id(name)];
        succeed(&host.address, &[&start[..], more].concat());
    };
    host.begin(&id("loops"), "loop");
    // Its answer to the task comes too late: a call that fails.
    let since = Instant::now();
    while !on("show", "loops", 0).contains("WorkflowTaskStarted") {
        assert!(since.elapsed() < PATIENCE, "no host takes the task: {}", host.process.log());
    }
    on("terminate", "loops", 0);
    start("greets", "Greetings", &["--input", "\"Ada\""]);
    start("is-cancelled", "Greeting", &[]);
    host.begin(&id("fails"), "fail on purpose");
    host.begin(&id("goes-on"), "continue-as-new Script");
    host.begin(&id("panics"), "panic on purpose");
    // Attempts fail: the argument is not what the activity takes.
    host.begin(&id("tries"), "activity compose_greeting\nwait");
    host.begin_with(&id("times-out"), "wait", &["--run-timeout", "1s"]);
    // More than are cached: their next tasks replay them.
    let several = ["a", "b", "c", "d"];
    for name in several {
        host.begin(&id(name), "wait\ncomplete done");
    }
    on("result", "greets", 0);
    on("result", "fails", 1);
    on("cancel", "is-cancelled", 0);
    on("result", "is-cancelled", 1);
    for name in several {
        host.signal(&id(name));
        on("result", name, 0);
    }
    on("result", "times-out", 1);
    for name in ["goes-on", "panics", "tries"] {
        on("terminate", name, 0);
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
