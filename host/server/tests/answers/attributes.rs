//! Search attributes: how they are registered, what may be set, and how they come back.

use std::collections::BTreeMap;

use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1::{command::Attributes, *},
        common::v1::{Payload, SearchAttributes, WorkflowType},
        enums::v1::{EventType, IndexedValueType as Kind},
        operatorservice::v1::*,
        workflowservice::v1::{DescribeWorkflowExecutionRequest, GetSearchAttributesRequest},
    },
};

use crate::client::{Client, NAMESPACE, json, refusal};

/// Attributes of every type, which tables register.
pub(crate) const CUSTOM: [(&str, Kind); 7] = [
    ("CustomKeyword", Kind::Keyword),
    ("TableText", Kind::Text),
    ("TableInt", Kind::Int),
    ("TableDouble", Kind::Double),
    ("TableBool", Kind::Bool),
    ("TableTime", Kind::Datetime),
    ("TableList", Kind::KeywordList),
];

/// Registers [`CUSTOM`], and waits until runs may have them.
pub(crate) async fn register(client: &mut Client) {
    let request = AddSearchAttributesRequest {
        namespace: NAMESPACE.to_owned(),
        search_attributes: CUSTOM.map(|(name, kind)| (name.to_owned(), kind.into())).into(),
    };
    client.operator.add_search_attributes(request).await.unwrap();
    // Temporal's server refreshes what it knows of namespaces every few seconds.
    for attempt in 0..200 {
        let mut request = client.start_request(&format!("registered {attempt}"));
        request.search_attributes = attributes(&[("TableInt", "1"), ("TableList", "[\"a\"]")]);
        match client.service.start_workflow_execution(request).await {
            Ok(_) => {
                client.terminate(&format!("registered {attempt}")).await;
                return;
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100)).await,
        }
    }
    panic!("the search attributes are not there")
}

pub(crate) fn attributes(fields: &[(&str, &str)]) -> Option<SearchAttributes> {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), json(value)));
    Some(SearchAttributes { indexed_fields: fields.collect() })
}

pub(crate) async fn answers(mut client: Client) -> String {
    let mut lines = Vec::new();
    register(&mut client).await;
    operator(&mut client, &mut lines).await;
    for (name, value) in values() {
        let shown = if value.len() > 40 { format!("{} bytes", value.len()) } else { value.clone() };
        let fields = [(name, value.as_str())];
        lines.push(format!("start; {name}, {shown}: {}", start(&mut client, &fields).await));
        lines.push(format!("upsert; {name}, {shown}: {}", upsert(&mut client, &fields).await));
        lines.push(format!("child; {name}, {shown}: {}", child(&mut client, &fields).await));
    }
    lines.join("\n") + "\n"
}

async fn operator(client: &mut Client, lines: &mut Vec<String>) {
    for (name, kind) in [
        ("WorkflowId", i32::from(Kind::Keyword)),
        ("TemporalMine", Kind::Keyword.into()),
        ("BuildIds", Kind::KeywordList.into()),
        ("CustomKeyword", Kind::Keyword.into()),
        ("OfNoType", 77),
    ] {
        let request = AddSearchAttributesRequest {
            namespace: NAMESPACE.to_owned(),
            search_attributes: [(name.to_owned(), kind)].into(),
        };
        let answer = client.operator.add_search_attributes(request).await;
        lines.push(format!("add; {name}: {}", answer.map_or_else(|it| refusal(&it), |_| "added".to_owned())));
    }
    let request = AddSearchAttributesRequest { namespace: NAMESPACE.to_owned(), ..Default::default() };
    let refused = client.operator.add_search_attributes(request).await.unwrap_err();
    lines.push(format!("add nothing: {}", refusal(&refused)));
    let request = AddSearchAttributesRequest {
        search_attributes: [("X".to_owned(), Kind::Int.into())].into(),
        ..Default::default()
    };
    let refused = client.operator.add_search_attributes(request).await.unwrap_err();
    lines.push(format!("add to no namespace: {}", refusal(&refused)));
    for name in ["WorkflowId", "BuildIds", "Missing"] {
        let request = RemoveSearchAttributesRequest {
            namespace: NAMESPACE.to_owned(),
            search_attributes: vec![name.to_owned()],
        };
        let answer = client.operator.remove_search_attributes(request).await;
        lines.push(format!(
            "remove; {name}: {}",
            answer.map_or_else(|it| refusal(&it), |_| "removed".to_owned())
        ));
    }
    let request = ListSearchAttributesRequest { namespace: NAMESPACE.to_owned() };
    let answer = client.operator.list_search_attributes(request).await.unwrap().into_inner();
    lines.push(format!("custom: {}", named(&answer.custom_attributes)));
    lines.push(format!("system: {}", named(&answer.system_attributes)));
    let keys = client.service.get_search_attributes(GetSearchAttributesRequest {}).await.unwrap();
    let has_system = keys.into_inner().keys.contains_key("WorkflowId");
    lines.push(format!("all: with system attributes {has_system}"));
}

fn named(attributes: &std::collections::BTreeMap<String, i32>) -> String {
    let named = attributes.iter().map(|(name, kind)| format!("{name}={:?}", Kind::try_from(*kind).unwrap()));
    named.collect::<Vec<_>>().join(" ")
}

fn values() -> Vec<(&'static str, String)> {
    let mut values: Vec<_> = [
        ("CustomKeyword", "\"red\""),
        ("CustomKeyword", "[\"red\"]"),
        ("CustomKeyword", "5"),
        ("CustomKeyword", "null"),
        ("TableText", "\"two words\""),
        ("TableText", "1"),
        ("TableInt", "5"),
        ("TableInt", "5.5"),
        ("TableInt", "\"5\""),
        ("TableDouble", "5.5"),
        ("TableDouble", "\"x\""),
        ("TableBool", "true"),
        ("TableBool", "\"true\""),
        ("TableTime", "\"2026-01-31T00:00:00Z\""),
        ("TableTime", "\"tomorrow\""),
        ("TableList", "[\"a\",\"b\"]"),
        ("TableList", "[1]"),
        ("Unknown", "\"x\""),
        ("WorkflowId", "\"x\""),
        ("TemporalChangeVersion", "[\"a\"]"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    values.push(("CustomKeyword", format!("\"{}\"", "x".repeat(2_046))));
    values.push(("CustomKeyword", format!("\"{}\"", "x".repeat(3_000))));
    values
}

async fn start(client: &mut Client, fields: &[(&str, &str)]) -> String {
    let name = format!("start {}", crate::client::new_id());
    let mut request = client.start_request(&name);
    request.search_attributes = attributes(fields);
    let answer = match client.service.start_workflow_execution(request).await {
        Err(status) => refusal(&status),
        Ok(_) => {
            let EventAttributes::WorkflowExecutionStartedEventAttributes(it) =
                client.event(&name, EventType::WorkflowExecutionStarted).await
            else {
                panic!("not the first event")
            };
            let request = DescribeWorkflowExecutionRequest {
                namespace: NAMESPACE.to_owned(),
                execution: Some(client.execution(&name)),
            };
            let described = client.service.describe_workflow_execution(request).await.unwrap().into_inner();
            let described = described.workflow_execution_info.unwrap().search_attributes;
            format!("event {}, description {}", typed(it.search_attributes), typed(described))
        }
    };
    client.terminate(&name).await;
    answer
}

/// The types that payloads name.
fn typed(attributes: Option<SearchAttributes>) -> String {
    let fields: BTreeMap<String, Payload> = attributes.unwrap_or_default().indexed_fields;
    let of = |payload: &Payload| {
        payload.metadata.get("type").map_or("none".into(), |kind| String::from_utf8_lossy(kind).into_owned())
    };
    let typed: Vec<_> = fields.iter().map(|(name, payload)| format!("{name}:{}", of(payload))).collect();
    if typed.is_empty() { "nothing".to_owned() } else { typed.join(" ") }
}

async fn upsert(client: &mut Client, fields: &[(&str, &str)]) -> String {
    let command = UpsertWorkflowSearchAttributesCommandAttributes { search_attributes: attributes(fields) };
    let command = Attributes::UpsertWorkflowSearchAttributesCommandAttributes(Box::new(command));
    completed(client, "upsert", command).await
}

async fn child(client: &mut Client, fields: &[(&str, &str)]) -> String {
    let command = StartChildWorkflowExecutionCommandAttributes {
        workflow_id: client.id(&format!("child {}", crate::client::new_id())),
        workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
        task_queue: Some(host_wire::temporal::api::taskqueue::v1::TaskQueue {
            name: "no-worker-polls".to_owned(),
            ..Default::default()
        }),
        search_attributes: attributes(fields),
        ..Default::default()
    };
    completed(client, "child", Attributes::StartChildWorkflowExecutionCommandAttributes(Box::new(command)))
        .await
}

/// What a workflow task becomes with this command, and the run.
async fn completed(client: &mut Client, kind: &str, command: Attributes) -> String {
    let name = format!("{kind} {}", crate::client::new_id());
    let run_id = client.start(&name).await;
    let task = client.poll().await;
    let answer = match client.try_complete(&task, vec![command]).await {
        Ok(()) => "taken".to_owned(),
        Err(status) => format!("{:?}", status.code()),
    };
    let history = client.history(&client.id(&name), &run_id).await;
    let failed = history.iter().find_map(|event| match &event.attributes {
        Some(EventAttributes::WorkflowTaskFailedEventAttributes(it)) => Some(format!(", {:?}", it.cause())),
        _ => None,
    });
    let ended = history.iter().find_map(|event| match &event.attributes {
        Some(EventAttributes::WorkflowExecutionTerminatedEventAttributes(it)) => {
            Some(format!(", terminated: {}", it.reason))
        }
        Some(EventAttributes::UpsertWorkflowSearchAttributesEventAttributes(it)) => {
            Some(format!(", {}", typed(it.search_attributes.clone())))
        }
        Some(EventAttributes::StartChildWorkflowExecutionInitiatedEventAttributes(it)) => {
            Some(format!(", {}", typed(it.search_attributes.clone())))
        }
        _ => None,
    });
    client.terminate(&name).await;
    // Temporal's server refuses some children without failing the task, which times out then.
    let failed = failed.filter(|_| kind != "child" || ended.is_some());
    format!("{answer}{}{}", failed.unwrap_or_default(), ended.unwrap_or_default())
}
