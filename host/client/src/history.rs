//! Reading histories page by page.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use host_wire::{
    History,
    temporal::api::{
        common::v1::WorkflowExecution, enums::v1::HistoryEventFilterType, history::v1::HistoryEvent,
        workflowservice::v1::GetWorkflowExecutionHistoryRequest,
    },
};
use prost::Message;
use tokio::time::sleep;
use tonic::{Code, Request, Status};

use crate::{client::Client, error::Error};

/// The pause before a service that is away is asked again. Each call itself is tried for some seconds.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// The events of one run, fetched as they are asked for.
#[derive(Debug)]
pub struct HistoryStream {
    client: Client,
    request: GetWorkflowExecutionHistoryRequest,
    events: VecDeque<Bytes>,
    at_end: bool,
    /// When the service was found away; nothing while it answers.
    away_since: Option<Instant>,
}

/// Events that a stream gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The events recorded so far.
    Recorded,
    /// Recorded and future events, until the run is closed.
    Following,
    /// Only the event that closes the run, after waiting for it.
    CloseAwaited,
    /// Only the last event recorded so far.
    CloseRecorded,
}

impl HistoryStream {
    pub(crate) fn new(client: Client, execution: WorkflowExecution, wanted: Wanted) -> Self {
        let filter = match wanted {
            Wanted::Recorded | Wanted::Following => HistoryEventFilterType::AllEvent,
            Wanted::CloseAwaited | Wanted::CloseRecorded => HistoryEventFilterType::CloseEvent,
        };
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: client.namespace.clone(),
            execution: Some(execution),
            wait_new_event: matches!(wanted, Wanted::Following | Wanted::CloseAwaited),
            history_event_filter_type: filter.into(),
            skip_archival: true,
            ..GetWorkflowExecutionHistoryRequest::default()
        };
        Self { client, request, events: VecDeque::new(), at_end: false, away_since: None }
    }

    /// The next event, or nothing at the end.
    ///
    /// # Errors
    ///
    /// When the service refuses, or answers with something that is not an event.
    pub async fn next(&mut self) -> Result<Option<HistoryEvent>, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                let event = HistoryEvent::decode(event)
                    .map_err(|_| Error::Answer("something in the history is not an event"))?;
                return Ok(Some(event));
            }
            if self.at_end {
                return Ok(None);
            }
            self.fetch_page().await?;
        }
    }

    /// All events that are left, as they came.
    ///
    /// # Errors
    ///
    /// As [`HistoryStream::next`].
    pub async fn collect(mut self) -> Result<History, Error> {
        let mut events: Vec<Bytes> = self.events.drain(..).collect();
        while !self.at_end {
            self.fetch_page().await?;
            events.extend(self.events.drain(..));
        }
        Ok(History::from_encoded(events))
    }

    /// Whether this is an outage of the service that may yet end in time.
    fn outlasts(&mut self, status: &Status) -> bool {
        let is_away = status.code() == Code::Unavailable;
        is_away && self.away_since.get_or_insert_with(Instant::now).elapsed() < self.client.outage_limit
    }

    async fn fetch_page(&mut self) -> Result<(), Error> {
        let request = Request::new(self.request.clone());
        let response = match self.client.service.get_workflow_execution_history(request).await {
            Ok(response) => response.into_inner(),
            // The token is still good: the same page is asked for again.
            Err(status) if self.request.wait_new_event && status.code() == Code::DeadlineExceeded => {
                return Ok(());
            }
            Err(status) if self.request.wait_new_event && self.outlasts(&status) => {
                sleep(BETWEEN_ATTEMPTS).await;
                return Ok(());
            }
            Err(status) => return Err(status.into()),
        };
        self.away_since = None;
        self.events.extend(response.history.unwrap_or_default().into_encoded());
        // Services that are set up to do so send histories as they store them.
        for blob in response.raw_history {
            let history = History::decode(blob.data)
                .map_err(|_| Error::Answer("something in the history is not a list of events"))?;
            self.events.extend(history.into_encoded());
        }
        self.at_end = response.next_page_token.is_empty();
        self.request.next_page_token = response.next_page_token;
        Ok(())
    }
}
