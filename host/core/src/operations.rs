//! All kinds of operations, one file each. Dispatch only.

use host_wire::temporal::api::enums::v1::CommandType;
#[cfg(test)]
use host_wire::temporal::api::enums::v1::EventType;

#[cfg(test)]
use crate::operation::{State, coverage::Pair};
use crate::{
    error::Error,
    history::Event,
    job::Job,
    operation::{Cancelled, Context, NewCommand, Operation, Progress},
};

/// `kind in module`: declares the module, which has a machine of that name, and makes it a kind of
/// [`AnyOperation`].
macro_rules! operations {
    ($( $kind:ident in $module:ident, )*) => {
        $( pub(crate) mod $module; )*

        /// An operation of any kind.
        #[derive(Debug)]
        pub(crate) enum AnyOperation {
            $( $kind($module::$kind), )*
        }

        $(
            impl From<$module::$kind> for AnyOperation {
                fn from(operation: $module::$kind) -> Self {
                    Self::$kind(operation)
                }
            }
        )*

        /// See [`Operation`], where each of these is described.
        impl AnyOperation {
            pub(crate) fn describe(&self, command: CommandType) -> String {
                match self {
                    $( Self::$kind(operation) => operation.describe(command), )*
                }
            }

            pub(crate) fn command(&mut self, command: CommandType) -> Option<NewCommand> {
                match self {
                    $( Self::$kind(operation) => operation.command(command), )*
                }
            }

            pub(crate) fn cancel(&mut self, reason: String, jobs: &mut Vec<Job>) -> Cancelled {
                match self {
                    $( Self::$kind(operation) => operation.cancel(reason, jobs), )*
                }
            }

            pub(crate) fn on_event(
                &mut self,
                event: &Event,
                context: &mut Context<'_>,
            ) -> Result<Progress, Error> {
                match self {
                    $( Self::$kind(operation) => operation.on_event(event, context), )*
                }
            }

            pub(crate) fn was_never_sent(&self) -> bool {
                match self {
                    $( Self::$kind(operation) => operation.was_never_sent(), )*
                }
            }

            pub(crate) fn event_id(&self) -> Option<i64> {
                match self {
                    $( Self::$kind(operation) => operation.event_id(), )*
                }
            }
        }

        /// Every pair of a state and an event type that a machine takes.
        #[cfg(test)]
        pub(crate) fn accepted_pairs() -> Vec<Pair> {
            let mut pairs = Vec::new();
            let types = (0..100).filter_map(|number| EventType::try_from(number).ok());
            $(
                for state in <<$module::$kind as Operation>::State as State>::all() {
                    let accepted = types.clone().filter(|event| {
                        <$module::$kind as Operation>::transition(state, *event).is_some()
                    });
                    pairs.extend(accepted.map(|event| Pair::new::<$module::$kind>(state, event)));
                }
            )*
            pairs
        }
    };
}

operations! {
    Activity in activity,
    LocalActivity in local_activity,
    Timer in timer,
    ChildWorkflow in child_workflow,
    SignalExternal in signal_external,
    CancelExternal in cancel_external,
    Nexus in nexus,
    Patch in patch,
    Update in update,
    Complete in complete,
    Fail in fail,
    Cancel in cancel,
    ContinueAsNew in continue_as_new,
    UpsertSearchAttributes in upsert_search_attributes,
    UpsertMemo in upsert_memo,
}

#[cfg(test)]
mod tests {
    use super::AnyOperation;

    #[test]
    fn operations_are_small_enough_to_be_moved_about() {
        assert!(size_of::<AnyOperation>() <= 200, "{}", size_of::<AnyOperation>());
    }
}
