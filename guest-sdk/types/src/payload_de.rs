//! Deserializes a value from the data of a `binary/plain` payload, or from a payload as a whole.

use std::cell::Cell;

use serde::de::{DeserializeOwned, Deserializer, Visitor};

use crate::converted::{NEWTYPE, to_frame};
use crate::payload::{Encoding, Payload, PayloadError};

/// Passes the bytes to a visitor, through options and newtypes.
pub(crate) struct BytesDeserializer<'a>(pub(crate) &'a [u8]);

impl<'de> Deserializer<'de> for BytesDeserializer<'_> {
    type Error = PayloadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_byte_buf(self.0.to_vec())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Whether a type has an encoding of its own.
pub(crate) enum Probed<T> {
    /// It has, and was decoded, or not.
    Own(Result<T, PayloadError>),
    /// It has none: the default data converter decodes it.
    None,
}

/// Decodes a value whose type has an encoding of its own. All other types end the attempt with their first call.
pub(crate) fn probe<T: DeserializeOwned>(payload: &Payload) -> Probed<T> {
    let is_own = Cell::new(false);
    let result = T::deserialize(Probe { payload, is_own: &is_own });
    // Not by the result: a type may give its own error for that of the attempt, or go on without a value.
    if is_own.get() { Probed::Own(result) } else { Probed::None }
}

struct Probe<'a> {
    payload: &'a Payload,
    /// Whether the type asked for a payload as a whole.
    is_own: &'a Cell<bool>,
}

impl Probe<'_> {
    fn give_up<T>(self) -> Result<T, PayloadError> {
        Err(PayloadError::Type(String::new()))
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = PayloadError;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, PayloadError> {
        self.give_up()
    }

    /// A payload of null is `None`, and any other one `Some`.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PayloadError> {
        match self.payload.encoding {
            Encoding::BinaryNull => self.give_up(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, PayloadError> {
        if name == NEWTYPE {
            self.is_own.set(true);
            return visitor.visit_newtype_struct(BytesDeserializer(&to_frame(self.payload)));
        }
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
