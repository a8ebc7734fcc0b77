//! The imports of the contract. Outside of the sandbox they are replaced: by a recorder in the tests of this
//! crate, by functions that panic elsewhere.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::workflow::host::{
    activities, child_workflows, external_workflows, log, metrics, nexus, random, time, workflow,
};

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{
    activities, child_workflows, external_workflows, log, metrics, nexus, random, time, workflow,
};

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native {
    /// Panics, because there is no host to call.
    #[cfg(not(test))]
    fn record(name: &'static str, _arguments: &dyn std::fmt::Debug) -> u32 {
        panic!("`{name}` was called outside the sandbox: workflow code runs in a workflow module only")
    }

    #[cfg(test)]
    pub(crate) use recorder::{Counts, exchange, record, take};

    #[cfg(test)]
    mod recorder {
        use std::cell::RefCell;
        use std::collections::BTreeMap;
        use std::fmt::Debug;

        /// How often each function was called.
        pub(crate) type Counts = BTreeMap<&'static str, u32>;

        #[derive(Default)]
        struct Recorder {
            calls: Vec<String>,
            counts: Counts,
        }

        thread_local! {
            static RECORDER: RefCell<Recorder> = RefCell::default();
        }

        /// Records a call. Returns how often the function was called, which is the sequence number.
        /// Activities and local activities share one count.
        pub(crate) fn record(name: &'static str, arguments: &dyn Debug) -> u32 {
            RECORDER.with_borrow_mut(|recorder| {
                recorder.calls.push(format!("{name} {arguments:?}"));
                let count = recorder.counts.entry(name.trim_end_matches("_local")).or_default();
                *count += 1;
                *count
            })
        }

        /// Exchanges the counts with those of another run.
        pub(crate) fn exchange(counts: &mut Counts) {
            RECORDER.with_borrow_mut(|recorder| std::mem::swap(&mut recorder.counts, counts));
        }

        /// Removes and returns the recorded calls.
        pub(crate) fn take() -> Vec<String> {
            RECORDER.with_borrow_mut(|recorder| std::mem::take(&mut recorder.calls))
        }
    }

    /// Defines modules with the functions that wit-bindgen generates of the interfaces. The result of a
    /// function is computed from how often it was called.
    macro_rules! interfaces {
        ($($interface:ident { $(
            fn $function:ident($($name:ident: $type:ty),*) $(-> $result:ty = $of_count:expr)?;
        )* })*) => {$(
            pub(crate) mod $interface {
                #[allow(unused_imports, reason = "some functions take types of the contract, some do not")]
                use crate::bindings::workflow::host::{$interface as wit, types};

                $(
                    pub(crate) fn $function($($name: $type),*) $(-> $result)? {
                        let name = concat!(stringify!($interface), ".", stringify!($function));
                        let _count = super::record(name, &($($name,)*));
                        $(($of_count)(_count))?
                    }
                )*
            }
        )*};
    }

    interfaces! {
        activities {
            fn schedule(options: &wit::ActivityOptions) -> u32 = |count| count;
            fn schedule_local(options: &wit::LocalActivityOptions) -> u32 = |count| count;
            fn cancel(seq: u32);
        }
        child_workflows {
            fn start(options: &wit::ChildWorkflowOptions) -> u32 = |count| count;
            fn cancel(seq: u32, reason: &str);
        }
        external_workflows {
            fn signal(options: &wit::SignalOptions) -> u32 = |count| count;
            fn cancel_signal(seq: u32);
            fn request_cancel(execution: &types::NamespacedExecution, reason: &str) -> u32 = |count| count;
        }
        log {
            fn write(entry: &wit::Entry);
        }
        metrics {
            fn record(measurement: &wit::Measurement);
        }
        nexus {
            fn schedule(options: &wit::OperationOptions) -> u32 = |count| count;
            fn cancel(seq: u32);
        }
        random {
            fn next_u64(stream: &str) -> u64 = u64::from;
        }
        time {
            fn start_timer(options: &wit::TimerOptions) -> u32 = |count| count;
            fn cancel_timer(seq: u32);
        }
        workflow {
            fn is_replaying() -> bool = |_| false;
            fn complete(result: Option<&types::Payload>);
            fn fail(failure: &types::Failure);
            fn cancel(details: &[types::Payload]);
            fn continue_as_new(options: &wit::ContinueAsNewOptions);
            fn patched(patch_id: &str, deprecated: bool) -> bool = |_| true;
            fn upsert_search_attributes(search_attributes: &types::NamedPayloads);
            fn upsert_memo(memo: &types::NamedPayloads);
            fn set_current_details(details: &str);
            fn complete_update(protocol_instance_id: &str, outcome: &types::Outcome);
        }
    }
}
