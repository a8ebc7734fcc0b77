//! The memory that commands and log entries take in the host, as the limits count it.
//!
//! Nothing is left out: every record is destructured without `..`, and every variant is matched, so that a field
//! that is added to the contract does not compile until it is weighed. Every item of a list has the size of its
//! type, so that a list of empty items weighs something, too.

use crate::command::Command;
use crate::wit::workflow::host::{
    activities::{self, ActivityOptions, LocalActivityOptions},
    child_workflows::{self, ChildWorkflowOptions, IdReusePolicy, ParentClosePolicy, VersioningOverride},
    external_workflows::{SignalOptions, SignalTarget},
    log::{Entry, Level, Location},
    metrics::{Instrument, Measurement},
    nexus::{self, OperationOptions},
    time::TimerOptions,
    types::{
        ActivityFailure, ApplicationErrorCategory, ApplicationFailure, CanceledFailure, ChildWorkflowFailure,
        Encoding, Execution, FailureInfo, FailureLink, MetadataEntry, NamedPayload, NamespacedExecution,
        NexusHandlerFailure, NexusOperationFailure, NexusRetryBehavior, Outcome, Payload, Priority,
        RetryPolicy, RetryState, TimeoutFailure, TimeoutType, UserMetadata, VersioningIntent,
    },
    workflow::{ContinueAsNewOptions, ContinueAsNewVersioningBehavior},
};

/// A value that a guest passes to the host.
pub(crate) trait Weight {
    /// Bytes that the value takes beside its own size: those of its texts, lists and boxes.
    fn outside(&self) -> usize;

    /// Bytes that the value takes.
    fn weight(&self) -> usize {
        size_of_val(self).saturating_add(self.outside())
    }

    /// Bytes that the items of a list take.
    fn weights(items: &[Self]) -> usize
    where
        Self: Sized,
    {
        items.iter().map(Weight::weight).sum()
    }
}

impl Weight for String {
    fn outside(&self) -> usize {
        self.len()
    }
}

impl<T: Weight> Weight for Option<T> {
    fn outside(&self) -> usize {
        self.as_ref().map_or(0, Weight::outside)
    }
}

impl<T: Weight> Weight for Vec<T> {
    fn outside(&self) -> usize {
        T::weights(self)
    }
}

impl<T: Weight> Weight for Box<T> {
    fn outside(&self) -> usize {
        self.as_ref().weight()
    }
}

impl<A: Weight, B: Weight> Weight for (A, B) {
    fn outside(&self) -> usize {
        let (a, b) = self;
        a.outside() + b.outside()
    }
}

/// Values that take nothing beside their own size: `Copy` proves that they have no texts and lists.
macro_rules! plain {
    ($($name:ty = $light:expr),* $(,)?) => {$(
        impl Weight for $name {
            fn outside(&self) -> usize {
                fn is_copy<T: Copy>(_: &T) {}
                is_copy(self);
                0
            }
        }
        #[cfg(test)]
        impl tests::Sample for $name {
            fn light() -> Self {
                $light
            }

            fn heavy() -> Vec<Self> {
                Vec::new()
            }
        }
    )*};
}

/// Records, with all their fields.
macro_rules! records {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Weight for $name {
            fn outside(&self) -> usize {
                let Self { $($field),* } = self;
                0 $(+ $field.outside())*
            }
        }
        #[cfg(test)]
        impl tests::Sample for $name {
            fn light() -> Self {
                Self { $($field: tests::Sample::light()),* }
            }

            fn heavy() -> Vec<Self> {
                let mut all = Vec::new();
                $(
                    for value in tests::Sample::heavy() {
                        let mut sample: Self = tests::Sample::light();
                        sample.$field = value;
                        all.push(sample);
                    }
                )*
                all
            }
        }
    )*};
}

/// Variants: those without a value, and those with one.
macro_rules! variants {
    ($($name:ident { $($unit:ident),* ; $($variant:ident),* $(,)? })*) => {$(
        impl Weight for $name {
            fn outside(&self) -> usize {
                match self {
                    $(Self::$unit => 0,)*
                    $(Self::$variant(value) => value.outside(),)*
                }
            }
        }
        #[cfg(test)]
        impl tests::Sample for $name {
            fn light() -> Self {
                let mut all = vec![$(Self::$unit,)* $(Self::$variant(tests::Sample::light()),)*];
                all.swap_remove(0)
            }

            fn heavy() -> Vec<Self> {
                let mut all = Vec::new();
                $(all.extend(tests::Sample::heavy().into_iter().map(Self::$variant));)*
                all
            }
        }
    )*};
}

/// Commands, with all their fields.
macro_rules! commands {
    ($($command:ident { $($field:ident),* })*) => {
        impl Weight for Command {
            fn outside(&self) -> usize {
                match self {
                    $(Self::$command { $($field),* } => 0 $(+ $field.outside())*,)*
                }
            }
        }
        #[cfg(test)]
        impl tests::Heavy for Command {
            /// Every command, once for each text and list in it, which is filled.
            fn heavy() -> Vec<Self> {
                let mut all = Vec::new();
                $({
                    let light = || Self::$command { $($field: tests::Sample::light()),* };
                    $(
                        for value in tests::Sample::heavy() {
                            let mut command = light();
                            if let Self::$command { $field, .. } = &mut command {
                                *$field = value;
                            }
                            all.push(command);
                        }
                    )*
                })*
                all
            }
        }
    };
}

plain! {
    bool = false, u32 = 0, u64 = 0, i64 = 0, f32 = 0.0, f64 = 0.0,
    activities::CancellationType = activities::CancellationType::Abandon,
    child_workflows::CancellationType = child_workflows::CancellationType::Abandon,
    nexus::CancellationType = nexus::CancellationType::Abandon,
    ApplicationErrorCategory = ApplicationErrorCategory::Unspecified,
    ContinueAsNewVersioningBehavior = ContinueAsNewVersioningBehavior::Unspecified,
    IdReusePolicy = IdReusePolicy::Unspecified,
    Instrument = Instrument::Counter,
    Level = Level::Info,
    NexusRetryBehavior = NexusRetryBehavior::Unspecified,
    ParentClosePolicy = ParentClosePolicy::Unspecified,
    RetryState = RetryState::Unspecified,
    TimeoutType = TimeoutType::Unspecified,
    VersioningIntent = VersioningIntent::Unspecified,
}

records! {
    ActivityOptions {
        activity_id, activity_type, task_queue, headers, arguments, schedule_to_close_timeout,
        schedule_to_start_timeout, start_to_close_timeout, heartbeat_timeout, retry_policy, cancellation_type,
        do_not_eagerly_execute, versioning_intent, priority, user_metadata,
    }
    LocalActivityOptions {
        activity_id, activity_type, headers, arguments, attempt, original_schedule_time,
        schedule_to_close_timeout, schedule_to_start_timeout, start_to_close_timeout, retry_policy,
        local_retry_threshold, cancellation_type, include_arguments_in_marker, user_metadata,
    }
    ChildWorkflowOptions {
        namespace, workflow_id, workflow_type, task_queue, arguments, execution_timeout, run_timeout,
        task_timeout, parent_close_policy, id_reuse_policy, retry_policy, cron_schedule, headers, memo,
        search_attributes, cancellation_type, versioning_intent, priority, versioning_override, user_metadata,
    }
    SignalOptions { target, name, arguments, headers, user_metadata }
    OperationOptions {
        endpoint, service, operation, input, schedule_to_close_timeout, schedule_to_start_timeout,
        start_to_close_timeout, headers, cancellation_type, user_metadata,
    }
    TimerOptions { start_to_fire_timeout, user_metadata }
    ContinueAsNewOptions {
        workflow_type, task_queue, arguments, run_timeout, task_timeout, memo, headers, search_attributes,
        retry_policy, versioning_intent, initial_versioning_behavior, backoff_start_interval,
    }
    Entry { level, target, message, fields, location }
    Location { file, line, column }
    Measurement { instrument, name, unit, description, value, attributes }
    Payload { encoding, metadata, data }
    MetadataEntry { key, value }
    NamedPayload { name, payload }
    Execution { workflow_id, run_id }
    NamespacedExecution { namespace, workflow_id, run_id }
    RetryPolicy {
        initial_interval, backoff_coefficient, maximum_interval, maximum_attempts, non_retryable_error_types,
    }
    Priority { priority_key, fairness_key, fairness_weight }
    UserMetadata { summary, details }
    FailureLink { message, source, stack_trace, encoded_attributes, info }
    ApplicationFailure { error_type, non_retryable, details, next_retry_delay, category }
    TimeoutFailure { timeout_type, last_heartbeat_details }
    CanceledFailure { details, identity }
    ActivityFailure {
        scheduled_event_id, started_event_id, identity, activity_type, activity_id, retry_state,
    }
    ChildWorkflowFailure {
        namespace, execution, workflow_type, initiated_event_id, started_event_id, retry_state,
    }
    NexusOperationFailure { scheduled_event_id, endpoint, service, operation, operation_token }
    NexusHandlerFailure { error_type, retry_behavior }
}

variants! {
    Encoding { BinaryNull, BinaryPlain, JsonPlain, None; Other }
    VersioningOverride { AutoUpgrade; Pinned }
    SignalTarget { ; Execution, Child }
    Outcome { ; Completed, Failed, Canceled }
    FailureInfo {
        None; Application, Timeout, Canceled, Terminated, Server, ResetWorkflow, Activity, ChildWorkflow,
        NexusOperation, NexusHandler
    }
}

commands! {
    StartTimer { seq, options }
    CancelTimer { seq }
    ScheduleActivity { seq, options }
    ScheduleLocalActivity { seq, options }
    CancelActivity { seq }
    StartChildWorkflow { seq, options }
    CancelChildWorkflow { seq, reason }
    SignalExternal { seq, options }
    CancelExternalSignal { seq }
    RequestCancelExternal { seq, execution, reason }
    ScheduleNexusOperation { seq, options }
    CancelNexusOperation { seq }
    Complete { result }
    Fail { failure }
    Cancel { details }
    ContinueAsNew { options }
    Patched { patch_id, deprecated }
    UpsertSearchAttributes { search_attributes }
    UpsertMemo { memo }
    SetCurrentDetails { details }
    CompleteUpdate { protocol_instance_id, outcome }
}

impl Weight for u8 {
    fn outside(&self) -> usize {
        0
    }

    // There can be millions of them.
    fn weights(items: &[Self]) -> usize {
        items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_COMMAND_BYTES;

    /// The size of a filled text or list.
    const FILLED: usize = 1 << 20;

    /// Values of a type: an empty one, and one for each text and list in it, which is filled.
    pub(super) trait Sample: Sized {
        fn light() -> Self;
        fn heavy() -> Vec<Self>;
    }

    impl Sample for String {
        fn light() -> Self {
            Self::new()
        }

        fn heavy() -> Vec<Self> {
            vec!["x".repeat(FILLED)]
        }
    }

    impl<T: Sample> Sample for Option<T> {
        fn light() -> Self {
            None
        }

        fn heavy() -> Vec<Self> {
            T::heavy().into_iter().map(Some).collect()
        }
    }

    impl<T: Sample> Sample for Vec<T> {
        fn light() -> Self {
            Self::new()
        }

        fn heavy() -> Vec<Self> {
            // A filled item, or as many empty ones as have that size.
            let items = FILLED.div_ceil(size_of::<T>());
            let empty = std::iter::once_with(|| (0..items).map(|_| T::light()).collect());
            T::heavy().into_iter().map(|item| vec![item]).chain(empty).collect()
        }
    }

    impl<T: Sample> Sample for Box<T> {
        fn light() -> Self {
            Self::new(T::light())
        }

        fn heavy() -> Vec<Self> {
            T::heavy().into_iter().map(Self::new).collect()
        }
    }

    impl<A: Sample, B: Sample> Sample for (A, B) {
        fn light() -> Self {
            (A::light(), B::light())
        }

        fn heavy() -> Vec<Self> {
            let first = A::heavy().into_iter().map(|a| (a, B::light()));
            first.chain(B::heavy().into_iter().map(|b| (A::light(), b))).collect()
        }
    }

    impl Sample for u8 {
        fn light() -> Self {
            0
        }

        fn heavy() -> Vec<Self> {
            Vec::new()
        }
    }

    /// Each command, once for each text and list in it.
    pub(super) trait Heavy: Sized {
        fn heavy() -> Vec<Self>;
    }

    #[test]
    fn every_text_and_list_of_every_command_is_weighed() {
        let heavy = Command::heavy();
        assert!(heavy.len() > 200, "{} texts and lists", heavy.len());
        for command in heavy {
            let weight = command.weight();
            assert!((FILLED..2 * FILLED).contains(&weight), "{weight} bytes: {command:.200?}");
        }
    }

    #[test]
    fn every_text_of_a_log_entry_and_a_measurement_is_weighed() {
        for weight in
            Entry::heavy().iter().map(Weight::weight).chain(Measurement::heavy().iter().map(Weight::weight))
        {
            assert!((FILLED..2 * FILLED).contains(&weight), "{weight} bytes");
        }
    }

    #[test]
    fn a_command_takes_what_its_type_takes() {
        let command = Command::CancelTimer { seq: 1 };
        assert_eq!(command.weight(), size_of::<Command>());
        // So the limit of bytes also bounds the commands without texts.
        assert!(crate::limits::MAX_COMMANDS * size_of::<Command>() < MAX_COMMAND_BYTES);
    }
}
