//! What goes into an inventory, and what comes out.

use serde::{Deserialize, Serialize};

/// Which folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Folder {
    /// Its path; by default the current folder of the host.
    pub root: Option<String>,
    /// Names of folders that are left out, wherever they are; by default `.git` and `target`.
    pub exclude: Option<Vec<String>>,
}

/// A part of the list of files, in the order of their names' bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    /// Paths below the root.
    pub files: Vec<String>,
    /// What is not a regular file or has no name in UTF-8; counted on the first page.
    pub left_out: u64,
    /// Whether this is the last page.
    pub last: bool,
}

/// A file, hashed and counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counted {
    /// SHA-256, in hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Its newlines, as `wc -l` counts them.
    pub lines: u64,
}

/// Sizes of the files of a batch, compressed one by one.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Compressed {
    /// Compressed at level 1, the fastest.
    pub deflate_1_bytes: u64,
    /// Compressed at level 9, the smallest.
    pub deflate_9_bytes: u64,
}

/// What is in the folder. With `find . -type f | LC_ALL=C sort` for the list of files (less the excluded
/// folders), without the leading `./`:
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// `… | wc -l`
    pub files: u64,
    /// `… | xargs cat | wc -c`
    pub bytes: u64,
    /// `… | xargs cat | wc -l`
    pub lines: u64,
    /// `… | xargs sha256sum | sha256sum`
    pub manifest_sha256: String,
    /// All files compressed one by one.
    pub compressed: Compressed,
    /// What is not a regular file, has no name in UTF-8, or was gone when its turn came.
    pub left_out: u64,
}
