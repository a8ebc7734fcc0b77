//! Determines the encoding of a value from its outermost level: null, bytes and types with an encoding of their own
//! have theirs, everything else is JSON.

use serde::ser::{Impossible, Serialize, Serializer};

use crate::converted::{NEWTYPE, from_frame};
use crate::payload::Payload;

/// The outermost level of a value.
pub(crate) fn outermost<T: Serialize + ?Sized>(value: &T) -> Outermost {
    value.serialize(OutermostSerializer).unwrap_or(Outermost::Json)
}

/// The outermost level of a value.
#[derive(Debug)]
pub(crate) enum Outermost {
    /// The unit type or `None`.
    Null,
    /// A value that serializes as bytes.
    Bytes(Vec<u8>),
    /// A value with an encoding of its own.
    Payload(Payload),
    /// Any other value.
    Json,
}

/// A serializer that stops at the outermost level.
struct OutermostSerializer;

/// The error that ends the serialization of a compound value, and that replaces an error of the value's own
/// `Serialize`. In both cases the value is then encoded as JSON, which reports its own error.
#[derive(Debug)]
struct Unreadable;

impl std::fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("unreadable")
    }
}

impl std::error::Error for Unreadable {}

impl serde::ser::Error for Unreadable {
    fn custom<T: std::fmt::Display>(_message: T) -> Self {
        Self
    }
}

type Compound = Impossible<Outermost, Unreadable>;

macro_rules! json {
    ($($method:ident($type:ty)),* $(,)?) => {$(
        fn $method(self, _value: $type) -> Result<Outermost, Unreadable> {
            Ok(Outermost::Json)
        }
    )*};
}

impl Serializer for OutermostSerializer {
    type Ok = Outermost;
    type Error = Unreadable;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    json! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_i64(i64), serialize_i128(i128), serialize_u8(u8), serialize_u16(u16),
        serialize_u32(u32), serialize_u64(u64), serialize_u128(u128), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str),
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _value: &T) -> Result<Outermost, Unreadable> {
        Ok(Outermost::Json)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Outermost, Unreadable> {
        Ok(Outermost::Bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Result<Outermost, Unreadable> {
        Ok(Outermost::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Outermost, Unreadable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Outermost, Unreadable> {
        Ok(Outermost::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Outermost, Unreadable> {
        Ok(Outermost::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
    ) -> Result<Outermost, Unreadable> {
        Ok(Outermost::Json)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Outermost, Unreadable> {
        match value.serialize(self)? {
            Outermost::Bytes(frame) if name == NEWTYPE => {
                from_frame(&frame).map(Outermost::Payload).ok_or(Unreadable)
            }
            outermost => Ok(outermost),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<Outermost, Unreadable> {
        Ok(Outermost::Json)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Compound, Unreadable> {
        Err(Unreadable)
    }

    fn serialize_tuple(self, _length: usize) -> Result<Compound, Unreadable> {
        Err(Unreadable)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _length: usize) -> Result<Compound, Unreadable> {
        Err(Unreadable)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Compound, Unreadable> {
        Err(Unreadable)
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Compound, Unreadable> {
        Err(Unreadable)
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Compound, Unreadable> {
        Err(Unreadable)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Compound, Unreadable> {
        Err(Unreadable)
    }
}
