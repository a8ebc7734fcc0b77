//! Tasks of this repository: `cargo demo`.

mod demo;

use std::process::ExitCode;

/// What there is.
const USAGE: &str = "usage: cargo xtask demo

  demo   builds the sample `greetings`, runs it on the embedded service, and shows result and history";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["demo"] => demo::demo(),
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
