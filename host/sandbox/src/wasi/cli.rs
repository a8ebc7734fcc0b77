//! `wasi:cli`: no arguments, environment and terminals; standard output and error go to the log.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use super::stdio::{STDERR, STDIN, STDOUT};
use super::trap::instead;
use crate::store_data::StoreData;

const EXIT: &str = "a workflow ends by returning from its run method";

impl environment::Host for StoreData {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for StoreData {
    fn exit(&mut self, _: Result<(), ()>) -> wasmtime::Result<()> {
        Err(instead("wasi:cli/exit#exit", EXIT))
    }

    fn exit_with_code(&mut self, _: u8) -> wasmtime::Result<()> {
        Err(instead("wasi:cli/exit#exit-with-code", EXIT))
    }
}

impl stdin::Host for StoreData {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        self.gave_handles = true;
        Ok(Resource::new_own(STDIN))
    }
}

impl stdout::Host for StoreData {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.gave_handles = true;
        Ok(Resource::new_own(STDOUT))
    }
}

impl stderr::Host for StoreData {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.gave_handles = true;
        Ok(Resource::new_own(STDERR))
    }
}

impl terminal_input::Host for StoreData {}

impl terminal_input::HostTerminalInput for StoreData {
    fn drop(&mut self, _: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl terminal_output::Host for StoreData {}

impl terminal_output::HostTerminalOutput for StoreData {
    fn drop(&mut self, _: Resource<terminal_output::TerminalOutput>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl terminal_stdin::Host for StoreData {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for StoreData {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for StoreData {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        Ok(None)
    }
}
