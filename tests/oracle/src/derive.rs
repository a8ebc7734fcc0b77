//! Reads off a history what its guest said: a [`Script`].
//!
//! The commands of a workflow task follow its completion. In which activation of the task each was
//! given, history does not tell; it matters for local activities, whose markers come as they end. So
//! there are several [`Guess`]es, and the one with which sdk-core replays the history is right.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use host_core::{
    Activation, ActivityCancellation, ChildWorkflowCancellation, Command, LocalActivity, NexusCancellation,
    Outcome,
};
use host_wire::{
    EventAttributes,
    temporal::api::{
        command::v1 as command,
        common::v1::Payload,
        enums::v1::EventType,
        history::v1::{
            HistoryEvent, MarkerRecordedEventAttributes, WorkflowExecutionUpdateCompletedEventAttributes,
        },
        update::v1::outcome,
    },
};
use prost_types::{Duration, Timestamp};
use serde::Deserialize;

use crate::{
    engine,
    histories::{self, Recorded},
    player::{JobKeys, Player, Script},
    replayed::Verdict,
};

/// The search attribute with which sdk-core lists patches; it upserts it by itself.
const CHANGE_VERSION: &str = "TemporalChangeVersion";
const PATCH_MARKER: &str = "core_patch";
const LOCAL_ACTIVITY_MARKER: &str = "core_local_activity";
/// What local activities get as a timeout, since their markers do not tell theirs.
const LOCAL_ACTIVITY_TIMEOUT: Duration = Duration { seconds: 60, nanos: 0 };

/// What history does not tell about its guest.
#[derive(Clone, Copy, Debug)]
struct Guess {
    /// Local activities of a task are started one after another, or at once.
    local_activities_at_once: bool,
    /// What cancelling does.
    cancellation: ActivityCancellation,
}

const GUESSES: [Guess; 4] = [
    Guess { local_activities_at_once: false, cancellation: ActivityCancellation::WaitCancellationCompleted },
    Guess { local_activities_at_once: true, cancellation: ActivityCancellation::WaitCancellationCompleted },
    Guess { local_activities_at_once: false, cancellation: ActivityCancellation::TryCancel },
    Guess { local_activities_at_once: true, cancellation: ActivityCancellation::TryCancel },
];

/// The script of a history's guest, found with sdk-core.
///
/// # Errors
///
/// What sdk-core says with each guess, when it replays the history with none.
pub fn script(recorded: &Recorded) -> Result<Arc<Script>, String> {
    let events = histories::encoded(&recorded.events);
    let mut verdicts = String::new();
    for guess in GUESSES {
        let mut author = Author::new(&recorded.events, guess);
        let replayed = engine::replay_sdk_core(&events, &mut author);
        if replayed.verdict == Verdict::Ok && author.is_done() {
            return Ok(Arc::new(author.script));
        }
        verdicts += &format!("  {guess:?}: {}, {} commands left\n", replayed.verdict, author.left());
    }
    Err(format!("{}: no guest replays it\n{verdicts}", recorded.name))
}

/// A guest that says what stands in the history, and writes down what it said.
struct Author {
    guess: Guess,
    /// By the event with which the workflow task started in which they were given.
    planned: VecDeque<(i64, Command)>,
    keys: JobKeys,
    script: Script,
}

impl Author {
    fn new(events: &[HistoryEvent], guess: Guess) -> Self {
        Self {
            guess,
            planned: Plan::new(events, guess).commands.into(),
            keys: JobKeys::default(),
            script: Script::default(),
        }
    }

    fn is_done(&self) -> bool {
        self.planned.is_empty()
    }

    fn left(&self) -> usize {
        self.planned.len()
    }
}

impl Player for Author {
    fn play(&mut self, activation: &Activation) -> Result<Vec<Command>, String> {
        let now = i64::from(activation.history_length);
        let mut commands = Vec::new();
        while let Some((_, command)) = self.planned.pop_front_if(|(started, _)| *started <= now) {
            let is_local = matches!(command, Command::ScheduleLocalActivity { .. });
            commands.push(command);
            if is_local && !self.guess.local_activities_at_once {
                break;
            }
        }
        self.script.push(&self.keys.of(activation), commands.clone());
        Ok(commands)
    }
}

/// What a patch's marker says.
#[derive(Deserialize)]
struct PatchData {
    id: String,
    deprecated: bool,
}

/// What a local activity's marker says.
#[derive(Deserialize)]
struct LocalActivityData {
    seq: u32,
    attempt: u32,
    activity_id: String,
    activity_type: String,
    original_schedule_time: Option<Moment>,
}

#[derive(Deserialize)]
struct Moment {
    seconds: i64,
    nanos: i32,
}

/// The commands behind a history's events.
struct Plan<'a> {
    events: &'a [HistoryEvent],
    guess: Guess,
    commands: Vec<(i64, Command)>,
    /// Sequence numbers by the event that began it.
    sequence_numbers: BTreeMap<i64, u32>,
    /// The last sequence number of each kind.
    last: BTreeMap<&'static str, u32>,
    /// Whether the event before was the marker of a patch.
    after_patch: bool,
}

impl<'a> Plan<'a> {
    fn new(events: &'a [HistoryEvent], guess: Guess) -> Self {
        let mut plan = Self {
            events,
            guess,
            commands: Vec::new(),
            sequence_numbers: BTreeMap::new(),
            last: BTreeMap::new(),
            after_patch: false,
        };
        let mut started = 0;
        for event in events {
            if let Some(EventAttributes::WorkflowTaskCompletedEventAttributes(completed)) = &event.attributes
            {
                started = completed.started_event_id;
            }
            let after_patch = std::mem::take(&mut plan.after_patch);
            if let Some((started, command)) = plan.command(event, started, after_patch) {
                plan.commands.push((started, command));
            }
        }
        // Local activities were put where they were started.
        plan.commands.sort_by_key(|(started, _)| *started);
        plan.order_activities();
        plan
    }

    /// The markers of local activities come as those end, and each has the number that it was started
    /// with: an operation with a higher one was started later.
    fn order_activities(&mut self) {
        let mut local: Vec<u32> = self.commands.iter().filter_map(|(_, it)| local_activity(it)).collect();
        local.sort_unstable();
        for seq in local {
            let later = self.commands.iter().position(|(_, it)| activity(it).is_some_and(|it| it >= seq));
            let own = self.commands.iter().position(|(_, it)| local_activity(it) == Some(seq));
            if let (Some(later), Some(own)) = (later, own)
                && later < own
            {
                let started = self.commands[later].0;
                let (_, command) = self.commands.remove(own);
                self.commands.insert(later, (started, command));
            }
        }
        self.number_activities_anew();
    }

    /// In old histories local activities and others are numbered apart. Only the numbers of local ones
    /// are in history, so the others make room.
    fn number_activities_anew(&mut self) {
        let mut last = 0;
        let mut renamed = BTreeMap::new();
        for (_, command) in &mut self.commands {
            match command {
                Command::ScheduleLocalActivity { seq, .. } => last = *seq,
                Command::ScheduleActivity { seq, .. } => {
                    last = (*seq).max(last + 1);
                    renamed.insert(*seq, last);
                    *seq = last;
                }
                Command::CancelActivity { seq } => *seq = renamed.get(seq).copied().unwrap_or(*seq),
                _ => {}
            }
        }
    }

    /// The next number of its kind; of activities and timers their id, which mostly is one.
    fn number(&mut self, event: &HistoryEvent, kind: &'static str, id: &str) -> u32 {
        let last = self.last.entry(kind).or_default();
        *last = id.parse().unwrap_or(0).max(*last + 1);
        self.sequence_numbers.insert(event.event_id, *last);
        *last
    }

    fn seq(&self, event_id: i64) -> u32 {
        self.sequence_numbers.get(&event_id).copied().unwrap_or_default()
    }

    #[expect(clippy::too_many_lines, reason = "one arm per event")]
    fn command(&mut self, event: &HistoryEvent, started: i64, after_patch: bool) -> Option<(i64, Command)> {
        use EventAttributes as E;
        let command = match event.attributes.as_ref()? {
            E::ActivityTaskScheduledEventAttributes(it) => {
                let seq = self.number(event, "activity", &it.activity_id);
                Command::ScheduleActivity {
                    seq,
                    attributes: Box::new(command::ScheduleActivityTaskCommandAttributes {
                        activity_id: it.activity_id.clone(),
                        activity_type: it.activity_type.clone(),
                        task_queue: it.task_queue.clone(),
                        input: it.input.clone(),
                        schedule_to_close_timeout: it.schedule_to_close_timeout,
                        schedule_to_start_timeout: it.schedule_to_start_timeout,
                        start_to_close_timeout: it.start_to_close_timeout,
                        heartbeat_timeout: it.heartbeat_timeout,
                        retry_policy: it.retry_policy.clone(),
                        ..command::ScheduleActivityTaskCommandAttributes::default()
                    }),
                    cancellation: self.guess.cancellation,
                    user_metadata: None,
                }
            }
            E::ActivityTaskCancelRequestedEventAttributes(it) => {
                Command::CancelActivity { seq: self.seq(it.scheduled_event_id) }
            }
            E::TimerStartedEventAttributes(it) => {
                let seq = self.number(event, "timer", &it.timer_id);
                Command::StartTimer {
                    seq,
                    start_to_fire_timeout: it.start_to_fire_timeout.unwrap_or_default(),
                    user_metadata: None,
                }
            }
            E::TimerCanceledEventAttributes(it) => {
                Command::CancelTimer { seq: self.seq(it.started_event_id) }
            }
            E::MarkerRecordedEventAttributes(it) => return self.marker(it, started),
            E::UpsertWorkflowSearchAttributesEventAttributes(it) => {
                let attributes = it.search_attributes.clone().unwrap_or_default();
                if after_patch && attributes.indexed_fields.contains_key(CHANGE_VERSION) {
                    return None;
                }
                Command::UpsertSearchAttributes(attributes)
            }
            E::WorkflowPropertiesModifiedEventAttributes(it) => {
                Command::UpsertMemo(it.upserted_memo.clone().unwrap_or_default())
            }
            E::StartChildWorkflowExecutionInitiatedEventAttributes(it) => Command::StartChildWorkflow {
                seq: self.number(event, "child", ""),
                attributes: Box::new(command::StartChildWorkflowExecutionCommandAttributes {
                    namespace: it.namespace.clone(),
                    workflow_id: it.workflow_id.clone(),
                    workflow_type: it.workflow_type.clone(),
                    task_queue: it.task_queue.clone(),
                    input: it.input.clone(),
                    parent_close_policy: it.parent_close_policy,
                    ..command::StartChildWorkflowExecutionCommandAttributes::default()
                }),
                cancellation: match self.guess.cancellation {
                    ActivityCancellation::TryCancel => ChildWorkflowCancellation::TryCancel,
                    _ => ChildWorkflowCancellation::WaitCancellationCompleted,
                },
                user_metadata: None,
            },
            E::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(it) => {
                let execution = it.workflow_execution.clone().unwrap_or_default();
                match self.child(&execution.workflow_id) {
                    Some(seq) if it.child_workflow_only => {
                        Command::CancelChildWorkflow { seq, reason: it.reason.clone() }
                    }
                    _ => Command::RequestCancelExternalWorkflow {
                        seq: self.number(event, "external cancel", ""),
                        attributes: Box::new(
                            command::RequestCancelExternalWorkflowExecutionCommandAttributes {
                                namespace: it.namespace.clone(),
                                workflow_id: execution.workflow_id,
                                run_id: execution.run_id,
                                reason: it.reason.clone(),
                                ..Default::default()
                            },
                        ),
                    },
                }
            }
            E::SignalExternalWorkflowExecutionInitiatedEventAttributes(it) => {
                Command::SignalExternalWorkflow {
                    seq: self.number(event, "external signal", ""),
                    attributes: Box::new(command::SignalExternalWorkflowExecutionCommandAttributes {
                        namespace: it.namespace.clone(),
                        execution: it.workflow_execution.clone(),
                        signal_name: it.signal_name.clone(),
                        input: it.input.clone(),
                        child_workflow_only: it.child_workflow_only,
                        ..command::SignalExternalWorkflowExecutionCommandAttributes::default()
                    }),
                    user_metadata: None,
                }
            }
            E::NexusOperationScheduledEventAttributes(it) => Command::ScheduleNexusOperation {
                seq: self.number(event, "operation", ""),
                attributes: Box::new(command::ScheduleNexusOperationCommandAttributes {
                    endpoint: it.endpoint.clone(),
                    service: it.service.clone(),
                    operation: it.operation.clone(),
                    input: it.input.clone(),
                    schedule_to_close_timeout: it.schedule_to_close_timeout,
                    nexus_header: it.nexus_header.clone(),
                    ..command::ScheduleNexusOperationCommandAttributes::default()
                }),
                cancellation: NexusCancellation::WaitCancellationCompleted,
                user_metadata: None,
            },
            E::NexusOperationCancelRequestedEventAttributes(it) => {
                Command::CancelNexusOperation { seq: self.seq(it.scheduled_event_id) }
            }
            E::WorkflowExecutionUpdateCompletedEventAttributes(it) => self.complete_update(it)?,
            E::WorkflowExecutionCompletedEventAttributes(it) => {
                Command::CompleteWorkflow(Box::new(command::CompleteWorkflowExecutionCommandAttributes {
                    result: it.result.clone(),
                }))
            }
            E::WorkflowExecutionFailedEventAttributes(it) => {
                Command::FailWorkflow(Box::new(command::FailWorkflowExecutionCommandAttributes {
                    failure: it.failure.clone(),
                }))
            }
            E::WorkflowExecutionCanceledEventAttributes(it) => {
                Command::CancelWorkflow(Box::new(command::CancelWorkflowExecutionCommandAttributes {
                    details: it.details.clone(),
                }))
            }
            E::WorkflowExecutionContinuedAsNewEventAttributes(it) => {
                Command::ContinueAsNew(Box::new(command::ContinueAsNewWorkflowExecutionCommandAttributes {
                    workflow_type: it.workflow_type.clone(),
                    task_queue: it.task_queue.clone(),
                    input: it.input.clone(),
                    ..command::ContinueAsNewWorkflowExecutionCommandAttributes::default()
                }))
            }
            _ => return None,
        };
        Some((started, command))
    }

    fn marker(&mut self, marker: &MarkerRecordedEventAttributes, started: i64) -> Option<(i64, Command)> {
        match marker.marker_name.as_str() {
            PATCH_MARKER => {
                self.after_patch = true;
                let patch: PatchData = details(marker, "patch-data").or_else(|| {
                    // As it was written before it was JSON.
                    let id = payload(marker, "patch_id")?;
                    let deprecated = payload(marker, "deprecated")?;
                    Some(PatchData {
                        id: String::from_utf8(id.data.to_vec()).ok()?,
                        deprecated: deprecated.data.first() == Some(&1),
                    })
                })?;
                Some((started, Command::SetPatchMarker { patch_id: patch.id, deprecated: patch.deprecated }))
            }
            LOCAL_ACTIVITY_MARKER => {
                let data: LocalActivityData = details(marker, "data")?;
                let scheduled = data
                    .original_schedule_time
                    .as_ref()
                    .filter(|_| data.attempt <= 1)
                    .map(|it| Timestamp { seconds: it.seconds, nanos: it.nanos });
                let command = Command::ScheduleLocalActivity {
                    seq: data.seq,
                    activity: Box::new(LocalActivity {
                        activity_id: data.activity_id,
                        activity_type: data.activity_type,
                        attempt: data.attempt,
                        original_schedule_time: data
                            .original_schedule_time
                            .map(|it| Timestamp { seconds: it.seconds, nanos: it.nanos }),
                        start_to_close_timeout: Some(LOCAL_ACTIVITY_TIMEOUT),
                        cancellation: self.guess.cancellation,
                        ..LocalActivity::default()
                    }),
                };
                Some((scheduled.map_or(started, |time| self.task_at(time).min(started)), command))
            }
            _ => None,
        }
    }

    /// The workflow task that ran at a time, by the event with which it started.
    fn task_at(&self, time: Timestamp) -> i64 {
        let key = |time: Option<Timestamp>| time.map(|it| (it.seconds, it.nanos));
        self.events
            .iter()
            .filter(|event| histories::kind(event) == EventType::WorkflowTaskStarted)
            .filter(|event| key(event.event_time) <= key(Some(time)))
            .map(|event| event.event_id)
            .next_back()
            .unwrap_or_default()
    }

    fn child(&self, workflow_id: &str) -> Option<u32> {
        self.events.iter().find_map(|event| match &event.attributes {
            Some(EventAttributes::StartChildWorkflowExecutionInitiatedEventAttributes(it))
                if it.workflow_id == workflow_id =>
            {
                self.sequence_numbers.get(&event.event_id).copied()
            }
            _ => None,
        })
    }

    fn complete_update(&self, it: &WorkflowExecutionUpdateCompletedEventAttributes) -> Option<Command> {
        let accepted = self.events.iter().find(|event| event.event_id == it.accepted_event_id)?;
        let Some(EventAttributes::WorkflowExecutionUpdateAcceptedEventAttributes(accepted)) =
            &accepted.attributes
        else {
            return None;
        };
        Some(Command::CompleteUpdate {
            protocol_instance_id: accepted.protocol_instance_id.clone(),
            outcome: match it.outcome.clone()?.value? {
                outcome::Value::Success(mut payloads) => Outcome::Completed(payloads.payloads.pop()),
                outcome::Value::Failure(failure) => Outcome::Failed(Box::new(failure)),
            },
        })
    }
}

fn local_activity(command: &Command) -> Option<u32> {
    match command {
        Command::ScheduleLocalActivity { seq, .. } => Some(*seq),
        _ => None,
    }
}

fn activity(command: &Command) -> Option<u32> {
    match command {
        Command::ScheduleActivity { seq, .. } => Some(*seq),
        _ => local_activity(command),
    }
}

fn payload<'a>(marker: &'a MarkerRecordedEventAttributes, key: &str) -> Option<&'a Payload> {
    marker.details.get(key)?.payloads.first()
}

fn details<T: for<'de> Deserialize<'de>>(marker: &MarkerRecordedEventAttributes, key: &str) -> Option<T> {
    serde_json::from_slice(&payload(marker, key)?.data).ok()
}
