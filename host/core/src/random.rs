//! The seed of a run's randomness. Generator and streams are the host's.

/// The seed that a run's randomness starts from: SipHash-1-3 of the UTF-8 bytes of the run id, both
/// key halves 0. The run id is the original one; after a reset it is that of the new run. Part of the
/// contract with guests: it never changes.
#[must_use]
pub fn random_seed(run_id: &str) -> u64 {
    siphash_1_3(run_id.as_bytes(), 0, 0)
}

/// SipHash with one round per word and three at the end (Aumasson and Bernstein, 2012).
fn siphash_1_3(data: &[u8], key_0: u64, key_1: u64) -> u64 {
    let mut state = SipState {
        v0: key_0 ^ 0x736f_6d65_7073_6575,
        v1: key_1 ^ 0x646f_7261_6e64_6f6d,
        v2: key_0 ^ 0x6c79_6765_6e65_7261,
        v3: key_1 ^ 0x7465_6462_7974_6573,
    };
    let (words, tail) = data.as_chunks::<8>();
    for word in words {
        state.absorb(u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    // The length modulo 256 in the top byte.
    last[7] = data.len().to_le_bytes()[0];
    state.absorb(u64::from_le_bytes(last));
    state.finish()
}

struct SipState {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl SipState {
    fn absorb(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        for _ in 0..3 {
            self.round();
        }
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }

    fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v2 = self.v2.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_what_they_always_were() {
        for (run_id, seed) in [
            ("", 0xd1fb_a762_150c_532c),
            ("a", 0x4074_48d2_b89b_1813),
            ("1234567", 0xa33d_6515_94fd_ae81),
            ("12345678", 0x3489_9824_3056_0a87),
            ("0198f6a2-7b1c-7cc3-a9f0-0d3c5ac6b8f1", 0x6d24_d043_8680_846e),
        ] {
            assert_eq!(random_seed(run_id), seed, "{run_id}");
        }
    }
}
