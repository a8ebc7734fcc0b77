//! Which service to talk to: flags, then environment variables, then a profile of a configuration
//! file, all as the other clients of Temporal have them.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error as _,
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Result, anyhow};
use clap::Args;
use host_client::{Client, DEFAULT_NAMESPACE};
use host_codec::{Chain, CodecService};
use host_service::{ConnectError, ConnectOptions};
use temporalio_common::envconfig::{
    ClientConfigProfile, DataSource, LoadClientConfigProfileOptions, load_client_config_profile,
};
use tonic::Code;

use super::{
    codec::CodecArgs,
    pairs::{self, Pair},
    tls::{Encryption, TlsArgs},
};
use crate::exit::{Usage, chain};

/// Address without flag, variable and profile: that of Temporal's own tools.
const DEFAULT_ADDRESS: &str = "localhost:7233";

/// Hint after a failed connection without TLS.
const UNREACHABLE: &str = "Is it running? `host run` and `host server` start one on this machine; --address or \
TEMPORAL_ADDRESS name another one.";

/// Hint after a failed connection with TLS.
const UNREACHABLE_BY_TLS: &str = "Does it speak TLS? An API key and every TLS option turn that on, \
--tls=false turns it off.";

/// Hint after a connection with TLS that ended at once.
const REFUSED_BY_TLS: &str =
    "A service that asks its clients for certificates needs --tls-cert-path and --tls-key-path.";

/// What a service does that does not take the API key, and the hint.
const REFUSED_KEY: (&str, &str) = (
    "refuses the API key",
    "The key is that of --api-key, --api-key-file, TEMPORAL_API_KEY or the profile: it may have expired, or be for another \
namespace or account.",
);

/// The same of a service that got no key.
const MISSING_KEY: (&str, &str) = (
    "does not let clients in that it does not know",
    "Give an API key with --api-key-file, TEMPORAL_API_KEY or the profile, or a client certificate with --tls-cert-path \
and --tls-key-path.",
);

/// How to reach the service.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionArgs {
    /// Address of the service [default: TEMPORAL_ADDRESS, the profile, or localhost:7233].
    #[arg(long, global = true, value_name = "HOST:PORT")]
    address: Option<String>,
    /// Namespace [default: TEMPORAL_NAMESPACE, the profile, or default].
    #[arg(short, long, global = true, value_name = "NAME")]
    namespace: Option<String>,
    /// API key [default: TEMPORAL_API_KEY, or the profile]. Other users of this machine can see arguments:
    /// prefer --api-key-file, the variable or the profile.
    #[arg(long, global = true, value_name = "KEY", conflicts_with = "api_key_file")]
    api_key: Option<String>,
    /// File with the API key.
    #[arg(long, global = true, value_name = "PATH")]
    api_key_file: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
    #[command(flatten)]
    codec: CodecArgs,
    /// Further header of every call. Again for each header. Other users of this machine can see arguments:
    /// prefer TEMPORAL_GRPC_META_* variables or the profile for secrets.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = pairs::parse)]
    grpc_meta: Vec<Pair>,
    /// What histories say of who called [default: process id and machine].
    #[arg(long, global = true, value_name = "TEXT")]
    identity: Option<String>,
    /// Profile of the configuration file [default: TEMPORAL_PROFILE, or default].
    #[arg(long, global = true, value_name = "NAME")]
    profile: Option<String>,
    /// Configuration file [default: TEMPORAL_CONFIG_FILE, or the user's temporalio/temporal.toml].
    #[arg(long, global = true, value_name = "PATH")]
    config_file: Option<PathBuf>,
    /// Do not read a configuration file.
    #[arg(long, global = true)]
    disable_config_file: bool,
    /// Do not read TEMPORAL_* variables.
    #[arg(long, global = true)]
    disable_config_env: bool,
}

impl ConnectionArgs {
    /// Connects.
    ///
    /// # Errors
    ///
    /// [`Usage`] when the settings cannot be used; when the service cannot be reached.
    pub(crate) async fn connect(&self) -> Result<Client> {
        self.connect_with(&self.options(None)?).await
    }

    /// Connects with settings from [`ConnectionArgs::options`].
    ///
    /// # Errors
    ///
    /// When the service cannot be reached or refuses the connection.
    pub(crate) async fn connect_with(&self, options: &ConnectOptions) -> Result<Client> {
        // A key that cannot be read is told before the service is reached.
        let chain = self.codec.chain()?;
        Ok(with_codecs(Self::reach(options).await?, chain))
    }

    /// Puts the codecs before the service of a client.
    ///
    /// # Errors
    ///
    /// [`Usage`] when a key cannot be read.
    pub(crate) fn with_codecs(&self, client: Client) -> Result<Client> {
        Ok(with_codecs(client, self.codec.chain()?))
    }

    /// The codecs.
    ///
    /// # Errors
    ///
    /// [`Usage`] when a key cannot be read.
    pub(crate) fn codecs(&self) -> Result<Chain> {
        self.codec.chain()
    }

    async fn reach(options: &ConnectOptions) -> Result<Client> {
        Client::connect(options).await.map_err(|error| explained(error, options.api_key.is_some()))
    }

    /// Whether a flag, a variable or the profile says where the service is.
    ///
    /// # Errors
    ///
    /// When the profile cannot be read.
    pub(crate) fn names_a_service(&self) -> Result<bool> {
        Ok(self.names_service()?.is_some())
    }

    /// What says where the service is, and the address.
    ///
    /// # Errors
    ///
    /// When the profile cannot be read.
    pub(crate) fn names_service(&self) -> Result<Option<(&'static str, String)>> {
        if let Some(address) = &self.address {
            return Ok(Some(("--address", address.clone())));
        }
        let by_variable = !self.disable_config_env && std::env::var_os("TEMPORAL_ADDRESS").is_some();
        let name = if by_variable { "TEMPORAL_ADDRESS" } else { "the configuration file" };
        Ok(self.profile(None)?.address.map(|address| (name, address)))
    }

    /// The settings from flags, variables and profile. `variables` stand in for those of the process.
    pub(crate) fn options(&self, variables: Option<&HashMap<String, String>>) -> Result<ConnectOptions> {
        let profile = self.profile(variables)?;
        let address = self.address.clone().or(profile.address).unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let (address, tls) = match self.tls.encryption(profile.tls)? {
            Encryption::On(tls) => (address, Some(tls)),
            Encryption::Implied => (address, None),
            Encryption::Off if address.contains("://") => (address, None),
            // An API key alone would turn it on.
            Encryption::Off => (format!("http://{address}"), None),
        };
        let mut headers: BTreeMap<String, String> = profile.grpc_meta.into_iter().collect();
        headers.extend(self.grpc_meta.iter().map(|pair| (pair.key.clone(), pair.value.clone())));
        Ok(ConnectOptions {
            address,
            namespace: self
                .namespace
                .clone()
                .or(profile.namespace)
                .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            api_key: self.own_api_key()?.or(profile.api_key).filter(|key| !key.is_empty()),
            tls,
            headers,
            identity: self.identity.clone().unwrap_or_else(default_identity),
        })
    }

    /// The key that a flag gives, or the file that a flag names.
    fn own_api_key(&self) -> Result<Option<String>> {
        let Some(path) = &self.api_key_file else { return Ok(self.api_key.clone()) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Usage(format!("--api-key-file {}: {error}", path.display())))?;
        let key = text.trim();
        if key.is_empty() {
            return Err(Usage(format!("--api-key-file {}: the file is empty", path.display())).into());
        }
        Ok(Some(key.to_owned()))
    }

    fn profile(&self, variables: Option<&HashMap<String, String>>) -> Result<ClientConfigProfile> {
        if self.disable_config_file && self.disable_config_env {
            return Ok(ClientConfigProfile::default());
        }
        // The loader takes an absent file for an empty one, which is right only for the default file.
        if let Some(path) = &self.config_file
            && !path.is_file()
        {
            return Err(Usage(format!("--config-file {}: there is no such file", path.display())).into());
        }
        let path = self.config_file.as_ref().map(|path| DataSource::Path(path.display().to_string()));
        let options = LoadClientConfigProfileOptions::builder()
            .maybe_config_source(path)
            .maybe_config_file_profile(self.profile.clone())
            .disable_file(self.disable_config_file)
            .disable_env(self.disable_config_env)
            .build();
        load_client_config_profile(options, variables)
            .map_err(|error| Usage(format!("connection settings: {error}")).into())
    }
}

/// The error with what to try, in a line of its own.
fn explained(error: ConnectError, has_api_key: bool) -> anyhow::Error {
    match error {
        ConnectError::Unreachable { ref url, .. } => {
            let hint = if url.starts_with("https:") { UNREACHABLE_BY_TLS } else { UNREACHABLE };
            anyhow!("{}\n{hint}", chain(&error.into()))
        }
        // Without a cause it is an answer of the service, and not what became of the connection.
        ConnectError::Refused { url, status }
            if matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied)
                && status.source().is_none() =>
        {
            let (refuses, hint) = if has_api_key { REFUSED_KEY } else { MISSING_KEY };
            anyhow!("{url} {refuses}: {} ({:?})\n{hint}", status.message(), status.code())
        }
        // The connection was made, and ended; not an answer of the service.
        ConnectError::Refused { ref url, ref status }
            if url.starts_with("https:") && status.source().is_some() =>
        {
            anyhow!("{}\n{REFUSED_BY_TLS}", chain(&error.into()))
        }
        error => error.into(),
    }
}

fn with_codecs(client: Client, chain: Chain) -> Client {
    if chain.is_empty() {
        return client;
    }
    let service = CodecService::new(Arc::clone(client.service()), chain);
    Client::new(Arc::new(service), client.namespace(), client.identity())
}

/// Process id and machine, the default of Temporal's SDKs.
fn default_identity() -> String {
    let machine = gethostname::gethostname();
    format!("{}@{}", std::process::id(), machine.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use clap::Parser;
    use expect_test::{Expect, expect};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        connection: ConnectionArgs,
    }

    const PROFILES: &str = r#"
        [profile.default]
        address = "default.example:7233"
        namespace = "from-default"
        [profile.cloud]
        address = "cloud.example:7233"
        api_key = "key of profile"
        [profile.cloud.tls]
        server_name = "name.example"
        [profile.cloud.grpc_meta]
        x-a = "1"
        [profile.plain]
        api_key = "key of profile"
        [profile.plain.tls]
        disabled = true
    "#;

    fn check(arguments: &[&str], variables: &[(&str, &str)], expected: Expect) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("temporal.toml");
        std::fs::write(&file, PROFILES).unwrap();
        let mut variables: HashMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        variables.insert("TEMPORAL_CONFIG_FILE".to_owned(), file.display().to_string());
        let line = Line::parse_from([&["test", "--identity", "me"], arguments].concat());
        expected.assert_eq(&match line.connection.options(Some(&variables)) {
            Ok(options) => {
                let mut text = format!("{} {}", options.address, options.namespace);
                write!(text, " key={:?} headers={:?}", options.api_key, options.headers).unwrap();
                if let Some(tls) = options.tls {
                    write!(text, " ca={:?} name={:?}", tls.ca.is_some(), tls.server_name).unwrap();
                }
                text
            }
            Err(error) => chain(&error),
        });
    }

    #[test]
    fn flags_then_variables_then_profile() {
        check(&[], &[], expect!["default.example:7233 from-default key=None headers={}"]);
        check(
            &["--namespace", "n"],
            &[("TEMPORAL_ADDRESS", "env.example:1"), ("TEMPORAL_NAMESPACE", "env")],
            expect!["env.example:1 n key=None headers={}"],
        );
        check(
            &["--profile", "cloud", "--grpc-meta", "x-b=2"],
            &[],
            expect![[
                r#"cloud.example:7233 default key=Some("key of profile") headers={"x-a": "1", "x-b": "2"} ca=false name=Some("name.example")"#
            ]],
        );
        check(
            &["--api-key", "mine"],
            &[("TEMPORAL_PROFILE", "plain"), ("TEMPORAL_API_KEY", "env")],
            expect![[r#"http://localhost:7233 default key=Some("mine") headers={}"#]],
        );
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "of a file\n").unwrap();
        check(
            &["--api-key-file", key.to_str().unwrap()],
            &[("TEMPORAL_PROFILE", "plain"), ("TEMPORAL_API_KEY", "env")],
            expect![[r#"http://localhost:7233 default key=Some("of a file") headers={}"#]],
        );
        check(
            &["--profile", "cloud", "--tls=false"],
            &[],
            expect![[r#"http://cloud.example:7233 default key=Some("key of profile") headers={"x-a": "1"}"#]],
        );
        check(
            &["--tls"],
            &[],
            expect!["default.example:7233 from-default key=None headers={} ca=false name=None"],
        );
        check(&["--disable-config-file"], &[], expect!["localhost:7233 default key=None headers={}"]);
    }

    #[test]
    fn a_key_that_is_refused_is_called_that() {
        let check = |status: tonic::Status, has_api_key: bool, expected: &str| {
            let error = ConnectError::Refused { url: "https://x:1".to_owned(), status: Box::new(status) };
            let text = explained(error, has_api_key).to_string();
            assert!(text.starts_with(expected), "{text}");
        };
        let denied = tonic::Status::permission_denied("Request unauthorized.");
        check(
            denied.clone(),
            true,
            "https://x:1 refuses the API key: Request unauthorized. (PermissionDenied)\nThe key is that of --api-key",
        );
        check(
            denied,
            false,
            "https://x:1 does not let clients in that it does not know: Request unauthorized.",
        );
        check(tonic::Status::unauthenticated("expired"), true, "https://x:1 refuses the API key: expired");
        check(tonic::Status::internal("x"), true, "https://x:1 does not answer as a Temporal Service");
    }

    #[test]
    fn settings_that_cannot_be_used() {
        check(&["--profile", "x"], &[], expect!["connection settings: Profile 'x' not found"]);
        check(
            &["--config-file", "/nonexistent/file"],
            &[],
            expect!["--config-file /nonexistent/file: there is no such file"],
        );
        check(
            &["--api-key-file", "/nonexistent/key"],
            &[],
            expect!["--api-key-file /nonexistent/key: No such file or directory (os error 2)"],
        );
        check(&["--api-key-file", "/dev/null"], &[], expect!["--api-key-file /dev/null: the file is empty"]);
        check(
            &["--tls-cert-data", "x"],
            &[],
            expect!["there is a TLS client certificate but no key: mutual TLS needs both"],
        );
        check(
            &[],
            &[("TEMPORAL_TLS_DISABLE_HOST_VERIFICATION", "true")],
            expect![
                "host verification cannot be disabled: name the authority (TLS server CA certificate) or the server name that the certificate has"
            ],
        );
    }
}
