//! UpdateWorkflowExecution.

use host_wire::temporal::api::{
    update::v1::UpdateRef,
    workflowservice::v1::{UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse},
};
use tonic::{Request, Status};

use crate::{
    api::{context::Context, deadline::Deadline, update_stage::AwaitedUpdate},
    error::Error,
    execution::update::{
        admit::{Update, admit, find},
        state::UpdateNumber,
    },
};

pub(crate) async fn handle(
    context: &Context,
    request: Request<UpdateWorkflowExecutionRequest>,
) -> Result<UpdateWorkflowExecutionResponse, Status> {
    let deadline = Deadline::of(&request);
    let mut request = request.into_inner();
    let update = Update::of(&mut request, || context.new_id())?;
    context.check_room()?;
    let room = Room::reserve(context, &update)?;
    let mut awaited = None;
    let (admitted, position) = context
        .transition(
            request,
            find,
            |transition, _, number| {
                let admitted = transition.change(number, |run| admit(run, &update, room.number))?;
                let execution = Some(transition.run(number).execution());
                let reference =
                    UpdateRef { workflow_execution: execution, update_id: update.id().to_owned() };
                Ok((number, reference, admitted))
            },
            |shard, admitted| {
                if let Ok((_, _, Some(number))) = admitted {
                    shard.updates.enter(*number);
                    awaited = Some(*number);
                }
            },
        )
        .await?;
    let (run, reference, _) = match admitted {
        Ok(admitted) => admitted,
        Err(error) => {
            context.on_disk(position).await?;
            return Err(error.into());
        }
    };
    room.keep_if(awaited);
    let awaited = AwaitedUpdate::new(context, run, reference, awaited);
    let reached = awaited.reach(update.wait_stage, deadline).await?;
    Ok(UpdateWorkflowExecutionResponse {
        update_ref: Some(awaited.reference().clone()),
        outcome: reached.outcome,
        stage: reached.stage.into(),
        ..Default::default()
    })
}

/// Room for an update until it is admitted, and then until a worker decides it.
pub(super) struct Room<'a> {
    context: &'a Context,
    pub(super) number: UpdateNumber,
    is_used: bool,
}

impl<'a> Room<'a> {
    /// # Errors
    ///
    /// RESOURCE_EXHAUSTED when too many updates wait.
    pub(super) fn reserve(context: &'a Context, update: &Update) -> Result<Self, Status> {
        let number = context.lock().updates.reserve(update.bytes());
        let number = number.ok_or_else(|| Error::too_many("updates wait for workers"))?;
        Ok(Self { context, number, is_used: false })
    }

    /// Keeps the room if the update was admitted under its number.
    pub(super) fn keep_if(mut self, admitted: Option<UpdateNumber>) {
        self.is_used = admitted == Some(self.number);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if !self.is_used {
            self.context.lock().updates.release(self.number);
        }
    }
}
