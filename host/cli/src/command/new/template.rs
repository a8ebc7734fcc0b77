//! The files of a new crate. Their sources are those of `tests/starter`, which is built and tested with this workspace.

use super::{name::CrateName, source::Crates};

/// The name that the crate has in the sources.
const STARTER: &str = "starter";

/// The task queue, and the package's name in texts.
const NAME: &str = "@NAME@";

/// Files whose sources are not in Rust, by their path in the crate.
const TEXTS: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../../../template/manifest.toml")),
    ("README.md", include_str!("../../../template/README.md")),
    ("rust-toolchain.toml", include_str!("../../../template/rust-toolchain.toml")),
    (".cargo/config.toml", include_str!("../../../template/cargo-config.toml")),
    (".gitignore", include_str!("../../../template/gitignore")),
    ("histories/ada.json", include_str!("../../../template/histories/ada.json")),
];

/// Sources that speak of the crate as [`STARTER`].
const SOURCES: &[(&str, &str)] = &[
    ("src/lib.rs", include_str!("../../../template/src/lib.rs")),
    ("src/main.rs", include_str!("../../../template/src/main.rs")),
    ("tests/workflow.rs", include_str!("../../../template/tests/workflow.rs")),
    ("tests/replay.rs", include_str!("../../../template/tests/replay.rs")),
];

/// Paths and texts.
pub(super) fn files(name: &CrateName, crates: &Crates) -> Vec<(&'static str, String)> {
    let texts = TEXTS.iter().map(|(path, text)| (*path, filled(text, name, crates)));
    let sources = SOURCES.iter().map(|(path, text)| (*path, text.replace(STARTER, &name.library())));
    texts.chain(sources).collect()
}

/// The command that starts the workflow of a new crate, as its README has it.
pub(super) fn execute(name: &CrateName) -> String {
    let (_, readme) = TEXTS.iter().find(|(path, _)| *path == "README.md").copied().unwrap_or_default();
    let line = readme.lines().find(|line| line.contains(" workflow execute ")).unwrap_or_default();
    line.replace(NAME, name.package())
}

fn filled(text: &str, name: &CrateName, crates: &Crates) -> String {
    [
        (NAME, name.package().to_owned()),
        ("@LIB@", name.library()),
        ("@RUST@", env!("CARGO_PKG_RUST_VERSION").to_owned()),
        ("@GUEST_SDK@", crates.dependency("guest-sdk")),
        ("@HOST@", crates.dependency("host/cli")),
        ("@REPLAY_TEST@", crates.dependency("guest-sdk/replay-test")),
        ("@WORKFLOW_TEST@", crates.dependency("guest-sdk/workflow-test")),
    ]
    .iter()
    .fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
}
