//! The randomness of a run, as `wit/random.wit` specifies it to the bit.
//!
//! Implemented here instead of taken from crates, because a replay must draw the same values with every later
//! version of this host.

use crate::fault::LimitKind;
use crate::limits::{MAX_NAME_BYTES, MAX_RANDOM_STREAMS};

/// The random seed of a run: of its original run id or, after a reset, of the run id of the new run.
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

    /// The stream of a name. Fails if the name is too long or the run has too many streams.
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

    /// Bytes that they take.
    pub(crate) fn bytes(&self) -> usize {
        self.streams.iter().map(|(name, _)| name.len() + size_of::<(String, Xoshiro256)>()).sum()
    }

    /// Passes the seed and the positions of the streams to a hash.
    pub(crate) fn digest(&self, mut add: impl FnMut(&[u8])) {
        add(&self.seed.to_le_bytes());
        for (name, stream) in &self.streams {
            add(&(name.len() as u64).to_le_bytes());
            add(name.as_bytes());
            for word in stream.0 {
                add(&word.to_le_bytes());
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// From the reference implementation of SipHash, key 00..0f, as the standard library's tests have
    /// it; the others from an implementation in another language.
    #[test]
    fn siphash_1_3() {
        let key: [u64; 2] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let input: Vec<u8> = (0..63).collect();
        for (length, hash) in [
            (0, 0xabac_0158_050f_c4dc),
            (1, 0xc9f4_9bf3_7d57_ca93),
            (7, 0xd392_7d98_9bb1_1140),
            (8, 0x3690_9511_8d29_9a8e),
            (15, 0xd320_d86d_2a51_9956),
            (63, 0x9d19_9062_b7bb_b3a8),
        ] {
            assert_eq!(siphash13(key[0], key[1], &input[..length]), hash, "{length} bytes");
        }
    }

    /// From the authors' reference implementation.
    #[test]
    fn splitmix() {
        let mut state = 1_234_567;
        let outputs: [u64; 3] = std::array::from_fn(|_| splitmix64(&mut state));
        assert_eq!(
            outputs,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    /// From the authors' reference implementation.
    #[test]
    fn xoshiro() {
        let mut generator = Xoshiro256([1, 2, 3, 4]);
        let outputs: [u64; 5] = std::array::from_fn(|_| generator.next_u64());
        assert_eq!(
            outputs,
            [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386, 9_228_616_714_210_784_205]
        );
    }

    /// The table in `wit/random.wit`, which was computed in another language.
    #[test]
    fn streams_of_a_run() {
        for (run_id, run_seed, streams) in [
            (
                "",
                0xd1fb_a762_150c_532c,
                [
                    ("", [0x10c3_b2d2_be52_3476, 0x780f_f30f_c98d_9f1a]),
                    ("wasi:random/insecure-seed", [0x5729_d6ba_6b22_44f4, 0x70d8_cafa_5d2b_cc04]),
                ],
            ),
            (
                "0196d2c4-6f8b-7d3a-9c41-2b6f0e5a7788",
                0xf7ba_c8ef_1812_40dd,
                [
                    ("", [0xd538_b096_b33c_7747, 0x642b_7ce7_90f8_3d32]),
                    ("wasi:random/insecure-seed", [0xe157_afdb_80db_c761, 0x7e0f_4eb6_e77c_106b]),
                ],
            ),
        ] {
            assert_eq!(seed(run_id), run_seed, "{run_id}");
            let mut run = Streams::new(run_seed);
            // One output of each in turn: they do not influence each other.
            for at in 0..2 {
                for (name, outputs) in streams {
                    assert_eq!(run.stream(name).unwrap().next_u64(), outputs[at], "{run_id} {name} {at}");
                }
            }
        }
    }

    #[test]
    fn bytes_drop_the_rest_of_the_last_output() {
        let mut run = Streams::new(seed(""));
        let stream = run.stream("").unwrap();
        assert_eq!(stream.next_bytes(3), [0x76, 0x34, 0x52]);
        assert_eq!(stream.next_u64(), 0x780f_f30f_c98d_9f1a);
    }
}
