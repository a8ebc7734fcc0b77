//! TLS of the listener: certificates and key from files, which are read again when they change.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::fs::OFlags;
use tokio::time::Instant;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, RootCertStore, ServerConfig,
        crypto::ring::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::{VerifierBuilderError, WebPkiClientVerifier},
    },
};

use crate::transport::Protocol;

/// Most bytes of a file of certificates or a key: a thousand certificates have less.
const FILE_BYTES: u64 = 1024 * 1024;
/// What the mode of a key may not allow: anything to others, and more than reading to the group.
const KEY_MODE: u32 = 0o037;
/// How often it is looked whether the files changed, at most.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Files with what a listener needs for TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the service, then those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key. Others may not read it, nor its group write it.
    pub key: PathBuf,
    /// Authorities of clients. With them, a client without a certificate by one of them is refused (mutual TLS).
    pub client_ca: Option<PathBuf>,
}

/// Why a listener cannot use TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read the TLS file {}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A path names no file of a sensible size.
    #[error("{}: a TLS file is a regular file of at most {FILE_BYTES} bytes", .file.display())]
    NoFile {
        /// The path.
        file: PathBuf,
    },
    /// Others can read the key.
    #[error("{file}: others can read or change the private key (mode {mode:o}): `chmod 600 {file}`", file = .file.display())]
    OpenKey {
        /// The file of the key.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A file has something else than it should.
    #[error("{}: there is no {what} in PEM in it", .file.display())]
    Missing {
        /// The file.
        file: PathBuf,
        /// What should be in it.
        what: &'static str,
    },
    /// The certificate and the key cannot be used together.
    #[error("use the TLS certificate {} with its key", .file.display())]
    Certificate {
        /// The file of the certificate.
        file: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// An authority of clients cannot be used.
    #[error("use {} as authorities of TLS clients", .file.display())]
    ClientCa {
        /// The file of the authorities.
        file: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Which state of a file was read: a file that was written or replaced since has another.
type Stamp = Option<(u64, u64, i64, i64)>;

/// What connections are accepted with.
pub(crate) struct ListenerTls {
    files: TlsFiles,
    protocol: Protocol,
    acceptor: TlsAcceptor,
    stamps: Vec<Stamp>,
    checked: Instant,
}

impl std::fmt::Debug for ListenerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListenerTls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ListenerTls {
    /// Reads the files. Blocks its thread.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used.
    pub(crate) fn open(files: TlsFiles, protocol: Protocol) -> Result<Self, TlsError> {
        // Before they are read: what changes meanwhile is read again.
        let stamps = files.stamps();
        let acceptor = files.load(protocol)?;
        Ok(Self { files, protocol, acceptor, stamps, checked: Instant::now() })
    }

    /// What connections speak within TLS.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What the next connection is accepted with. Files that changed and cannot be used leave what there was.
    pub(crate) async fn acceptor(&mut self) -> TlsAcceptor {
        if self.checked.elapsed() >= CHECK_INTERVAL {
            self.checked = Instant::now();
            let (files, protocol, seen) = (self.files.clone(), self.protocol, self.stamps.clone());
            let read = move || {
                let stamps = files.stamps();
                (stamps != seen).then(|| (files.load(protocol), stamps))
            };
            if let Ok(Some((loaded, stamps))) = tokio::task::spawn_blocking(read).await {
                self.stamps = stamps;
                self.take(loaded);
            }
        }
        self.acceptor.clone()
    }

    fn take(&mut self, loaded: Result<TlsAcceptor, TlsError>) {
        let certificate = self.files.certificate.display();
        match loaded {
            Ok(acceptor) => {
                tracing::info!(%certificate, "new TLS files are used from here on");
                self.acceptor = acceptor;
            }
            Err(error) => {
                let reason = with_sources(&error);
                tracing::warn!(%certificate, reason, "TLS files changed and cannot be used: those before still are");
            }
        }
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl TlsFiles {
    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.ino(), metadata.size(), metadata.ctime(), metadata.ctime_nsec()))
        };
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()]
            .into_iter()
            .flatten()
            .map(stamp)
            .collect()
    }

    fn load(&self, protocol: Protocol) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(default_provider());
        let chain = certificates(&self.certificate)?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|source| self.unusable(source))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let unusable = |source| TlsError::ClientCa { file: file.clone(), source };
                let mut roots = RootCertStore::empty();
                for authority in certificates(file)? {
                    roots.add(authority).map_err(|source| unusable(source.into()))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|source: VerifierBuilderError| unusable(source.into()))?,
                )
            }
        };
        let mut config =
            builder.with_single_cert(chain, key(&self.key)?).map_err(|source| self.unusable(source))?;
        config.alpn_protocols = vec![protocol.alpn().to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    fn unusable(&self, source: rustls::Error) -> TlsError {
        TlsError::Certificate { file: self.certificate.clone(), source }
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (pem, _) = read(file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::Missing { file: file.to_owned(), what: "certificate" }),
    }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let (pem, metadata) = read(file)?;
    let mode = metadata.mode() & 0o777;
    if mode & KEY_MODE != 0 {
        return Err(TlsError::OpenKey { file: file.to_owned(), mode });
    }
    PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| TlsError::Missing { file: file.to_owned(), what: "private key" })
}

/// Reads a file, without waiting for what is no file.
fn read(file: &Path) -> Result<(Vec<u8>, Metadata), TlsError> {
    let failed = |source| TlsError::Read { file: file.to_owned(), source };
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let opened = File::options().read(true).custom_flags(flags).open(file).map_err(failed)?;
    let metadata = opened.metadata().map_err(failed)?;
    if !metadata.is_file() || metadata.len() > FILE_BYTES {
        return Err(TlsError::NoFile { file: file.to_owned() });
    }
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok((bytes, metadata))
}
