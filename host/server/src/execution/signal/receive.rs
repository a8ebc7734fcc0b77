//! Records signals in a run, from clients and from other runs.

use host_wire::{
    EventAttributes,
    temporal::api::{
        common::v1::{Header, Link, Payloads, WorkflowExecution},
        history::v1::WorkflowExecutionSignaledEventAttributes,
    },
};

use crate::{
    error::Error,
    execution::{
        request::{check_input, check_length, check_name},
        run::Run,
        run_transition::RunTransition,
        workflow_task::schedule::schedule_task,
    },
    limits,
};

/// A signal to a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signal {
    pub(crate) name: String,
    pub(crate) input: Option<Payloads>,
    pub(crate) identity: String,
    pub(crate) header: Option<Header>,
    pub(crate) request_id: String,
    /// The run that sends it; none for signals of clients.
    pub(crate) external: Option<WorkflowExecution>,
    pub(crate) links: Vec<Link>,
}

impl Signal {
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_name("SignalName", &self.name)?;
        check_length("RequestId", &self.request_id)?;
        check_input(self.input.as_ref(), self.header.as_ref())
    }
}

/// Records a signal and schedules a workflow task. A request id that the run knows changes nothing.
///
/// # Errors
///
/// When the run is closed, is closing, or has received [`limits::SIGNALS`] signals.
pub(crate) fn receive(run: &mut RunTransition<'_>, signal: Signal) -> Result<(), Error> {
    let closes = run.workflow_tasks().close_attempted() && run.workflow_tasks().started_task().is_some();
    if closes && run.is_open() && !is_known(run, &signal) {
        return Err(Error::closing());
    }
    deliver(run, signal)
}

/// As [`receive`], also while the run is closing: for signals whose senders cannot try again.
///
/// # Errors
///
/// When the run is closed or has received [`limits::SIGNALS`] signals.
pub(crate) fn deliver(run: &mut RunTransition<'_>, signal: Signal) -> Result<(), Error> {
    if !run.is_open() {
        return Err(Error::completed());
    }
    if is_known(run, &signal) {
        return Ok(());
    }
    if run.signals().count() >= limits::SIGNALS {
        return Err(Error::invalid("exceeded workflow execution limit for signal events"));
    }
    record(run, signal);
    schedule_task(run);
    Ok(())
}

fn is_known(run: &Run, signal: &Signal) -> bool {
    !signal.request_id.is_empty() && run.signals().knows(&signal.request_id)
}

pub(crate) fn record(run: &mut RunTransition<'_>, signal: Signal) {
    let attributes = EventAttributes::WorkflowExecutionSignaledEventAttributes(Box::new(
        WorkflowExecutionSignaledEventAttributes {
            signal_name: signal.name,
            input: signal.input,
            identity: signal.identity,
            header: signal.header,
            skip_generate_workflow_task: false,
            external_workflow_execution: signal.external,
            request_id: signal.request_id,
        },
    ));
    run.record_linked(attributes, signal.links);
}
