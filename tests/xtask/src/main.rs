//! Tasks of this repository: `cargo demo`, `cargo xtask dist`, `cargo xtask docs-site`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests panic on failure"))]

mod demo;
mod dist;
mod docs_site;

use std::{path::PathBuf, process::ExitCode};

use test_harness::workspace_root;

/// The tasks, for a command line that names none of them.
const USAGE: &str = "usage: cargo xtask demo|dist|docs-site

  demo       builds the sample `greetings`, runs it on the embedded service, and shows result and history
  dist       builds the `host` binary for users into target/dist: an archive, one with its line tables, an image for
             containers, what is linked, checksums; --target TRIPLE, --profile dev to try it
  docs-site  makes a site of the documentation in target/docs-site/book; needs mdBook";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["demo"] => demo::demo(),
        ["dist", ref options @ ..] => match dist::Options::parse(options) {
            Some(options) => dist::dist(&options),
            None => return usage(),
        },
        ["docs-site"] => docs_site::docs_site(),
        _ => return usage(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Where cargo puts what it makes.
fn target_folder() -> PathBuf {
    let own = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    own.unwrap_or_else(|| workspace_root().join("target"))
}
