//! The fields of an encoded message, one after another, for readers that need a few of them.

use prost::{
    DecodeError,
    encoding::{self, DecodeContext, WireType},
};

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// Integers, enums and booleans.
    Number(u64),
    /// Strings, bytes, messages and packed lists.
    Bytes(&'a [u8]),
    /// Floating point numbers, fixed integers and groups; `HistoryEvent` has none of them.
    Other(WireType),
}

impl Value<'_> {
    /// The error of a field that is not encoded as its type is.
    ///
    /// # Errors
    ///
    /// When the value is encoded in another way than `expected`.
    pub(super) fn check(&self, expected: WireType) -> Result<(), DecodeError> {
        encoding::check_wire_type(
            expected,
            match self {
                Self::Number(_) => WireType::Varint,
                Self::Bytes(_) => WireType::LengthDelimited,
                Self::Other(actual) => *actual,
            },
        )
    }
}

/// Field numbers and values of an encoded message, in the order of encoding. Ends after an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    #[inline]
    fn read(&mut self) -> Result<(u32, Value<'a>), DecodeError> {
        let (tag, wire_type) = encoding::decode_key(&mut self.rest)?;
        let value = match wire_type {
            WireType::Varint => Value::Number(encoding::decode_varint(&mut self.rest)?),
            WireType::LengthDelimited => {
                let before = self.rest;
                let length = encoding::decode_varint(&mut self.rest)?;
                match usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length)) {
                    Some((value, rest)) => {
                        self.rest = rest;
                        Value::Bytes(value)
                    }
                    None => return Err(truncated(before, tag)),
                }
            }
            other => {
                encoding::skip_field(other, tag, &mut self.rest, DecodeContext::default())?;
                Value::Other(other)
            }
        };
        Ok((tag, value))
    }
}

/// The error that prost gives for a field that is longer than what is left of its message.
#[cold]
fn truncated(mut field: &[u8], tag: u32) -> DecodeError {
    encoding::skip_field(WireType::LengthDelimited, tag, &mut field, DecodeContext::default())
        .expect_err("the field is longer than its message")
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// The last value of an integer field; 0 when it is absent, as the protocol has it.
///
/// # Errors
///
/// When the bytes are no encoded message.
pub(super) fn number(message: &[u8], tag: u32) -> Result<i64, DecodeError> {
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

/// The last value of a string, bytes or message field; nothing when it is absent.
///
/// # Errors
///
/// When the bytes are no encoded message.
pub(super) fn bytes(message: &[u8], tag: u32) -> Result<Option<&[u8]>, DecodeError> {
    let mut found = None;
    for field in Fields::new(message) {
        if let (number, Value::Bytes(value)) = field?
            && number == tag
        {
            found = Some(value);
        }
    }
    Ok(found)
}
