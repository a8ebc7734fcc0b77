//! Which open runs are checked, and their lists.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use bytes::Bytes;
use host_service::WorkflowService;
use host_wire::temporal::api::{
    common::v1::WorkflowExecution,
    workflow::v1::WorkflowExecutionInfo,
    workflowservice::v1::{
        CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest, ListWorkflowExecutionsResponse,
    },
};
use rand::Rng as _;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tonic::Status;

use crate::rpc;

/// Runs on one page of a list: the most that services accept (`frontend.visibilityMaxPageSize`).
const PAGE_RUNS: i32 = 1000;
/// How long a page is asked for.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// Which open runs are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunSelection {
    /// A list filter (<https://docs.temporal.io/visibility>) that the runs match, beside being open and of a type of
    /// the module. Empty: all of them.
    pub query: String,
    /// Task queues of the runs. Empty: all.
    pub task_queues: Vec<String>,
    /// Types that other modules define: a dynamic workflow does not run them.
    pub other_types: Vec<String>,
    /// So many of them, each as likely as any other.
    pub sample: Option<NonZeroUsize>,
    /// At most so many, those that started last. A sample is taken from these.
    pub limit: Option<NonZeroUsize>,
}

impl RunSelection {
    /// One open run of a workflow; the current one without an id.
    #[must_use]
    pub fn of_workflow(workflow_id: &str, run_id: Option<&str>) -> Self {
        let mut query = format!("WorkflowId = {}", quoted(&[workflow_id]));
        if let Some(run_id) = run_id {
            query.push_str(&format!(" AND RunId = {}", quoted(&[run_id])));
        }
        Self { query, ..Self::default() }
    }
}

/// An open run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenRun {
    pub(crate) execution: WorkflowExecution,
    pub(crate) workflow_type: String,
}

/// The open runs of a service that are checked, page by page.
pub(super) struct OpenRuns {
    service: Arc<dyn WorkflowService>,
    namespace: String,
    query: String,
    sample: Option<NonZeroUsize>,
    /// How many more are listed.
    left: usize,
    /// Nothing once the last page is there.
    next_page_token: Option<Bytes>,
}

impl OpenRuns {
    pub(super) fn new(
        service: Arc<dyn WorkflowService>,
        namespace: String,
        types: &[&str],
        selection: &RunSelection,
    ) -> Self {
        Self {
            service,
            namespace,
            query: filter(types, selection),
            sample: selection.sample,
            left: selection.limit.map_or(usize::MAX, NonZeroUsize::get),
            next_page_token: Some(Bytes::new()),
        }
    }

    /// How many there are, about. Nothing when the service does not count.
    pub(super) async fn count(&self) -> Option<u64> {
        let count = count_runs(&*self.service, &self.namespace, self.query.clone()).await.ok()?;
        let most = self.left.min(self.sample.map_or(usize::MAX, NonZeroUsize::get));
        Some(count.min(most as u64))
    }

    /// Some of the runs; none at the end. A sample comes at once, because it is known at the end of the list.
    pub(super) async fn next(&mut self) -> Result<Vec<OpenRun>, Status> {
        let Some(sample) = self.sample.take() else { return self.next_page().await };
        let mut chosen: Vec<OpenRun> = Vec::new();
        let mut seen = 0;
        loop {
            let page = self.next_page().await?;
            if page.is_empty() {
                return Ok(chosen);
            }
            // Reservoir sampling: in memory are the sample and a page.
            for run in page {
                seen += 1;
                if chosen.len() < sample.get() {
                    chosen.push(run);
                    continue;
                }
                let place = rand::rng().random_range(0..seen);
                if let Some(place) = chosen.get_mut(place) {
                    *place = run;
                }
            }
        }
    }

    async fn next_page(&mut self) -> Result<Vec<OpenRun>, Status> {
        while let Some(token) = self.next_page_token.take().filter(|_| self.left > 0) {
            let page = self.page(token).await?;
            self.next_page_token = Some(page.next_page_token).filter(|token| !token.is_empty());
            let runs: Vec<_> = page.executions.into_iter().filter_map(open_run).take(self.left).collect();
            self.left -= runs.len();
            // A page may be empty, and others follow.
            if !runs.is_empty() {
                return Ok(runs);
            }
        }
        Ok(Vec::new())
    }

    async fn page(&self, next_page_token: Bytes) -> Result<ListWorkflowExecutionsResponse, Status> {
        let message = ListWorkflowExecutionsRequest {
            namespace: self.namespace.clone(),
            page_size: PAGE_RUNS,
            next_page_token,
            query: self.query.clone(),
        };
        rpc::retried(Instant::now() + LIST_TIMEOUT, message, |request| {
            self.service.list_workflow_executions(request)
        })
        .await
    }
}

/// How many runs match a list filter.
pub(crate) async fn count_runs(
    service: &dyn WorkflowService,
    namespace: &str,
    query: String,
) -> Result<u64, Status> {
    let message = CountWorkflowExecutionsRequest { namespace: namespace.to_owned(), query };
    let counted = rpc::once(rpc::CALL_TIMEOUT, message, |request| service.count_workflow_executions(request));
    Ok(u64::try_from(counted.await?.count).unwrap_or_default())
}

fn open_run(info: WorkflowExecutionInfo) -> Option<OpenRun> {
    let workflow_type = info.r#type.map(|it| it.name).unwrap_or_default();
    Some(OpenRun { execution: info.execution?, workflow_type })
}

/// The list filter. A dynamic workflow runs every type that no other module defines.
fn filter(types: &[&str], selection: &RunSelection) -> String {
    let mut conditions = vec!["ExecutionStatus = \"Running\"".to_owned()];
    if !types.contains(&"") {
        conditions.push(format!("WorkflowType IN ({})", quoted(types)));
    } else if !selection.other_types.is_empty() {
        conditions.push(format!("WorkflowType NOT IN ({})", quoted(&selection.other_types)));
    }
    if !selection.task_queues.is_empty() {
        conditions.push(format!("TaskQueue IN ({})", quoted(&selection.task_queues)));
    }
    if !selection.query.trim().is_empty() {
        conditions.push(format!("({})", selection.query.trim()));
    }
    conditions.join(" AND ")
}

/// Texts in quotes, escaped as MySQL has it, whose rules Temporal's server follows.
pub(crate) fn quoted(texts: &[impl AsRef<str>]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    texts.iter().map(|text| quoted(text.as_ref())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let check = |types: &[&str], selection: RunSelection, expected: &str| {
            assert_eq!(filter(types, &selection), expected);
        };
        check(&["A"], RunSelection::default(), r#"ExecutionStatus = "Running" AND WorkflowType IN ("A")"#);
        check(&["", "A"], RunSelection::default(), r#"ExecutionStatus = "Running""#);
        let others = RunSelection { other_types: vec!["B".to_owned()], ..RunSelection::default() };
        check(&[""], others, r#"ExecutionStatus = "Running" AND WorkflowType NOT IN ("B")"#);
        let narrowed = RunSelection {
            query: " CustomerId = 'x' OR CustomerId = 'y' ".to_owned(),
            task_queues: vec!["q".to_owned()],
            ..RunSelection::default()
        };
        let one = RunSelection::of_workflow("w\"x", Some("r"));
        check(
            &["A"],
            one,
            r#"ExecutionStatus = "Running" AND WorkflowType IN ("A") AND (WorkflowId = "w\"x" AND RunId = "r")"#,
        );
        check(
            &["A\"", "B\\"],
            narrowed,
            r#"ExecutionStatus = "Running" AND WorkflowType IN ("A\"", "B\\") AND TaskQueue IN ("q") AND (CustomerId = 'x' OR CustomerId = 'y')"#,
        );
    }
}
