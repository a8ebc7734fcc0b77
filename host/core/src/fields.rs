//! A look at single fields of an encoded message, for messages of which core needs a number only.

use prost::{
    DecodeError,
    bytes::Buf,
    encoding::{self, DecodeContext, WireType},
};

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

    fn read(&mut self) -> Result<(u32, Value<'a>), DecodeError> {
        let (tag, wire_type) = encoding::decode_key(&mut self.rest)?;
        let value = match wire_type {
            WireType::Varint => Value::Number(encoding::decode_varint(&mut self.rest)?),
            WireType::LengthDelimited => {
                let length = encoding::decode_varint(&mut self.rest)?;
                let (value, rest) = usize::try_from(length)
                    .ok()
                    .and_then(|length| self.rest.split_at_checked(length))
                    .ok_or_else(|| truncated(self.rest))?;
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

/// The error that prost has for a message that ends too early; it offers no other way to make one.
fn truncated(rest: &[u8]) -> DecodeError {
    let mut nothing = &rest[..0];
    match encoding::decode_varint(&mut nothing) {
        Err(error) => error,
        Ok(_) => unreachable!("there is no number in nothing"),
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), DecodeError>;

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
pub(crate) fn number(message: &[u8], tag: u32) -> Result<i64, DecodeError> {
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
