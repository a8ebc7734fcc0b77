//! Codecs one after another.

use host_wire::{
    History,
    temporal::api::{common::v1::Payload, workflowservice::v1::GetWorkflowExecutionHistoryResponse},
};

use crate::{AesGcm, CodecError, Failed, Remote, Zlib, message};

/// One codec.
#[derive(Clone, Debug)]
pub enum Codec {
    /// Encrypts.
    AesGcm(AesGcm),
    /// Compresses.
    Zlib(Zlib),
    /// Has a codec server do it.
    Remote(Remote),
}

/// Codecs in the order in which they encode; they decode in the opposite order.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    codecs: Vec<Codec>,
    /// Whether messages and stack traces of failures are encoded too.
    pub(crate) encodes_common_attributes: bool,
}

/// What went wrong, and with which of the payloads.
pub(crate) type WrongPayload = (usize, CodecError);

impl Chain {
    /// Codecs in the order in which they encode.
    #[must_use]
    pub fn new(codecs: Vec<Codec>) -> Self {
        Self { codecs, encodes_common_attributes: false }
    }

    /// Encodes messages and stack traces of failures too, as `encode_common_attributes` of Temporal's failure converters.
    #[must_use]
    pub fn encoding_common_attributes(self, encodes_common_attributes: bool) -> Self {
        Self { encodes_common_attributes, ..self }
    }

    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codecs.is_empty()
    }

    /// Decodes the payloads of a history.
    ///
    /// # Errors
    ///
    /// When one of them cannot be decoded, or an event.
    pub async fn decode_history(&self, history: History) -> Result<History, Failed> {
        let mut answer = GetWorkflowExecutionHistoryResponse { history: Some(history), ..Default::default() };
        message::decode(self, &mut answer).await?;
        Ok(answer.history.unwrap_or_default())
    }

    /// Encodes payloads, in place.
    pub(crate) async fn encode(&self, payloads: &mut Vec<Payload>) -> Result<(), WrongPayload> {
        for codec in &self.codecs {
            match codec {
                Codec::AesGcm(aes) => each(payloads, |payload| aes.encode(payload).map(Some))?,
                Codec::Zlib(Zlib) => each(payloads, |payload| Zlib::encode(payload).map(Some))?,
                Codec::Remote(remote) => {
                    *payloads = remote.encode(payloads).await.map_err(|error| (0, error.into()))?;
                }
            }
        }
        Ok(())
    }

    /// Decodes payloads, in place.
    pub(crate) async fn decode(&self, payloads: &mut Vec<Payload>) -> Result<(), WrongPayload> {
        for codec in self.codecs.iter().rev() {
            match codec {
                Codec::AesGcm(aes) => each(payloads, |payload| aes.decode(payload))?,
                Codec::Zlib(Zlib) => each(payloads, Zlib::decode)?,
                Codec::Remote(remote) => {
                    *payloads = remote.decode(payloads).await.map_err(|error| (0, error.into()))?;
                }
            }
        }
        Ok(())
    }
}

fn each(
    payloads: &mut [Payload],
    change: impl Fn(&Payload) -> Result<Option<Payload>, CodecError>,
) -> Result<(), WrongPayload> {
    for (place, payload) in payloads.iter_mut().enumerate() {
        if let Some(changed) = change(payload).map_err(|error| (place, error))? {
            *payload = changed;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        Key,
        encoding::{encoding_is, wrapped},
    };

    fn key(id: &str, fill: u8) -> Key {
        Key::new(id, &[fill; 32]).unwrap()
    }

    fn aes(keys: &[Key]) -> Codec {
        Codec::AesGcm(AesGcm::new(keys).unwrap())
    }

    fn payload(text: &str) -> Payload {
        wrapped("json/plain", text.as_bytes().to_vec())
    }

    async fn encoded(chain: &Chain, text: &str) -> Payload {
        let mut payloads = vec![payload(text)];
        chain.encode(&mut payloads).await.unwrap();
        payloads.remove(0)
    }

    async fn decoded(chain: &Chain, payload: Payload) -> Result<Payload, String> {
        let mut payloads = vec![payload];
        chain.decode(&mut payloads).await.map_err(|(_, error)| error.to_string())?;
        Ok(payloads.remove(0))
    }

    #[tokio::test]
    async fn what_a_chain_encodes_it_decodes() {
        let chain = Chain::new(vec![Codec::Zlib(Zlib), aes(&[key("one", 1)])]);
        for text in ["1".to_owned(), "\"long\"".repeat(1000)] {
            let encoded = encoded(&chain, &text).await;
            assert!(encoding_is(&encoded, "binary/encrypted"));
            assert_eq!(decoded(&chain, encoded).await.unwrap(), payload(&text));
        }
        // What no codec encoded passes.
        assert_eq!(decoded(&chain, payload("1")).await.unwrap(), payload("1"));
        assert_ne!(encoded(&chain, "1").await, encoded(&chain, "1").await, "a nonce is used once");
        let zlib = Chain::new(vec![Codec::Zlib(Zlib)]);
        assert_eq!(encoded(&zlib, "1").await, payload("1"), "it would become larger");
        assert!(encoded(&zlib, &"1".repeat(1000)).await.data.len() < 100);
    }

    #[tokio::test]
    async fn keys_are_rotated() {
        let old = Chain::new(vec![aes(&[key("old", 1)])]);
        let both = Chain::new(vec![aes(&[key("new", 2), key("old", 1)])]);
        assert_eq!(decoded(&both, encoded(&old, "1").await).await.unwrap(), payload("1"));
        let by_new = encoded(&both, "1").await;
        assert_eq!(by_new.metadata["encryption-key-id"], "new");
        let unknown = decoded(&old, by_new).await.unwrap_err();
        assert_eq!(unknown, "no key with id `new` is known here; known are: old");
    }

    #[tokio::test]
    async fn what_was_changed_is_not_decoded() {
        let chain = Chain::new(vec![Codec::Zlib(Zlib), aes(&[key("one", 1)])]);
        let other = Chain::new(vec![aes(&[key("one", 2)])]);
        let wrong = "the key `one` does not decrypt it: another key encrypted it, or it was changed since";
        assert_eq!(decoded(&other, encoded(&chain, "1").await).await.unwrap_err(), wrong);
        let good = encoded(&chain, "1").await;
        for place in 0..good.data.len() {
            let mut data = good.data.to_vec();
            data[place] ^= 1;
            let changed = Payload { data: data.into(), ..good.clone() };
            assert_eq!(decoded(&chain, changed).await.unwrap_err(), wrong, "byte {place}");
        }
        let short = Payload { data: Bytes::from_static(b"short"), ..good };
        assert_eq!(decoded(&chain, short).await.unwrap_err(), "it is malformed: it has no nonce");
        let garbage = wrapped("binary/zlib", b"garbage".to_vec());
        assert!(decoded(&chain, garbage).await.unwrap_err().starts_with("it is malformed: "));
    }

    #[tokio::test]
    async fn a_bomb_is_too_large() {
        let zeros = Payload { data: vec![0; 65 << 20].into(), ..Payload::default() };
        let bomb = Zlib::encode(&zeros).unwrap();
        assert!(bomb.data.len() < 1 << 20);
        let chain = Chain::new(vec![Codec::Zlib(Zlib)]);
        let error = decoded(&chain, bomb).await.unwrap_err();
        assert_eq!(error, "it has more than 67108864 bytes once it is decoded");
    }
}
