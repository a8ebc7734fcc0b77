//! Schedules: what starts workflows at the times of a spec.

use std::time::SystemTime;

use bytes::Bytes;
use guest_sdk_types::{NamedPayloads, WorkflowDefinition};
use host_wire::{
    temporal::api::{
        enums::v1::ScheduleOverlapPolicy,
        schedule::v1::{
            BackfillRequest, Schedule, ScheduleAction, ScheduleListEntry, SchedulePatch,
            TriggerImmediatelyRequest, schedule_action::Action,
        },
        workflow::v1::NewWorkflowExecutionInfo,
        workflowservice::v1::{
            CreateScheduleRequest, DeleteScheduleRequest, DescribeScheduleRequest, DescribeScheduleResponse,
            ListScheduleMatchingTimesRequest, ListSchedulesRequest, PatchScheduleRequest,
            StartWorkflowExecutionRequest, UpdateScheduleRequest,
        },
    },
    timestamp_from_proto, timestamp_to_proto,
};
use tonic::Request;
use uuid::Uuid;

use crate::{
    client::Client,
    error::Error,
    list::ListOptions,
    start::{StartOptions, start_input},
};

/// Talks to one schedule.
#[derive(Clone, Debug)]
pub struct ScheduleHandle {
    client: Client,
    schedule_id: String,
}

/// What is kept with a schedule beside what it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScheduleOptions {
    /// Kept with the schedule, not searchable.
    pub memo: NamedPayloads,
    /// Kept with the schedule, searchable.
    pub search_attributes: NamedPayloads,
    /// What happens as soon as the schedule is there.
    pub initial_patch: Option<SchedulePatch>,
}

impl Client {
    /// The action that starts a workflow. The service appends the time of the action to the workflow id; policies for
    /// ids, a delay and cron are no part of it.
    ///
    /// # Errors
    ///
    /// When the input cannot be encoded.
    pub fn schedule_action<W: WorkflowDefinition>(
        &self,
        workflow: &W,
        input: impl Into<W::Input>,
        options: StartOptions,
    ) -> Result<ScheduleAction, Error> {
        let StartWorkflowExecutionRequest {
            workflow_id,
            workflow_type,
            task_queue,
            input,
            workflow_execution_timeout,
            workflow_run_timeout,
            workflow_task_timeout,
            retry_policy,
            memo,
            search_attributes,
            header,
            user_metadata,
            priority,
            ..
        } = self.start_request(start_input(workflow, input, options)?)?;
        let start = NewWorkflowExecutionInfo {
            workflow_id,
            workflow_type,
            task_queue,
            input,
            workflow_execution_timeout,
            workflow_run_timeout,
            workflow_task_timeout,
            retry_policy,
            memo,
            search_attributes,
            header,
            user_metadata,
            priority,
            ..NewWorkflowExecutionInfo::default()
        };
        Ok(ScheduleAction { action: Some(Action::StartWorkflow(start)) })
    }

    /// Creates a schedule.
    ///
    /// # Errors
    ///
    /// When the id is taken, the schedule is invalid, or the service cannot be reached.
    pub async fn create_schedule(
        &self,
        schedule_id: impl Into<String>,
        schedule: Schedule,
        options: ScheduleOptions,
    ) -> Result<ScheduleHandle, Error> {
        let handle = self.schedule_handle(schedule_id);
        let ScheduleOptions { memo, search_attributes, initial_patch } = options;
        let request = CreateScheduleRequest {
            namespace: self.namespace.clone(),
            schedule_id: handle.schedule_id.clone(),
            schedule: Some(schedule),
            initial_patch,
            identity: self.identity.clone(),
            request_id: Uuid::new_v4().to_string(),
            memo: (!memo.is_empty()).then(|| memo.into()),
            search_attributes: (!search_attributes.is_empty()).then(|| search_attributes.into()),
        };
        self.service.create_schedule(Request::new(request)).await?;
        Ok(handle)
    }

    /// Talks to a schedule that exists already.
    pub fn schedule_handle(&self, schedule_id: impl Into<String>) -> ScheduleHandle {
        ScheduleHandle { client: self.clone(), schedule_id: schedule_id.into() }
    }

    /// Lists schedules, the newest first.
    ///
    /// # Errors
    ///
    /// When the service does not understand the filter, or cannot be reached.
    pub async fn list_schedules(&self, options: ListOptions) -> Result<Vec<ScheduleListEntry>, Error> {
        let mut schedules = Vec::new();
        let mut next_page_token = Bytes::new();
        loop {
            let left = u32::try_from(options.limit - schedules.len()).unwrap_or(u32::MAX);
            let request = ListSchedulesRequest {
                namespace: self.namespace.clone(),
                maximum_page_size: i32::try_from(options.page_size.min(left)).unwrap_or(i32::MAX),
                next_page_token,
                query: options.query.clone(),
            };
            let page = self.service.list_schedules(Request::new(request)).await?.into_inner();
            schedules.extend(page.schedules);
            schedules.truncate(options.limit);
            next_page_token = page.next_page_token;
            if next_page_token.is_empty() || schedules.len() == options.limit {
                return Ok(schedules);
            }
        }
    }
}

impl ScheduleHandle {
    /// The id of the schedule.
    #[must_use]
    pub fn schedule_id(&self) -> &str {
        &self.schedule_id
    }

    /// What the schedule is, and what it did and will do.
    ///
    /// # Errors
    ///
    /// When there is no such schedule, or the service cannot be reached.
    pub async fn describe(&self) -> Result<DescribeScheduleResponse, Error> {
        let (namespace, schedule_id) = self.names();
        let request = DescribeScheduleRequest { namespace, schedule_id };
        Ok(self.client.service.describe_schedule(Request::new(request)).await?.into_inner())
    }

    /// Replaces all of the schedule but its id. With the token of a description, only if nothing changed since.
    ///
    /// # Errors
    ///
    /// When there is no such schedule, it was changed, the new one is invalid, or the service cannot be reached.
    pub async fn update(&self, schedule: Schedule, conflict_token: Option<Bytes>) -> Result<(), Error> {
        let (namespace, schedule_id) = self.names();
        let request = UpdateScheduleRequest {
            namespace,
            schedule_id,
            schedule: Some(schedule),
            conflict_token: conflict_token.unwrap_or_default(),
            identity: self.client.identity.clone(),
            request_id: Uuid::new_v4().to_string(),
            search_attributes: None,
            memo: None,
        };
        self.client.service.update_schedule(Request::new(request)).await?;
        Ok(())
    }

    /// Takes the action of the schedule now, whether it is paused or not. An unspecified policy is the schedule's own.
    ///
    /// # Errors
    ///
    /// When there is no such schedule, or the service cannot be reached.
    pub async fn trigger(&self, overlap_policy: ScheduleOverlapPolicy) -> Result<(), Error> {
        let trigger =
            TriggerImmediatelyRequest { overlap_policy: overlap_policy.into(), scheduled_time: None };
        self.patch(SchedulePatch { trigger_immediately: Some(trigger), ..SchedulePatch::default() }).await
    }

    /// Takes the actions whose times are in a range, both ends of which belong to it. An unspecified policy is the
    /// schedule's own.
    ///
    /// # Errors
    ///
    /// As [`ScheduleHandle::trigger`].
    pub async fn backfill(
        &self,
        start: SystemTime,
        end: SystemTime,
        overlap_policy: ScheduleOverlapPolicy,
    ) -> Result<(), Error> {
        let backfill = BackfillRequest {
            start_time: Some(timestamp_to_proto(start)),
            end_time: Some(timestamp_to_proto(end)),
            overlap_policy: overlap_policy.into(),
        };
        self.patch(SchedulePatch { backfill_request: vec![backfill], ..SchedulePatch::default() }).await
    }

    /// Stops actions until the schedule is unpaused. Times that pass meanwhile are not made up for. `notes` are not
    /// empty.
    ///
    /// # Errors
    ///
    /// As [`ScheduleHandle::trigger`].
    pub async fn pause(&self, notes: impl Into<String>) -> Result<(), Error> {
        self.patch(SchedulePatch { pause: notes.into(), ..SchedulePatch::default() }).await
    }

    /// Lets actions be taken again. `notes` are not empty.
    ///
    /// # Errors
    ///
    /// As [`ScheduleHandle::trigger`].
    pub async fn unpause(&self, notes: impl Into<String>) -> Result<(), Error> {
        self.patch(SchedulePatch { unpause: notes.into(), ..SchedulePatch::default() }).await
    }

    /// The times at which the schedule takes actions after one time and up to another, at most 1,000.
    ///
    /// # Errors
    ///
    /// As [`ScheduleHandle::trigger`].
    pub async fn matching_times(
        &self,
        after: SystemTime,
        until: SystemTime,
    ) -> Result<Vec<SystemTime>, Error> {
        let (namespace, schedule_id) = self.names();
        let request = ListScheduleMatchingTimesRequest {
            namespace,
            schedule_id,
            start_time: Some(timestamp_to_proto(after)),
            end_time: Some(timestamp_to_proto(until)),
        };
        let times = self.client.service.list_schedule_matching_times(Request::new(request)).await?;
        Ok(times.into_inner().start_time.into_iter().map(timestamp_from_proto).collect())
    }

    /// Deletes the schedule. Workflows that it started go on.
    ///
    /// # Errors
    ///
    /// As [`ScheduleHandle::trigger`].
    pub async fn delete(&self) -> Result<(), Error> {
        let (namespace, schedule_id) = self.names();
        let identity = self.client.identity.clone();
        let request = DeleteScheduleRequest { namespace, schedule_id, identity };
        self.client.service.delete_schedule(Request::new(request)).await?;
        Ok(())
    }

    async fn patch(&self, patch: SchedulePatch) -> Result<(), Error> {
        let (namespace, schedule_id) = self.names();
        let request = PatchScheduleRequest {
            namespace,
            schedule_id,
            patch: Some(patch),
            identity: self.client.identity.clone(),
            request_id: Uuid::new_v4().to_string(),
        };
        self.client.service.patch_schedule(Request::new(request)).await?;
        Ok(())
    }

    fn names(&self) -> (String, String) {
        (self.client.namespace.clone(), self.schedule_id.clone())
    }
}
