//! All that a service says about its runs, as text.

use std::{fmt::Write, sync::Arc};

use host_service::WorkflowService;
use host_wire::{
    History,
    protojson::{WriteOptions, message_to_json},
    temporal::api::workflowservice::v1::*,
};
use prost::{Message, Name};
use tonic::Request;

/// Filters of the lists that are compared.
const QUERIES: [&str; 5] = [
    "",
    "ExecutionStatus = 'Running'",
    "ExecutionStatus = 'Completed' OR ExecutionStatus = 'Failed'",
    "WorkflowType = 'Chain'",
    "WorkflowId = 'waiting'",
];

/// Lists, then every run's description and history, one message a line.
pub(crate) async fn dump(service: &Arc<dyn WorkflowService>) -> String {
    let mut out = String::new();
    let mut executions = Vec::new();
    for query in QUERIES {
        let request = ListWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            query: query.to_owned(),
            ..Default::default()
        };
        let listed = service.list_workflow_executions(Request::new(request)).await.unwrap().into_inner();
        line(&mut out, "list", &listed);
        if query.is_empty() {
            executions = listed.executions.into_iter().filter_map(|info| info.execution).collect();
        }
    }
    let request = CountWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: "GROUP BY ExecutionStatus".to_owned(),
    };
    let counted = service.count_workflow_executions(Request::new(request)).await.unwrap().into_inner();
    line(&mut out, "count", &counted);
    for execution in executions {
        let request = DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: Some(execution.clone()),
        };
        let described = service.describe_workflow_execution(Request::new(request)).await.unwrap();
        line(&mut out, "describe", described.get_ref());
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: "default".to_owned(),
            execution: Some(execution),
            ..Default::default()
        };
        let history = service.get_workflow_execution_history(Request::new(request)).await.unwrap();
        line::<History>(&mut out, "history", &history.into_inner().history.unwrap());
    }
    out
}

fn line<M: Message + Name>(out: &mut String, what: &str, message: &M) {
    let options = WriteOptions { one_line: true, shorthand_payloads: false };
    writeln!(out, "{what} {}", message_to_json(message, options).unwrap()).unwrap();
}
