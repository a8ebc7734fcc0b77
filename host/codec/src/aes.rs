//! Encryption by AES-256-GCM, as Temporal's samples of encryption have it: the data is a nonce of 12 bytes and the
//! encrypted payload with its tag; `encryption-key-id` names the key.

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, AeadCore as _, OsRng},
};
use bytes::Bytes;
use host_wire::temporal::api::common::v1::Payload;
use prost::Message as _;

use crate::{
    CodecError, Key,
    encoding::{encoding_is, wrapped},
};

const ENCODING: &str = "binary/encrypted";
const KEY_ID: &str = "encryption-key-id";
const NONCE_BYTES: usize = 12;

/// Encrypts with the first of its keys, and decrypts with any: a new key goes in front, and the old ones stay for the
/// histories that they encrypted.
#[derive(Clone)]
pub struct AesGcm {
    ciphers: Vec<(String, Aes256Gcm)>,
}

impl AesGcm {
    /// A codec with these keys. `None` without a key.
    #[must_use]
    pub fn new(keys: &[Key]) -> Option<Self> {
        let ciphers = keys.iter().map(|key| (key.id.clone(), Aes256Gcm::new(&key.bytes.into())));
        (!keys.is_empty()).then(|| Self { ciphers: ciphers.collect() })
    }

    pub(crate) fn encode(&self, payload: &Payload) -> Result<Payload, CodecError> {
        let [(id, cipher), ..] = self.ciphers.as_slice() else {
            return Err(CodecError::Malformed("there is no key".to_owned()));
        };
        let nonce = Aes256Gcm::generate_nonce(&mut OsRng);
        let encrypted = cipher
            .encrypt(&nonce, payload.encode_to_vec().as_slice())
            .map_err(|_| CodecError::Malformed("it is too large to encrypt".to_owned()))?;
        let mut encoded = wrapped(ENCODING, [nonce.as_slice(), &encrypted].concat());
        encoded.metadata.insert(KEY_ID.to_owned(), Bytes::copy_from_slice(id.as_bytes()));
        Ok(encoded)
    }

    /// `None`: it is not encrypted.
    pub(crate) fn decode(&self, payload: &Payload) -> Result<Option<Payload>, CodecError> {
        if !encoding_is(payload, ENCODING) {
            return Ok(None);
        }
        let id = payload.metadata.get(KEY_ID).map(|id| String::from_utf8_lossy(id)).unwrap_or_default();
        let Some((_, cipher)) = self.ciphers.iter().find(|(known, _)| *known == id) else {
            let known: Vec<_> = self.ciphers.iter().map(|(known, _)| known.as_str()).collect();
            return Err(CodecError::UnknownKey { key_id: id.into_owned(), known: known.join(", ") });
        };
        let Some((nonce, encrypted)) = payload.data.split_at_checked(NONCE_BYTES) else {
            return Err(CodecError::Malformed("it has no nonce".to_owned()));
        };
        let wrong = |_| CodecError::WrongKey { key_id: id.clone().into_owned() };
        let decrypted = cipher.decrypt(Nonce::from_slice(nonce), encrypted).map_err(wrong)?;
        let decoded = Payload::decode(Bytes::from(decrypted));
        Ok(Some(decoded.map_err(|error| CodecError::Malformed(error.to_string()))?))
    }
}

impl std::fmt::Debug for AesGcm {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ciphers.iter().map(|(id, _)| id)).finish()
    }
}
