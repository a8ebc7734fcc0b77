//! `host modules push` and `host modules pull`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use host_oci::Artifact;
use host_worker::modules::{
    digits,
    signed::{SignedModule, signature_path},
    store::{ModuleStore, StoreAccess},
};

use crate::{
    output::{Output, json::Object},
    settings::{
        data_dir::DataDirArgs,
        modules::{PULL_LIMITS, repository},
    },
};

/// Copies a module to a registry, or to a folder in the OCI image layout, under a tag.
///
/// The module is an artifact of type application/wasm, which tools such as `oras`, `skopeo` and `crane` copy too. A signature in
/// the file PATH.minisig goes with it. Credentials are those of `docker login` and `oras login`; a registry on this machine
/// is spoken to without TLS.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules push orders.wasm oci://registry.example/orders --tag v7
  host modules push orders.wasm /srv/modules --tag orders-v7
  host modules push 5f3a9c /srv/modules --tag orders-stable --data-dir /srv/host")]
pub(crate) struct Push {
    /// Module file, or the first digits of the digest of a module of the data folder.
    #[arg(value_name = "PATH|DIGEST")]
    module: String,
    /// Folder, made if it is not there; or oci://HOST/NAME.
    #[arg(value_name = "FOLDER|REPOSITORY")]
    repository: String,
    /// The tag that names the module from now on.
    #[arg(short, long, value_name = "TAG")]
    tag: String,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// Copies a module from a registry, or from a folder in the OCI image layout, to a file, such as one that a host watches.
///
/// Its bytes must have the digests that name them. Its signature, if it has one, is written to PATH.minisig first. Files are
/// written beside and renamed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules pull oci://registry.example/orders v7 --to modules/orders.wasm
  host modules pull /srv/modules orders-v7 --to modules/orders.wasm
  host modules pull /srv/modules 5f3a9c --to orders.wasm")]
pub(crate) struct Pull {
    /// A folder in the OCI image layout, or oci://HOST/NAME.
    #[arg(value_name = "FOLDER|REPOSITORY")]
    repository: String,
    /// A tag, or the module's digest; in a folder its first digits are enough.
    #[arg(value_name = "TAG|DIGEST")]
    reference: String,
    /// The file that is written, or replaced.
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
}

impl Push {
    pub(super) async fn run(self, output: Output) -> Result<()> {
        let Self { module, repository: place, tag, data_dir } = self;
        let repository = repository(&place)?;
        let path = Path::new(&module);
        let is_digest = !path.exists() && module.bytes().all(|digit| digit.is_ascii_hexdigit());
        let SignedModule { bytes, signature } =
            if is_digest { stored(&module, &data_dir)? } else { SignedModule::read(path)? };
        // What is no module is found out here and not where it is pulled.
        super::engine()?.load(&bytes).with_context(|| format!("{module} is not a workflow module"))?;
        let artifact = Artifact { bytes, signature };
        repository.push(&artifact, &tag).await.context("failed to push the module")?;
        say(output, &artifact, &tag, &place)
    }
}

impl Pull {
    pub(super) async fn run(self, output: Output) -> Result<()> {
        let Self { repository: place, reference, to } = self;
        let artifact = repository(&place)?.pull(&reference, PULL_LIMITS).await;
        let artifact = artifact.context("failed to pull the module")?;
        super::engine()?
            .load(&artifact.bytes)
            .with_context(|| format!("{reference} is not a workflow module"))?;
        // A host that watches the file finds its signature there.
        let signature = signature_path(&to);
        match &artifact.signature {
            Some(text) => write(&signature, text.as_bytes())?,
            // One of what was in the file before.
            None => match std::fs::remove_file(&signature) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("failed to remove {}", signature.display()));
                }
                _ => {}
            },
        }
        write(&to, &artifact.bytes)?;
        say(output, &artifact, &reference, &to.display().to_string())
    }
}

/// Writes a file beside, and renames it.
fn write(to: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut beside = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
        beside.write_all(bytes)?;
        beside.as_file().sync_all()?;
        beside.persist(to).map(drop).map_err(|error| error.error)
    };
    write().with_context(|| format!("failed to write {}", to.display()))
}

fn say(output: Output, artifact: &Artifact, name: &str, place: &str) -> Result<()> {
    let digest = artifact.digest();
    let is_signed = artifact.signature.is_some();
    if output.is_text() {
        let signed = if is_signed { "  (signed)" } else { "" };
        return Ok(output.lines(format!("{digest}  {name}  {place}{signed}"))?);
    }
    let object = Object::new().field("digest", digest).field("name", name).field("path", place);
    output.object(object.field("signed", is_signed))
}

/// A module of the data folder.
fn stored(digits: &str, data_dir: &DataDirArgs) -> Result<SignedModule> {
    let folder = data_dir.path()?;
    if !folder.join("modules").is_dir() {
        bail!("no module was admitted to {} yet", folder.display());
    }
    let store = ModuleStore::open(&folder, StoreAccess::AsItIs).context("failed to list modules")?;
    let admitted = store.admitted().context("failed to list modules")?;
    let module = digits::find(&admitted, digits)?;
    let bytes = store.bytes(&module.digest).context("failed to read the module")?;
    let bytes = bytes.with_context(|| {
        format!("the bytes of module {} are not in the data folder any more", module.digest)
    })?;
    let signature = store.signature(&module.digest).context("failed to read the module's signature")?;
    Ok(SignedModule { bytes, signature })
}
