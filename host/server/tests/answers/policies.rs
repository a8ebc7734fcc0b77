//! Starts of a workflow id that had a run: every policy for ids, after every end of that run.

use host_wire::temporal::api::{
    command::v1::{FailWorkflowExecutionCommandAttributes, command::Attributes},
    enums::v1::{WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse},
    failure::v1::Failure,
    workflowservice::v1::RequestCancelWorkflowExecutionRequest,
};

use crate::client::{Client, NAMESPACE, completion, refusal};

const BEFORE: [&str; 6] = ["nothing", "open", "completed", "failed", "canceled", "terminated"];
const REUSE: [Reuse; 5] = [
    Reuse::Unspecified,
    Reuse::AllowDuplicate,
    Reuse::AllowDuplicateFailedOnly,
    Reuse::RejectDuplicate,
    Reuse::TerminateIfRunning,
];
const CONFLICT: [Conflict; 4] =
    [Conflict::Unspecified, Conflict::Fail, Conflict::UseExisting, Conflict::TerminateExisting];

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = Vec::new();
    let mut number = 0;
    for before in BEFORE {
        for with_signal in [false, true] {
            for reuse in REUSE {
                for conflict in CONFLICT {
                    number += 1;
                    let name = format!("{number}");
                    let first = make(&mut client, &name, before).await;
                    let answer = start(&mut client, &name, with_signal, reuse, conflict).await;
                    let after = match (&first, before) {
                        (Some(run_id), "open") => format!(", then {}", client.status(&name, run_id).await),
                        _ => String::new(),
                    };
                    let answer = match answer {
                        Ok((run_id, started)) => {
                            let which = if Some(run_id) == first { "the first run" } else { "a new run" };
                            format!("{which}, started {started}")
                        }
                        Err(refusal) => refusal.replace(&client.id(&name), "<workflow>"),
                    };
                    let call = if with_signal { "signal with start" } else { "start" };
                    lines.push(format!("{before}; {call}, {reuse:?}, {conflict:?}: {answer}{after}"));
                    client.terminate(&name).await;
                }
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Makes a run, and ends it.
async fn make(client: &mut Client, name: &str, end: &str) -> Option<String> {
    if end == "nothing" {
        return None;
    }
    let run_id = client.start(name).await;
    match end {
        "open" => {}
        "terminated" => client.terminate(name).await,
        _ => {
            if end == "canceled" {
                let request = RequestCancelWorkflowExecutionRequest {
                    namespace: NAMESPACE.to_owned(),
                    workflow_execution: Some(client.execution(name)),
                    ..Default::default()
                };
                client.service.request_cancel_workflow_execution(request).await.unwrap();
            }
            // Tasks of runs that were terminated may come before.
            let task = loop {
                let task = client.poll().await;
                if task.workflow_execution.as_ref().is_some_and(|it| it.run_id == run_id) {
                    break task;
                }
            };
            let command = match end {
                "completed" => completion(),
                "failed" => Attributes::FailWorkflowExecutionCommandAttributes(Box::new(
                    FailWorkflowExecutionCommandAttributes { failure: Some(Failure::default()) },
                )),
                _ => Attributes::CancelWorkflowExecutionCommandAttributes(Box::default()),
            };
            client.complete(&task, vec![command]).await;
        }
    }
    Some(run_id)
}

async fn start(
    client: &mut Client,
    name: &str,
    with_signal: bool,
    reuse: Reuse,
    conflict: Conflict,
) -> Result<(String, bool), String> {
    if with_signal {
        let mut request = client.signal_start_request(name);
        request.set_workflow_id_reuse_policy(reuse);
        request.set_workflow_id_conflict_policy(conflict);
        let answer = client.service.signal_with_start_workflow_execution(request).await;
        let answer = answer.map_err(|status| refusal(&status))?.into_inner();
        return Ok((answer.run_id, answer.started));
    }
    let mut request = client.start_request(name);
    request.set_workflow_id_reuse_policy(reuse);
    request.set_workflow_id_conflict_policy(conflict);
    let answer = client.service.start_workflow_execution(request).await;
    let answer = answer.map_err(|status| refusal(&status))?.into_inner();
    Ok((answer.run_id, answer.started))
}
