//! Where the crates come from that a new crate depends on.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::exit::Usage;

/// The checkout that this program was built in. It may not be there any more, or be on another machine.
const BUILT_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The repository that the package names; empty where it names none.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Files by which a checkout is known.
const KNOWN_BY: [&str; 2] = ["guest-sdk/Cargo.toml", "host/cli/Cargo.toml"];

/// Where the crates come from.
#[derive(Args, Debug)]
pub(super) struct SourceArgs {
    /// Checkout of this program's source [default: the one that it was built in, while that is there].
    #[arg(long, value_name = "DIR", conflicts_with = "git")]
    path: Option<PathBuf>,
    /// Repository of this program's source, as cargo takes it.
    #[arg(long, value_name = "URL")]
    git: Option<String>,
    /// Commit or tag of the repository.
    #[arg(long, value_name = "REVISION", requires = "git")]
    rev: Option<String>,
}

/// The source of crates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Crates {
    /// A checkout, by its absolute path.
    Checkout(PathBuf),
    Git {
        url: String,
        revision: Option<String>,
    },
}

impl SourceArgs {
    pub(super) fn crates(&self) -> Result<Crates, Usage> {
        if let Some(path) = &self.path {
            return checkout(path).ok_or_else(|| {
                let [first, second] = KNOWN_BY;
                let path = path.display();
                Usage(format!("--path {path} is no checkout of this program's source: {first} and {second} are not in it"))
            });
        }
        if let Some(url) = &self.git {
            return Ok(Crates::Git { url: url.clone(), revision: self.rev.clone() });
        }
        if let Some(built_in) = checkout(Path::new(BUILT_IN)) {
            return Ok(built_in);
        }
        let repository = Some(REPOSITORY).filter(|repository| !repository.is_empty());
        let Some(repository) = repository else {
            return Err(Usage(
                "the checkout that this program was built in is not there: name one with --path, or a repository with --git"
                    .to_owned(),
            ));
        };
        Ok(Crates::Git { url: repository.to_owned(), revision: None })
    }
}

/// The checkout in a folder, if it is one.
fn checkout(folder: &Path) -> Option<Crates> {
    let folder = folder.canonicalize().ok()?;
    KNOWN_BY.iter().all(|file| folder.join(file).is_file()).then_some(Crates::Checkout(folder))
}

impl Crates {
    /// What a dependency on the crate in a folder of the source says in `Cargo.toml`, between its braces.
    pub(super) fn dependency(&self, folder: &str) -> String {
        match self {
            Self::Checkout(root) => format!("path = {}", toml_text(&root.join(folder).display().to_string())),
            Self::Git { url, revision: None } => format!("git = {}", toml_text(url)),
            Self::Git { url, revision: Some(revision) } => {
                format!("git = {}, rev = {}", toml_text(url), toml_text(revision))
            }
        }
    }

    /// Versions of all crates of a checkout.
    pub(super) fn lock_file(&self) -> Option<PathBuf> {
        match self {
            Self::Checkout(root) => Some(root.join("Cargo.lock")).filter(|lock| lock.is_file()),
            Self::Git { .. } => None,
        }
    }
}

impl fmt::Display for Crates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout(root) => write!(f, "{}", root.display()),
            Self::Git { url, revision } => {
                write!(f, "{url}")?;
                revision.iter().try_for_each(|revision| write!(f, " at {revision}"))
            }
        }
    }
}

/// A string of TOML.
fn toml_text(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(path: Option<&str>, git: Option<&str>, rev: Option<&str>) -> SourceArgs {
        let owned = |text: &str| text.to_owned();
        SourceArgs { path: path.map(PathBuf::from), git: git.map(owned), rev: rev.map(owned) }
    }

    #[test]
    fn crates_come_from_a_checkout_or_git() {
        let check = |arguments: SourceArgs, expected: &str| {
            assert_eq!(arguments.crates().unwrap().dependency("guest-sdk"), expected);
        };
        let root = Path::new(BUILT_IN).canonicalize().unwrap();
        check(arguments(None, None, None), &format!("path = \"{}/guest-sdk\"", root.display()));
        check(arguments(Some(BUILT_IN), None, None), &format!("path = \"{}/guest-sdk\"", root.display()));
        check(arguments(None, Some("https://x/y"), None), "git = \"https://x/y\"");
        check(arguments(None, Some("https://x/\"y"), Some("v1")), "git = 'https://x/\"y', rev = \"v1\"");
        let elsewhere = arguments(Some("/"), None, None).crates().unwrap_err();
        assert!(elsewhere.0.starts_with("--path / is no checkout"), "{elsewhere}");
        assert!(arguments(None, None, None).crates().unwrap().lock_file().is_some());
    }
}
