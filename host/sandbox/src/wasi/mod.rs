//! The part of WASI 0.2 that a guest may import. The clocks show the time of the workflow task, randomness
//! comes from the run, the environment is empty, standard output goes to the log. A call that would wait or
//! reach outside the sandbox stops the guest, with a message that says what a workflow uses instead.
//!
//! wasmtime-wasi's own implementations are not linked: its streams block on tokio, and its clocks and
//! pollables sleep in real time.

mod cli;
mod clocks;
mod io;
mod random;
pub(crate) mod stdio;
pub(crate) mod trap;

use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p2::bindings::{cli as wasi_cli, clocks as wasi_clocks, random as wasi_random, sync};

use crate::store_data::StoreData;

/// Links the interfaces of [`ImportClass::Virtual`](crate::ImportClass::Virtual).
pub(crate) fn link(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    type Data = HasSelf<StoreData>;
    wasi_cli::environment::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::exit::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::stdin::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::stdout::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::stderr::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::terminal_input::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::terminal_output::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::terminal_stdin::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::terminal_stdout::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_cli::terminal_stderr::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_clocks::monotonic_clock::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_clocks::wall_clock::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_random::random::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_random::insecure::add_to_linker::<_, Data>(linker, |data| data)?;
    wasi_random::insecure_seed::add_to_linker::<_, Data>(linker, |data| data)?;
    wasmtime_wasi_io::bindings::wasi::io::error::add_to_linker::<_, Data>(linker, |data| data)?;
    sync::io::poll::add_to_linker::<_, Data>(linker, |data| data)?;
    sync::io::streams::add_to_linker::<_, Data>(linker, |data| data)
}
