//! Server-sent events: a page that shows something hears when it has changed, and asks for itself again.

use std::{
    convert::Infallible,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use axum::{
    body::Body,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use guest_sdk_types::UntypedWorkflow;
use host_wire::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, ListWorkflowExecutionsRequest,
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep},
};
use tonic::Request;

use crate::{
    fault::{Fault, Shown},
    fields::Fields,
    site::Site,
};

/// How often it is looked whether something has changed.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often a page hears something even so; one that has gone is found out then.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Workflows at the beginning of a list that are looked at.
const LISTED: i32 = 50;

/// What a page shows.
enum Followed {
    Run { workflow_id: String, run_id: String },
    List { query: String },
}

/// `GET /live`: the events of a page.
pub(crate) async fn follow(State(site): State<Site>, fields: Fields) -> Shown {
    let followed = match fields.raw("workflow-id") {
        "" => Followed::List { query: fields.get("query").to_owned() },
        id => Followed::Run { workflow_id: id.to_owned(), run_id: fields.get("run-id").to_owned() },
    };
    let Ok(place) = site.live().clone().try_acquire_owned() else {
        return Err(Fault {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: format!("{} pages are live already.", crate::site::MAX_LIVE),
        });
    };
    let state = Following { site, followed, seen: None, said: Instant::now(), _place: place };
    let events = stream::unfold(state, |mut state| async move {
        let event = state.next().await;
        Some((Ok::<_, Infallible>(event), state))
    });
    let response =
        Response::builder().header(CONTENT_TYPE, "text/event-stream").body(Body::from_stream(events));
    response.map_err(|error| Fault::of(&error))
}

struct Following {
    site: Site,
    followed: Followed,
    /// What was seen last, as a hash.
    seen: Option<u64>,
    /// When something was sent last.
    said: Instant,
    _place: OwnedSemaphorePermit,
}

impl Following {
    /// Waits for the next change, or until it is time to say that there is none.
    async fn next(&mut self) -> Bytes {
        loop {
            // While the service is away nothing changes.
            if let Ok(now) = self.look().await {
                let before = self.seen.replace(now);
                if before.is_some_and(|before| before != now) {
                    return self.say("data: changed\n\n");
                }
                if before.is_none() {
                    return self.say("retry: 2000\n: following\n\n");
                }
            }
            if self.said.elapsed() >= KEEP_ALIVE {
                return self.say(": nothing new\n\n");
            }
            sleep(INTERVAL).await;
        }
    }

    fn say(&mut self, text: &'static str) -> Bytes {
        self.said = Instant::now();
        Bytes::from_static(text.as_bytes())
    }

    async fn look(&self) -> Shown<u64> {
        let client = self.site.client();
        let mut hasher = DefaultHasher::new();
        match &self.followed {
            Followed::Run { workflow_id, run_id } => {
                let run_id = Some(run_id.clone()).filter(|id| !id.is_empty());
                let handle = client.workflow_handle::<UntypedWorkflow>(workflow_id.as_str(), run_id);
                let described = handle.describe().await?;
                let info = described.workflow_execution_info.unwrap_or_default();
                (info.history_length, info.status).hash(&mut hasher);
                info.execution.unwrap_or_default().run_id.hash(&mut hasher);
                for activity in &described.pending_activities {
                    (&activity.activity_id, activity.attempt, activity.state).hash(&mut hasher);
                }
                described.pending_workflow_task.map(|task| (task.attempt, task.state)).hash(&mut hasher);
            }
            Followed::List { query } => {
                let namespace = client.namespace().to_owned();
                let request = ListWorkflowExecutionsRequest {
                    namespace: namespace.clone(),
                    page_size: LISTED,
                    query: query.clone(),
                    ..ListWorkflowExecutionsRequest::default()
                };
                let listed = client.service().list_workflow_executions(Request::new(request)).await?;
                for info in listed.into_inner().executions {
                    info.execution.unwrap_or_default().run_id.hash(&mut hasher);
                    info.status.hash(&mut hasher);
                }
                let request = CountWorkflowExecutionsRequest { namespace, query: query.clone() };
                let counted = client.service().count_workflow_executions(Request::new(request)).await?;
                counted.into_inner().count.hash(&mut hasher);
            }
        }
        Ok(hasher.finish())
    }
}
