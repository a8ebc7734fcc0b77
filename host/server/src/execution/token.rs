//! Task tokens, with which workers name the attempt that they report about. They stay valid over restarts.

use bytes::Bytes;
use prost::Message;

use crate::{
    error::Error,
    execution::{
        executions::Executions,
        loading::NotReady,
        nexus::state::{CallKind, Operation},
        record::RunNumber,
        run::Run,
    },
    time::Time,
};

/// One attempt of a workflow task or of an activity.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TaskToken {
    #[prost(string, tag = "1")]
    pub(crate) run_id: String,
    #[prost(uint64, tag = "2")]
    pub(crate) run: RunNumber,
    #[prost(int64, tag = "3")]
    pub(crate) scheduled_event_id: i64,
    /// 0 for activities, whose started event does not exist yet.
    #[prost(int64, tag = "4")]
    pub(crate) started_event_id: i64,
    #[prost(int32, tag = "5")]
    pub(crate) attempt: i32,
    #[prost(int64, tag = "6")]
    pub(crate) started_nanos: i64,
    /// Set for a query that is not part of a workflow task.
    #[prost(uint64, tag = "7")]
    pub(crate) query: u64,
    /// Set for a call of the handler of a Nexus operation: 1 for one that starts it, 2 for one that cancels it.
    #[prost(uint32, tag = "8")]
    pub(crate) nexus_call: u32,
}

impl TaskToken {
    /// Decodes the token of a request.
    pub(crate) fn parse(token: &Bytes) -> Result<Self, Error> {
        if token.is_empty() {
            return Err(Error::invalid("Task token not set on request."));
        }
        Self::decode(token.clone()).map_err(|_| Error::invalid("Error deserializing task token."))
    }

    /// The token of the workflow task that is started.
    pub(crate) fn of_task(number: RunNumber, run: &Run) -> Option<Self> {
        let (task, started) = run.workflow_tasks().started_task()?;
        Some(Self {
            run_id: run.identity().run_id.clone(),
            run: number,
            scheduled_event_id: task.scheduled_event_id,
            started_event_id: started.event_id,
            attempt: task.attempt,
            started_nanos: started.time.0,
            ..Self::default()
        })
    }

    /// The token of the attempt of an activity that is started.
    pub(crate) fn of_activity(number: RunNumber, run: &Run, id: i64) -> Option<Self> {
        let activity = run.activities().get(id)?;
        let attempt = activity.started.as_ref()?.attempt;
        let started: Time = activity.started.as_ref()?.time;
        Some(Self {
            run_id: run.identity().run_id.clone(),
            run: number,
            scheduled_event_id: id,
            started_event_id: 0,
            attempt,
            started_nanos: started.0,
            ..Self::default()
        })
    }

    /// The run, if this is the token of its started workflow task.
    pub(crate) fn check_task<'w>(
        &self,
        executions: &'w Executions,
        namespace: &str,
    ) -> Result<&'w Run, NotReady> {
        let run = self.run(executions, namespace)?.ok_or_else(Error::no_task)?;
        if Self::of_task(self.run, run).as_ref() == Some(self) {
            Ok(run)
        } else {
            Err(Error::no_task().into())
        }
    }

    /// The run, if this is the token of a started attempt of one of its activities.
    pub(crate) fn check_activity<'w>(
        &self,
        executions: &'w Executions,
        namespace: &str,
    ) -> Result<&'w Run, NotReady> {
        let run = self.run(executions, namespace)?.ok_or_else(Error::no_activity)?;
        if Self::of_activity(self.run, run, self.scheduled_event_id).as_ref() == Some(self) {
            Ok(run)
        } else {
            Err(Error::no_activity().into())
        }
    }

    /// The token of an attempt to call the handler of a Nexus operation.
    pub(crate) fn of_nexus(number: RunNumber, run: &Run, id: i64, kind: CallKind, attempt: i32) -> Self {
        Self {
            run_id: run.identity().run_id.clone(),
            run: number,
            scheduled_event_id: id,
            attempt,
            nexus_call: nexus_call(kind),
            ..Self::default()
        }
    }

    /// Checks that this is the token of a call that one of the run's operations waits for. The namespace of its worker may be
    /// another than that of the run.
    pub(crate) fn check_nexus(&self, executions: &Executions) -> Result<(), NotReady> {
        let run = self.run(executions, "")?;
        let operation = run.and_then(|run| run.nexus().get(self.scheduled_event_id));
        match operation.and_then(Operation::current_call) {
            Some((kind, call)) if (nexus_call(kind), call.ended) == (self.nexus_call, self.attempt) => Ok(()),
            _ => Err(Error::no_nexus_task().into()),
        }
    }

    fn run<'w>(&self, executions: &'w Executions, namespace: &str) -> Result<Option<&'w Run>, NotReady> {
        let of_namespace = |run: &&Run| namespace.is_empty() || run.identity().namespace == namespace;
        let run = executions.run(self.run)?;
        Ok(run.filter(|run| run.identity().run_id == self.run_id).filter(of_namespace))
    }
}

fn nexus_call(kind: CallKind) -> u32 {
    match kind {
        CallKind::Start => 1,
        CallKind::Cancel => 2,
    }
}
