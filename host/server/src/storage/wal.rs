//! Looks at a write-ahead log before SQLite does. SQLite takes a damaged frame, or a damaged header, for the end of what
//! was committed, and drops everything behind it without a word; that may have been acknowledged.
//!
//! The format is that of <https://sqlite.org/fileformat2.html#the_write_ahead_log>. A crash may leave the last commit
//! torn, which was never acknowledged. The next one begins only after the last is on disk, so what another commit follows
//! was on disk: if it cannot be read, it is damaged. Damage in the last commit cannot be told from a torn one.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use crate::storage::error::StorageError;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// The first word of the header; with its last bit, checksums are over big-endian words.
const MAGIC: u32 = 0x377f_0682;

/// The write-ahead log of a database.
fn wal_of(database: &Path) -> PathBuf {
    let mut name: OsString = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Refuses a write-ahead log of which SQLite would drop what was committed.
///
/// # Errors
///
/// When the file cannot be read or is damaged.
pub(super) fn check(database: &Path) -> Result<(), StorageError> {
    let path = wal_of(database);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(StorageError::Folder { folder: path, source }),
    };
    match damage(BufReader::new(file)) {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(StorageError::WalDamaged { file: path, what }),
        Err(source) => Err(StorageError::Folder { folder: path, source }),
    }
}

/// What is wrong with a write-ahead log, if something is.
fn damage(mut file: impl Read) -> io::Result<Option<String>> {
    let mut header = [0; HEADER_BYTES];
    let read = fill(&mut file, &mut header)?;
    // A crash between its creation and its first commit leaves nothing, or zeros.
    if read < HEADER_BYTES || header == [0; HEADER_BYTES] {
        return Ok(None);
    }
    let magic = word(&header, 0);
    let mut sum = Sum { big_endian: magic & 1 == 1, state: (0, 0) };
    sum.add(&header[..24]);
    if magic & !1 != MAGIC || sum.state != (word(&header, 24), word(&header, 28)) {
        return Ok(Some("its header is damaged".to_owned()));
    }
    let salts = (word(&header, 16), word(&header, 20));
    let page_bytes = usize::try_from(word(&header, 8)).unwrap_or(usize::MAX).clamp(512, 65_536);
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let (mut number, mut bad, mut commit_has_ended) = (0_u64, None, false);
    while fill(&mut file, &mut frame)? == frame.len() {
        number += 1;
        let is_commit = word(&frame, 4) != 0;
        let is_of_this_log = (word(&frame, 8), word(&frame, 12)) == salts;
        if bad.is_some() {
            if is_of_this_log && commit_has_ended {
                return Ok(bad);
            }
            commit_has_ended |= is_of_this_log && is_commit;
            continue;
        }
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER_BYTES..]);
        if !is_of_this_log || sum.state != (word(&frame, 16), word(&frame, 20)) {
            bad = Some(format!("frame {number} of it is damaged"));
            commit_has_ended = is_commit;
        }
    }
    Ok(None)
}

/// Reads until the buffer is full or the file ends; answers how much there was.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// The checksum of frames, which goes on from one to the next.
struct Sum {
    big_endian: bool,
    state: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let words = [word(pair, 0), word(pair, 4)];
            let [one, other] = if self.big_endian { words } else { words.map(u32::swap_bytes) };
            self.state.0 = self.state.0.wrapping_add(one).wrapping_add(self.state.1);
            self.state.1 = self.state.1.wrapping_add(other).wrapping_add(self.state.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    /// A WAL of some commits, each of one row of about a page.
    fn wal(commits: usize) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (b BLOB)").unwrap();
        for commit in 1..i64::try_from(commits).unwrap() {
            connection.execute("INSERT INTO t VALUES (zeroblob(?1))", [3_000 + commit]).unwrap();
        }
        std::fs::read(wal_of(&path)).unwrap()
    }

    #[test]
    fn what_sqlite_wrote_is_sound() {
        for commits in [1, 2, 9] {
            assert_eq!(damage(&wal(commits)[..]).unwrap(), None, "{commits} commits");
        }
        for nothing in [&[][..], &[7; 20], &[0; 5_000]] {
            assert_eq!(damage(nothing).unwrap(), None);
        }
    }

    /// Each bit but those of the last commit, which a crash may have torn.
    #[test]
    fn damage_is_seen_if_another_commit_follows() {
        let sound = wal(9);
        let frame = FRAME_HEADER_BYTES + 4_096;
        let frames = (sound.len() - HEADER_BYTES) / frame;
        let commits: Vec<usize> =
            (0..frames).filter(|index| word(&sound, HEADER_BYTES + index * frame + 4) != 0).collect();
        let certain = HEADER_BYTES + (commits[commits.len() - 2] + 1) * frame;
        for byte in (0..certain).step_by(61).chain(0..HEADER_BYTES) {
            for bit in [0, 7] {
                let mut damaged = sound.clone();
                damaged[byte] ^= 1 << bit;
                assert!(damage(&damaged[..]).unwrap().is_some(), "bit {bit} of byte {byte} of {certain}");
            }
        }
        // A torn end is no damage.
        for cut in [1, frame / 2, frame, frame + 1] {
            assert_eq!(damage(&sound[..sound.len() - cut]).unwrap(), None, "without {cut} bytes");
        }
    }
}
