//! An interceptor that tells in which process it runs.

use host_activities::interceptors::{
    ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next,
};
use host_activities::types::Payload;
use rustix::process::getpid;

/// Passes its process id as the argument, and subtracts it from the result.
pub(crate) struct PassesItsId;

impl ActivityInboundInterceptor for PassesItsId {
    fn execute_activity<'a>(
        &'a self,
        mut input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let id = getpid().as_raw_pid();
        input.arguments_mut()[0] = Payload::from_value(&id).unwrap();
        Box::pin(async move {
            let doubled: i32 = next.run(input).await?.to_value().unwrap();
            Ok(Payload::from_value(&(doubled - id)).unwrap())
        })
    }
}
