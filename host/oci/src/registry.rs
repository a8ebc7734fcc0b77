//! A repository of a registry (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md>).

use std::{
    env, fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use futures_util::StreamExt as _;
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciErrorCode},
    secrets::RegistryAuth,
};
use tokio_rustls::rustls::crypto::ring;

use crate::{
    Artifact, Limits, OciError,
    manifest::{self, Descriptor, Layers, MANIFEST_TYPE, Packed},
    tag,
};

/// How long a registry may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a registry may be silent.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A repository of a registry. On a loopback address a registry is spoken to without TLS, as other tools do.
#[derive(Clone)]
pub struct Registry {
    host: String,
    name: String,
    client: Client,
}

impl Registry {
    /// The repository `HOST[:PORT]/NAME`.
    ///
    /// # Errors
    ///
    /// When the text is none.
    pub(crate) fn new(text: &str) -> Result<Self, OciError> {
        let location = || OciError::Location { text: format!("oci://{text}") };
        let (host, name) = text.split_once('/').ok_or_else(location)?;
        let is_name = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-' | b'/')
        };
        let is_part = |part: &str| part.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        let is_host =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
        if host.is_empty()
            || !host.bytes().all(is_host)
            || !name.bytes().all(is_name)
            || !name.split('/').all(is_part)
        {
            return Err(location());
        }
        let registry = |source| OciError::Registry { registry: host.to_owned(), source: Box::new(source) };
        let client = client(host).map_err(registry)?;
        Ok(Self { host: host.to_owned(), name: name.to_owned(), client })
    }

    pub(crate) async fn push(&self, artifact: &Artifact, tag: &str) -> Result<(), OciError> {
        tag::check(tag)?;
        let tagged = self.tagged(tag);
        let auth = self.credentials().await?;
        let authorized = self.client.auth(&tagged, &auth, RegistryOperation::Push).await;
        authorized.map_err(|source| self.failed(source))?;
        self.client.store_auth_if_needed(tagged.resolve_registry(), &auth).await;
        let Packed { blobs, manifest } = manifest::pack(&artifact.bytes, artifact.signature.as_deref());
        for blob in blobs {
            let digest = blob.descriptor.digest;
            let pushed = self.client.push_blob(&tagged, blob.bytes, &digest).await;
            pushed.map_err(|source| self.failed(source))?;
        }
        for reference in [self.tagged(&tag::of_digest(&artifact.digest())), tagged] {
            let text = manifest.bytes.clone();
            let media_type = MANIFEST_TYPE.parse().expect("the media type is a header's value");
            let pushed = self.client.push_manifest_raw(&reference, text, media_type).await;
            pushed.map_err(|source| self.failed(source))?;
        }
        Ok(())
    }

    pub(crate) async fn pull(&self, reference: &str, limits: Limits) -> Result<Artifact, OciError> {
        let digits = reference.trim_start_matches("sha256:").to_lowercase();
        let digits = Some(digits).filter(|digits| tag::is_digits(digits));
        let tag = digits.as_deref().map_or_else(|| reference.to_owned(), tag::of_digest);
        tag::check(&tag)?;
        let tagged = self.tagged(&tag);
        let auth = self.credentials().await?;
        let manifest = self.client.pull_manifest_raw(&tagged, &auth, &[MANIFEST_TYPE]).await;
        let artifact = match (manifest, digits) {
            (Ok((text, digest)), digits) => {
                let layers = manifest::layers(&text, &digest)?;
                if let Some(digits) = digits
                    && manifest::digits(&layers.module)? != digits
                {
                    let why = format!("tag {tag} is one of another module");
                    return Err(OciError::Manifest { digest, why });
                }
                self.of_layers(&tagged, layers, &digest, limits).await
            }
            // It was pushed by another tool, which made no tag of the module's digest. Blobs are found by theirs.
            (Err(source), Some(digits)) if is_unknown(&source) => {
                let digest = format!("sha256:{digits}");
                let bytes = self.blob(&tagged, &digest, limits.module_bytes).await;
                bytes.map(|bytes| Artifact { bytes, signature: None })
            }
            (Err(source), _) => Err(self.failed(source)),
        };
        artifact.map_err(|error| match error {
            OciError::Registry { source, .. } if is_unknown(&source) => OciError::Unknown {
                place: format!("oci://{self}"),
                reference: reference.to_owned(),
                tags: Vec::new(),
            },
            other => other,
        })
    }

    async fn of_layers(
        &self,
        tagged: &Reference,
        layers: Layers,
        manifest: &str,
        limits: Limits,
    ) -> Result<Artifact, OciError> {
        let Layers { module, signature } = layers;
        let bytes = self.layer(tagged, &module, limits.module_bytes).await?;
        let signature = match signature {
            Some(signature) => {
                let text = self.layer(tagged, &signature, limits.signature_bytes).await?;
                Some(manifest::signature_text(text, manifest)?)
            }
            None => None,
        };
        Ok(Artifact { bytes, signature })
    }

    /// What a manifest names. It is not fetched if it says that it is too large.
    async fn layer(&self, tagged: &Reference, layer: &Descriptor, limit: u64) -> Result<Vec<u8>, OciError> {
        if layer.size > limit {
            return Err(OciError::TooLarge { what: format!("blob {}", layer.digest), limit });
        }
        self.blob(tagged, &layer.digest, limit).await
    }

    /// A blob of bounded size, whose content has the digest.
    async fn blob(&self, tagged: &Reference, digest: &str, limit: u64) -> Result<Vec<u8>, OciError> {
        let what = || format!("blob {digest}");
        let broken = |source: std::io::Error| self.failed(OciDistributionError::IoError(source));
        let stream = self.client.pull_blob_stream(tagged, digest).await;
        let mut stream = stream.map_err(|source| self.failed(source))?.stream;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(broken)?);
            if bytes.len() as u64 > limit {
                return Err(OciError::TooLarge { what: what(), limit });
            }
        }
        manifest::checked(bytes, digest.trim_start_matches("sha256:"), what)
    }

    fn tagged(&self, tag: &str) -> Reference {
        Reference::with_tag(self.host.clone(), self.name.clone(), tag.to_owned())
    }

    /// What `docker login` or `oras login` has written for the registry; without it, the registry is asked anonymously.
    async fn credentials(&self) -> Result<RegistryAuth, OciError> {
        let host = self.host.clone();
        // It may run a helper program.
        let found = tokio::task::spawn_blocking(move || docker_credential::get_credential(&host)).await;
        let failed = |why: String| OciError::Credentials { registry: self.host.clone(), why };
        match found {
            Ok(Ok(DockerCredential::UsernamePassword(user, password))) => {
                Ok(RegistryAuth::Basic(user, password))
            }
            Ok(Ok(DockerCredential::IdentityToken(_))) => {
                Err(failed("they are an identity token, and a name with a password is needed".to_owned()))
            }
            Ok(Err(
                CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound,
            )) => Ok(RegistryAuth::Anonymous),
            Ok(Err(CredentialRetrievalError::ConfigReadError)) if !has_credentials_file() => {
                Ok(RegistryAuth::Anonymous)
            }
            // That is how helpers say that they have none.
            Ok(Err(CredentialRetrievalError::HelperFailure { stdout, .. }))
                if stdout.contains("credentials not found") =>
            {
                Ok(RegistryAuth::Anonymous)
            }
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed("they are not in the form that `docker login` writes".to_owned())),
        }
    }

    fn failed(&self, source: OciDistributionError) -> OciError {
        if is_unauthorized(&source) {
            return OciError::Unauthorized { registry: self.host.clone() };
        }
        OciError::Registry { registry: self.host.clone(), source: Box::new(source) }
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds credentials.
        f.debug_struct("Registry").field("host", &self.host).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether there is the file that `docker login` and `oras login` write.
fn has_credentials_file() -> bool {
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".docker")));
    folder.is_some_and(|folder| folder.join("config.json").exists())
}

fn client(host: &str) -> Result<Client, OciDistributionError> {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    // As tonic has it. Fails where the process has one already, which is as good.
    PROVIDER.get_or_init(|| drop(ring::default_provider().install_default()));
    let protocol = if is_loopback(host) { ClientProtocol::Http } else { ClientProtocol::Https };
    Client::try_from(ClientConfig {
        protocol,
        // An index of several modules is no module.
        platform_resolver: None,
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        ..ClientConfig::default()
    })
}

/// Whether a host, with or without a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Whether the registry refuses who asks.
fn is_unauthorized(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            true
        }
        OciDistributionError::ServerError { code, .. } => matches!(*code, 401 | 403),
        OciDistributionError::RegistryError { envelope, .. } => envelope
            .errors
            .iter()
            .any(|error| matches!(error.code, OciErrorCode::Unauthorized | OciErrorCode::Denied)),
        _ => false,
    }
}

/// Whether the registry has nothing of that name.
fn is_unknown(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::RegistryError { envelope, .. } => envelope.errors.iter().any(|error| {
            matches!(
                error.code,
                OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::BlobUnknown
                    | OciErrorCode::NotFound
            )
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories() {
        for good in ["registry.example/orders", "127.0.0.1:5000/team/orders-v2", "[::1]:5000/a.b_c"] {
            assert_eq!(Registry::new(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "orders",
            "/orders",
            "registry.example/",
            "h/Orders",
            "h/orders:v1",
            "h/a//b",
            "h/../b",
            "u@h/a",
        ] {
            let error = Registry::new(bad).unwrap_err().to_string();
            assert!(error.contains("names no repository"), "{bad}: {error}");
        }
    }

    #[test]
    fn this_machine_needs_no_tls() {
        for (host, expected) in [
            ("localhost:5000", true),
            ("127.0.0.1", true),
            ("[::1]:5000", true),
            ("localhost.example", false),
            ("10.0.0.1:5000", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}
