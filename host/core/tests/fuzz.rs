//! Any history and any answers of a guest: a run ends with an error or goes on, and does the same when it is
//! asked again.
#![allow(clippy::unwrap_used, reason = "tests panic on failure")]

use bytes::Bytes;
use host_core::{
    ActivityCancellation, ChildWorkflowCancellation, Command, LocalActivity, LocalActivityResult,
    NexusCancellation, Outcome, Run, RunConfig, Step, Task,
};
use host_wire::temporal::api::{
    command::v1::{Command as WireCommand, command::Attributes},
    protocol::v1::Message as ProtocolMessage,
    query::v1::{WorkflowQuery, WorkflowQueryResult},
};
use prost::Message;

/// Most steps of one life: what goes on longer goes in a circle.
const MOST_STEPS: usize = 10_000;

/// What a run meets.
#[derive(Clone, PartialEq, Message)]
struct Life {
    /// Encoded `HistoryEvent` messages.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    events: Vec<Bytes>,
    /// What the guest asks for, in the order of its activations.
    #[prost(message, repeated, tag = "2")]
    answers: Vec<Answer>,
    /// Events of a page.
    #[prost(uint32, tag = "3")]
    page: u32,
    /// `previous_started_event_id` of the polled task; none for a replay.
    #[prost(int64, optional, tag = "4")]
    previous_started_event_id: Option<i64>,
    #[prost(message, repeated, tag = "5")]
    messages: Vec<ProtocolMessage>,
    #[prost(message, optional, tag = "6")]
    query: Option<WorkflowQuery>,
}

/// What a guest does in one activation.
#[derive(Clone, PartialEq, Message)]
struct Answer {
    #[prost(message, repeated, tag = "1")]
    commands: Vec<GuestCommand>,
}

/// One command.
#[derive(Clone, PartialEq, Message)]
struct GuestCommand {
    /// The protocol's command, where there is one.
    #[prost(message, optional, tag = "1")]
    command: Option<WireCommand>,
    /// Otherwise: 0 a local activity; 1 to 5 cancel an activity, a timer, a child workflow, a signal, a Nexus
    /// operation; 6 a patch; 7 completes an update. Modulo 8.
    #[prost(uint32, tag = "2")]
    kind: u32,
    /// What is cancelled.
    #[prost(uint32, tag = "3")]
    seq: u32,
    #[prost(string, tag = "4")]
    text: String,
    /// Kind of cancellation, modulo the number of kinds.
    #[prost(uint32, tag = "5")]
    cancellation: u32,
}

#[test]
fn lives() {
    fuzz::check!("lives", |bytes| {
        let Ok(life) = Life::decode(bytes) else { return };
        let steps = live(&life);
        assert_eq!(steps, live(&life));
    });
}

/// The steps of a life in words.
fn live(life: &Life) -> Vec<String> {
    let config = RunConfig { run_id: "run".to_owned(), writes_sdk_metadata: true, ..RunConfig::default() };
    let mut run = Run::new(config);
    let mut guest = Guest::default();
    let mut steps = Vec::new();
    let task = Task {
        previous_started_event_id: life.previous_started_event_id,
        attempt: 1,
        messages: life.messages.clone(),
        query: life.query.clone(),
        ..Task::default()
    };
    if let Err(error) = run.start_task(task) {
        return vec![error.to_string()];
    }
    let page = usize::try_from(life.page).unwrap().max(1);
    let mut pages = life.events.chunks(page);
    let mut answers = life.answers.iter();
    for _ in 0..MOST_STEPS {
        let step = match run.next_step() {
            Ok(step) => step,
            Err(error) => {
                assert_eq!(run.next_step().unwrap_err(), error, "the first error ends a run");
                steps.push(error.to_string());
                return steps;
            }
        };
        steps.push(format!("{step:?}"));
        let answered = match step {
            Step::NeedEvents => {
                let Some(page) = pages.next() else { return steps };
                run.feed(page.to_vec(), pages.len() == 0);
                Ok(())
            }
            Step::Activate(activation) => {
                assert!(!activation.jobs.is_empty());
                run.activated(answers.next().map(|answer| guest.commands(answer)).unwrap_or_default())
            }
            Step::ValidateUpdate(validation) => {
                let is_valid = validation.update.protocol_instance_id.len().is_multiple_of(2);
                run.validated(if is_valid { Ok(()) } else { Err(Box::default()) })
            }
            Step::Query(_) => run.answered(WorkflowQueryResult::default()),
            Step::LocalActivities(requests) => requests
                .start
                .into_iter()
                .try_for_each(|(seq, activity)| run.local_activity_resolved(result(seq, &activity))),
            Step::Respond(_) | Step::RespondQuery(_) => Ok(()),
            Step::Idle => return steps,
        };
        if let Err(error) = answered {
            steps.push(error.to_string());
            return steps;
        }
    }
    panic!("no end after {MOST_STEPS} steps: {:?}", &steps[MOST_STEPS - 3..]);
}

/// Numbers what it asks for, as the sandbox does.
#[derive(Default)]
struct Guest {
    activities: u32,
    timers: u32,
    children: u32,
    signals: u32,
    requests: u32,
    operations: u32,
}

impl Guest {
    fn commands(&mut self, answer: &Answer) -> Vec<Command> {
        answer.commands.iter().filter_map(|command| self.command(command)).collect()
    }

    fn command(&mut self, command: &GuestCommand) -> Option<Command> {
        let Some(wire) = &command.command else { return Some(self.other_command(command)) };
        let user_metadata = wire.user_metadata.clone().map(Box::new);
        Some(match wire.attributes.clone()? {
            Attributes::ScheduleActivityTaskCommandAttributes(attributes) => Command::ScheduleActivity {
                seq: next(&mut self.activities),
                attributes,
                cancellation: activity_cancellation(command.cancellation),
                user_metadata,
            },
            Attributes::StartTimerCommandAttributes(attributes) => Command::StartTimer {
                seq: next(&mut self.timers),
                start_to_fire_timeout: attributes.start_to_fire_timeout.unwrap_or_default(),
                user_metadata,
            },
            Attributes::StartChildWorkflowExecutionCommandAttributes(attributes) => {
                Command::StartChildWorkflow {
                    seq: next(&mut self.children),
                    attributes,
                    cancellation: child_cancellation(command.cancellation),
                    user_metadata,
                }
            }
            Attributes::SignalExternalWorkflowExecutionCommandAttributes(attributes) => {
                Command::SignalExternalWorkflow { seq: next(&mut self.signals), attributes, user_metadata }
            }
            Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(attributes) => {
                Command::RequestCancelExternalWorkflow { seq: next(&mut self.requests), attributes }
            }
            Attributes::ScheduleNexusOperationCommandAttributes(attributes) => {
                Command::ScheduleNexusOperation {
                    seq: next(&mut self.operations),
                    attributes,
                    cancellation: nexus_cancellation(command.cancellation),
                    user_metadata,
                }
            }
            Attributes::UpsertWorkflowSearchAttributesCommandAttributes(attributes) => {
                Command::UpsertSearchAttributes(attributes.search_attributes.unwrap_or_default())
            }
            Attributes::ModifyWorkflowPropertiesCommandAttributes(attributes) => {
                Command::UpsertMemo(attributes.upserted_memo.unwrap_or_default())
            }
            Attributes::CompleteWorkflowExecutionCommandAttributes(it) => Command::CompleteWorkflow(it),
            Attributes::FailWorkflowExecutionCommandAttributes(it) => Command::FailWorkflow(it),
            Attributes::CancelWorkflowExecutionCommandAttributes(it) => Command::CancelWorkflow(it),
            Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(it) => Command::ContinueAsNew(it),
            // The guest has other words for these.
            Attributes::RequestCancelActivityTaskCommandAttributes(_)
            | Attributes::CancelTimerCommandAttributes(_)
            | Attributes::RecordMarkerCommandAttributes(_)
            | Attributes::ProtocolMessageCommandAttributes(_)
            | Attributes::RequestCancelNexusOperationCommandAttributes(_) => return None,
        })
    }

    fn other_command(&mut self, command: &GuestCommand) -> Command {
        let seq = command.seq;
        match command.kind % 8 {
            0 => Command::ScheduleLocalActivity {
                seq: next(&mut self.activities),
                activity: Box::new(LocalActivity {
                    activity_type: command.text.clone(),
                    attempt: 1,
                    cancellation: activity_cancellation(command.cancellation),
                    ..LocalActivity::default()
                }),
            },
            1 => Command::CancelActivity { seq },
            2 => Command::CancelTimer { seq },
            3 => Command::CancelChildWorkflow { seq, reason: command.text.clone() },
            4 => Command::CancelSignalExternalWorkflow { seq },
            5 => Command::CancelNexusOperation { seq },
            6 => Command::SetPatchMarker { patch_id: command.text.clone(), deprecated: seq == 1 },
            _ => {
                Command::CompleteUpdate { protocol_instance_id: command.text.clone(), outcome: outcome(seq) }
            }
        }
    }
}

fn next(count: &mut u32) -> u32 {
    *count += 1;
    *count
}

fn outcome(number: u32) -> Outcome {
    match number % 3 {
        0 => Outcome::Completed(None),
        1 => Outcome::Failed(Box::default()),
        _ => Outcome::Canceled(Box::default()),
    }
}

fn result(seq: u32, activity: &LocalActivity) -> LocalActivityResult {
    LocalActivityResult {
        seq,
        outcome: outcome(seq),
        attempt: activity.attempt,
        runtime: std::time::Duration::from_millis(5),
        backoff: (seq % 5 == 4).then(|| std::time::Duration::from_secs(90)),
        original_schedule_time: None,
    }
}

fn activity_cancellation(number: u32) -> ActivityCancellation {
    match number % 3 {
        0 => ActivityCancellation::TryCancel,
        1 => ActivityCancellation::WaitCancellationCompleted,
        _ => ActivityCancellation::Abandon,
    }
}

fn child_cancellation(number: u32) -> ChildWorkflowCancellation {
    match number % 4 {
        0 => ChildWorkflowCancellation::WaitCancellationCompleted,
        1 => ChildWorkflowCancellation::Abandon,
        2 => ChildWorkflowCancellation::TryCancel,
        _ => ChildWorkflowCancellation::WaitCancellationRequested,
    }
}

fn nexus_cancellation(number: u32) -> NexusCancellation {
    match number % 4 {
        0 => NexusCancellation::WaitCancellationCompleted,
        1 => NexusCancellation::Abandon,
        2 => NexusCancellation::TryCancel,
        _ => NexusCancellation::WaitCancellationRequested,
    }
}
