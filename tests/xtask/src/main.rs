//! Tasks of this repository: `cargo demo`, `cargo xtask dist`.

mod demo;
mod dist;

use std::process::ExitCode;

/// The tasks, for a command line that names none of them.
const USAGE: &str = "usage: cargo xtask demo|dist

  demo   builds the sample `greetings`, runs it on the embedded service, and shows result and history
  dist   builds the `host` binary for users into target/dist: stripped, its line tables beside it";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["demo"] => demo::demo(),
        ["dist"] => dist::dist(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
