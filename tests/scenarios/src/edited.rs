//! Samples with an edit: what a user does between two versions of a module.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use test_harness::workspace_root;

/// The component of a sample in which a text is replaced by another.
pub(crate) fn edited(folder: &Path, sample: &str, from: &str, to: &str) -> Result<PathBuf> {
    let root = workspace_root();
    let copy = folder.join("edited").join(sample);
    std::fs::create_dir_all(copy.join("src"))?;
    let mut edits = 0;
    for entry in root.join("sample-workflows").join(sample).join("src").read_dir()? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path)?;
        edits += text.matches(from).count();
        std::fs::write(copy.join("src").join(path.file_name().context("no name")?), text.replace(from, to))?;
    }
    ensure!(edits > 0, "{sample} does not contain {from:?}");
    std::fs::write(copy.join("Cargo.toml"), manifest(&root, sample))?;
    std::fs::copy(root.join("Cargo.lock"), copy.join("Cargo.lock"))?;
    let built = guest_build::build(&guest_build::Package::new(&copy, sample))?;
    // Builds of one sample share a target folder: keep this one apart.
    let kept = folder.join(format!("{sample}-edited-{edits}-{}.wasm", to.len()));
    std::fs::copy(built, &kept)?;
    Ok(kept)
}

/// The manifest that `cargo new` and `cargo add` would write.
fn manifest(root: &Path, sample: &str) -> String {
    format!(
        r#"[package]
name = "{sample}"
version = "0.1.0"
edition = "2024"

[workspace]

[dependencies]
guest-sdk = {{ path = '{root}/guest-sdk' }}
serde = {{ version = "1", features = ["derive"] }}
sha2 = "0.10"
"#,
        root = root.display()
    )
}
