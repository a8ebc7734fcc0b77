//! TLS flags, merged with those of a profile.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use host_service::{ClientIdentity, Tls};
use temporalio_common::envconfig::{ClientConfigTLS, DataSource};

use crate::exit::Usage;

/// How the connection is encrypted. Files and data are PEM.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct TlsArgs {
    /// Use TLS; implied by an API key and by every other TLS option. `--tls=false` turns it off.
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", require_equals = true,
          value_name = "BOOL")]
    tls: Option<bool>,
    /// Client certificate, for mutual TLS.
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "tls_cert_data")]
    tls_cert_path: Option<PathBuf>,
    /// Client certificate itself.
    #[arg(long, global = true, value_name = "PEM")]
    tls_cert_data: Option<String>,
    /// Private key of the client certificate.
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "tls_key_data")]
    tls_key_path: Option<PathBuf>,
    /// Private key itself. Other users of this machine can see arguments: prefer --tls-key-path.
    #[arg(long, global = true, value_name = "PEM")]
    tls_key_data: Option<String>,
    /// Authorities that may sign the service's certificate, instead of the system's.
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "tls_ca_data")]
    tls_ca_path: Option<PathBuf>,
    /// The authorities themselves.
    #[arg(long, global = true, value_name = "PEM")]
    tls_ca_data: Option<String>,
    /// Name that the service's certificate must have, if it is not that of the address.
    #[arg(long, global = true, value_name = "NAME")]
    tls_server_name: Option<String>,
}

/// Encryption of a connection.
#[derive(Debug)]
pub(super) enum Encryption {
    /// TLS, with these certificates and names.
    On(Tls),
    /// No TLS, also with an API key.
    Off,
    /// As the address and the API key imply.
    Implied,
}

impl TlsArgs {
    /// Flags first, then the profile.
    pub(super) fn encryption(&self, profile: Option<ClientConfigTLS>) -> Result<Encryption> {
        let is_set = profile.is_some() || self.any_detail();
        let profile = profile.unwrap_or_default();
        if profile.disable_host_verification {
            return Err(Usage(
                "host verification cannot be disabled: name the authority (TLS server CA certificate) \
                 or the server name that the certificate has"
                    .to_owned(),
            )
            .into());
        }
        match self.tls {
            Some(false) => return Ok(Encryption::Off),
            Some(true) => {}
            None if profile.disabled == Some(true) && !self.any_detail() => return Ok(Encryption::Off),
            None if is_set => {}
            None => return Ok(Encryption::Implied),
        }
        let certificate = pem(&self.tls_cert_path, &self.tls_cert_data, profile.client_cert)?;
        let key = pem(&self.tls_key_path, &self.tls_key_data, profile.client_key)?;
        let client_identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(ClientIdentity { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(lonely("certificate", "key")),
            (None, Some(_)) => return Err(lonely("key", "certificate")),
        };
        Ok(Encryption::On(Tls {
            ca: pem(&self.tls_ca_path, &self.tls_ca_data, profile.server_ca_cert)?,
            client_identity,
            server_name: self.tls_server_name.clone().or(profile.server_name),
        }))
    }

    fn any_detail(&self) -> bool {
        self.tls_server_name.is_some()
            || [&self.tls_cert_path, &self.tls_key_path, &self.tls_ca_path].into_iter().any(Option::is_some)
            || [&self.tls_cert_data, &self.tls_key_data, &self.tls_ca_data].into_iter().any(Option::is_some)
    }
}

fn lonely(present: &str, missing: &str) -> anyhow::Error {
    Usage(format!("there is a TLS client {present} but no {missing}: mutual TLS needs both")).into()
}

fn pem(
    path: &Option<PathBuf>,
    data: &Option<String>,
    profile: Option<DataSource>,
) -> Result<Option<Vec<u8>>> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).with_context(|| format!("failed to read TLS file {}", path.display()))
    };
    Ok(match (path, data, profile) {
        (Some(path), _, _) => Some(read(path)?),
        (None, Some(data), _) => Some(data.clone().into_bytes()),
        (None, None, Some(DataSource::Path(path))) => Some(read(path.as_ref())?),
        (None, None, Some(DataSource::Data(data))) => Some(data),
        // The type is open for further kinds.
        (None, None, _) => None,
    })
}
