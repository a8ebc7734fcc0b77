//! One schedule.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use host_wire::{
    duration_to_proto,
    temporal::api::{
        enums::v1::ScheduleOverlapPolicy as Overlap,
        schedule::v1::{
            Schedule as Message, ScheduleInfo, SchedulePolicies, ScheduleSpec, ScheduleState,
            schedule_action::Action,
        },
        workflow::v1::NewWorkflowExecutionInfo,
    },
};

use crate::{
    entity::EntityBody as _,
    limits,
    namespace::namespace_id,
    schedule::{
        record::{Definition, Outcome, Progress, ScheduleBody, ScheduleIdentity},
        spec::Spec,
    },
    time::{Time, positive},
};

static EMPTY_INFO: LazyLock<ScheduleInfo> = LazyLock::new(ScheduleInfo::default);
static EMPTY_STATE: LazyLock<ScheduleState> = LazyLock::new(ScheduleState::default);

/// A schedule, in memory.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) identity: ScheduleIdentity,
    pub(crate) definition: Definition,
    pub(crate) progress: Progress,
    pub(crate) outcome: Outcome,
    /// The times of the definition; the reason where this version cannot compute them.
    pub(super) spec: Result<Arc<Spec>, String>,
    /// Whether its running workflows may have ended without a word: it was read from storage, or one was damaged.
    pub(crate) is_unverified: bool,
    /// Records since the last that has everything.
    pub(super) records: usize,
}

impl Schedule {
    /// A schedule that is created now. It takes its steps later.
    pub(crate) fn new(
        identity: ScheduleIdentity,
        definition: Definition,
        spec: Spec,
        state: ScheduleState,
        now: Time,
    ) -> Self {
        let info = ScheduleInfo { create_time: Some(now.into()), ..ScheduleInfo::default() };
        let progress = Progress {
            state: Some(state),
            info: Some(info),
            processed: Some(now.into()),
            conflict_token: FIRST_CONFLICT_TOKEN,
            ..Progress::default()
        };
        Self {
            identity,
            definition,
            progress,
            outcome: Outcome::default(),
            spec: Ok(Arc::new(spec)),
            is_unverified: false,
            records: 0,
        }
    }

    /// A schedule from its records, in order; nothing if they do not have all of it, or end with its deletion.
    pub(crate) fn from_records(bodies: impl IntoIterator<Item = ScheduleBody>) -> Option<Self> {
        let mut all = ScheduleBody::default();
        let mut records = 0;
        for body in bodies {
            records = if body.replaces_all() { 0 } else { records + 1 };
            let ScheduleBody { identity, definition, progress, outcome, is_deleted } = body;
            all.identity = identity.or(all.identity);
            all.definition = definition.or(all.definition);
            all.progress = progress.or(all.progress);
            all.outcome = outcome.or(all.outcome);
            all.is_deleted = is_deleted;
        }
        if all.is_deleted {
            return None;
        }
        let definition = all.definition?;
        let spec = Spec::new(definition.spec.as_ref().unwrap_or(&ScheduleSpec::default())).map(Arc::new);
        Some(Self {
            identity: all.identity?,
            definition,
            progress: all.progress?,
            outcome: all.outcome?,
            spec,
            is_unverified: true,
            records,
        })
    }

    pub(crate) fn info(&self) -> &ScheduleInfo {
        self.progress.info.as_ref().unwrap_or(&EMPTY_INFO)
    }

    pub(super) fn info_mut(&mut self) -> &mut ScheduleInfo {
        self.progress.info.get_or_insert_default()
    }

    pub(crate) fn state(&self) -> &ScheduleState {
        self.progress.state.as_ref().unwrap_or(&EMPTY_STATE)
    }

    pub(super) fn state_mut(&mut self) -> &mut ScheduleState {
        self.progress.state.get_or_insert_default()
    }

    pub(super) fn policies(&self) -> SchedulePolicies {
        self.definition.policies.unwrap_or_default()
    }

    /// Times up to here were taken.
    pub(super) fn processed(&self) -> Time {
        self.progress.processed.map(Time::from).unwrap_or_default()
    }

    /// The workflow that an action starts.
    pub(super) fn workflow(&self) -> Option<&NewWorkflowExecutionInfo> {
        match self.definition.action.as_ref()?.action.as_ref()? {
            Action::StartWorkflow(workflow) => Some(workflow),
        }
    }

    /// The whole as messages show it.
    pub(crate) fn message(&self) -> Message {
        Message {
            spec: self.definition.spec.clone(),
            action: self.definition.action.clone(),
            policies: self.definition.policies,
            state: self.progress.state.clone(),
        }
    }

    /// The schedule or its state was changed: tokens that were given out before do not fit any more.
    pub(super) fn raise_token(&mut self) {
        self.progress.conflict_token += 1;
    }

    pub(super) fn seed(&self) -> String {
        format!("{}-{}", namespace_id(&self.identity.namespace), self.identity.schedule_id)
    }

    /// The policy of an action that has none of its own.
    pub(super) fn resolve(&self, policy: Overlap) -> Overlap {
        match (policy, self.policies().overlap_policy()) {
            (Overlap::Unspecified, Overlap::Unspecified) => Overlap::Skip,
            (Overlap::Unspecified, own) => own,
            (policy, _) => policy,
        }
    }

    pub(super) fn catchup_window(&self) -> Duration {
        positive(self.policies().catchup_window).unwrap_or_default().max(limits::SCHEDULE_CATCHUP_WINDOW)
    }

    /// Whether an action may be taken that no request asked for.
    pub(super) fn may_act(&self) -> bool {
        let state = self.state();
        !state.paused && (!state.limited_actions || state.remaining_actions > 0)
    }

    /// Whether the request with this id changed the schedule before.
    pub(crate) fn has_request(&self, request_id: &str) -> bool {
        !request_id.is_empty() && self.progress.request_ids.iter().any(|known| known == request_id)
    }

    pub(super) fn note_request(&mut self, request_id: String) {
        if !request_id.is_empty() {
            let known = &mut self.progress.request_ids;
            known.push(request_id);
            let old = known.len().saturating_sub(limits::SCHEDULE_REQUEST_IDS);
            known.drain(..old);
        }
    }

    /// Whether it started this workflow, which has not closed as far as it knows.
    pub(crate) fn is_running(&self, workflow_id: &str, first_run_id: &str) -> bool {
        let mut running = self.info().running_workflows.iter();
        running.any(|it| it.workflow_id == workflow_id && it.run_id == first_run_id)
    }
}

/// The token of a schedule that was not changed since it was created.
pub(crate) const FIRST_CONFLICT_TOKEN: i64 = 1;

/// Policies with what they leave out filled in, so that a description shows it.
pub(crate) fn filled(policies: Option<SchedulePolicies>) -> SchedulePolicies {
    let mut policies = policies.unwrap_or_default();
    if policies.overlap_policy() == Overlap::Unspecified {
        policies.overlap_policy = Overlap::Skip.into();
    }
    let window = match policies.catchup_window {
        None => limits::SCHEDULE_DEFAULT_CATCHUP_WINDOW,
        window => positive(window).unwrap_or_default().max(limits::SCHEDULE_CATCHUP_WINDOW),
    };
    policies.catchup_window = Some(duration_to_proto(window));
    policies
}

impl Schedule {
    /// A workflow that was started has this run.
    pub(super) fn name_run(&mut self, workflow_id: &str, run_id: &str) {
        let info = self.info_mut();
        let of_actions =
            info.recent_actions.iter_mut().filter_map(|action| action.start_workflow_result.as_mut());
        let nameless = of_actions.chain(&mut info.running_workflows);
        for it in nameless.filter(|it| it.workflow_id == workflow_id && it.run_id.is_empty()) {
            run_id.clone_into(&mut it.run_id);
        }
    }
}

impl Schedule {
    /// What of it differs from before, for storage; everything if it is new, and from time to time, so that records
    /// before can be dropped.
    pub(crate) fn changes_since(&mut self, before: Option<&Self>) -> Option<ScheduleBody> {
        let is_all = before.is_none() || self.records >= limits::SCHEDULE_RECORDS;
        let differs = |is_same: fn(&Self, &Self) -> bool| before.is_none_or(|before| !is_same(self, before));
        let definition = differs(|a, b| a.definition == b.definition);
        let progress = differs(|a, b| a.progress == b.progress);
        let outcome = differs(|a, b| a.outcome == b.outcome);
        if !(definition || progress || outcome) {
            return None;
        }
        let body = ScheduleBody {
            identity: Some(self.identity.clone()),
            definition: (is_all || definition).then(|| self.definition.clone()),
            progress: (is_all || progress).then(|| self.progress.clone()),
            outcome: (is_all || outcome).then(|| self.outcome.clone()),
            is_deleted: false,
        };
        self.records = if body.replaces_all() { 0 } else { self.records + 1 };
        Some(body)
    }
}
