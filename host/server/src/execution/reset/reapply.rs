//! Events of the old runs that happen to the new run as well: signals, updates, and what became of children that the
//! new run has. As `reapplyEvents` of Temporal's server.

use host_wire::{
    EventAttributes,
    temporal::api::{
        enums::v1::{
            ResetReapplyExcludeType as Excluded, ResetReapplyType as Included, UpdateAdmittedEventOrigin,
        },
        history::v1::{
            HistoryEvent, WorkflowExecutionSignaledEventAttributes,
            WorkflowExecutionUpdateAdmittedEventAttributes,
        },
        update::v1::Request,
        workflowservice::v1::ResetWorkflowExecutionRequest,
    },
};

use crate::execution::run_transition::RunTransition;

/// Which events a reset leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exclusions {
    signals: bool,
    updates: bool,
    pub(super) nexus: bool,
}

impl Exclusions {
    /// Those that a request asks for, by its list or by the older field that names what is reapplied.
    pub(super) fn of(request: &ResetWorkflowExecutionRequest) -> Self {
        let mut exclusions = match request.reset_reapply_type() {
            Included::Unspecified | Included::AllEligible => {
                Self { signals: false, updates: false, nexus: false }
            }
            Included::Signal => Self { signals: false, updates: true, nexus: false },
            Included::None => Self { signals: true, updates: true, nexus: false },
        };
        for excluded in request.reset_reapply_exclude_types() {
            match excluded {
                Excluded::Unspecified | Excluded::CancelRequest => {}
                Excluded::Signal => exclusions.signals = true,
                Excluded::Update => exclusions.updates = true,
                Excluded::Nexus => exclusions.nexus = true,
            }
        }
        exclusions
    }

    /// Whether no event at all is looked at, not even those of children.
    pub(super) fn are_all(self) -> bool {
        self.signals && self.updates && self.nexus
    }
}

/// Lets an event of an old run happen to the new run, if it is one of those that do.
pub(super) fn reapply(run: &mut RunTransition<'_>, event: HistoryEvent, exclusions: Exclusions) {
    use EventAttributes as A;
    let links = event.links;
    match event.attributes {
        Some(A::WorkflowExecutionSignaledEventAttributes(a)) if !exclusions.signals => {
            // With its request id: a client that sends it once more gets no second signal, neither here nor where
            // it sent it to two runs of the chain.
            if !a.request_id.is_empty() && run.signals().knows(&a.request_id) {
                return;
            }
            let signaled = WorkflowExecutionSignaledEventAttributes {
                external_workflow_execution: None,
                skip_generate_workflow_task: false,
                ..*a
            };
            run.record_linked(A::WorkflowExecutionSignaledEventAttributes(Box::new(signaled)), links);
        }
        Some(A::WorkflowExecutionUpdateAdmittedEventAttributes(a)) if !exclusions.updates => {
            let origin = a.origin();
            admit(run, a.request, origin);
        }
        // Without its request, the event of its admission comes before it.
        Some(A::WorkflowExecutionUpdateAcceptedEventAttributes(a)) if !exclusions.updates => {
            admit(run, a.accepted_request, UpdateAdmittedEventOrigin::Reapply);
        }
        Some(A::WorkflowExecutionOptionsUpdatedEventAttributes(a)) => {
            run.record_linked(A::WorkflowExecutionOptionsUpdatedEventAttributes(a), links);
        }
        // A request to cancel was for the old run, and what a worker did follows from the new run's own tasks.
        _ => {}
    }
}

/// Lets what became of a child of the old run happen to the new run, if that has the child open.
pub(super) fn reapply_child(run: &mut RunTransition<'_>, event: &HistoryEvent) {
    use EventAttributes as A;
    let mut attributes = event.attributes.clone();
    let (initiated_event_id, started_event_id) = match &mut attributes {
        Some(A::StartChildWorkflowExecutionFailedEventAttributes(a)) => (a.initiated_event_id, None),
        Some(A::ChildWorkflowExecutionStartedEventAttributes(a)) => {
            if run.children().get(a.initiated_event_id).is_some_and(|child| !child.run_id.is_empty()) {
                return;
            }
            (a.initiated_event_id, None)
        }
        Some(A::ChildWorkflowExecutionCompletedEventAttributes(a)) => {
            (a.initiated_event_id, Some(&mut a.started_event_id))
        }
        Some(A::ChildWorkflowExecutionFailedEventAttributes(a)) => {
            (a.initiated_event_id, Some(&mut a.started_event_id))
        }
        Some(A::ChildWorkflowExecutionCanceledEventAttributes(a)) => {
            (a.initiated_event_id, Some(&mut a.started_event_id))
        }
        Some(A::ChildWorkflowExecutionTimedOutEventAttributes(a)) => {
            (a.initiated_event_id, Some(&mut a.started_event_id))
        }
        Some(A::ChildWorkflowExecutionTerminatedEventAttributes(a)) => {
            (a.initiated_event_id, Some(&mut a.started_event_id))
        }
        _ => return,
    };
    let Some(child) = run.children().get(initiated_event_id) else { return };
    if let Some(started_event_id) = started_event_id {
        *started_event_id = child.started_event_id;
    }
    if let Some(attributes) = attributes {
        run.record(attributes);
    }
}

/// Lets what became of a Nexus operation of the old run happen to the new run, if that has the operation open.
pub(super) fn reapply_nexus(run: &mut RunTransition<'_>, event: &HistoryEvent) {
    use EventAttributes as A;
    let (id, request_id, starts) = match &event.attributes {
        Some(A::NexusOperationStartedEventAttributes(a)) => (a.scheduled_event_id, &a.request_id, true),
        Some(A::NexusOperationCompletedEventAttributes(a)) => (a.scheduled_event_id, &a.request_id, false),
        Some(A::NexusOperationFailedEventAttributes(a)) => (a.scheduled_event_id, &a.request_id, false),
        Some(A::NexusOperationCanceledEventAttributes(a)) => (a.scheduled_event_id, &a.request_id, false),
        Some(A::NexusOperationTimedOutEventAttributes(a)) => (a.scheduled_event_id, &a.request_id, false),
        _ => return,
    };
    let Some(operation) = run.nexus().get(id).filter(|it| it.scheduled.request_id == *request_id) else {
        return;
    };
    if starts && operation.token.is_some() {
        return;
    }
    if let Some(attributes) = event.attributes.clone() {
        run.record_linked(attributes, event.links.clone());
    }
}

/// Admits an update once more. Runs that continue each other may have had updates of the same id.
fn admit(run: &mut RunTransition<'_>, request: Option<Request>, origin: UpdateAdmittedEventOrigin) {
    let Some(request) = request else { return };
    let update_id = request.meta.as_ref().map_or("", |meta| &meta.update_id);
    if run.updates().recorded(update_id).is_some() {
        return;
    }
    run.record(EventAttributes::WorkflowExecutionUpdateAdmittedEventAttributes(Box::new(
        WorkflowExecutionUpdateAdmittedEventAttributes { request: Some(request), origin: origin.into() },
    )));
}
