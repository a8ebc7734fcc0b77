//! What can go wrong, and what to do about it.

use std::{fmt, io};

/// Why there is no component.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A program could not be started.
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The target is not installed, and could not be installed.
    TargetMissing {
        /// What rustup said, or why it was not asked.
        reason: String,
    },
    /// Cargo found no workspace.
    NoWorkspace {
        /// What cargo said.
        stderr: String,
    },
    /// The root manifest of the workspace could not be read.
    Manifest(io::Error),
    /// Cargo or the compiler failed.
    Compile {
        /// The package.
        package: String,
        /// What they said.
        stderr: String,
    },
    /// Cargo succeeded, but made no component.
    NoComponent {
        /// The package.
        package: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { program, .. } => write!(f, "`{program}` could not be started"),
            Self::TargetMissing { reason } => write!(
                f,
                "the target {target} is not installed ({reason}); run `rustup target add {target}`, or \
                 install the package of your system that has Rust's standard library for {target}",
                target = crate::TARGET,
            ),
            Self::NoWorkspace { stderr } => write!(f, "no cargo workspace was found: {stderr}"),
            Self::Manifest(_) => f.write_str("the root manifest of the workspace could not be read"),
            Self::Compile { package, stderr } => {
                write!(f, "package `{package}` could not be built for {}:\n{stderr}", crate::TARGET)
            }
            Self::NoComponent { package } => {
                write!(f, "building package `{package}` made no component: has it a library target?")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::Manifest(source) => Some(source),
            _ => None,
        }
    }
}
