//! Texts of others: what does more than show a character is escaped, wherever it reaches a terminal or a log.

use std::{fs, path::Path, process::Command};

use test_harness::{component, run};

use crate::{
    process::Process,
    script::{self, activity, completed},
    service::{Service, host, host_on, succeed},
};

/// Clears the screen, rings, goes to the start of the line, begins a new one, and turns the direction.
const HOSTILE: &str = "a\u{1b}[2J\u{7}\r\nforged\u{202e}\u{9b}1mb";

/// Ids, types, results and failures of others reach the terminal through every command in every format.
pub(crate) fn hostile_texts_are_escaped() {
    let service = Service::start();
    let service = service.address();
    let json = serde_json::to_string(HOSTILE).unwrap();
    let id = |name: &str| format!("{name}{HOSTILE}");
    let seen = |arguments: &[&str]| {
        for format in ["text", "json", "jsonl"] {
            let output = host_on(service, &[arguments, &["-o", format]].concat());
            check(&format!("{}{}", output.stdout, output.stderr));
        }
    };
    for (name, end) in [
        ("completes", completed(&json)),
        ("fails", script::failed_with(HOSTILE)),
        ("open", activity(HOSTILE)),
    ] {
        let id = id(name);
        let answers = script::answer(service, name, vec![end]);
        let start =
            ["workflow", "start", "--type", HOSTILE, "--task-queue", name, "-w", &id, "--input", &json];
        succeed(service, &[&start[..], &["--memo", &format!("key={json}")]].concat());
        answers.join().unwrap();
        seen(&["workflow", "describe", "-w", &id]);
        seen(&["workflow", "show", "-w", &id]);
        seen(&["workflow", "show", "--detailed", "-w", &id]);
        seen(&["workflow", "list"]);
        if name != "open" {
            seen(&["workflow", "result", "-w", &id]);
        }
        // Those that are closed run again.
        seen(&start);
        seen(&[&start[..], &["--fail-existing"]].concat());
    }
    let open = id("open");
    let execute = ["workflow", "execute", "--type", HOSTILE, "--task-queue", HOSTILE, "-w", HOSTILE];
    seen(&[&execute[..], &["--execution-timeout", "100ms"]].concat());
    for command in ["show", "describe", "result", "cancel", "terminate", "delete"] {
        seen(&["workflow", command, "-w", &id("unknown")]);
    }
    seen(&["workflow", "signal", "-w", &open, "--name", HOSTILE, "--input", &json]);
    seen(&["workflow", "query", "-w", HOSTILE, "--type", HOSTILE]);
    seen(&["workflow", "update", "describe", "-w", &open, "--update-id", HOSTILE]);
    seen(&["workflow", "list", "--query", HOSTILE]);
    seen(&["activity", "fail", "-w", &open, "--activity-id", "none\u{1b}", "--reason", HOSTILE]);
    seen(&["workflow", "cancel", "-w", &open]);
    seen(&["workflow", "show", "-w", &open]);
    seen(&["workflow", "terminate", "-w", &open, "--reason", HOSTILE]);
    seen(&["workflow", "result", "-w", &open]);
    // What is wrong with an argument.
    seen(&["workflow", "list", HOSTILE]);
    seen(&["workflow", "start", "--type", "T", "--task-queue", "q", "--run-timeout", HOSTILE]);
    seen(&["workflow", "list", "--log-level", HOSTILE]);
}

/// Checks what was printed or logged.
#[track_caller]
fn check(printed: &str) {
    let acts = |character: char| character.is_control() && character != '\n';
    assert!(!printed.contains(acts) && !printed.contains('\u{202e}'), "{printed:?}");
    assert!(!printed.lines().any(|line| line.starts_with("forged")), "{printed}");
}

/// Names of files and queues, types and identities, in what `host run`, `host server`, `host replay` and
/// `host modules` print and log.
pub(crate) fn hostile_names_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join(format!("{HOSTILE}.wasm"));
    fs::copy(component("greetings").unwrap(), &module).unwrap();
    let module = module.to_str().unwrap();
    let data = folder.path().join(HOSTILE);
    let data = data.to_str().unwrap();
    for format in ["text", "json"] {
        let mut command = host(&["run", "--listen", "127.0.0.1:0", "--log-format", format]);
        command.args([
            "--task-queue",
            HOSTILE,
            "--modules",
            module,
            "--data-dir",
            data,
            "--identity",
            HOSTILE,
        ]);
        works_and_logs(command);
        let mut command = host(&["server", "--listen", "127.0.0.1:0", "--log-format", format]);
        let mut service = Process::start({
            command.args(["--namespace", HOSTILE, "--data-dir", data]);
            command
        });
        service.wait_for("serving");
        check(&service.stop());
    }
    let broken = folder.path().join(format!("{HOSTILE}.json"));
    fs::write(&broken, "{}").unwrap();
    let other = folder.path().join("other.json");
    write_history(&other);
    // Which compiles it: once.
    let checked = run(&mut host(&["modules", "check", module])).unwrap();
    check(&format!("{}{}", checked.stdout, checked.stderr));
    for format in ["text", "json", "jsonl"] {
        let seen = |arguments: &[&str]| {
            let output = run(host(arguments).args(["-o", format])).unwrap();
            check(&format!("{}{}", output.stdout, output.stderr));
            format!("{}{}", output.stdout, output.stderr)
        };
        for command in ["inspect", "check"] {
            seen(&["modules", command, HOSTILE]);
        }
        assert!(seen(&["modules", "list", "--data-dir", data]).contains("forged"));
        let histories = [broken.to_str().unwrap(), other.to_str().unwrap()];
        let replayed = seen(&[&["replay", "--data-dir", data, "--module", module], &histories[..]].concat());
        assert!(replayed.matches("forged").count() >= 2, "{replayed}");
        seen(&["server", "check", "--data-dir", data]);
        seen(&["server", "check", "--data-dir", &format!("{data}/none")]);
    }
}

/// A host that runs a workflow of a type that it does not have.
fn works_and_logs(command: Command) {
    let mut worker = Process::start(command);
    worker.wait_for("polling task queue");
    let log = worker.log();
    let address =
        log.split("127.0.0.1:").nth(1).unwrap().split(|c: char| !c.is_ascii_digit()).next().unwrap();
    let address = format!("127.0.0.1:{address}");
    succeed(&address, &["workflow", "start", "--type", HOSTILE, "--task-queue", HOSTILE, "-w", HOSTILE]);
    worker.wait_for("workflow task failed");
    succeed(&address, &["workflow", "terminate", "-w", HOSTILE, "--reason", HOSTILE]);
    check(&worker.stop());
}

/// A history of a type that no module has.
fn write_history(file: &Path) {
    let service = Service::start();
    let start = ["workflow", "start", "--type", HOSTILE, "--task-queue", "q", "-w", "w"];
    succeed(service.address(), &start);
    fs::write(file, succeed(service.address(), &["workflow", "show", "-w", "w", "-o", "json"])).unwrap();
}
