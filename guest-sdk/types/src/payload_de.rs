//! Deserializes a value from the data of a `binary/plain` payload.

use serde::de::{Deserializer, Visitor};

use crate::payload::PayloadError;

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
