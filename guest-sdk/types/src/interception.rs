//! What interceptors of activities and clients have in common.

/// The rest of an intercepted call: the interceptors behind this one, and then what they intercept.
pub struct Next<'a, I, O>(Box<dyn FnOnce(I) -> O + Send + 'a>);

impl<'a, I, O> Next<'a, I, O> {
    /// A rest that is this function.
    pub fn new(next: impl FnOnce(I) -> O + Send + 'a) -> Self {
        Self(Box::new(next))
    }

    /// Goes on with the call. An interceptor that does not go on answers the call itself.
    pub fn run(self, input: I) -> O {
        (self.0)(input)
    }
}

impl<I, O> std::fmt::Debug for Next<'_, I, O> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Next").finish_non_exhaustive()
    }
}

/// Defines `to_arguments` for inputs of interceptors, each with the place of its arguments.
#[doc(hidden)]
#[macro_export]
macro_rules! to_arguments {
    ($($name:ident => $($field:ident).+;)*) => {$(
        impl $name {
            /// Decodes the arguments as a tuple with one element for each.
            ///
            /// # Errors
            ///
            /// A payload could not be decoded: see [`Payload::to_value`].
            pub fn to_arguments<T: $crate::FromPayloads>(
                &self,
            ) -> ::core::result::Result<T, $crate::PayloadError> {
                T::from_payloads(&self.$($field).+)
            }
        }
    )*};
}
