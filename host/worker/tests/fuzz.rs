//! Any answers of a guest: its task completes or fails, the service takes what the worker makes of it, and the
//! history can be read.
//!
//! An input is a script for the guest `tests/guests/script`, which does what its lines say, attacks included.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use host_core::Task;
use host_sandbox::{Config, Engine};
use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    workflowservice::v1::{RespondWorkflowTaskCompletedRequest, TerminateWorkflowExecutionRequest},
};
use host_worker::modules::LoadedModule;
use support::{
    embedded::{Embedded, NAMESPACE, events, start, text},
    live::{TASK_QUEUE, driver, execute, poll},
};
use tonic::{Code, Request};

/// Mutations in a plain test run: without optimization the backtrace of a fault takes a tenth of a second.
const INPUTS: u64 = 20;
/// Longest activation.
const DEADLINE: Duration = Duration::from_millis(200);

#[test]
fn guest_answers() {
    let config = Config { instances: 4, deadline: DEADLINE, ..Config::for_tests() };
    let engine = Engine::new(config).unwrap();
    let module = Arc::new(LoadedModule::new(engine.load(&support::guest("script")).unwrap(), None));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let embedded = runtime.block_on(async { Embedded::open() });
    let number = AtomicU64::new(0);
    fuzz::check!(
        "guest_answers",
        |bytes| {
            let workflow_id = format!("{}", number.fetch_add(1, Ordering::Relaxed));
            let script = String::from_utf8_lossy(bytes);
            runtime.block_on(run(&module, &embedded, &workflow_id, &script));
        },
        INPUTS
    );
}

async fn run(module: &Arc<LoadedModule>, embedded: &Embedded, workflow_id: &str, script: &str) {
    let service = &*embedded.service;
    let run_id = start(service, TASK_QUEUE, "Script", workflow_id, text(script)).await;
    let mut polled = poll(embedded).await;
    let history = polled.history.take().unwrap_or_default().into_encoded();
    let mut run = driver(module, &run_id);
    let answer = execute(&mut run, Task::from_poll(&mut polled), &history, history.len());
    drop(run);
    if let Ok(completion) = answer {
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: NAMESPACE.to_owned(),
            task_token: polled.task_token,
            commands: completion.commands,
            messages: completion.messages,
            sdk_metadata: Some(completion.sdk_metadata),
            ..Default::default()
        };
        if let Err(status) = service.respond_workflow_task_completed(Request::new(request)).await {
            // A command with a value that Temporal's service refuses too: the task has failed.
            assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        }
    }
    let request = TerminateWorkflowExecutionRequest {
        namespace: NAMESPACE.to_owned(),
        workflow_execution: Some(WorkflowExecution { workflow_id: workflow_id.to_owned(), run_id }),
        ..Default::default()
    };
    if let Err(status) = service.terminate_workflow_execution(Request::new(request)).await {
        assert_eq!(status.code(), Code::NotFound, "{status}");
    }
    assert!(!events(service, workflow_id).await.is_empty());
}
