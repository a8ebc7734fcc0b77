//! A look at single fields of an encoded message, for messages of which core needs a number only.

use prost::{
    DecodeError,
    bytes::Buf,
    encoding::{self, DecodeContext, WireType},
};

/// Why something is no encoded message.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// One of its fields is not encoded as fields are.
    #[error(transparent)]
    Field(#[from] DecodeError),
    /// One of its fields is longer than what is left of it.
    #[error("it ends within a field")]
    Truncated,
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// Integers, enums and booleans.
    Number(u64),
    /// Strings, bytes, messages and packed lists.
    Bytes(&'a [u8]),
    /// What no field that core reads is encoded as.
    Other,
}

/// Field numbers and values of an encoded message, in the order of encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<(u32, Value<'a>), Unreadable> {
        let (tag, wire_type) = encoding::decode_key(&mut self.rest)?;
        let value = match wire_type {
            WireType::Varint => Value::Number(encoding::decode_varint(&mut self.rest)?),
            WireType::LengthDelimited => {
                let length = encoding::decode_varint(&mut self.rest)?;
                let (value, rest) = usize::try_from(length)
                    .ok()
                    .and_then(|length| self.rest.split_at_checked(length))
                    .ok_or(Unreadable::Truncated)?;
                self.rest = rest;
                Value::Bytes(value)
            }
            other => {
                encoding::skip_field(other, tag, &mut self.rest, DecodeContext::default())?;
                Value::Other
            }
        };
        Ok((tag, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.rest.has_remaining() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// An integer field; 0 when it is absent, as the protocol has it.
pub(crate) fn number(message: &[u8], tag: u32) -> Result<i64, Unreadable> {
    let mut found = 0;
    for field in Fields::new(message) {
        if let (number, Value::Number(value)) = field?
            && number == tag
        {
            found = value.cast_signed();
        }
    }
    Ok(found)
}
