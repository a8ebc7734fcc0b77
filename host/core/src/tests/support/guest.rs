//! Guests as rules: `job => command; command`, one a line. A job that no rule names does nothing.

use std::collections::BTreeMap;

use crate::{
    Activation, ActivityCancellation, ChildWorkflowCancellation, Command, LocalActivity, NexusCancellation,
    Outcome,
};
use host_wire::temporal::api::{
    command::v1::{
        CompleteWorkflowExecutionCommandAttributes, FailWorkflowExecutionCommandAttributes,
        RequestCancelExternalWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
        ScheduleNexusOperationCommandAttributes, SignalExternalWorkflowExecutionCommandAttributes,
        StartChildWorkflowExecutionCommandAttributes,
    },
    common::v1::{ActivityType, Memo, Payloads, SearchAttributes, WorkflowType},
};
use prost_types::Duration;

use super::{failure, history::payload, job};

#[derive(Debug)]
pub(crate) struct Guest {
    rules: Vec<(String, Vec<String>)>,
    patches: Patches,
}

/// What the guest was told of patches, by id.
type Patches = BTreeMap<String, bool>;

impl Guest {
    pub(crate) fn new(rules: &str) -> Self {
        let rules = rules
            .lines()
            .filter_map(|line| line.trim().split_once("=>"))
            .map(|(job, commands)| {
                let commands = commands.split(';').map(|it| it.trim().to_owned()).collect();
                (job.trim().to_owned(), commands)
            })
            .collect();
        Self { rules, patches: Patches::new() }
    }

    /// What it asks for, in words and as it is.
    pub(crate) fn activate(&mut self, activation: &Activation) -> Vec<(String, Command)> {
        self.patches.extend(activation.patches.iter().map(|patch_id| (patch_id.clone(), true)));
        let mut commands = Vec::new();
        for job_text in activation.jobs.iter().map(job) {
            for (rule, texts) in &self.rules {
                if !job_text.starts_with(rule.as_str()) {
                    continue;
                }
                for text in texts {
                    if let Some(command) = command(text, activation.is_replaying, &mut self.patches) {
                        commands.push((text.clone(), command));
                    }
                }
            }
        }
        commands
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one entry per word")]
fn command(text: &str, is_replaying: bool, patches: &mut Patches) -> Option<Command> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let seq = || words[1].parse().unwrap();
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    Some(match words[0] {
        // patched ID: a marker on the new path; deprecated ID: in any case.
        "patched" | "deprecated" => {
            let deprecated = words[0] == "deprecated";
            if !patched(words[1], is_replaying, patches) && !deprecated {
                return None;
            }
            Command::SetPatchMarker { patch_id: words[1].to_owned(), deprecated }
        }
        // If the patch above was taken, the first, else the second.
        "either" => {
            let (yes, no) = text["either".len()..].split_once('|').unwrap();
            let taken = patched("p", is_replaying, &mut patches.clone());
            return command(if taken { yes.trim() } else { no.trim() }, is_replaying, patches);
        }
        "activity" => Command::ScheduleActivity {
            seq: seq(),
            attributes: Box::new(ScheduleActivityTaskCommandAttributes {
                activity_type: Some(ActivityType { name: word(2).to_owned() }),
                ..ScheduleActivityTaskCommandAttributes::default()
            }),
            cancellation: activity_cancellation(word(3)),
            user_metadata: None,
        },
        "local" => Command::ScheduleLocalActivity {
            seq: seq(),
            activity: Box::new(LocalActivity {
                activity_type: word(2).to_owned(),
                attempt: 1,
                cancellation: activity_cancellation(word(3)),
                ..LocalActivity::default()
            }),
        },
        "cancel-activity" => Command::CancelActivity { seq: seq() },
        "timer" => Command::StartTimer {
            seq: seq(),
            start_to_fire_timeout: Duration::default(),
            user_metadata: None,
        },
        "cancel-timer" => Command::CancelTimer { seq: seq() },
        "child" => Command::StartChildWorkflow {
            seq: seq(),
            attributes: Box::new(StartChildWorkflowExecutionCommandAttributes {
                workflow_id: word(2).to_owned(),
                workflow_type: Some(WorkflowType { name: "Child".to_owned() }),
                ..StartChildWorkflowExecutionCommandAttributes::default()
            }),
            cancellation: match word(3) {
                "abandon" => ChildWorkflowCancellation::Abandon,
                "try" => ChildWorkflowCancellation::TryCancel,
                _ => ChildWorkflowCancellation::WaitCancellationCompleted,
            },
            user_metadata: None,
        },
        "cancel-child" => Command::CancelChildWorkflow { seq: seq(), reason: "why not".to_owned() },
        "signal" => Command::SignalExternalWorkflow {
            seq: seq(),
            attributes: Box::new(SignalExternalWorkflowExecutionCommandAttributes {
                signal_name: word(2).to_owned(),
                ..SignalExternalWorkflowExecutionCommandAttributes::default()
            }),
            user_metadata: None,
        },
        "cancel-signal" => Command::CancelSignalExternalWorkflow { seq: seq() },
        "cancel-external" => Command::RequestCancelExternalWorkflow {
            seq: seq(),
            attributes: Box::new(RequestCancelExternalWorkflowExecutionCommandAttributes {
                workflow_id: word(2).to_owned(),
                reason: "tired".to_owned(),
                ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
            }),
        },
        "nexus" => Command::ScheduleNexusOperation {
            seq: seq(),
            attributes: Box::new(ScheduleNexusOperationCommandAttributes {
                operation: word(2).to_owned(),
                ..ScheduleNexusOperationCommandAttributes::default()
            }),
            cancellation: match word(3) {
                "abandon" => NexusCancellation::Abandon,
                "try" => NexusCancellation::TryCancel,
                "requested" => NexusCancellation::WaitCancellationRequested,
                _ => NexusCancellation::WaitCancellationCompleted,
            },
            user_metadata: None,
        },
        "cancel-nexus" => Command::CancelNexusOperation { seq: seq() },
        "upsert" => Command::UpsertSearchAttributes(SearchAttributes {
            indexed_fields: BTreeMap::from([(words[1].to_owned(), payload("x"))]),
        }),
        "memo" => Command::UpsertMemo(Memo::default()),
        "complete-update" => Command::CompleteUpdate {
            protocol_instance_id: words[1].to_owned(),
            outcome: Outcome::Completed(None),
        },
        "complete" => Command::CompleteWorkflow(Box::new(CompleteWorkflowExecutionCommandAttributes {
            result: Some(Payloads { payloads: vec![payload(word(1))] }),
        })),
        "fail" => Command::FailWorkflow(Box::new(FailWorkflowExecutionCommandAttributes {
            failure: Some(failure("failed")),
        })),
        "cancel" => Command::CancelWorkflow(Box::default()),
        "continue" => Command::ContinueAsNew(Box::default()),
        other => panic!("no such command: {other}"),
    })
}

fn patched(patch_id: &str, is_replaying: bool, patches: &mut Patches) -> bool {
    *patches.entry(patch_id.to_owned()).or_insert(!is_replaying)
}

fn activity_cancellation(word: &str) -> ActivityCancellation {
    match word {
        "wait" => ActivityCancellation::WaitCancellationCompleted,
        "abandon" => ActivityCancellation::Abandon,
        _ => ActivityCancellation::TryCancel,
    }
}
