//! Namespaces: what is refused, what is kept of them, and what happens in one that is deprecated or deleted.

use std::{fmt::Write as _, time::Duration};

use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::{EventType, NamespaceState as State},
        namespace::v1::{BadBinaries, BadBinaryInfo, NamespaceConfig, UpdateNamespaceInfo},
        operatorservice::v1::DeleteNamespaceRequest,
        replication::v1::{ClusterReplicationConfig, NamespaceReplicationConfig},
        workflowservice::v1::*,
    },
};
use tonic::{Request, Status};

use crate::client::{Client, completion, new_id, refusal, seconds};

const DAY: u64 = 24 * 60 * 60;

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = String::new();
    for (name, request) in registrations() {
        let answer = client.service.register_namespace(request).await;
        writeln!(lines, "register; {name}: {}", said(answer)).unwrap();
    }
    let name = "answers-kept";
    register(&mut client, name).await;
    for (what, request) in updates(name) {
        let answer = client.service.update_namespace(request).await;
        writeln!(lines, "update; {what}: {}", said(answer)).unwrap();
        writeln!(lines, "  {}", described(&mut client, name).await).unwrap();
    }
    others(&mut client, &mut lines).await;
    deprecated(&mut client, &mut lines).await;
    bad_binary(&mut client, &mut lines).await;
    deleted(&mut client, &mut lines).await;
    lines
}

fn said<R>(answer: Result<R, Status>) -> String {
    answer.map_or_else(|status| refusal(&status), |_| "ok".to_owned())
}

async fn register(client: &mut Client, name: &str) {
    let request = RegisterNamespaceRequest {
        namespace: name.to_owned(),
        workflow_execution_retention_period: seconds(DAY),
        ..Default::default()
    };
    client.service.register_namespace(request).await.unwrap();
}

fn registrations() -> Vec<(&'static str, RegisterNamespaceRequest)> {
    let request = RegisterNamespaceRequest {
        namespace: "answers-refused".to_owned(),
        workflow_execution_retention_period: seconds(DAY),
        ..Default::default()
    };
    let with = |change: fn(&mut RegisterNamespaceRequest)| {
        let mut request = request.clone();
        change(&mut request);
        request
    };
    let cluster = |name: &str| ClusterReplicationConfig {
        cluster_name: name.to_owned(),
        ..ClusterReplicationConfig::default()
    };
    vec![
        ("no name", with(|it| it.namespace.clear())),
        ("a long name", with(|it| it.namespace = "n".repeat(1_001))),
        ("no retention", with(|it| it.workflow_execution_retention_period = None)),
        ("retention of nothing", with(|it| it.workflow_execution_retention_period = seconds(0))),
        ("retention of half an hour", with(|it| it.workflow_execution_retention_period = seconds(1_800))),
        (
            "a negative retention",
            with(|it| {
                let negative = prost_types::Duration { seconds: -7_200, nanos: 0 };
                it.workflow_execution_retention_period = Some(negative);
            }),
        ),
        ("global", with(|it| it.is_global_namespace = true)),
        ("another cluster", with(|it| it.active_cluster_name = "elsewhere".to_owned())),
        (
            "two clusters",
            RegisterNamespaceRequest {
                clusters: vec![cluster("active"), cluster("elsewhere")],
                ..request.clone()
            },
        ),
        ("one that is there", with(|it| it.namespace = "default".to_owned())),
        ("retention of an hour", with(|it| it.workflow_execution_retention_period = seconds(3_600))),
        ("the same once more", with(|it| it.workflow_execution_retention_period = seconds(3_600))),
    ]
}

fn updates(name: &str) -> Vec<(&'static str, UpdateNamespaceRequest)> {
    let update = || UpdateNamespaceRequest { namespace: name.to_owned(), ..Default::default() };
    let info = |info| UpdateNamespaceRequest { update_info: Some(info), ..update() };
    let config = |config| UpdateNamespaceRequest { config: Some(config), ..update() };
    let state =
        |state: State| info(UpdateNamespaceInfo { state: state.into(), ..UpdateNamespaceInfo::default() });
    let retention =
        |of| config(NamespaceConfig { workflow_execution_retention_ttl: seconds(of), ..Default::default() });
    let data = |pairs: &[(&str, &str)]| {
        let data = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        info(UpdateNamespaceInfo { data, ..UpdateNamespaceInfo::default() })
    };
    let bad = |names: std::ops::Range<usize>| {
        let info = |number| {
            let reason = "broken".to_owned();
            (format!("binary {number}"), BadBinaryInfo { reason, ..BadBinaryInfo::default() })
        };
        let bad_binaries = Some(BadBinaries { binaries: names.map(info).collect() });
        // With something else: Temporal's server forgets those that come alone.
        let workflow_execution_retention_ttl = seconds(2 * DAY);
        config(NamespaceConfig {
            bad_binaries,
            workflow_execution_retention_ttl,
            ..NamespaceConfig::default()
        })
    };
    let delete_bad =
        |binary: &str| UpdateNamespaceRequest { delete_bad_binary: binary.to_owned(), ..update() };
    let cluster = |name: &str| UpdateNamespaceRequest {
        replication_config: Some(NamespaceReplicationConfig {
            active_cluster_name: name.to_owned(),
            ..NamespaceReplicationConfig::default()
        }),
        ..update()
    };
    vec![
        ("nothing", update()),
        ("no namespace", UpdateNamespaceRequest::default()),
        ("one that is not there", UpdateNamespaceRequest { namespace: "nowhere".to_owned(), ..update() }),
        (
            "description and owner",
            info(UpdateNamespaceInfo {
                description: "orders".to_owned(),
                owner_email: "a@b.example".to_owned(),
                ..UpdateNamespaceInfo::default()
            }),
        ),
        ("data", data(&[("a", "1"), ("b", "2")])),
        ("more data", data(&[("b", "3"), ("c", "4")])),
        ("retention", retention(2 * DAY)),
        ("a short retention", retention(60)),
        ("registered", state(State::Registered)),
        ("bad binaries", bad(0..2)),
        ("too many bad binaries", bad(2..12)),
        ("no bad binary any more", delete_bad("binary 0")),
        ("one that was never bad", delete_bad("binary 7")),
        ("the same cluster", cluster("active")),
        ("another cluster", cluster("elsewhere")),
        ("promoted", UpdateNamespaceRequest { promote_namespace: true, ..update() }),
        ("deprecated", state(State::Deprecated)),
        ("registered again", state(State::Registered)),
    ]
}

/// What a call shows of a namespace.
async fn described(client: &mut Client, name: &str) -> String {
    let request = DescribeNamespaceRequest { namespace: name.to_owned(), ..Default::default() };
    let described = match client.service.describe_namespace(request).await {
        Ok(described) => described.into_inner(),
        Err(status) => return refusal(&status),
    };
    let (info, config) = (described.namespace_info.unwrap(), described.config.unwrap());
    let bad = config.bad_binaries.unwrap_or_default().binaries;
    let bad: Vec<String> = bad.into_iter().map(|(name, info)| format!("{name} {}", info.reason)).collect();
    let replication = described.replication_config.unwrap();
    format!(
        "{:?}, \"{}\", \"{}\", {:?}, {} s, bad {bad:?}, {} of {}, global {}",
        info.state(),
        info.description,
        info.owner_email,
        info.data,
        config.workflow_execution_retention_ttl.unwrap_or_default().seconds,
        replication.active_cluster_name,
        replication.clusters.len(),
        described.is_global_namespace,
    )
}

async fn others(client: &mut Client, lines: &mut String) {
    for (name, id) in [("", ""), ("nowhere", ""), ("", "4a34b1d4-0000-0000-0000-000000000000")] {
        let request =
            DescribeNamespaceRequest { namespace: name.to_owned(), id: id.to_owned(), ..Default::default() };
        let answer = client.service.describe_namespace(request).await;
        writeln!(lines, "describe; {name:?} {}: {}", id.len(), said(answer)).unwrap();
    }
    for name in ["", "nowhere"] {
        let request = DeprecateNamespaceRequest { namespace: name.to_owned(), ..Default::default() };
        let answer = client.service.deprecate_namespace(request).await;
        writeln!(lines, "deprecate; {name:?}: {}", said(answer)).unwrap();
    }
    let id = "4a34b1d4-0000-0000-0000-000000000000";
    for (name, id) in [("", ""), ("nowhere", id), ("nowhere", ""), ("", id)] {
        let request = DeleteNamespaceRequest {
            namespace: name.to_owned(),
            namespace_id: id.to_owned(),
            ..DeleteNamespaceRequest::default()
        };
        let answer = client.operator.delete_namespace(request).await;
        writeln!(lines, "delete; {name:?} {}: {}", id.len(), said(answer)).unwrap();
    }
}

fn start_request(client: &Client, namespace: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest { namespace: namespace.to_owned(), ..client.start_request("w") }
}

/// A start in a namespace that was registered or changed just now: Temporal's server takes a while to know it.
async fn start_when(
    client: &mut Client,
    namespace: &str,
    expected: fn(&Result<(), Status>) -> bool,
) -> String {
    let mut answer = Ok(());
    for _ in 0..300 {
        let request = StartWorkflowExecutionRequest {
            request_id: new_id(),
            workflow_id: new_id(),
            workflow_task_timeout: seconds(60),
            ..start_request(client, namespace)
        };
        answer = client.service.start_workflow_execution(request).await.map(drop);
        if expected(&answer) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    said(answer)
}

async fn deprecated(client: &mut Client, lines: &mut String) {
    let name = "answers-deprecated";
    register(client, name).await;
    writeln!(lines, "start: {}", start_when(client, name, Result::is_ok).await).unwrap();
    let request = DeprecateNamespaceRequest { namespace: name.to_owned(), ..Default::default() };
    let answer = client.service.deprecate_namespace(request.clone()).await;
    writeln!(lines, "deprecate: {}", said(answer)).unwrap();
    writeln!(lines, "  {}", described(client, name).await).unwrap();
    writeln!(lines, "start in a deprecated one: {}", start_when(client, name, Result::is_err).await).unwrap();
    let answer = client.service.deprecate_namespace(request).await;
    writeln!(lines, "deprecate once more: {}", said(answer)).unwrap();
}

async fn bad_binary(client: &mut Client, lines: &mut String) {
    let name = "answers-binaries";
    register(client, name).await;
    start_when(client, name, Result::is_ok).await;
    let poll = |checksum: &str| {
        let mut request = Request::new(PollWorkflowTaskQueueRequest {
            namespace: name.to_owned(),
            task_queue: client.queue(),
            binary_checksum: checksum.to_owned(),
            ..Default::default()
        });
        request.set_timeout(Duration::from_secs(20));
        request
    };
    let (first, mut again) = (poll("good"), Vec::new());
    again.resize_with(15, || {
        let mut request = poll("bad");
        // A second less is not looked at by Temporal's server.
        request.set_timeout(Duration::from_secs(3));
        request
    });
    let task = client.service.poll_workflow_task_queue(first).await.unwrap().into_inner();
    let binaries = [("bad".to_owned(), BadBinaryInfo { reason: "broken".to_owned(), ..Default::default() })];
    let config = NamespaceConfig {
        bad_binaries: Some(BadBinaries { binaries: binaries.into() }),
        workflow_execution_retention_ttl: seconds(DAY),
        ..NamespaceConfig::default()
    };
    let request =
        UpdateNamespaceRequest { namespace: name.to_owned(), config: Some(config), ..Default::default() };
    client.service.update_namespace(request).await.unwrap();
    for request in again {
        let answer = client.service.poll_workflow_task_queue(request).await;
        if let Err(status) = answer
            && status.code() == tonic::Code::InvalidArgument
        {
            writeln!(lines, "poll of a bad binary: {}", refusal(&status)).unwrap();
            break;
        }
        // Temporal's server takes a while to know it.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: name.to_owned(),
        task_token: task.task_token,
        binary_checksum: "bad".to_owned(),
        commands: vec![host_wire::temporal::api::command::v1::Command {
            command_type: host_wire::temporal::api::enums::v1::CommandType::CompleteWorkflowExecution.into(),
            attributes: Some(completion()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let answer = client.service.respond_workflow_task_completed(request).await;
    writeln!(lines, "completion by a bad binary: {}", said(answer)).unwrap();
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: name.to_owned(),
        execution: task.workflow_execution,
        ..Default::default()
    };
    let history = client.service.get_workflow_execution_history(request).await.unwrap().into_inner();
    for event in history.history.unwrap_or_default().events() {
        let event = event.unwrap();
        if event.event_type() == EventType::WorkflowTaskFailed
            && let Some(EventAttributes::WorkflowTaskFailedEventAttributes(failed)) = event.attributes
        {
            let message = failed.failure.as_ref().map_or("", |failure| &failure.message);
            writeln!(lines, "  {:?}: {message}", failed.cause()).unwrap();
        }
    }
}

async fn deleted(client: &mut Client, lines: &mut String) {
    let name = "answers-deleted";
    register(client, name).await;
    start_when(client, name, Result::is_ok).await;
    let request = DeleteNamespaceRequest { namespace: name.to_owned(), ..DeleteNamespaceRequest::default() };
    let answer = client.operator.delete_namespace(request).await.unwrap().into_inner();
    let (prefix, id) = answer.deleted_namespace.rsplit_once('-').unwrap();
    writeln!(lines, "delete: {prefix}-, {} characters", id.len()).unwrap();
    writeln!(lines, "describe a deleted one: {}", described(client, name).await).unwrap();
    writeln!(lines, "start in a deleted one: {}", start_when(client, name, Result::is_err).await).unwrap();
    register(client, name).await;
    writeln!(lines, "registered again: {}", described(client, name).await).unwrap();
    let started = start_when(client, name, Result::is_ok).await;
    writeln!(lines, "start: {started}").unwrap();
}
