//! Compression, as `NewZlibCodec` of Temporal's SDK for Go has it: only where it makes the payload smaller.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use host_wire::temporal::api::common::v1::Payload;
use prost::Message as _;

use crate::{
    CodecError,
    encoding::{encoding_is, wrapped},
};

const ENCODING: &str = "binary/zlib";
/// Bytes of a payload once it is decompressed: no service takes as many in one message, and a few KiB could become as
/// many GiB otherwise.
const MAX_DECODED_BYTES: usize = 64 << 20;

/// Compresses payloads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zlib;

impl Zlib {
    pub(crate) fn encode(payload: &Payload) -> Result<Payload, CodecError> {
        let plain = payload.encode_to_vec();
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let compressed = encoder.write_all(&plain).and_then(|()| encoder.finish());
        let compressed = compressed.map_err(|error| CodecError::Malformed(error.to_string()))?;
        if compressed.len() >= plain.len() { Ok(payload.clone()) } else { Ok(wrapped(ENCODING, compressed)) }
    }

    /// `None`: it is not compressed.
    pub(crate) fn decode(payload: &Payload) -> Result<Option<Payload>, CodecError> {
        if !encoding_is(payload, ENCODING) {
            return Ok(None);
        }
        let malformed = |why: String| CodecError::Malformed(why);
        let mut plain = Vec::new();
        let limit = MAX_DECODED_BYTES as u64 + 1;
        ZlibDecoder::new(payload.data.as_ref())
            .take(limit)
            .read_to_end(&mut plain)
            .map_err(|error| malformed(error.to_string()))?;
        if plain.len() > MAX_DECODED_BYTES {
            return Err(CodecError::TooLarge { limit: MAX_DECODED_BYTES });
        }
        let decoded = Payload::decode(Bytes::from(plain));
        Ok(Some(decoded.map_err(|error| malformed(error.to_string()))?))
    }
}
