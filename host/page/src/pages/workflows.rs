//! `/`: the workflows of the namespace.

use axum::{Extension, extract::State};
use host_wire::temporal::api::{
    enums::v1::WorkflowExecutionStatus,
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::{CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest},
};
use maud::{Markup, html};
use tonic::Request;

use super::run::{live, respond};
use crate::{
    access::Access,
    fault::Shown,
    fields::{Fields, address},
    shown,
    site::Site,
};

/// Workflows of a page.
const PAGE: i32 = 50;

/// What a list filter may look like.
const EXAMPLES: &[&str] = &[
    "ExecutionStatus = \"Running\"",
    "ExecutionStatus IN (\"Failed\", \"TimedOut\")",
    "StartTime > \"2026-01-31T12:00:00Z\"",
];

pub(crate) async fn show(
    State(site): State<Site>,
    Extension(access): Extension<Access>,
    fields: Fields,
) -> Shown {
    let asked = fields.get("query");
    let filter = filter(asked);
    let list = list(&site, &filter, fields.get("next")).await;
    let counts = counts(&site, &filter).await.unwrap_or_default();
    let content = html! {
        h1 { "Workflows" }
        form.search method="get" action="/" role="search" {
            label for="query" { "List filter, or the beginning of a workflow id" }
            input id="query" name="query" type="search" value=(asked) list="filters" autocomplete="off"
                spellcheck="false" placeholder="WorkflowType = \"Order\" AND ExecutionStatus = \"Running\"";
            datalist id="filters" { @for example in EXAMPLES { option value=(example) {} } }
            button { "List" }
        }
        div id="list" data-live {
            @match &list {
                Ok(list) => {
                    (chips(&filter, &counts))
                    (table(&list.workflows))
                    nav.pages aria-label="More of the list" {
                        @if !fields.get("next").is_empty() {
                            a href=(address("/", &[("query", asked)])) { "From the beginning" }
                        }
                        @if !list.next.is_empty() {
                            a href=(address("/", &[("query", asked), ("next", &list.next)])) rel="next" { "Older" }
                        }
                    }
                }
                Err(fault) => {
                    p.fault role="alert" { (shown::lines(&fault.message)) }
                    p { "Filters compare search attributes, such as:" }
                    ul { @for example in EXAMPLES { li { (shown::list_link(example, example)) } } }
                }
            }
        }
        // What is further back changes seldom.
        @if fields.get("next").is_empty() && list.is_ok() { (live(&[("query", &filter)])) }
    };
    Ok(respond(&site, access, "/", "Workflows", &content))
}

struct List {
    workflows: Vec<WorkflowExecutionInfo>,
    /// What continues the list, in hexadecimal digits; empty at the end.
    next: String,
}

/// The filter that is meant: one word alone is the beginning of an id, or a type.
fn filter(asked: &str) -> String {
    let is_word = !asked.is_empty() && !asked.contains([' ', '=', '<', '>', '"', '\'', '(']);
    if !is_word {
        return asked.to_owned();
    }
    let word = shown::quoted(asked);
    format!("WorkflowId STARTS_WITH {word} OR WorkflowType = {word} OR RunId = {word}")
}

async fn list(site: &Site, filter: &str, next: &str) -> Shown<List> {
    let request = ListWorkflowExecutionsRequest {
        namespace: site.client().namespace().to_owned(),
        page_size: PAGE,
        // One that is not made of digits is one that no page had.
        next_page_token: hex::decode(next).unwrap_or_default().into(),
        query: filter.to_owned(),
    };
    let answer = site.client().service().list_workflow_executions(Request::new(request)).await?.into_inner();
    Ok(List { workflows: answer.executions, next: hex::encode(answer.next_page_token) })
}

/// How many there are of each status.
async fn counts(site: &Site, filter: &str) -> Shown<Vec<(String, i64)>> {
    let request = CountWorkflowExecutionsRequest {
        namespace: site.client().namespace().to_owned(),
        query: format!("{} GROUP BY ExecutionStatus", in_parentheses(filter)).trim().to_owned(),
    };
    let answer = site.client().service().count_workflow_executions(Request::new(request)).await?.into_inner();
    let name = |group: &host_wire::temporal::api::workflowservice::v1::count_workflow_executions_response::AggregationGroup| {
        let value = group.group_values.first().map(|value| String::from_utf8_lossy(&value.data).into_owned());
        (value.unwrap_or_default().replace('"', ""), group.count)
    };
    Ok(answer.groups.iter().map(name).collect())
}

fn in_parentheses(filter: &str) -> String {
    if filter.is_empty() { String::new() } else { format!("({filter})") }
}

/// A link for each status, with how many there are.
fn chips(filter: &str, counts: &[(String, i64)]) -> Markup {
    let total: i64 = counts.iter().map(|(_, count)| count).sum();
    let narrowed = |status: &str| {
        let status = format!("ExecutionStatus = {}", shown::quoted(status));
        if filter.is_empty() { status } else { format!("{} AND {status}", in_parentheses(filter)) }
    };
    html! {
        @if !counts.is_empty() {
            ul.chips aria-label="Workflows by status" {
                li { a href="/" { "all " b { (total) } } }
                @for (status, count) in counts {
                    li {
                        a class={ "status " (status.to_lowercase()) } href=(address("/", &[("query", &narrowed(status))])) {
                            (shown::line(status)) " " b { (count) }
                        }
                    }
                }
            }
        }
    }
}

fn table(workflows: &[WorkflowExecutionInfo]) -> Markup {
    html! {
        @if workflows.is_empty() {
            p.empty { "No workflow. Start one: " code { "host workflow start --type TYPE --task-queue QUEUE" } }
        } @else {
            div.wide { table {
                thead { tr {
                    th { "Status" } th { "Workflow id" } th { "Type" } th { "Task queue" } th { "Started" } th { "Closed" }
                } }
                tbody { @for info in workflows { (line(info)) } }
            } }
        }
    }
}

fn line(info: &WorkflowExecutionInfo) -> Markup {
    let execution = info.execution.clone().unwrap_or_default();
    let is_open = info.status() == WorkflowExecutionStatus::Running;
    html! {
        tr {
            td { (shown::status(info.status())) }
            td { (shown::run_link(&execution.workflow_id, &execution.run_id)) }
            td { bdi { (shown::line(&info.r#type.clone().unwrap_or_default().name)) } }
            td { bdi { (shown::line(&info.task_queue)) } }
            td { (shown::time(info.start_time.as_ref())) }
            td { @if !is_open { (shown::time(info.close_time.as_ref())) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_looked_for() {
        assert_eq!(filter(""), "");
        assert_eq!(filter("WorkflowType = 'A'"), "WorkflowType = 'A'");
        assert_eq!(
            filter("order-17"),
            "WorkflowId STARTS_WITH \"order-17\" OR WorkflowType = \"order-17\" OR RunId = \"order-17\""
        );
    }

    #[test]
    fn chips_narrow_the_filter() {
        let chips = chips("a OR b", &[("Running".to_owned(), 3), ("Failed".to_owned(), 4)]).into_string();
        assert!(chips.contains("all <b>7</b>"), "{chips}");
        assert!(chips.contains("/?query=%28a+OR+b%29+AND+ExecutionStatus+%3D+%22Running%22"), "{chips}");
    }
}
