//! The exports of the contract. One component instance hosts one run.

use std::cell::RefCell;
use std::marker::PhantomData;

use guest_sdk_types::{DataConverter, Failure};

use crate::bindings::Guest;
use crate::bindings::workflow::host::activation::{Query, Task, Update};
use crate::bindings::workflow::host::definition::{HandlerDefinition, UpdateDefinition, WorkflowDefinition};
use crate::bindings::workflow::host::types as wit;
use crate::convert::payload;
use crate::convert_failure::failure;
use crate::panic;
use crate::workflow::{Definition, Handler, WorkflowType};
use crate::workflow_instance::WorkflowInstance;
use crate::workflow_interceptors::WorkflowInterceptorConstructor;

thread_local! {
    static INSTANCE: RefCell<Option<WorkflowInstance>> = const { RefCell::new(None) };
}

/// The workflow types of a module. Implemented by [`export!`](crate::export).
pub trait Module {
    /// The workflow types, in any order.
    const WORKFLOWS: &'static [WorkflowType];

    /// What makes the interceptors of each run, in the order of their registration.
    const INTERCEPTORS: &'static [WorkflowInterceptorConstructor] = &[];

    /// Converts the values and failures of all workflows, if the default data converter does not.
    const DATA_CONVERTER: Option<DataConverter> = None;
}

/// Implements the exports of the contract for a module.
#[derive(Debug)]
pub struct Component<M>(PhantomData<M>);

impl<M: Module> Guest for Component<M> {
    fn definitions() -> Vec<WorkflowDefinition> {
        panic::report();
        let intercepted = !M::INTERCEPTORS.is_empty();
        let mut definitions: Vec<_> =
            M::WORKFLOWS.iter().map(|known| definition(&known.definition, intercepted)).collect();
        definitions.sort_by(|one, other| one.name.cmp(&other.name));
        definitions
    }

    fn activate(mut task: Task) -> Result<(), wit::Failure> {
        panic::report();
        if let Some(converter) = M::DATA_CONVERTER {
            // The first activation installs it.
            converter.install();
        }
        let mut instance = match INSTANCE.take() {
            Some(instance) => instance,
            None => WorkflowInstance::start(M::WORKFLOWS, M::INTERCEPTORS, &mut task)
                .map_err(|reason| failure(*reason))?,
        };
        let result = instance.activate(task).map_err(|reason| failure(*reason));
        INSTANCE.set(Some(instance));
        result
    }

    fn query(query: Query) -> Result<Option<wit::Payload>, wit::Failure> {
        let answer = with_instance(|instance| instance.query(query));
        answer.map(|result| Some(payload(result))).map_err(|reason| failure(*reason))
    }

    fn validate_update(update: Update) -> Result<(), wit::Failure> {
        with_instance(|instance| instance.validate(update)).map_err(|reason| failure(*reason))
    }
}

fn with_instance<T>(
    call: impl FnOnce(&WorkflowInstance) -> Result<T, Box<Failure>>,
) -> Result<T, Box<Failure>> {
    panic::report();
    INSTANCE.with_borrow(|instance| match instance {
        Some(instance) => call(instance),
        None => Err(Box::new(Failure::application("", "no run was started in this instance").build())),
    })
}

/// A workflow type as the host sees it, of a module with interceptors or without.
pub(crate) fn definition(definition: &Definition, intercepted: bool) -> WorkflowDefinition {
    let handlers = |handlers: &[Handler]| {
        let mut handlers: Vec<_> = handlers
            .iter()
            .map(|handler| HandlerDefinition {
                name: handler.name.to_owned(),
                description: handler.description.to_owned(),
            })
            .collect();
        handlers.sort_by(|one, other| one.name.cmp(&other.name));
        handlers
    };
    let mut updates: Vec<_> = definition
        .updates
        .iter()
        .map(|handler| UpdateDefinition {
            name: handler.name.to_owned(),
            description: handler.description.to_owned(),
            // An interceptor may refuse every update.
            has_validator: handler.has_validator || intercepted,
        })
        .collect();
    updates.sort_by(|one, other| one.name.cmp(&other.name));
    WorkflowDefinition {
        name: definition.name.to_owned(),
        signals: handlers(definition.signals),
        queries: handlers(definition.queries),
        updates,
        versioning_behavior: definition.versioning_behavior,
    }
}

/// Exports workflow types from a workflow module. A crate calls it once.
///
/// ```
/// # use guest_sdk::{WorkflowContext, WorkflowResult, workflow, workflow_methods};
/// #[workflow]
/// #[derive(Default)]
/// pub struct Greetings;
///
/// #[workflow_methods]
/// impl Greetings {
///     #[run]
///     pub async fn run(_ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
///         Ok(format!("Hello, {name}!"))
///     }
/// }
///
/// guest_sdk::export!(Greetings);
/// # fn main() {}
/// ```
///
/// Behind the workflows come the [interceptors](crate::workflow_interceptors), if there are some: for each a function
/// of the [view](crate::WorkflowContextView) of a run, which makes the run's own. `export!(Greetings; interceptors =
/// [Tenant::new, |_view| Log])`. And last a [data converter](crate::DataConverter) for all workflows, a constant:
/// `export!(Greetings; data_converter = CONVERTER)`.
#[macro_export]
macro_rules! export {
    (
        $($workflow:ty),+ $(,)?
        $(;
            $(interceptors = [$($interceptor:expr),* $(,)?] $(,)?)?
            $(data_converter = $data_converter:expr $(,)?)?
        )?
    ) => {
        const _: () = {
            struct Module;

            impl $crate::__private::Module for Module {
                const WORKFLOWS: &'static [$crate::__private::WorkflowType] =
                    &[$($crate::__private::WorkflowType::of::<$workflow>()),+];

                $(
                    $(
                        const INTERCEPTORS: &'static [$crate::workflow_interceptors::WorkflowInterceptorConstructor] =
                            &[$($crate::workflow_interceptors::WorkflowInterceptorConstructor::new(
                                |view| $crate::__private::interceptor($interceptor, view),
                            )),*];
                    )?
                    $(
                        const DATA_CONVERTER: ::core::option::Option<$crate::DataConverter> =
                            ::core::option::Option::Some($data_converter);
                    )?
                )?
            }

            // A native cdylib does not link with these exports.
            #[cfg(target_family = "wasm")]
            type Exported = $crate::__private::Component<Module>;
            #[cfg(target_family = "wasm")]
            $crate::__private::export_module!(Exported with_types_in $crate::__private::bindings);
        };
    };
}
