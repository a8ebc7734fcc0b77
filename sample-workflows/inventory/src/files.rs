//! Reads the file system.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use guest_sdk::activities::{ActivityContext, ActivityError};
use sha2::{Digest, Sha256};

use crate::{Compressed, Counted, Folder};

/// The default of the excluded folders.
const EXCLUDED: [&str; 2] = [".git", "target"];

/// The number of folders between two heartbeats.
const FOLDERS_PER_HEARTBEAT: usize = 100;

/// All files of a folder, sorted.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<String>,
    pub(crate) left_out: u64,
}

pub(crate) fn walk(ctx: &ActivityContext, folder: &Folder) -> Result<Found, ActivityError> {
    let root = root(folder);
    let excluded = |name: &str| match &folder.exclude {
        Some(names) => names.iter().any(|excluded| excluded == name),
        None => EXCLUDED.contains(&name),
    };
    let mut found = Found::default();
    let mut folders = vec![PathBuf::new()];
    let mut walked = 0_usize;
    while let Some(below) = folders.pop() {
        for entry in root.join(&below).read_dir()? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let name = entry.file_name();
            let path = below.join(&name);
            match path.to_str() {
                _ if kind.is_dir() => {
                    if !name.to_str().is_some_and(excluded) {
                        folders.push(path);
                    }
                }
                Some(path) if kind.is_file() => found.files.push(path.to_owned()),
                _ => found.left_out += 1,
            }
        }
        walked += 1;
        if walked.is_multiple_of(FOLDERS_PER_HEARTBEAT) {
            alive(ctx, found.files.len())?;
        }
    }
    found.files.sort_unstable();
    Ok(found)
}

/// Calls `work` for the files of a batch one after another, with a heartbeat after each. The result is `None`
/// for a file that was removed.
pub(crate) fn each<T>(
    ctx: &ActivityContext,
    folder: &Folder,
    names: &[String],
    work: impl Fn(&mut File) -> io::Result<T>,
) -> Result<Vec<Option<T>>, ActivityError> {
    let root = root(folder);
    let mut done = Vec::with_capacity(names.len());
    for name in names {
        done.push(match File::open(root.join(name)) {
            Ok(mut file) => Some(work(&mut file)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io::Error::new(error.kind(), format!("{name}: {error}")).into()),
        });
        alive(ctx, done.len())?;
    }
    Ok(done)
}

/// Records a heartbeat, and stops if the activity is cancelled.
fn alive(ctx: &ActivityContext, done: usize) -> Result<(), ActivityError> {
    ctx.record_heartbeat(done)?;
    if ctx.is_cancelled() { Err(ActivityError::cancelled()) } else { Ok(()) }
}

fn root(folder: &Folder) -> &Path {
    Path::new(folder.root.as_deref().unwrap_or("."))
}

/// Counts the bytes that are written to it.
#[derive(Default)]
pub(crate) struct Count {
    hash: Sha256,
    bytes: u64,
    lines: u64,
}

impl Count {
    pub(crate) fn finish(self) -> Counted {
        Counted { sha256: format!("{:x}", self.hash.finalize()), bytes: self.bytes, lines: self.lines }
    }
}

impl Write for Count {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.hash.update(data);
        self.bytes += data.len() as u64;
        self.lines += data.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) fn compress(file: &mut File) -> io::Result<Compressed> {
    let mut size = |level| {
        file.rewind()?;
        let mut encoder = DeflateEncoder::new(Size(0), Compression::new(level));
        io::copy(&mut *file, &mut encoder)?;
        io::Result::Ok(encoder.finish()?.0)
    };
    Ok(Compressed { deflate_1_bytes: size(1)?, deflate_9_bytes: size(9)? })
}

/// Counts the bytes and discards them.
struct Size(u64);

impl Write for Size {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0 += data.len() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
