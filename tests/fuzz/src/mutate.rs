//! Mutations of a corpus: what libFuzzer does to an input, without its guidance.

use crate::random::Random;

/// Most edits of one mutation. Some inputs need several to leave the beaten track, and most fail early with many.
const MOST_EDITS: usize = 6;
/// Longest mutation in bytes, unless the input is longer already.
const MOST_BYTES: usize = 64 * 1024;
/// Longest piece that is copied, inserted or removed at once, in bytes.
const LONGEST_PIECE: usize = 256;

/// Numbers at which code changes its mind, as bytes of varints, of fixed-width integers and of text.
const TOKENS: &[&[u8]] = &[
    &[0],
    &[0x7f],
    &[0x80, 1],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    &[0xff; 4],
    &[0xff; 8],
    &[0xff, 0xff, 0xff, 0x7f],
    &[0, 0, 0, 0x80],
    b"-1",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"1e999",
    b"\\u0000",
    b"null",
    b"{",
    b"[",
    "\u{feff}".as_bytes(),
];

/// Makes mutations, one at a time.
#[derive(Debug)]
pub(crate) struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    input: Vec<u8>,
}

impl<'a> Mutator<'a> {
    /// Of a corpus that is not empty.
    pub(crate) fn new(corpus: &'a [Vec<u8>]) -> Self {
        Self { corpus, input: Vec::new() }
    }

    pub(crate) fn next(&mut self, random: &mut Random) -> &[u8] {
        self.input.clear();
        self.input.extend_from_slice(self.any(random));
        let most = self.input.len().max(MOST_BYTES);
        for _ in 0..=random.index(MOST_EDITS) {
            self.edit(random);
            self.input.truncate(most);
        }
        &self.input
    }

    fn any(&self, random: &mut Random) -> &'a [u8] {
        &self.corpus[random.index(self.corpus.len())]
    }

    fn edit(&mut self, random: &mut Random) {
        let at = random.index(self.input.len());
        match random.index(10) {
            0 | 1 => self.change(at, |byte| byte ^ (1 << (random.next() % 8))),
            2 => self.change(at, |_| random.byte()),
            3 => self.change(at, |byte| byte.wrapping_add(1)),
            4 => {
                let piece: Vec<u8> = (0..=random.index(8)).map(|_| random.byte()).collect();
                self.insert(at, &piece);
            }
            5 => {
                let token = TOKENS[random.index(TOKENS.len())];
                self.insert(at, token);
            }
            6 => {
                let end = self.input.len().min(at + 1 + random.index(LONGEST_PIECE));
                drop(self.input.drain(at..end));
            }
            // A piece of this or another input, inserted or in place of what was there.
            7 | 8 => {
                let from = self.any(random);
                let start = random.index(from.len());
                let end = from.len().min(start + 1 + random.index(LONGEST_PIECE));
                let piece = &from[start..end];
                if random.index(2) == 0 {
                    let end = self.input.len().min(at + piece.len());
                    drop(self.input.drain(at..end));
                }
                self.insert(at, piece);
            }
            _ => self.input.truncate(at),
        }
    }

    fn change(&mut self, at: usize, change: impl FnOnce(u8) -> u8) {
        if let Some(byte) = self.input.get_mut(at) {
            *byte = change(*byte);
        }
    }

    fn insert(&mut self, at: usize, piece: &[u8]) {
        let at = at.min(self.input.len());
        drop(self.input.splice(at..at, piece.iter().copied()));
    }
}
