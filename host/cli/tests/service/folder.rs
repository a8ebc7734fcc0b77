//! `host server check` and `host server repair`.

use std::{fs, path::Path};

use host_server::{Options, Server};
use host_wire::temporal::api::{
    common::v1::{Payload, Payloads, WorkflowType},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::StartWorkflowExecutionRequest,
};
use test_harness::{Output, run};
use tonic::Request;

use crate::service::host;

/// What is in the record of one run alone.
const NEEDLE: &[u8] = b"a needle in the record of one run";

fn on_folder(data: &Path, arguments: &[&str]) -> Output {
    run(host(&[&["server"], arguments].concat()).arg("--data-dir").arg(data)).unwrap()
}

pub(crate) fn damage_is_found_and_set_aside() {
    let data = tempfile::tempdir().unwrap();
    let nothing = on_folder(data.path(), &["check"]);
    assert_eq!(nothing.code, 1, "{nothing:?}");
    make(&data.path().join("service"));
    let sound = on_folder(data.path(), &["check"]);
    assert_eq!((sound.code, sound.stdout.as_str()), (0, ""), "{sound:?}");
    assert!(sound.stderr.contains("is sound"), "{sound:?}");

    let file = data.path().join("service/runs.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(NEEDLE.len()).position(|window| window == NEEDLE).unwrap();
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    let damaged = on_folder(data.path(), &["check"]);
    assert_eq!(damaged.code, 1, "{damaged:?}");
    assert!(damaged.stdout.contains("runs.sqlite: workflow damaged, run "), "{damaged:?}");
    assert!(damaged.stdout.contains("its checksum is "), "{damaged:?}");
    assert_eq!(damaged.stdout.lines().count(), 1, "{damaged:?}");
    let as_json = on_folder(data.path(), &["check", "--output", "jsonl"]);
    let problem: serde_json::Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!((as_json.code, &problem["workflowId"]), (1, &"damaged".into()), "{as_json:?}");

    let repaired = on_folder(data.path(), &["repair"]);
    assert_eq!(repaired.code, 0, "{repaired:?}");
    assert!(repaired.stdout.contains("workflow damaged, run "), "{repaired:?}");
    assert!(repaired.stderr.contains("1 problems were set aside"), "{repaired:?}");
    let sound = on_folder(data.path(), &["check"]);
    assert_eq!((sound.code, sound.stdout.as_str()), (0, ""), "{sound:?}");
}

/// A folder of a service with two runs.
fn make(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let server = Server::open(folder, Options::default()).unwrap();
        for (workflow_id, input) in [("sound", &b"1"[..]), ("damaged", NEEDLE)] {
            let input = Payload { data: input.to_vec().into(), ..Payload::default() };
            let request = StartWorkflowExecutionRequest {
                namespace: "default".to_owned(),
                workflow_id: workflow_id.to_owned(),
                workflow_type: Some(WorkflowType { name: "T".to_owned() }),
                task_queue: Some(TaskQueue { name: "q".to_owned(), ..TaskQueue::default() }),
                input: Some(Payloads { payloads: vec![input] }),
                ..StartWorkflowExecutionRequest::default()
            };
            server.service().start_workflow_execution(Request::new(request)).await.unwrap();
        }
        // A second service is refused while this one has the folder.
        let taken = on_folder(folder.parent().unwrap(), &["check"]);
        assert_eq!(taken.code, 1, "{taken:?}");
        assert!(taken.stderr.contains("uses it"), "{taken:?}");
    });
}
