//! The randomness of a run, as `wit/random.wit` specifies it to the bit.
//!
//! Written out here instead of taken from crates: what a workflow drew must be drawn again in ten
//! years, whatever version of whatever crate is current then.

use crate::fault::LimitKind;
use crate::limits::{MAX_NAME_BYTES, MAX_RANDOM_STREAMS};

/// The seed of a run, from its original run id; after a reset, from the new one.
#[must_use]
pub fn seed(run_id: &str) -> u64 {
    siphash13(0, 0, run_id.as_bytes())
}

/// The streams of a run, each at its position.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    seed: u64,
    /// Sorted by name.
    streams: Vec<(String, Xoshiro256)>,
}

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, streams: Vec::new() }
    }

    /// The stream of a name.
    pub(crate) fn stream(&mut self, name: &str) -> Result<&mut Xoshiro256, LimitKind> {
        let found = self.streams.binary_search_by(|(other, _)| other.as_str().cmp(name));
        let at = match found {
            Ok(at) => at,
            Err(_) if name.len() > MAX_NAME_BYTES => return Err(LimitKind::NameBytes(name.len())),
            Err(_) if self.streams.len() >= MAX_RANDOM_STREAMS => return Err(LimitKind::RandomStreams),
            Err(at) => {
                self.streams.insert(at, (name.to_owned(), Xoshiro256::new(self.seed, name)));
                at
            }
        };
        Ok(&mut self.streams[at].1)
    }
}

/// xoshiro256++ of Blackman and Vigna.
#[derive(Clone, Debug)]
pub(crate) struct Xoshiro256([u64; 4]);

impl Xoshiro256 {
    fn new(seed: u64, name: &str) -> Self {
        let mut state = siphash13(seed, 1, name.as_bytes());
        Self(std::array::from_fn(|_| splitmix64(&mut state)))
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        let s = &mut self.0;
        let output = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        output
    }

    pub(crate) fn next_bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length.next_multiple_of(8));
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

/// SplitMix64 of Steele, Lea and Flood.
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// SipHash-1-3 of Aumasson and Bernstein: one round a block, three at the end.
fn siphash13(key0: u64, key1: u64, bytes: &[u8]) -> u64 {
    let mut v = [
        key0 ^ 0x736f_6d65_7073_6575,
        key1 ^ 0x646f_7261_6e64_6f6d,
        key0 ^ 0x6c79_6765_6e65_7261,
        key1 ^ 0x7465_6462_7974_6573,
    ];
    let mut blocks = bytes.chunks_exact(8);
    for block in &mut blocks {
        absorb(&mut v, little_endian(block));
    }
    // The last block holds the rest of the bytes and, on top, the length modulo 256.
    absorb(&mut v, little_endian(blocks.remainder()) | (bytes.len() as u64) << 56);
    v[2] ^= 0xff;
    for _ in 0..3 {
        sip_round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn absorb(v: &mut [u64; 4], block: u64) {
    v[3] ^= block;
    sip_round(v);
    v[0] ^= block;
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}
