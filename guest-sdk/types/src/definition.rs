//! Typed calls: traits of workflows, activities, signals, queries and updates.
//!
//! The macros of the guest SDK make a marker type for each method. Clients and workflows pass the marker to a
//! call, whose input and output types the compiler then checks. The `Untyped…` types call by a name that is
//! known at run time only.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::payload::{FromPayloads, IntoPayloads, Payload, PayloadError, RawValue};

/// A call target with a name, an input type and an output type.
pub trait Callable {
    /// The input of a caller: `()` for no parameter, the parameter itself for one, a tuple for several.
    type Input: 'static;
    /// The input as arguments: a tuple with one payload for each element.
    type Arguments: IntoPayloads + FromPayloads;
    /// The result.
    type Output: Returned + 'static;

    /// The name: a workflow type, an activity type, or the name of a handler.
    fn name(&self) -> &str;

    /// Makes the arguments of an input.
    fn arguments(input: Self::Input) -> Self::Arguments;
}

/// A workflow type.
pub trait WorkflowDefinition: Callable {}

/// An activity type.
pub trait ActivityDefinition: Callable {}

/// A signal of a workflow type.
pub trait SignalDefinition: Callable<Output = ()> {
    /// The workflow type that handles it.
    type Workflow: WorkflowDefinition;
}

/// A query of a workflow type.
pub trait QueryDefinition: Callable {
    /// The workflow type that answers it.
    type Workflow: WorkflowDefinition;
}

/// An update of a workflow type.
pub trait UpdateDefinition: Callable {
    /// The workflow type that handles it.
    type Workflow: WorkflowDefinition;
}

/// A result of a call: any serde type, and [`RawValue`].
pub trait Returned: Sized {
    /// Encodes the result.
    ///
    /// # Errors
    /// The value could not be encoded: see [`Payload::from_value`].
    fn to_payload(&self) -> Result<Payload, PayloadError>;

    /// Decodes a result. `None` is decoded as null.
    ///
    /// # Errors
    /// The payload could not be decoded: see [`Payload::to_value`].
    fn from_payload(payload: Option<Payload>) -> Result<Self, PayloadError>;
}

impl<T: Serialize + DeserializeOwned> Returned for T {
    fn to_payload(&self) -> Result<Payload, PayloadError> {
        Payload::from_value(self)
    }

    fn from_payload(payload: Option<Payload>) -> Result<Self, PayloadError> {
        payload.unwrap_or_else(Payload::null).to_value()
    }
}

impl Returned for RawValue {
    fn to_payload(&self) -> Result<Payload, PayloadError> {
        Ok(self.0.first().cloned().unwrap_or_else(Payload::null))
    }

    fn from_payload(payload: Option<Payload>) -> Result<Self, PayloadError> {
        Ok(Self(payload.into_iter().collect()))
    }
}

impl RawValue {
    /// Encodes the arguments of a call from a tuple with one element for each.
    ///
    /// # Errors
    /// The value could not be encoded: see [`Payload::from_value`].
    pub fn from_arguments(arguments: impl IntoPayloads) -> Result<Self, PayloadError> {
        arguments.into_payloads().map(Self)
    }

    /// Decodes the arguments of a call as a tuple with one element for each.
    ///
    /// # Errors
    /// The payload could not be decoded: see [`Payload::to_value`].
    pub fn to_arguments<T: FromPayloads>(&self) -> Result<T, PayloadError> {
        T::from_payloads(&self.0)
    }

    /// Encodes one value.
    ///
    /// # Errors
    /// The value could not be encoded: see [`Payload::from_value`].
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        Ok(Self(vec![Payload::from_value(value)?]))
    }

    /// Decodes the first value. No value is decoded as null.
    ///
    /// # Errors
    /// The payload could not be decoded: see [`Payload::to_value`].
    pub fn to_value<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        self.0.first().map_or_else(|| Payload::null().to_value(), Payload::to_value)
    }
}

/// The input of a call by name: a tuple with one element for each argument, or a [`RawValue`].
#[derive(Debug)]
pub struct UntypedInput(Result<Vec<Payload>, PayloadError>);

/// The encoded arguments of a call by name.
#[derive(Debug)]
pub struct UntypedArguments(Result<Vec<Payload>, PayloadError>);

impl<T: IntoPayloads> From<T> for UntypedInput {
    /// A value that cannot be encoded fails the call.
    fn from(arguments: T) -> Self {
        Self(arguments.into_payloads())
    }
}

impl UntypedArguments {
    /// Decodes the arguments as a tuple with one element for each.
    ///
    /// # Errors
    /// A payload could not be decoded: see [`Payload::to_value`].
    pub fn to_arguments<T: FromPayloads>(&self) -> Result<T, PayloadError> {
        match &self.0 {
            Ok(payloads) => T::from_payloads(payloads),
            Err(error) => Err(PayloadError::Type(error.to_string())),
        }
    }
}

impl FromPayloads for UntypedArguments {
    fn from_payloads(payloads: &[Payload]) -> Result<Self, PayloadError> {
        Ok(Self(Ok(payloads.to_vec())))
    }
}

impl IntoPayloads for UntypedArguments {
    fn into_payloads(self) -> Result<Vec<Payload>, PayloadError> {
        self.0
    }
}

macro_rules! untyped {
    ($($(#[$doc:meta])* $name:ident: $output:ty { $($definition:tt)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("A `", stringify!($name), "` with this name.")]
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }
        }

        impl Callable for $name {
            type Input = UntypedInput;
            type Arguments = UntypedArguments;
            type Output = $output;

            fn name(&self) -> &str {
                &self.0
            }

            fn arguments(input: UntypedInput) -> UntypedArguments {
                UntypedArguments(input.0)
            }
        }

        $($definition)*
    )*};
}

untyped! {
    /// A workflow type that is known by name only.
    UntypedWorkflow: RawValue {
        impl WorkflowDefinition for UntypedWorkflow {}
    }
    /// An activity type that is known by name only.
    UntypedActivity: RawValue {
        impl ActivityDefinition for UntypedActivity {}
    }
    /// A signal that is known by name only.
    UntypedSignal: () {
        impl SignalDefinition for UntypedSignal {
            type Workflow = UntypedWorkflow;
        }
    }
    /// A query that is known by name only.
    UntypedQuery: RawValue {
        impl QueryDefinition for UntypedQuery {
            type Workflow = UntypedWorkflow;
        }
    }
    /// An update that is known by name only.
    UntypedUpdate: RawValue {
        impl UpdateDefinition for UntypedUpdate {
            type Workflow = UntypedWorkflow;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_back() {
        let payload = 7.to_payload().unwrap();
        assert_eq!(u8::from_payload(Some(payload.clone())).unwrap(), 7);
        assert_eq!(Option::<u8>::from_payload(None).unwrap(), None);
        let raw = RawValue::from_payload(Some(payload)).unwrap();
        assert_eq!(raw.to_value::<u8>().unwrap(), 7);
        assert_eq!(raw.to_payload().unwrap(), 7.to_payload().unwrap());
        <()>::from_payload(None).unwrap();
        u8::from_payload(None).unwrap_err();
    }

    #[test]
    fn arguments_by_name() {
        let raw = RawValue::from_arguments(("a", 1)).unwrap();
        for input in [UntypedInput::from(raw), UntypedInput::from(("a", 1))] {
            let arguments = UntypedActivity::arguments(input).into_payloads().unwrap();
            assert_eq!(RawValue(arguments).to_arguments::<(String, u8)>().unwrap(), ("a".to_owned(), 1));
        }
        assert_eq!(UntypedActivity::new("charge").name(), "charge");
    }
}
