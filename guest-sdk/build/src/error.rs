//! Errors of a build, with what to do about them.

use std::{fmt, io};

/// Why no component was built.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A program could not be started.
    Start {
        /// The name of the program.
        program: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The target is not installed, and rustup could not install it.
    TargetMissing {
        /// The error of rustup, or that there is none.
        reason: String,
    },
    /// Cargo found no workspace.
    NoWorkspace {
        /// The error of cargo.
        stderr: String,
    },
    /// The root manifest of the workspace could not be read.
    Manifest(io::Error),
    /// Cargo or the compiler failed.
    Compile {
        /// The name of the package.
        package: String,
        /// Their error messages.
        stderr: String,
    },
    /// Cargo succeeded, but listed no component.
    NoComponent {
        /// The name of the package.
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
                write!(f, "building package `{package}` made no component: it needs a library target")
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
