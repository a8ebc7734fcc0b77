//! Signals and cancellations to other workflows and to oneself, and children that take the place of others.

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{command::Attributes, *},
        common::v1::{WorkflowExecution, WorkflowType},
        enums::v1::WorkflowIdReusePolicy as Reuse,
    },
};

use crate::client::{Client, completion, refusal};

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = Vec::new();
    to_others(&mut client, &mut lines).await;
    for reuse in [
        Reuse::Unspecified,
        Reuse::AllowDuplicate,
        Reuse::AllowDuplicateFailedOnly,
        Reuse::RejectDuplicate,
        Reuse::TerminateIfRunning,
    ] {
        for before in ["nothing", "open", "completed", "terminated"] {
            let answer = child(&mut client, reuse, before).await;
            lines.push(format!("child; {reuse:?}, {before}: {answer}"));
        }
    }
    lines.join("\n") + "\n"
}

async fn to_others(client: &mut Client, lines: &mut Vec<String>) {
    for cancels in [false, true] {
        for (target, run, child_only) in [
            ("own", "none", false),
            ("own", "own", false),
            ("own", "another", false),
            ("other", "none", false),
            ("other", "own", false),
            ("other", "another", false),
            ("other", "none", true),
            ("other", "malformed", false),
            ("missing", "none", false),
        ] {
            let name = format!("sender {cancels} {target} {run} {child_only}");
            let (other, own) = (format!("other of {name}"), client.start(&name).await);
            let task = client.poll().await;
            let other_run = client.start(&other).await;
            let (id, run_id) = match target {
                "own" => (client.id(&name), own),
                "other" => (client.id(&other), other_run),
                _ => (client.id("missing"), String::new()),
            };
            let run_id = match run {
                "own" => run_id,
                "another" => uuid::Uuid::new_v4().to_string(),
                "malformed" => "no-run".to_owned(),
                _ => String::new(),
            };
            let answer =
                match client.try_complete(&task, vec![command(cancels, id, run_id, child_only)]).await {
                    Ok(()) => outcome(client, &name).await,
                    Err(status) => refusal(&status).split(':').next().unwrap().to_owned(),
                };
            let call = if cancels { "cancel" } else { "signal" };
            lines.push(format!("{call}; {target}, run id {run}, child only {child_only}: {answer}"));
            client.terminate(&name).await;
            client.terminate(&other).await;
        }
    }
}

fn command(cancels: bool, workflow_id: String, run_id: String, child_workflow_only: bool) -> Attributes {
    if cancels {
        return Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(Box::new(
            RequestCancelExternalWorkflowExecutionCommandAttributes {
                workflow_id,
                run_id,
                child_workflow_only,
                ..Default::default()
            },
        ));
    }
    Attributes::SignalExternalWorkflowExecutionCommandAttributes(Box::new(
        SignalExternalWorkflowExecutionCommandAttributes {
            execution: Some(WorkflowExecution { workflow_id, run_id }),
            signal_name: "signal".to_owned(),
            child_workflow_only,
            ..Default::default()
        },
    ))
}

/// What became of the one that was sent.
async fn outcome(client: &mut Client, name: &str) -> String {
    use EventAttributes as A;
    let id = client.id(name);
    for _ in 0..200 {
        for event in client.history(&id, "").await {
            let found = match event.attributes {
                Some(A::ExternalWorkflowExecutionSignaledEventAttributes(_)) => "signaled".to_owned(),
                Some(A::ExternalWorkflowExecutionCancelRequestedEventAttributes(_)) => "requested".to_owned(),
                Some(A::SignalExternalWorkflowExecutionFailedEventAttributes(it)) => {
                    format!("{:?}", it.cause())
                }
                Some(A::RequestCancelExternalWorkflowExecutionFailedEventAttributes(it)) => {
                    format!("{:?}", it.cause())
                }
                _ => continue,
            };
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{id} does not hear of it")
}

async fn child(client: &mut Client, reuse: Reuse, before: &str) -> String {
    let name = format!("parent {reuse:?} {before}");
    let child = format!("child {reuse:?} {before}");
    let mut first = String::new();
    if before != "nothing" {
        first = client.start(&child).await;
        let task = client.poll().await;
        match before {
            "completed" => client.complete(&task, vec![completion()]).await,
            "terminated" => client.terminate(&child).await,
            _ => {}
        }
    }
    client.start(&name).await;
    let task = client.poll().await;
    let mut command = StartChildWorkflowExecutionCommandAttributes {
        workflow_id: client.id(&child),
        workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
        ..Default::default()
    };
    command.set_workflow_id_reuse_policy(reuse);
    let command = Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(command));
    client.complete(&task, vec![command]).await;
    let (id, mut answer) = (client.id(&name), None);
    while answer.is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = client.history(&id, "").await.into_iter().find_map(|event| match event.attributes {
            Some(EventAttributes::ChildWorkflowExecutionStartedEventAttributes(_)) => {
                Some("started".to_owned())
            }
            Some(EventAttributes::StartChildWorkflowExecutionFailedEventAttributes(it)) => {
                Some(format!("{:?}", it.cause()))
            }
            _ => None,
        });
    }
    let mut answer = answer.unwrap();
    if before == "open" {
        answer += &format!(", the first run is {}", client.status(&child, &first).await);
        let last = client.history(&client.id(&child), &first).await.pop().unwrap();
        if let Some(EventAttributes::WorkflowExecutionTerminatedEventAttributes(it)) = last.attributes {
            let details = it.details.unwrap_or_default().payloads;
            let details = String::from_utf8_lossy(&details[0].data).into_owned();
            let details = details.split(": ").next().unwrap();
            answer += &format!(" by {} for {:?}, {details}", it.identity, it.reason);
        }
    }
    client.terminate(&name).await;
    client.terminate(&child).await;
    answer
}
