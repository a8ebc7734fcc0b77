//! The exports of the contract. One instance of the module hosts one run.

use std::cell::RefCell;
use std::marker::PhantomData;

use guest_sdk_types::Failure;

use crate::bindings::Guest;
use crate::bindings::workflow::host::activation::{Query, Task, Update};
use crate::bindings::workflow::host::definition::{
    HandlerDefinition, UpdateDefinition, VersioningBehavior, WorkflowDefinition,
};
use crate::bindings::workflow::host::types as wit;
use crate::convert::payload;
use crate::convert_failure::failure;
use crate::engine::Engine;
use crate::panic;
use crate::workflow::{Definition, WorkflowType};

thread_local! {
    static ENGINE: RefCell<Option<Engine>> = const { RefCell::new(None) };
}

/// The workflow types of a module. Implemented by [`export!`](crate::export).
pub trait Module {
    /// In any order.
    const WORKFLOWS: &'static [WorkflowType];
}

/// A module as a component.
#[derive(Debug)]
pub struct Component<M>(PhantomData<M>);

impl<M: Module> Guest for Component<M> {
    fn definitions() -> Vec<WorkflowDefinition> {
        panic::report();
        let mut definitions: Vec<_> =
            M::WORKFLOWS.iter().map(|known| definition(&known.definition)).collect();
        definitions.sort_by(|one, other| one.name.cmp(&other.name));
        definitions
    }

    fn activate(mut task: Task) -> Result<(), wit::Failure> {
        panic::report();
        let mut engine = match ENGINE.take() {
            Some(engine) => engine,
            None => Engine::start(M::WORKFLOWS, &mut task).map_err(|reason| failure(*reason))?,
        };
        let result = engine.activate(task).map_err(|reason| failure(*reason));
        ENGINE.set(Some(engine));
        result
    }

    fn query(query: Query) -> Result<Option<wit::Payload>, wit::Failure> {
        let answer = with_engine(|engine| engine.query(query));
        answer.map(|result| Some(payload(result))).map_err(|reason| failure(*reason))
    }

    fn validate_update(update: Update) -> Result<(), wit::Failure> {
        with_engine(|engine| engine.validate(update)).map_err(|reason| failure(*reason))
    }
}

fn with_engine<T>(call: impl FnOnce(&Engine) -> Result<T, Box<Failure>>) -> Result<T, Box<Failure>> {
    panic::report();
    ENGINE.with_borrow(|engine| match engine {
        Some(engine) => call(engine),
        None => Err(Box::new(Failure::application("", "there is no run in this instance").build())),
    })
}

fn definition(definition: &Definition) -> WorkflowDefinition {
    let handlers = |names: &[&str]| {
        let mut handlers: Vec<_> = names
            .iter()
            .map(|name| HandlerDefinition { name: (*name).to_owned(), description: String::new() })
            .collect();
        handlers.sort_by(|one, other| one.name.cmp(&other.name));
        handlers
    };
    let mut updates: Vec<_> = definition
        .updates
        .iter()
        .map(|(name, has_validator)| UpdateDefinition {
            name: (*name).to_owned(),
            description: String::new(),
            has_validator: *has_validator,
        })
        .collect();
    updates.sort_by(|one, other| one.name.cmp(&other.name));
    WorkflowDefinition {
        name: definition.name.to_owned(),
        signals: handlers(definition.signals),
        queries: handlers(definition.queries),
        updates,
        versioning_behavior: VersioningBehavior::Unspecified,
    }
}

/// Makes a crate a workflow module with these workflow types. Goes once into the crate, beside them.
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
#[macro_export]
macro_rules! export {
    ($($workflow:ty),+ $(,)?) => {
        const _: () = {
            struct Module;

            impl $crate::__private::Module for Module {
                const WORKFLOWS: &'static [$crate::__private::WorkflowType] =
                    &[$($crate::__private::WorkflowType::of::<$workflow>()),+];
            }

            // Native cdylibs can not be linked with these exports.
            #[cfg(target_family = "wasm")]
            type Exported = $crate::__private::Component<Module>;
            #[cfg(target_family = "wasm")]
            $crate::__private::export_module!(Exported with_types_in $crate::__private::bindings);
        };
    };
}
