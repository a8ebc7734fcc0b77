//! What the disk takes to keep something.

use std::{
    fs::{self, File},
    io::{Seek, Write},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;

const SYNCS: usize = 100;
const WRITTEN_BYTES: usize = 4_096;

/// What small writes to a file in a folder took, each with its sync. The file has its length already,
/// as a log has that is used again and again: making it longer at each sync would take more.
pub fn measure(folder: &Path) -> Result<Vec<Duration>> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    file.write_all(&[0; SYNCS * WRITTEN_BYTES])?;
    file.sync_all()?;
    file.rewind()?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Instant::now();
        file.write_all(&[7; WRITTEN_BYTES])?;
        file.sync_data()?;
        took.push(start.elapsed());
    }
    drop(file);
    fs::remove_file(path)?;
    Ok(took)
}
