//! The part of WASI 0.2 that a guest may import, virtual: the clocks show the workflow task's time,
//! randomness comes from the run, the environment is empty, standard output goes to the log. Anything
//! that would wait or reach outside stops the guest and names what a workflow uses instead.
//!
//! None of wasmtime-wasi's own implementations is linked: its streams block on tokio, and its clocks
//! and pollables sleep in real time.

mod cli;
mod clocks;
mod io;
mod random;
pub(crate) mod stdio;
pub(crate) mod trap;

use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p2::bindings::{cli as wasi_cli, clocks as wasi_clocks, random as wasi_random, sync};

use crate::run::Run;

/// Links the interfaces that guests get for all their uses.
pub(crate) fn link(linker: &mut Linker<Run>) -> wasmtime::Result<()> {
    type Data = HasSelf<Run>;
    wasi_cli::environment::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::exit::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::stdin::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::stdout::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::stderr::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::terminal_input::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::terminal_output::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::terminal_stdin::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::terminal_stdout::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_cli::terminal_stderr::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_clocks::monotonic_clock::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_clocks::wall_clock::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_random::random::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_random::insecure::add_to_linker::<_, Data>(linker, |run| run)?;
    wasi_random::insecure_seed::add_to_linker::<_, Data>(linker, |run| run)?;
    wasmtime_wasi_io::bindings::wasi::io::error::add_to_linker::<_, Data>(linker, |run| run)?;
    sync::io::poll::add_to_linker::<_, Data>(linker, |run| run)?;
    sync::io::streams::add_to_linker::<_, Data>(linker, |run| run)
}
