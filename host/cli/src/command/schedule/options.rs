//! What a schedule is: the options that `create` and `update` share, with the names of the `temporal` CLI.

use std::time::{Duration, SystemTime};

use clap::Args;
use guest_sdk_types::{NamedPayloads, Priority, RawValue, UntypedWorkflow};
use host_client::{Client, StartOptions};
use host_wire::{
    duration_to_proto,
    temporal::api::schedule::v1::{
        CalendarSpec, IntervalSpec, Schedule, SchedulePolicies, ScheduleSpec, ScheduleState,
    },
    timestamp_to_proto,
};
use serde::Deserialize;

use super::{policy::OverlapArgs, times};
use crate::settings::{
    duration,
    input::InputArgs,
    pairs::{self, JsonPair},
};

/// Arguments that describe a schedule.
#[derive(Args, Clone, Debug)]
pub(super) struct Options {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    workflow: WorkflowArgs,
    #[command(flatten)]
    overlap: OverlapArgs,
    /// How late an action may be taken when the service was down.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    catchup_window: Option<Duration>,
    /// Pause the schedule when a workflow fails or times out.
    #[arg(long)]
    pause_on_failure: bool,
    /// The schedule is paused.
    #[arg(long)]
    paused: bool,
    /// A remark for people.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    notes: String,
    /// Take this many actions and then no more.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i64).range(1..))]
    remaining_actions: Option<i64>,
}

/// Arguments for times.
#[derive(Args, Clone, Debug)]
struct SpecArgs {
    /// Times of the calendar, as JSON with second, minute, hour, dayOfMonth, month, year, dayOfWeek and comment. Again
    /// for further ones.
    #[arg(long, value_name = "JSON", value_parser = calendar)]
    calendar: Vec<CalendarSpec>,
    /// Every so often, and optionally when within that: `45m`, or `6h/5h`. Again for further ones.
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    interval: Vec<IntervalSpec>,
    /// A cron string: `30 12 * * Fri`, `@daily`, `@every 90m`. Again for further ones.
    #[arg(long, value_name = "CRON")]
    cron: Vec<String>,
    /// The time zone of calendars and cron strings; UTC if left out.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    time_zone: String,
    /// No actions before this time.
    #[arg(long, value_name = "TIME", value_parser = times::parse)]
    start_time: Option<SystemTime>,
    /// No actions after this time.
    #[arg(long, value_name = "TIME", value_parser = times::parse)]
    end_time: Option<SystemTime>,
    /// Delay each action by up to this much.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    jitter: Option<Duration>,
}

/// Arguments for the workflow.
#[derive(Args, Clone, Debug)]
struct WorkflowArgs {
    /// Workflow type.
    #[arg(long = "type", alias = "name", value_name = "TYPE")]
    workflow_type: String,
    /// The task queue that its workers poll.
    #[arg(short, long, value_name = "QUEUE")]
    task_queue: String,
    /// Workflow id, to which the time of the action is appended; a new UUID if left out.
    #[arg(short, long, value_name = "ID")]
    workflow_id: Option<String>,
    #[command(flatten)]
    input: InputArgs,
    /// End the execution, with everything it continues as, after this time.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    execution_timeout: Option<Duration>,
    /// End a single run after this time.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    run_timeout: Option<Duration>,
    /// How long a worker may take for one workflow task.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    task_timeout: Option<Duration>,
    /// Kept with each execution. Again for each key.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    memo: Vec<JsonPair>,
    /// Kept with each execution and searchable. Again for each key.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    search_attribute: Vec<JsonPair>,
    /// 1 (first) to 5 (last) among the waiting tasks of the queue.
    #[arg(long, value_name = "1-5", value_parser = clap::value_parser!(u32).range(1..=5))]
    priority_key: Option<u32>,
    /// One line about each execution, for people.
    #[arg(long, value_name = "TEXT")]
    static_summary: Option<String>,
    /// More about each execution, for people.
    #[arg(long, value_name = "TEXT")]
    static_details: Option<String>,
}

/// Arguments for what is kept with a schedule.
#[derive(Args, Clone, Debug)]
pub(super) struct KeptArgs {
    /// Kept with the schedule. Again for each key.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    schedule_memo: Vec<JsonPair>,
    /// Kept with the schedule and searchable. Again for each key.
    #[arg(long, value_name = "KEY=JSON", value_parser = pairs::parse_json)]
    schedule_search_attribute: Vec<JsonPair>,
}

impl KeptArgs {
    pub(super) fn memo(&self) -> NamedPayloads {
        pairs::by_name(&self.schedule_memo)
    }

    pub(super) fn search_attributes(&self) -> NamedPayloads {
        pairs::by_name(&self.schedule_search_attribute)
    }
}

impl Options {
    /// The arguments of the workflow.
    ///
    /// # Errors
    ///
    /// As [`InputArgs::payloads`].
    pub(super) fn input(&self) -> anyhow::Result<RawValue> {
        self.workflow.input.payloads()
    }

    /// The schedule for the service.
    ///
    /// # Errors
    ///
    /// When the input cannot be encoded.
    pub(super) fn schedule(&self, client: &Client, input: RawValue) -> anyhow::Result<Schedule> {
        let workflow = UntypedWorkflow::new(self.workflow.workflow_type.as_str());
        let remaining_actions = self.remaining_actions.unwrap_or_default();
        Ok(Schedule {
            spec: Some(self.spec.spec()),
            action: Some(client.schedule_action(&workflow, input, self.workflow.options())?),
            policies: Some(SchedulePolicies {
                overlap_policy: self.overlap.policy().into(),
                catchup_window: self.catchup_window.map(duration_to_proto),
                pause_on_failure: self.pause_on_failure,
                keep_original_workflow_id: false,
            }),
            state: Some(ScheduleState {
                notes: self.notes.clone(),
                paused: self.paused,
                limited_actions: self.remaining_actions.is_some(),
                remaining_actions,
            }),
        })
    }
}

impl SpecArgs {
    fn spec(&self) -> ScheduleSpec {
        ScheduleSpec {
            calendar: self.calendar.clone(),
            interval: self.interval.clone(),
            cron_string: self.cron.clone(),
            timezone_name: self.time_zone.clone(),
            start_time: self.start_time.map(timestamp_to_proto),
            end_time: self.end_time.map(timestamp_to_proto),
            jitter: self.jitter.map(duration_to_proto),
            ..ScheduleSpec::default()
        }
    }
}

impl WorkflowArgs {
    fn options(&self) -> StartOptions {
        StartOptions {
            task_queue: self.task_queue.clone(),
            workflow_id: self.workflow_id.clone().unwrap_or_default(),
            execution_timeout: self.execution_timeout,
            run_timeout: self.run_timeout,
            task_timeout: self.task_timeout,
            memo: pairs::by_name(&self.memo),
            search_attributes: pairs::by_name(&self.search_attribute),
            priority: self.priority_key.map(|priority_key| Priority { priority_key, ..Priority::default() }),
            static_summary: self.static_summary.clone(),
            static_details: self.static_details.clone(),
            ..StartOptions::default()
        }
    }
}

/// A calendar as the `temporal` CLI takes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct CalendarJson {
    second: String,
    minute: String,
    hour: String,
    day_of_month: String,
    month: String,
    year: String,
    day_of_week: String,
    comment: String,
}

/// Reads a calendar. For clap.
fn calendar(text: &str) -> anyhow::Result<CalendarSpec> {
    let CalendarJson { second, minute, hour, day_of_month, month, year, day_of_week, comment } =
        serde_json::from_str(text)?;
    Ok(CalendarSpec { second, minute, hour, day_of_month, month, year, day_of_week, comment })
}

/// Reads an interval with an optional phase. For clap.
fn interval(text: &str) -> anyhow::Result<IntervalSpec> {
    let (interval, phase) =
        text.split_once('/').map_or((text, None), |(interval, phase)| (interval, Some(phase)));
    let phase = phase.map(duration::parse).transpose()?;
    Ok(IntervalSpec {
        interval: Some(duration_to_proto(duration::parse(interval)?)),
        phase: phase.map(duration_to_proto),
    })
}
