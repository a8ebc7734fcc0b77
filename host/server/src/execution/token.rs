//! Task tokens, with which workers name the attempt that they report about. They stay valid over restarts.

use bytes::Bytes;
use prost::Message;

use crate::{
    error::Error,
    execution::{executions::Executions, loading::NotReady, record::RunNumber, run::Run},
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
            query: 0,
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
            query: 0,
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

    fn run<'w>(&self, executions: &'w Executions, namespace: &str) -> Result<Option<&'w Run>, NotReady> {
        let of_namespace = |run: &&Run| namespace.is_empty() || run.identity().namespace == namespace;
        let run = executions.run(self.run)?;
        Ok(run.filter(|run| run.identity().run_id == self.run_id).filter(of_namespace))
    }
}
