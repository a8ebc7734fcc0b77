//! The input and the result of an inventory.

use serde::{Deserialize, Serialize};

/// The folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Folder {
    /// Its path. Default: the current folder of the host.
    pub root: Option<String>,
    /// The names of folders that are excluded, at every level. Default: `.git` and `target`.
    pub exclude: Option<Vec<String>>,
}

/// A page of the list of files, sorted by the bytes of their names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    /// The paths of the files, relative to the folder.
    pub files: Vec<String>,
    /// The number of entries that are not regular files or have no UTF-8 name; on the first page only.
    pub left_out: u64,
    /// Whether this is the last page.
    pub last: bool,
}

/// The digest and the counts of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counted {
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The number of newlines, as `wc -l` counts them.
    pub lines: u64,
}

/// The sizes of the files of a batch in bytes, each compressed on its own.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Compressed {
    /// Compressed at level 1, the fastest.
    pub deflate_1_bytes: u64,
    /// Compressed at level 9, the smallest.
    pub deflate_9_bytes: u64,
}

/// The result. Each field names a command that gives the same number, where `…` is
/// `find . -type f | LC_ALL=C sort`, without the excluded folders and the leading `./`.
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
    /// The sizes of the compressed files.
    pub compressed: Compressed,
    /// The number of entries that are not regular files, have no UTF-8 name, or were removed meanwhile.
    pub left_out: u64,
}
