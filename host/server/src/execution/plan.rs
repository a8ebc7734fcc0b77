//! Checks of commands: the run as earlier commands of the completion leave it, and refusals.

use std::collections::{BTreeMap, HashSet};

use host_wire::temporal::api::{
    common::v1::{Header, Payload, Payloads, SearchAttributes},
    enums::v1::WorkflowTaskFailedCause as Cause,
};
use prost::Message;

use crate::{
    execution::{
        executions::{Executions, is_run_id},
        run::Run,
        update::plan::UpdatePlan,
    },
    limits,
    nexus::endpoints::Endpoints,
    visibility::registry::Registry,
};

/// An invalid command. The workflow task fails with this cause.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BadCommand {
    pub(crate) cause: Cause,
    pub(crate) message: String,
}

/// A refusal of a completion.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refused {
    /// The workflow task fails.
    Bad(BadCommand),
    /// The workflow task fails, and the run is terminated.
    Fatal(BadCommand),
    /// Nothing is recorded.
    Invalid(String),
}

pub(crate) fn bad(cause: Cause, message: impl Into<String>) -> Refused {
    Refused::Bad(BadCommand { cause, message: message.into() })
}

pub(crate) fn fatal(cause: Cause, message: impl Into<String>) -> Refused {
    Refused::Fatal(BadCommand { cause, message: message.into() })
}

/// The run as it will be after the commands checked so far.
pub(crate) struct Plan<'a> {
    pub(crate) run: &'a Run,
    /// The Nexus endpoints that there are.
    pub(crate) endpoints: &'a Endpoints,
    /// The search attributes that runs may have.
    registry: &'a Registry,
    /// Those of the run, once a command changes them.
    pub(crate) search_attributes: Option<BTreeMap<String, Payload>>,
    pub(crate) activity_ids: HashSet<String>,
    pub(crate) activities: usize,
    pub(crate) timer_ids: HashSet<String>,
    pub(crate) children: usize,
    /// Workflow ids of children that earlier commands start.
    pub(crate) initiated_children: HashSet<String>,
    pub(crate) external_signals: usize,
    pub(crate) external_cancels: usize,
    pub(crate) nexus_operations: usize,
    /// Scheduled event ids of Nexus operations that earlier commands cancel.
    pub(crate) canceled_nexus_operations: HashSet<i64>,
    pub(crate) buffered: usize,
    /// Bytes that the first event of a successor would have.
    pub(crate) successor_bytes: usize,
    pub(crate) updates: UpdatePlan,
    pub(crate) closes: bool,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(run: &'a Run, executions: &'a Executions, updates: UpdatePlan) -> Self {
        Self {
            run,
            endpoints: &executions.endpoints,
            registry: &executions.search_attributes,
            search_attributes: None,
            activity_ids: run
                .activities()
                .iter()
                .map(|activity| activity.scheduled.activity_id.clone())
                .collect(),
            activities: run.activities().len(),
            timer_ids: run.timers().ids().cloned().collect(),
            children: run.children().len(),
            initiated_children: HashSet::new(),
            external_signals: run.externals().signal_count(),
            external_cancels: run.externals().cancel_count(),
            nexus_operations: run.nexus().len(),
            canceled_nexus_operations: HashSet::new(),
            buffered: run.buffer().events().len(),
            successor_bytes: successor_bytes(run),
            updates,
            closes: false,
        }
    }

    /// Checks search attributes that a command gives to a run of the namespace.
    pub(crate) fn check_search_attributes(
        &self,
        namespace: &str,
        attributes: Option<&SearchAttributes>,
    ) -> Result<(), Refused> {
        let checked = self.registry.check(namespace, attributes);
        checked.map_err(|error| bad(Cause::BadSearchAttributes, error.to_string()))
    }

    /// As [`Self::check_search_attributes`], for a run that starts with these alone.
    pub(crate) fn check_first_search_attributes(
        &self,
        cause: Cause,
        namespace: &str,
        attributes: Option<&SearchAttributes>,
    ) -> Result<(), Refused> {
        self.check_search_attributes(namespace, attributes)?;
        Registry::check_first_size(attributes).map_err(|error| fatal(cause, error.to_string()))
    }

    /// Names the types of search attributes in their payloads.
    pub(crate) fn name_types(&self, namespace: &str, attributes: Option<&mut SearchAttributes>) {
        self.registry.name_types(namespace, attributes);
    }

    /// Checks memo fields or search attributes that a command adds: a successor starts with all of them in one event.
    pub(crate) fn add_attributes(&mut self, cause: Cause, what: &str, bytes: usize) -> Result<(), Refused> {
        self.successor_bytes += bytes;
        if self.successor_bytes > limits::EVENT_BYTES {
            return Err(bad(cause, format!("{what} exceeds size limit.")));
        }
        Ok(())
    }

    /// Checks a command that closes the run: UnhandledCommand while events are buffered that the worker has not seen.
    pub(crate) fn close(&mut self) -> Result<(), Refused> {
        if self.buffered > 0 {
            return Err(bad(Cause::UnhandledCommand, String::new()));
        }
        self.closes = true;
        Ok(())
    }
}

fn successor_bytes(run: &Run) -> usize {
    let start = run.start().attributes();
    let inherited = [
        start.input.as_ref().map_or(0, Message::encoded_len),
        start.header.as_ref().map_or(0, Message::encoded_len),
        start.last_completion_result.as_ref().map_or(0, Message::encoded_len),
        start.retry_policy.as_ref().map_or(0, Message::encoded_len),
    ];
    inherited.iter().sum::<usize>() + run.attributes().bytes()
}

/// Checks that an id or name is set and at most [`limits::ID_BYTES`] long.
pub(crate) fn check_id(cause: Cause, what: &str, command: &str, id: &str) -> Result<(), Refused> {
    if id.is_empty() {
        return Err(bad(cause, format!("{what} is not set on {command}.")));
    }
    if id.len() > limits::ID_BYTES {
        return Err(bad(cause, format!("{what} on {command} exceeds length limit.")));
    }
    Ok(())
}

/// Checks that a run id, if one is given, has the form of one.
pub(crate) fn check_run_id(cause: Cause, command: &str, run_id: &str) -> Result<(), Refused> {
    if run_id.is_empty() || is_run_id(run_id) {
        return Ok(());
    }
    Err(bad(cause, format!("Invalid RunId set on {command}.")))
}

/// Checks that payloads have at most [`limits::BLOB_BYTES`].
pub(crate) fn check_payloads(cause: Cause, what: &str, payloads: Option<&Payloads>) -> Result<(), Refused> {
    check_input(cause, what, payloads, None)
}

/// Checks that payloads with the header that goes along have at most [`limits::BLOB_BYTES`].
pub(crate) fn check_input(
    cause: Cause,
    what: &str,
    payloads: Option<&Payloads>,
    header: Option<&Header>,
) -> Result<(), Refused> {
    let size = payloads.map_or(0, Message::encoded_len) + header.map_or(0, Message::encoded_len);
    if size > limits::BLOB_BYTES {
        return Err(bad(cause, format!("{what} of {size} bytes exceeds size limit.")));
    }
    Ok(())
}
