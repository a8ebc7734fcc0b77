//! `wasi:random`: streams of the run's randomness, so that a `HashMap` iterates in the same order in every
//! replay.

use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

use crate::store_data::StoreData;

/// The names of the streams: `wit/random.wit` specifies them.
const RANDOM: &str = "wasi:random/random";
const INSECURE: &str = "wasi:random/insecure";
const INSECURE_SEED: &str = "wasi:random/insecure-seed";

impl random::Host for StoreData {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(RANDOM, length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64(RANDOM)
    }
}

impl insecure::Host for StoreData {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes(INSECURE, length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64(INSECURE)
    }
}

impl insecure_seed::Host for StoreData {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_u64(INSECURE_SEED)?, self.random_u64(INSECURE_SEED)?))
    }
}
