//! List filters: what each finds among the same runs.

use host_wire::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest,
};

use tonic::Code;

use crate::{
    attributes::{attributes, register},
    client::{Client, NAMESPACE, completion},
};

const QUERIES: &str = include_str!("filters.queries");

pub(crate) async fn answers(mut client: Client) -> String {
    register(&mut client).await;
    make(&mut client).await;
    let mut lines = Vec::new();
    for query in QUERIES.lines().filter(|line| !line.is_empty()) {
        lines.push(format!("{query}\n    {}", list(&mut client, query).await));
    }
    for query in
        ["", "GROUP BY ExecutionStatus", "group by `ExecutionStatus`", "GROUP BY WorkflowType", "GROUP BY"]
    {
        let scoped = scoped(query);
        let request = CountWorkflowExecutionsRequest { namespace: NAMESPACE.to_owned(), query: scoped };
        let counted = loop {
            match client.service.count_workflow_executions(request.clone()).await {
                Err(status) if status.code() == Code::ResourceExhausted => pause().await,
                counted => break counted,
            }
        };
        let answer = match counted {
            Ok(counted) => {
                let counted = counted.into_inner();
                let groups = counted.groups.iter().map(|group| {
                    let value = &group.group_values[0];
                    let kind = String::from_utf8_lossy(&value.metadata["type"]).into_owned();
                    format!("{} {kind} {}", String::from_utf8_lossy(&value.data), group.count)
                });
                let mut groups: Vec<_> = groups.collect();
                groups.sort();
                format!("{} {groups:?}", counted.count)
            }
            Err(status) => format!("{:?}", status.code()),
        };
        lines.push(format!("count {query}\n    {answer}"));
    }
    lines.join("\n") + "\n"
}

/// Temporal's server answers some lists a second.
async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
}

/// Only the runs of this table.
fn scoped(query: &str) -> String {
    let only = "TaskQueue = 'filters' AND WorkflowType = 'Listed'";
    match query {
        "" => only.to_owned(),
        _ if query.to_lowercase().starts_with("group") => format!("{only} {query}"),
        _ => format!("{only} AND ({query})"),
    }
}

async fn list(client: &mut Client, query: &str) -> String {
    let request = ListWorkflowExecutionsRequest {
        namespace: NAMESPACE.to_owned(),
        query: scoped(query),
        ..Default::default()
    };
    let listed = loop {
        match client.service.list_workflow_executions(request.clone()).await {
            Err(status) if status.code() == Code::ResourceExhausted => pause().await,
            listed => break listed,
        }
    };
    match listed {
        Ok(listed) => {
            let names = listed.into_inner().executions.into_iter();
            let mut names: Vec<_> = names.map(|it| it.execution.unwrap().workflow_id).collect();
            names.sort();
            if names.is_empty() { "none".to_owned() } else { names.join(" ") }
        }
        Err(status) => format!("{:?}", status.code()),
    }
}

async fn make(client: &mut Client) {
    let runs: [(&str, &[(&str, &str)]); 7] = [
        ("plain", &[]),
        ("red", &[("CustomKeyword", "\"red\""), ("TableInt", "5"), ("TableDouble", "1.5")]),
        (
            "blue",
            &[
                ("CustomKeyword", "\"blue\""),
                ("TableInt", "-7"),
                ("TableDouble", "-2.25"),
                ("TableBool", "true"),
            ],
        ),
        ("quoted", &[("CustomKeyword", "\"it's here\""), ("TableBool", "false")]),
        ("text", &[("TableText", "\"a late order, of apples\""), ("TableTime", "\"2026-01-31T00:00:00Z\"")]),
        ("list", &[("TableList", "[\"a\",\"b c\"]"), ("TableTime", "\"2026-02-01T12:30:00.5Z\"")]),
        ("it's", &[]),
    ];
    for (name, fields) in runs {
        let mut request = client.start_request(name);
        name.clone_into(&mut request.workflow_id);
        request.workflow_type =
            Some(host_wire::temporal::api::common::v1::WorkflowType { name: "Listed".to_owned() });
        if !fields.is_empty() {
            request.search_attributes = attributes(fields);
        }
        client.service.start_workflow_execution(request).await.unwrap();
        if matches!(name, "red" | "list") {
            let task = loop {
                let task = client.poll().await;
                if task.workflow_execution.as_ref().is_some_and(|it| it.workflow_id == name) {
                    break task;
                }
            };
            client.complete(&task, vec![completion()]).await;
        }
    }
    // Lists of Temporal's server are behind.
    for (query, expected) in [("", 7), ("ExecutionStatus = 'Completed'", 2)] {
        for attempt in 0.. {
            assert!(attempt < 400, "the runs are not listed");
            if list(client, query).await.matches(' ').count() + 1 == expected {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}
