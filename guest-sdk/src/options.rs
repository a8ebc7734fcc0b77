//! Macros that define option types: `with_…` setters on the options, and the builders of Temporal's Rust SDK,
//! whose setters have no prefix.

/// Defines an option type and its builder. Each option has the name of its field and the name of its setter,
/// and is `None` until it is set.
macro_rules! options {
    (
        $(#[$doc:meta])*
        $name:ident, $builder:ident { $($required:ident: $required_type:ty)? } {
            $($(#[$field_doc:meta])* $field:ident, $with:ident: $type:ty;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[must_use]
        pub struct $name {
            $(pub(crate) $required: $required_type,)?
            $(pub(crate) $field: Option<$type>,)*
        }

        impl $name {
            const fn of($($required: $required_type)?) -> Self {
                Self { $($required,)? $($field: None,)* }
            }

            $(
                $(#[$field_doc])*
                pub fn $with(mut self, $field: impl Into<$type>) -> Self {
                    self.$field = Some($field.into());
                    self
                }
            )*
        }

        #[doc = concat!("Builds [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        #[must_use]
        pub struct $builder($name);

        impl $builder {
            $(
                $(#[$field_doc])*
                pub fn $field(self, $field: impl Into<$type>) -> Self {
                    Self(self.0.$with($field))
                }
            )*

            /// Makes the options.
            pub fn build(self) -> $name {
                self.0
            }
        }
    };
}

/// Defines an option type without a required option, with `Default` and a builder without arguments.
macro_rules! default_options {
    ($(#[$doc:meta])* $name:ident, $builder:ident { $($fields:tt)* }) => {
        $crate::options::options! { $(#[$doc])* $name, $builder {} { $($fields)* } }

        impl $name {
            /// A builder of options with nothing set.
            pub fn builder() -> $builder {
                $builder(Self::of())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::of()
            }
        }
    };
}

/// Implements `Debug` without the fields, for types whose fields are internal.
macro_rules! opaque_debug {
    ($($name:ident $(<$parameter:ident>)?),* $(,)?) => {$(
        impl $(<$parameter>)? std::fmt::Debug for $name $(<$parameter>)? {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

pub(crate) use {default_options, opaque_debug, options};
