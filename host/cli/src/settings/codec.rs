//! Codecs of payloads, between this process and the service.

use anyhow::Result;
use clap::Args;
use host_codec::{AesGcm, Chain, Codec, Key, Remote, Zlib};

use super::pairs::{self, Pair};
use crate::exit::Usage;

/// How payloads are encoded before they leave this process, and decoded when they come.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Codecs")]
pub(crate) struct CodecArgs {
    /// Codec of payloads: zlib, or aes-gcm with the keys of --codec-key. Again for each codec, in the order in which they
    /// encode.
    #[arg(long = "codec", global = true, value_name = "CODEC")]
    codecs: Vec<Name>,
    /// Key of aes-gcm: ID=file:PATH, ID=env:VARIABLE or ID=command:COMMAND with 32 bytes, in hexadecimal, in base64 or as
    /// they are. Again for each key: the first encrypts, any decrypts.
    #[arg(long = "codec-key", global = true, value_name = "ID=SOURCE")]
    codec_keys: Vec<String>,
    /// URL of a codec server, which encodes after the codecs of --codec.
    #[arg(long, global = true, value_name = "URL")]
    codec_endpoint: Option<String>,
    /// Authorization header for the codec server. Other users of this machine can see arguments.
    #[arg(long, global = true, value_name = "TEXT", requires = "codec_endpoint")]
    codec_auth: Option<String>,
    /// Further header of every request to the codec server. Again for each header.
    #[arg(long = "codec-header", global = true, value_name = "KEY=VALUE", value_parser = pairs::parse, requires = "codec_endpoint")]
    codec_headers: Vec<Pair>,
    /// Encode messages and stack traces of failures too.
    #[arg(long, global = true)]
    encode_common_attributes: bool,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Compression by zlib, where it makes a payload smaller.
    Zlib,
    /// Encryption by AES-256-GCM.
    AesGcm,
}

impl CodecArgs {
    /// The codecs. Empty where no argument asks for one.
    ///
    /// # Errors
    ///
    /// [`Usage`] when a key cannot be read, or there is none.
    pub(crate) fn chain(&self) -> Result<Chain> {
        let usage = |error: &dyn std::error::Error| Usage(error.to_string());
        let keys: Result<Vec<Key>, _> = self.codec_keys.iter().map(|argument| Key::read(argument)).collect();
        let keys = keys.map_err(|error| usage(&error))?;
        if !keys.is_empty() && !self.codecs.contains(&Name::AesGcm) {
            return Err(Usage("--codec-key needs --codec aes-gcm".to_owned()).into());
        }
        let mut codecs = Vec::new();
        for name in &self.codecs {
            codecs.push(match name {
                Name::Zlib => Codec::Zlib(Zlib),
                Name::AesGcm => {
                    let aes = AesGcm::new(&keys);
                    Codec::AesGcm(aes.ok_or_else(|| Usage("--codec aes-gcm needs --codec-key".to_owned()))?)
                }
            });
        }
        if let Some(endpoint) = &self.codec_endpoint {
            let auth = self.codec_auth.iter().map(|auth| ("authorization".to_owned(), auth.clone()));
            let headers = self.codec_headers.iter().map(|pair| (pair.key.clone(), pair.value.clone()));
            let remote =
                Remote::new(endpoint, auth.chain(headers).collect()).map_err(|error| usage(&error))?;
            codecs.push(Codec::Remote(remote));
        }
        if codecs.is_empty() && self.encode_common_attributes {
            return Err(Usage("--encode-common-attributes needs a codec".to_owned()).into());
        }
        Ok(Chain::new(codecs).encoding_common_attributes(self.encode_common_attributes))
    }
}
