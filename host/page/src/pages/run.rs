//! What the pages about one run have in common: which run it is, and the frame around it.

use axum::response::{Html, IntoResponse as _, Response};
use guest_sdk_types::UntypedWorkflow;
use host_client::WorkflowHandle;
use host_wire::temporal::api::{
    workflow::v1::WorkflowExecutionInfo, workflowservice::v1::DescribeWorkflowExecutionResponse,
};
use maud::{Markup, html};

use crate::{
    access::Access,
    fault::{Fault, Shown},
    fields::{Fields, address},
    layout, shown,
    site::Site,
};

/// The pages about one run: their addresses and names.
const TABS: &[(&str, &str)] = &[
    ("/workflow", "Summary"),
    ("/workflow/history", "History"),
    ("/workflow/stack", "Stack"),
    ("/workflow/at", "Time travel"),
    ("/workflow/actions", "Query and act"),
];

/// The run that an address names, and what the service says of it.
pub(super) struct Run {
    pub(super) handle: WorkflowHandle<UntypedWorkflow>,
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    pub(super) info: WorkflowExecutionInfo,
    pub(super) described: DescribeWorkflowExecutionResponse,
}

/// A handle of the workflow that an address or a form names.
pub(super) fn handle(site: &Site, fields: &Fields) -> Shown<WorkflowHandle<UntypedWorkflow>> {
    let workflow_id = fields.raw("workflow-id");
    if workflow_id.is_empty() {
        return Err(Fault::mistake("The address names no workflow: it needs workflow-id."));
    }
    let run_id = Some(fields.get("run-id").to_owned()).filter(|id| !id.is_empty());
    Ok(site.client().workflow_handle(workflow_id, run_id))
}

impl Run {
    /// Finds the run; without a run id in the address, the current one.
    pub(super) async fn find(site: &Site, fields: &Fields) -> Shown<Self> {
        let described = handle(site, fields)?.describe().await?;
        let info = described.workflow_execution_info.clone().unwrap_or_default();
        let execution = info.execution.clone().unwrap_or_default();
        let (workflow_id, run_id) = (execution.workflow_id, execution.run_id);
        let handle = site.client().workflow_handle(workflow_id.as_str(), Some(run_id.clone()));
        Ok(Self { handle, workflow_id, run_id, info, described })
    }

    /// The address of a page about the run.
    pub(super) fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let run = [("workflow-id", self.workflow_id.as_str()), ("run-id", self.run_id.as_str())];
        address(path, &[&run[..], more].concat())
    }

    /// The fields of a form that name the run.
    pub(super) fn hidden(&self) -> Markup {
        html! {
            input type="hidden" name="workflow-id" value=(self.workflow_id);
            input type="hidden" name="run-id" value=(self.run_id);
        }
    }

    /// One of the pages about the run.
    pub(super) fn page(&self, site: &Site, access: Access, tab: &str, content: &Markup) -> Response {
        let content = html! {
            h1 {
                bdi { (shown::line(&self.workflow_id)) }
                " " span id="status" data-live { (shown::status(self.info.status())) }
            }
            p.muted {
                bdi { (shown::line(&self.info.r#type.clone().unwrap_or_default().name)) }
                " · run " code { (shown::line(&self.run_id)) }
            }
            nav.tabs aria-label="Pages about this workflow" {
                @for (path, name) in TABS {
                    a href=(self.address(path, &[])) aria-current=[(*path == tab).then_some("page")] { (name) }
                }
            }
            (content)
        };
        let title = format!("{} · {}", self.workflow_id, shown::status_name(self.info.status()));
        respond(site, access, "/", &title, &content)
    }
}

/// A page with the frame that all have.
pub(super) fn respond(site: &Site, access: Access, part: &str, title: &str, content: &Markup) -> Response {
    Html(layout::page(site.client().namespace(), access, part, title, content).into_string()).into_response()
}

/// What has a page hear of changes: the address of its events.
pub(super) fn live(fields: &[(&str, &str)]) -> Markup {
    html! { div hidden data-events=(address("/live", fields)) {} }
}
