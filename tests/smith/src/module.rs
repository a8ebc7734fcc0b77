//! A random module for a seed.

use anyhow::Result;
use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

use crate::guest;

/// Random bytes that a module is made of; most take a part.
const DNA_BYTES: usize = 32 << 10;
/// Steps after which loops of a module end, where it is made to end.
const STEPS: u32 = 100_000;
/// One in so many modules may have all that the sandbox turns off.
const WILD: u64 = 8;
/// One in so many modules may loop without end.
const ENDLESS: u64 = 10;

/// The module of a seed, with the imports and exports of `shape`; nothing if there is none.
///
/// # Errors
/// What wasm-smith made is not what it says.
pub(crate) fn generate(shape: &[u8], seed: u64) -> Result<Option<Vec<u8>>> {
    let mut random = Random(seed);
    let mut dna = Vec::with_capacity(DNA_BYTES);
    while dna.len() < DNA_BYTES {
        dna.extend(random.next().to_le_bytes());
    }
    let config = config(shape, &mut random);
    let Ok(mut module) = Module::new(config, &mut Unstructured::new(&dna)) else { return Ok(None) };
    if !random.one_in(ENDLESS) {
        module.ensure_termination(STEPS)?;
    }
    guest::finish(&module.to_bytes(), !random.one_in(4))
}

fn config(shape: &[u8], random: &mut Random) -> Config {
    let wild = random.one_in(WILD);
    Config {
        module_shape: Some(shape.to_vec()),
        disallow_traps: random.one_in(2),
        allow_start_export: random.one_in(4),
        min_uleb_size: if random.one_in(8) { 5 } else { 1 },
        // Those that the guest imports and exports count, and so do their types.
        max_funcs: 400,
        max_type_size: 100_000,
        max_instructions: 80,
        max_globals: 8,
        max_tables: if wild { 10 } else { 2 },
        max_table_elements: 1_000,
        max_elements: 40,
        max_element_segments: 4,
        max_data_segments: 4,
        max_memories: if wild { 3 } else { 1 },
        custom_page_sizes_enabled: wild,
        exceptions_enabled: wild,
        gc_enabled: wild,
        memory64_enabled: wild,
        relaxed_simd_enabled: wild,
        tail_call_enabled: wild,
        threads_enabled: wild,
        wide_arithmetic_enabled: wild,
        ..Config::default()
    }
}

/// SplitMix64: the same numbers for a seed everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }
}
