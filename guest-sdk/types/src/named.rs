//! Definitions by name, for callers that do not have the workflow's crate but know the types of
//! arguments and results.

use std::marker::PhantomData;

use crate::definition::{
    Callable, QueryDefinition, Returned, SignalDefinition, UpdateDefinition, WorkflowDefinition,
};
use crate::payload::{FromPayloads, IntoPayloads};

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident<$($parameter:ident),*> -> $output:ty;)*) => {$(
        $(#[$doc])*
        pub struct $name<$($parameter),*> {
            name: &'static str,
            types: PhantomData<fn() -> ($($parameter,)*)>,
        }

        impl<$($parameter),*> $name<$($parameter),*> {
            /// The one with this name.
            #[must_use]
            pub const fn new(name: &'static str) -> Self {
                Self { name, types: PhantomData }
            }
        }

        impl<$($parameter),*> Callable for $name<$($parameter),*>
        where
            A: IntoPayloads + FromPayloads + 'static,
            $output: Returned + 'static,
        {
            type Input = A;
            type Arguments = A;
            type Output = $output;

            fn name(&self) -> &str {
                self.name
            }

            fn arguments(input: A) -> A {
                input
            }
        }

        impl<$($parameter),*> Clone for $name<$($parameter),*> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($parameter),*> Copy for $name<$($parameter),*> {}

        impl<$($parameter),*> std::fmt::Debug for $name<$($parameter),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.name).finish()
            }
        }
    )*};
}

named! {
    /// A workflow type with arguments `A`, a tuple that has an element for each, and result `O`.
    NamedWorkflow<A, O> -> O;
    /// A signal of the workflow type `W` with arguments `A`, a tuple that has an element for each.
    NamedSignal<W, A> -> ();
    /// A query of the workflow type `W` with arguments `A`, a tuple that has an element for each, and
    /// result `O`.
    NamedQuery<W, A, O> -> O;
    /// An update of the workflow type `W` with arguments `A`, a tuple that has an element for each, and
    /// result `O`.
    NamedUpdate<W, A, O> -> O;
}

impl<A, O> WorkflowDefinition for NamedWorkflow<A, O> where Self: Callable {}

impl<W: WorkflowDefinition, A> SignalDefinition for NamedSignal<W, A>
where
    Self: Callable<Output = ()>,
{
    type Workflow = W;
}

impl<W: WorkflowDefinition, A, O> QueryDefinition for NamedQuery<W, A, O>
where
    Self: Callable,
{
    type Workflow = W;
}

impl<W: WorkflowDefinition, A, O> UpdateDefinition for NamedUpdate<W, A, O>
where
    Self: Callable,
{
    type Workflow = W;
}

#[cfg(test)]
mod tests {
    use super::*;

    type Order = NamedWorkflow<(String, u32), String>;

    fn workflow_of<S: SignalDefinition>(_: S) -> &'static str {
        std::any::type_name::<S::Workflow>()
    }

    #[test]
    fn arguments_travel_one_by_one() {
        const ORDER: Order = Order::new("Order");
        const APPROVE: NamedSignal<Order, ()> = NamedSignal::new("approve");
        assert_eq!((ORDER.name(), APPROVE.name()), ("Order", "approve"));
        let payloads = Order::arguments(("a".to_owned(), 7)).into_payloads().unwrap();
        assert_eq!(payloads.len(), 2);
        assert_eq!(payloads[1].to_value::<u32>().unwrap(), 7);
        assert_eq!(workflow_of(APPROVE), std::any::type_name::<Order>());
    }
}
