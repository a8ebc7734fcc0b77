//! `host modules push` and `host modules pull`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use host_worker::modules::{
    digits, files,
    store::{ModuleStore, StoreAccess},
};

use super::layout::{Layout, Pulled};
use crate::{
    output::{Output, json::Object},
    settings::data_dir::DataDirArgs,
};

/// Copies a module to a folder in the OCI image layout, under a tag.
///
/// Tools such as `oras`, `skopeo` and `crane` copy such a folder to a registry and back; the module is an artifact of type
/// application/wasm.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules push orders.wasm /srv/modules --tag orders-v7
  host modules push 5f3a9c /srv/modules --tag orders-stable --data-dir /srv/host
  oras cp --from-oci-layout /srv/modules:orders-v7 registry.example/orders:v7")]
pub(crate) struct Push {
    /// Module file, or the first digits of the digest of a module of the data folder.
    #[arg(value_name = "PATH|DIGEST")]
    module: String,
    /// Folder; made if it is not there.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The tag that names the module from now on.
    #[arg(short, long, value_name = "TAG")]
    tag: String,
    #[command(flatten)]
    data_dir: DataDirArgs,
}

/// Copies a module from a folder in the OCI image layout to a file, such as one that a host watches.
///
/// Its bytes must have the digests that the folder names. The file is written beside and renamed.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  host modules pull /srv/modules orders-v7 --to modules/orders.wasm
  host modules pull /srv/modules 5f3a9c --to orders.wasm")]
pub(crate) struct Pull {
    /// A folder in the OCI image layout.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// A tag, or the first digits of the module's digest.
    #[arg(value_name = "TAG|DIGEST")]
    reference: String,
    /// The file that is written, or replaced.
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
}

impl Push {
    pub(super) fn run(self, output: Output) -> Result<()> {
        let Self { module, folder, tag, data_dir } = self;
        let path = Path::new(&module);
        let is_digest = !path.exists() && module.bytes().all(|digit| digit.is_ascii_hexdigit());
        let bytes = if is_digest { stored(&module, &data_dir)? } else { files::read(path)? };
        // What is no module is found out here and not where it is pulled.
        super::engine()?.load(&bytes).with_context(|| format!("{module} is not a workflow module"))?;
        let digest = Layout::at(&folder).push(&bytes, &tag).context("failed to push the module")?;
        say(output, &digest, &tag, &folder)
    }
}

impl Pull {
    pub(super) fn run(self, output: Output) -> Result<()> {
        let Self { folder, reference, to } = self;
        let pulled = Layout::at(&folder).pull(&reference).context("failed to pull the module")?;
        let Pulled { digest, bytes } = pulled;
        super::engine()?.load(&bytes).with_context(|| format!("{reference} is not a workflow module"))?;
        let write = || -> std::io::Result<()> {
            let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
            let mut beside = tempfile::NamedTempFile::new_in(parent.unwrap_or(Path::new(".")))?;
            beside.write_all(&bytes)?;
            beside.as_file().sync_all()?;
            beside.persist(&to).map(drop).map_err(|error| error.error)
        };
        write().with_context(|| format!("failed to write {}", to.display()))?;
        say(output, &digest, &reference, &to)
    }
}

fn say(output: Output, digest: &str, name: &str, path: &Path) -> Result<()> {
    if output.is_text() {
        return Ok(output.lines(format!("{digest}  {name}  {}", path.display()))?);
    }
    output.object(
        Object::new().field("digest", digest).field("name", name).field("path", path.display().to_string()),
    )
}

/// A module of the data folder.
fn stored(digits: &str, data_dir: &DataDirArgs) -> Result<Vec<u8>> {
    let folder = data_dir.path()?;
    if !folder.join("modules").is_dir() {
        bail!("no module was admitted to {} yet", folder.display());
    }
    let store = ModuleStore::open(&folder, StoreAccess::AsItIs).context("failed to list modules")?;
    let admitted = store.admitted().context("failed to list modules")?;
    let module = digits::find(&admitted, digits)?;
    let bytes = store.bytes(&module.digest).context("failed to read the module")?;
    bytes
        .with_context(|| format!("the bytes of module {} are not in the data folder any more", module.digest))
}
