//! `wasi:clocks`: both clocks show the time of the workflow task, and do not advance within it.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Duration, Instant};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::{self, Datetime};

use super::trap::{SLEEP, instead};
use crate::store_data::StoreData;

/// The resolution of both clocks. wasi-libc needs one above 0.
const RESOLUTION_NANOSECONDS: u32 = 1;
const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;

impl wall_clock::Host for StoreData {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        let time = self.state.time;
        let nanoseconds = u32::try_from(time % NANOSECONDS_PER_SECOND)?;
        Ok(Datetime { seconds: time / NANOSECONDS_PER_SECOND, nanoseconds })
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        Ok(Datetime { seconds: 0, nanoseconds: RESOLUTION_NANOSECONDS })
    }
}

impl monotonic_clock::Host for StoreData {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        Ok(self.state.time)
    }

    fn resolution(&mut self) -> wasmtime::Result<Duration> {
        Ok(RESOLUTION_NANOSECONDS.into())
    }

    fn subscribe_instant(&mut self, _: Instant) -> wasmtime::Result<Resource<DynPollable>> {
        Err(instead("wasi:clocks/monotonic-clock#subscribe-instant", SLEEP))
    }

    fn subscribe_duration(&mut self, _: Duration) -> wasmtime::Result<Resource<DynPollable>> {
        Err(instead("wasi:clocks/monotonic-clock#subscribe-duration", SLEEP))
    }
}
