//! The log of a workflow. The host drops entries in replay.
//!
//! ```
//! # fn in_a_workflow(order: u32) {
//! guest_sdk::log::info!("order {order} was charged");
//! guest_sdk::log::warn!(order = order, attempt = 2; "charging again");
//! # }
//! ```

use serde::Serialize;

pub use crate::bindings::workflow::host::log::Level;
use crate::bindings::workflow::host::log::{Entry, Location};
use crate::host;

#[doc(inline)]
pub use crate::{__debug as debug, __error as error, __info as info, __trace as trace, __warn as warn};

/// Writes an entry without fields and location. The macros of this module add both.
pub fn write(level: Level, target: &str, message: String) {
    write_entry(level, target, message, Vec::new(), None);
}

/// Writes an entry; for the macros.
#[doc(hidden)]
pub fn write_at(
    level: Level,
    target: &str,
    message: String,
    fields: Vec<(String, String)>,
    (file, line, column): (&str, u32, u32),
) {
    write_entry(level, target, message, fields, Some(Location { file: file.to_owned(), line, column }));
}

/// A field with its value as JSON; for the macros.
#[doc(hidden)]
pub fn field<T: Serialize + ?Sized>(name: &str, value: &T) -> (String, String) {
    (name.to_owned(), serde_json::to_string(value).unwrap_or_else(|error| format!("\"{error}\"")))
}

fn write_entry(
    level: Level,
    target: &str,
    message: String,
    fields: Vec<(String, String)>,
    location: Option<Location>,
) {
    host::log::write(&Entry { level, target: target.to_owned(), message, fields, location });
}

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($name:ident = $value:expr),+ ; $($message:tt)+) => {
        $crate::log::write_at(
            $crate::log::Level::$level,
            ::core::module_path!(),
            ::std::format!($($message)+),
            ::std::vec![$($crate::log::field(::core::stringify!($name), &$value)),+],
            (::core::file!(), ::core::line!(), ::core::column!()),
        )
    };
    ($level:ident, $($message:tt)+) => {
        $crate::log::write_at(
            $crate::log::Level::$level,
            ::core::module_path!(),
            ::std::format!($($message)+),
            ::std::vec::Vec::new(),
            (::core::file!(), ::core::line!(), ::core::column!()),
        )
    };
}

/// Writes an entry of level trace. Fields may stand before the message: `order = 7; "charged"`.
#[doc(hidden)]
#[macro_export]
macro_rules! __trace {
    ($($tokens:tt)+) => { $crate::__log!(Trace, $($tokens)+) };
}

/// Writes an entry of level debug. Fields may stand before the message: `order = 7; "charged"`.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($tokens:tt)+) => { $crate::__log!(Debug, $($tokens)+) };
}

/// Writes an entry of level info. Fields may stand before the message: `order = 7; "charged"`.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($tokens:tt)+) => { $crate::__log!(Info, $($tokens)+) };
}

/// Writes an entry of level warn. Fields may stand before the message: `order = 7; "charged"`.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($tokens:tt)+) => { $crate::__log!(Warn, $($tokens)+) };
}

/// Writes an entry of level error. Fields may stand before the message: `order = 7; "charged"`.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($tokens:tt)+) => { $crate::__log!(Error, $($tokens)+) };
}
