//! What commands that wait for a workflow say meanwhile.

use std::process::Command;

use test_harness::free_port;

use crate::{
    machine::Machine,
    process::Process,
    service::{host, host_on, succeed},
};

/// `host …` on a service, as a process that is waited for.
fn waits(address: &str, arguments: &[&str]) -> Process {
    let mut command: Command = host(arguments);
    command.args(["--address", address]);
    Process::start(command)
}

/// Timers, activities without a worker, failing tasks: each is said once, and only while the run is open.
pub(crate) fn reasons_are_said() {
    let machine = Machine::new();
    let host = machine.start(&[]);
    host.begin("sleeps", "timer 100000000\nwait\ncomplete done");
    let mut sleeps = waits(&host.address, &["workflow", "result", "-w", "sleeps"]);
    host.begin("acts", "activity bake\nwait\ncomplete done");
    let mut acts = waits(&host.address, &["workflow", "show", "--follow", "-w", "acts"]);
    host.begin("traps", "panic the oven is cold");
    let mut traps = waits(&host.address, &["workflow", "result", "-w", "traps"]);
    let start = ["workflow", "execute", "--type", "Script", "-t", "elsewhere", "-w", "lost"];
    let mut lost = waits(&host.address, &start);
    sleeps.wait_until("the timer is named", |log| {
        log.contains("Waits for timer 1 at ") && log.contains(", in 1 d 3 h")
    });
    acts.wait_for("Waits for activity bake (id 1): no worker polls task queue q for activity tasks");
    traps.wait_until("the failure is told", |log| {
        log.contains("Waits for its workflow task, which fails; attempt 2 follows\n  ")
            && log.contains("the oven is cold")
    });
    lost.wait_for("Waits for a worker: none polls task queue elsewhere for workflow tasks");
    for (id, process) in [("sleeps", &sleeps), ("acts", &acts), ("lost", &lost)] {
        let said = process.log();
        assert_eq!(said.matches("Waits for").count(), 1, "{id}: {said}");
        succeed(&host.address, &["workflow", "terminate", "-w", id]);
    }
    let output = host_on(&host.address, &["workflow", "result", "-w", "sleeps", "-o", "json"]);
    assert_eq!((output.code, output.stderr.as_str()), (1, ""));
}

/// A service that restarts is waited for as long as the command is told to.
pub(crate) fn outages_are_outlasted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let serve = || {
        let mut service = Process::start(host(&["server", "--listen", &address, "--data-dir", &data]));
        service.address();
        service
    };
    let service = serve();
    succeed(&address, &["workflow", "start", "--type", "Script", "-t", "q", "-w", "w"]);
    let mut patient = waits(&address, &["workflow", "result", "-w", "w"]);
    let hasty = ["workflow", "result", "-w", "w", "--outage-limit", "1s"];
    let mut hasty = waits(&address, &hasty);
    for process in [&mut patient, &mut hasty] {
        process.wait_for("Waits for a worker: none polls task queue q");
    }
    drop(service);
    patient.wait_for("Waits for the service: ");
    let gave_up = hasty.ended();
    assert!(gave_up.contains("\nerror: tcp connect error (Unavailable)\n"), "{gave_up}");
    let _service = serve();
    succeed(&address, &["workflow", "terminate", "-w", "w", "--reason", "it was long enough"]);
    let said = patient.ended();
    assert!(said.contains("it was long enough"), "{said}");
}
